//! The parts of a module: an ELF object, and maybe a signature after it.

use std::sync::Arc;

use super::ModInfo;
use super::elf;
use super::parameters::{self, Parameter};
use super::signature::Signature;
use super::symbols::{Export, Import, SymbolVersion};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::name::ModuleName;

/// The bytes of a module as the kernel links them: an ELF object, maybe with a signature behind.
#[derive(Clone, Debug)]
pub struct Image {
    bytes: Arc<Vec<u8>>,
}

impl Image {
    /// Returns an image of bytes that were read elsewhere, for instance from standard input.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Arc::new(bytes) }
    }

    /// Returns all bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the name that the kernel will know the module by, from `struct module` in the
    /// section `.gnu.linkonce.this_module`. Neither the file's name nor modinfo's `name` count.
    ///
    /// # Errors
    /// [`ErrorKind::NotElf`],
    /// [`ErrorKind::Truncated`] or
    /// [`ErrorKind::NotAModule`].
    pub fn name(&self) -> Result<ModuleName, Error> {
        elf::Elf::parse(&self.bytes)?.module_name()
    }

    /// Returns the entries that modinfo(8) shows.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub fn modinfo(&self) -> Result<ModInfo<'_>, Error> {
        Ok(ModInfo::new(elf::Elf::parse(&self.bytes)?.modinfo()?))
    }

    /// Returns the parameters that it declares, in their order in the file.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub fn parameters(&self) -> Result<Vec<Parameter>, Error> {
        Ok(parameters::parameters(self.modinfo()?))
    }

    /// Returns the modules whose symbols it uses, as they were called when it was built: `depends`
    /// of modinfo. The kernel only looks at the symbols.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub fn depends(&self) -> Result<Vec<ModuleName>, Error> {
        let depends = self.modinfo()?.value("depends").unwrap_or_default();
        Ok(depends
            .split(|&byte| byte == b',')
            .filter_map(|name| ModuleName::new(name).ok())
            .collect())
    }

    /// Returns the symbols that it needs.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub fn imports(&self) -> Result<Vec<Import>, Error> {
        Ok(elf::Elf::parse(&self.bytes)?.imports())
    }

    /// Returns the symbols that it exports.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub fn exports(&self) -> Result<Vec<Export>, Error> {
        Ok(elf::Elf::parse(&self.bytes)?.exports())
    }

    /// Returns the symbol versions that it was built with; none without `CONFIG_MODVERSIONS`.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub fn versions(&self) -> Result<Vec<SymbolVersion>, Error> {
        Ok(elf::Elf::parse(&self.bytes)?.versions())
    }

    /// Returns the signature after the ELF object.
    pub fn signature(&self) -> Signature {
        Signature::read(&self.bytes)
    }

    /// Returns the identifier that the linker gave to this build; `None` without `--build-id`.
    pub fn build_id(&self) -> Option<&[u8]> {
        elf::Elf::parse(&self.bytes).ok()?.build_id()
    }

    /// Whether the kernel would take these bytes for a module at all.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        check(&self.bytes)
    }

    pub(crate) fn struct_size(&self) -> Option<u64> {
        elf::Elf::parse(&self.bytes).ok()?.struct_size()
    }

    /// Whether there is a section `__versions`, for which alone the kernel leaves out the release
    /// when it compares version magics.
    pub(crate) fn has_versions_section(&self) -> bool {
        elf::Elf::parse(&self.bytes).is_ok_and(|elf| elf.has_section("__versions"))
    }

    /// Whether it needs symbols that have no name: see [`elf::Elf::has_nameless_imports`].
    pub(crate) fn has_nameless_imports(&self) -> bool {
        elf::Elf::parse(&self.bytes).is_ok_and(|elf| elf.has_nameless_imports())
    }

    /// Whether the kernel could apply its relocations; the error is what it would log.
    pub(crate) fn relocations(&self) -> Result<(), String> {
        elf::Elf::parse(&self.bytes).map_or(Ok(()), |elf| elf.relocations())
    }

    pub(crate) fn has_init(&self) -> bool {
        elf::Elf::parse(&self.bytes).is_ok_and(|elf| elf.has_init())
    }
}

/// Whether the kernel would take these bytes for a module at all.
pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    elf::Elf::parse(bytes)?.check()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const NAME: &[u8] = b"\0hello\0";

    fn hello() -> Vec<u8> {
        std::fs::read("tests/fixtures/hello.ko").unwrap()
    }

    /// Writes as much text over other text, which is there once.
    fn replaced(mut bytes: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
        assert_eq!(old.len(), new.len());
        let start = bytes.windows(old.len()).position(|window| window == old).unwrap();
        bytes[start..start + new.len()].copy_from_slice(new);
        bytes
    }

    /// The name moves within `struct module`, as by `CONFIG_RANDSTRUCT`.
    fn moved(bytes: Vec<u8>) -> Vec<u8> {
        let zeros = [0; 40];
        let old = [NAME, &zeros].concat();
        let new = [&zeros[..33], NAME, &zeros[..7]].concat();
        replaced(bytes, &old, &new)
    }

    fn randomized(bytes: Vec<u8>) -> Vec<u8> {
        replaced(bytes, b"mod_unload modversions ", b"RANDSTRUCT_012345678abc")
    }

    #[test]
    fn the_name_is_found_in_a_randomized_layout() {
        let name = |bytes: Vec<u8>| {
            let image = Image::new(bytes);
            image.check().and_then(|()| image.name()).map(|name| name.to_string())
        };
        let found = Ok("hello".to_owned());
        assert_eq!(name(hello()), found);
        assert_eq!(name(randomized(hello())), found);
        assert_eq!(name(randomized(moved(hello()))), found);
        // Without the name in modinfo, by the only text that is there.
        let unnamed = replaced(randomized(moved(hello())), b"name=hello", b"nick=hello");
        assert_eq!(name(unnamed), found);
        // Where the layout is not randomized, the place counts.
        assert_eq!(name(moved(hello())).unwrap_err().kind(), ErrorKind::NotAModule);
    }
}
