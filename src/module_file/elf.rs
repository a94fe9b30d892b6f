//! The ELF object that a module is.

use object::read::{Object, ObjectSection};

use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;

/// A parsed ELF object.
///
/// `object` checks every offset, so that no file, however hostile, is read out of bounds.
pub(super) struct Elf<'data> {
    object: object::File<'data>,
}

const THIS_MODULE: &str = ".gnu.linkonce.this_module";

impl<'data> Elf<'data> {
    pub(super) fn parse(bytes: &'data [u8]) -> Result<Self, Error> {
        if !bytes.starts_with(b"\x7fELF") {
            return Err(Error::new(ErrorKind::NotElf, "not an ELF object"));
        }
        match object::File::parse(bytes) {
            Ok(object) => Ok(Self { object }),
            Err(error) => {
                Err(Error::new(ErrorKind::Truncated, format!("damaged or cut off: {error}")))
            }
        }
    }

    /// The `name` field of `struct module`, which every kernel so far has behind its first field
    /// (an enum) and a list head: two pointers, aligned.
    pub(super) fn module_name(&self) -> Result<ModuleName, Error> {
        let data = self.section(THIS_MODULE)?;
        let offset = if self.object.is_64() { 24 } else { 12 };
        let field = data.get(offset..).unwrap_or_default();
        let name = field.split(|&byte| byte == 0).next().unwrap_or_default();
        ModuleName::new(name)
            .map_err(|error| Error::new(ErrorKind::NotAModule, error.detail().to_owned()))
    }

    pub(super) fn modinfo(&self) -> Result<&'data [u8], Error> {
        self.section(".modinfo")
    }

    fn section(&self, name: &str) -> Result<&'data [u8], Error> {
        let section = self.object.section_by_name(name).ok_or_else(|| {
            Error::new(ErrorKind::NotAModule, format!("not a kernel module: no section {name}"))
        })?;
        section
            .data()
            .map_err(|error| Error::new(ErrorKind::Truncated, format!("section {name}: {error}")))
    }
}
