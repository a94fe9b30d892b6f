//! The ELF object that a module is.

use object::ObjectKind;
use object::elf;
use object::read::{File, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolSection};

use super::ModInfo;
use super::limits::{NAME_MAX, SECTIONS_MAX, SYMBOLS_MAX, ShortNames};
use super::relocations;
use super::symbols::{Export, Import, SymbolVersion};
use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;
use crate::note;
use crate::order;

/// A parsed ELF object.
///
/// `object` checks every offset, so that no file, however hostile, is read out of bounds.
pub(super) struct Elf<'data> {
    object: File<'data, ShortNames<'data>>,
}

type Symbol<'data, 'file> = object::read::Symbol<'data, 'file, ShortNames<'data>>;

/// The start of an ELF object, readable even where the rest is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElfHeader {
    /// `e_type`; a module has `ET_REL`, 1.
    pub object_type: u16,
    /// `e_machine`, as in elf.h.
    pub machine: u16,
    /// Whether it is a 64-bit object.
    pub is_64: bool,
    /// Whether the most significant byte of a number comes first.
    pub big_endian: bool,
}

impl ElfHeader {
    /// Reads the header at the start of a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotElf`], or
    /// [`ErrorKind::Truncated`] for a file shorter than a header.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if !bytes.starts_with(&elf::ELFMAG) {
            return Err(Error::new(ErrorKind::NotElf, "not an ELF object"));
        }
        let is_64 = bytes.get(4) == Some(&elf::ELFCLASS64.0);
        let header = bytes.get(..if is_64 { 64 } else { 52 });
        let big_endian = bytes.get(5) == Some(&elf::ELFDATA2MSB.0);
        let half = |offset: usize| {
            let bytes = header?.get(offset..offset + 2)?.try_into().ok()?;
            Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        };
        match (half(16), half(18)) {
            (Some(object_type), Some(machine)) => {
                Ok(Self { object_type, machine, is_64, big_endian })
            }
            _ => Err(Error::new(ErrorKind::Truncated, "shorter than an ELF header")),
        }
    }

    /// Returns the architecture in the words of `uname -m`; `None` for one that is not known here.
    pub fn architecture(&self) -> Option<&'static str> {
        MACHINES
            .iter()
            .find(|(machine, is_64, _)| (*machine, *is_64) == (self.machine, self.is_64))
            .map(|(.., [little, big])| if self.big_endian { *big } else { *little })
    }

    /// Every architecture that [`ElfHeader::architecture`] returns.
    pub(crate) fn architectures() -> impl Iterator<Item = &'static str> {
        MACHINES.iter().flat_map(|(.., names)| *names)
    }

    /// Returns whether another object is for the same machine: its kind, word size and byte order.
    pub fn is_of_same_machine(&self, other: &Self) -> bool {
        let machine = |header: &Self| (header.machine, header.is_64, header.big_endian);
        machine(self) == machine(other)
    }
}

/// `e_machine`, whether 64-bit, and how `uname -m` calls it, or Debian where that is the same for
/// both byte orders: little endian, and big.
const MACHINES: &[(u16, bool, [&str; 2])] = &[
    (elf::EM_X86_64.0, true, ["x86_64"; 2]),
    (elf::EM_X86_64.0, false, ["x32"; 2]),
    (elf::EM_386.0, false, ["i686"; 2]),
    (elf::EM_AARCH64.0, true, ["aarch64", "aarch64_be"]),
    (elf::EM_ARM.0, false, ["arm", "armeb"]),
    (elf::EM_RISCV.0, true, ["riscv64"; 2]),
    (elf::EM_RISCV.0, false, ["riscv32"; 2]),
    (elf::EM_PPC64.0, true, ["ppc64le", "ppc64"]),
    (elf::EM_PPC.0, false, ["ppc"; 2]),
    (elf::EM_S390.0, true, ["s390x"; 2]),
    (elf::EM_S390.0, false, ["s390"; 2]),
    (elf::EM_MIPS.0, true, ["mips64el", "mips64"]),
    (elf::EM_MIPS.0, false, ["mipsel", "mips"]),
    (elf::EM_LOONGARCH.0, true, ["loongarch64"; 2]),
    (elf::EM_SPARCV9.0, true, ["sparc64"; 2]),
    (elf::EM_PARISC.0, false, ["parisc"; 2]),
    (elf::EM_PARISC.0, true, ["parisc64"; 2]),
    (elf::EM_68K.0, false, ["m68k"; 2]),
];

const THIS_MODULE: &str = ".gnu.linkonce.this_module";
const MODINFO: &str = ".modinfo";

impl<'data> Elf<'data> {
    pub(super) fn parse(bytes: &'data [u8]) -> Result<Self, Error> {
        ElfHeader::read(bytes)?;
        let object = File::parse(ShortNames(bytes)).map_err(|error| {
            Error::new(ErrorKind::Truncated, format!("truncated or damaged: {error}"))
        })?;
        if object.sections().count() > SECTIONS_MAX {
            return Err(Error::new(
                ErrorKind::NotAModule,
                "not a kernel module: too many sections",
            ));
        }
        Ok(Self { object })
    }

    fn symbols(&self) -> impl Iterator<Item = Symbol<'data, '_>> {
        self.object.symbols().take(SYMBOLS_MAX)
    }

    /// What the kernel looks at before it uses anything of a module: `elf_validity_cache_copy` of
    /// `kernel/module/main.c`, Linux 6.12. Every section lies within the file, and those that
    /// make a module are there, once.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.object.kind() != ObjectKind::Relocatable {
            let detail = "not a kernel module: it is not a relocatable object";
            return Err(Error::new(ErrorKind::NotAModule, detail));
        }
        for section in self.object.sections() {
            section.name().map_err(|error| damaged("a section's name", error))?;
            section.data().map_err(|error| damaged("a section", error))?;
        }
        for name in [MODINFO, THIS_MODULE] {
            self.section(name)?;
            let found = self.object.sections().filter(|found| found.name() == Ok(name)).count();
            if found > 1 {
                let detail = format!("not a kernel module: {found} sections {name}");
                return Err(Error::new(ErrorKind::NotAModule, detail));
            }
        }
        let flags = self.object.section_by_name(THIS_MODULE).map(|section| section.flags());
        if let Some(SectionFlags::Elf { sh_flags, .. }) = flags
            && !sh_flags.contains(elf::SHF_ALLOC)
        {
            let detail = format!("not a kernel module: {THIS_MODULE} is not marked to be loaded");
            return Err(Error::new(ErrorKind::NotAModule, detail));
        }
        if self.object.symbols().next().is_none() {
            let detail = "not a kernel module: it has no symbols (stripped?)";
            return Err(Error::new(ErrorKind::NotAModule, detail));
        }
        self.module_name().map(|_| ())
    }

    /// The `name` field of `struct module`, which every kernel so far has behind its first field
    /// (an enum) and a list head: two pointers, aligned. Only where the layout is randomized
    /// (`CONFIG_RANDSTRUCT`) it may be anywhere.
    pub(super) fn module_name(&self) -> Result<ModuleName, Error> {
        let data = self.section(THIS_MODULE)?;
        let offset = if self.object.is_64() { 24 } else { 12 };
        let field = data.get(offset..).unwrap_or_default();
        let usual = field.split(|&byte| byte == 0).next().unwrap_or_default();
        let name = if self.is_randomized() { self.randomized_name(data) } else { Some(usual) };
        ModuleName::new(name.unwrap_or(usual))
            .map_err(|error| Error::new(ErrorKind::NotAModule, error.detail().to_owned()))
    }

    /// Whether the version magic names the seed of a layout: `MODULE_RANDSTRUCT` of
    /// `include/linux/vermagic.h`.
    fn is_randomized(&self) -> bool {
        let modinfo = ModInfo::new(self.modinfo().unwrap_or_default());
        let words = modinfo.value("vermagic").unwrap_or_default().split(|&byte| byte == b' ');
        words.into_iter().any(|word| word.starts_with(b"RANDSTRUCT"))
    }

    /// The name that modinfo has, too (Linux 4.13), else the only text in the structure: its other
    /// fields are zero until the kernel fills them.
    fn randomized_name(&self, data: &'data [u8]) -> Option<&'data [u8]> {
        let mut texts = data.split(|&byte| byte == 0).filter(|text| !text.is_empty());
        match ModInfo::new(self.modinfo().ok()?).value("name") {
            Some(name) => texts.find(|text| *text == name),
            None => texts.next().filter(|_| texts.next().is_none()),
        }
    }

    /// The size of `struct module` in the kernel that the module was built for.
    pub(super) fn struct_size(&self) -> Option<u64> {
        self.object.section_by_name(THIS_MODULE).map(|section| section.size())
    }

    /// The identifier that the linker gave to the build: a note of three words, "GNU" with its
    /// NUL, and the identifier.
    pub(super) fn build_id(&self) -> Option<&'data [u8]> {
        note::build_id(self.section(".note.gnu.build-id").ok()?, !self.object.is_little_endian())
    }

    pub(super) fn modinfo(&self) -> Result<&'data [u8], Error> {
        self.section(MODINFO)
    }

    /// Whether there is an init function: `struct module` refers to it, or, before the linker saw
    /// to that, a symbol of this name is defined.
    pub(super) fn has_init(&self) -> bool {
        self.symbols().any(|symbol| symbol.name() == Ok("init_module") && !symbol.is_undefined())
    }

    /// Whether an undefined symbol has no name, which the kernel looks for in vain. All symbol
    /// tables begin with one; others are zeros that were never written.
    pub(super) fn has_nameless_imports(&self) -> bool {
        let nameless = |symbol: &Symbol<'data, '_>| {
            symbol.index().0 != 0
                && symbol.is_undefined()
                && !symbol.is_weak()
                && symbol.name() == Ok("")
        };
        self.symbols().any(|symbol| nameless(&symbol))
    }

    pub(super) fn has_section(&self, name: &str) -> bool {
        self.object.section_by_name(name).is_some()
    }

    pub(super) fn relocations(&self) -> Result<(), String> {
        relocations::check(&self.object)
    }

    pub(super) fn imports(&self) -> Vec<Import> {
        self.symbols()
            .filter(object::ObjectSymbol::is_undefined)
            .filter_map(|symbol| {
                let name = symbol.name().ok().filter(|name| !name.is_empty())?;
                Some(Import { name: name.to_owned(), weak: symbol.is_weak() })
            })
            .collect()
    }

    /// From the symbols `__ksymtab_NAME`, which lie in a section that tells for whom.
    pub(super) fn exports(&self) -> Vec<Export> {
        let mut exports = Vec::new();
        let (mut crcs, mut namespaces) = (Vec::new(), Vec::new());
        let mut gpl_only = Vec::new();
        for symbol in self.symbols() {
            let Ok(name) = symbol.name() else { continue };
            if let Some(name) = name.strip_prefix("__ksymtab_") {
                let section = self.section_name(&symbol).unwrap_or_default();
                if let Some(kind) = section.strip_prefix("__ksymtab") {
                    let gpl_only = kind.starts_with("_gpl");
                    let name = name.to_owned();
                    exports.push(Export { name, gpl_only, namespace: None, crc: None });
                }
            } else if let Some(name) = name.strip_prefix("__crc_") {
                crcs.push((name.to_owned(), self.crc_at(&symbol)));
            } else if let Some(name) = name.strip_prefix("__flags_") {
                // Linux 7.1 has one table, and a byte of flags for each symbol in `__kflagstab`.
                let flags = self.bytes_at(&symbol).and_then(<[u8]>::first);
                if flags.is_some_and(|flags| flags & 1 == 1) {
                    gpl_only.push((name.to_owned(), ()));
                }
            } else if let Some(name) = name.strip_prefix("__kstrtabns_") {
                let text = self.bytes_at(&symbol).unwrap_or_default();
                let text = text.get(..NAME_MAX).unwrap_or(text);
                let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
                if !text.is_empty() {
                    let text = String::from_utf8_lossy(text).into_owned();
                    namespaces.push((name.to_owned(), text));
                }
            }
        }
        order::sort(&mut crcs);
        order::sort(&mut namespaces);
        order::sort(&mut gpl_only);
        for export in &mut exports {
            export.gpl_only |= found(&gpl_only, &export.name).is_some();
            export.crc = found(&crcs, &export.name).copied().flatten();
            export.namespace = found(&namespaces, &export.name).cloned();
        }
        exports
    }

    /// The checksums of the imported symbols' types: `struct modversion_info`, and the sections
    /// of `CONFIG_EXTENDED_MODVERSIONS`, Linux 6.14, which the kernel prefers.
    pub(super) fn versions(&self) -> Vec<SymbolVersion> {
        let word = |bytes: &[u8]| {
            let bytes = bytes.get(..4)?.try_into().ok()?;
            Some(self.u32(bytes))
        };
        let text = |bytes: &[u8]| {
            let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(name).into_owned()
        };
        if let (Ok(crcs), Ok(names)) =
            (self.section("__version_ext_crcs"), self.section("__version_ext_names"))
        {
            let crcs = crcs.chunks_exact(4).filter_map(word);
            let names = names.split(|&byte| byte == 0).map(text);
            let versions = crcs.zip(names).map(|(crc, name)| SymbolVersion { name, crc });
            return versions.take(SYMBOLS_MAX).collect();
        }
        let width = if self.object.is_64() { 8 } else { 4 };
        let table = self.section("__versions").unwrap_or_default();
        table
            .chunks_exact(64)
            .take(SYMBOLS_MAX)
            .filter_map(|entry| {
                // A big-endian long has its low half last.
                let low = if self.object.is_little_endian() { 0 } else { width - 4 };
                let crc = word(entry.get(low..)?)?;
                Some(SymbolVersion { name: text(entry.get(width..)?), crc })
            })
            .collect()
    }

    fn crc_at(&self, symbol: &impl ObjectSymbol<'data>) -> Option<u32> {
        if symbol.section() == SymbolSection::Absolute {
            return u32::try_from(symbol.address()).ok();
        }
        let bytes = self.bytes_at(symbol)?.get(..4)?.try_into().ok()?;
        Some(self.u32(bytes))
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.object.is_little_endian() {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    }

    fn bytes_at(&self, symbol: &impl ObjectSymbol<'data>) -> Option<&'data [u8]> {
        let section = self.object.section_by_index(symbol.section_index()?).ok()?;
        section.data().ok()?.get(usize::try_from(symbol.address()).ok()?..)
    }

    fn section_name(&self, symbol: &impl ObjectSymbol<'data>) -> Option<&'data str> {
        // A section's name lives as long as the file, which the trait cannot say.
        let index = symbol.section_index()?;
        let section = self.object.section_by_index(index).ok()?;
        let name = section.name().ok()?;
        ["__ksymtab_gpl", "__ksymtab"].into_iter().find(|known| name.starts_with(known))
    }

    fn section(&self, name: &str) -> Result<&'data [u8], Error> {
        let section = self.object.section_by_name(name).ok_or_else(|| {
            Error::new(ErrorKind::NotAModule, format!("not a kernel module: no section {name}"))
        })?;
        section.data().map_err(|error| damaged(&format!("section {name}"), error))
    }
}

fn damaged(what: &str, error: object::Error) -> Error {
    Error::new(ErrorKind::Truncated, format!("truncated or damaged: {what}: {error}"))
}

fn found<'a, T>(sorted: &'a [(String, T)], name: &str) -> Option<&'a T> {
    let index = sorted.binary_search_by(|(found, _)| found.as_str().cmp(name)).ok()?;
    sorted.get(index).map(|(_, value)| value)
}
