//! The texts among the constants of modules, which nothing but the kernel's memory shows.

use super::kernel_memory::KernelMemory;
use crate::directory;
use crate::loaded::LoadedModule;
use crate::order;
use crate::system::{self, System};

/// The most that is read of each section, in bytes.
const SECTION_MAX: u64 = 256 << 10;

/// How sections begin that have texts, or data that changes. Others, which are not between these, have
/// neither: reading beyond an end into one of them does no harm, and to read where each section
/// begins takes longer than all the rest.
const NOTED: [&str; 10] = [
    ".rodata",
    ".data",
    ".bss",
    ".BTF",
    ".note",
    ".symtab",
    ".strtab",
    ".gnu.linkonce",
    "__ksymtab",
    "__tracepoints",
];

/// The constants of modules for 64-bit machines.
pub(super) struct Constants<'a> {
    system: &'a System,
    memory: KernelMemory,
}

impl<'a> Constants<'a> {
    /// None where the kernel's memory is not shown.
    pub(super) fn open(system: &'a System) -> Option<Self> {
        Some(Self { system, memory: KernelMemory::open(system)? })
    }

    /// Passes on each text in the module's sections whose names have this prefix.
    pub(super) fn each(&self, module: &LoadedModule, prefix: &str, take: &mut dyn FnMut(&[u8])) {
        let dir = self.system.module_dir(&module.name).join("sections");
        let files = directory::entries(&dir).into_iter().flatten().flatten();
        let mut sections: Vec<_> = files
            .filter_map(|file| {
                let name = file.name.to_str()?;
                NOTED.iter().any(|start| name.starts_with(start)).then_some(())?;
                let text = system::read_text(&file.path).ok()?;
                let address = u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()?;
                Some((address, name.starts_with(prefix)))
            })
            .collect();
        order::sort(&mut sections);
        let ends = sections.iter().map(|(address, _)| *address);
        let wanted = sections.iter().filter(|(_, is_wanted)| *is_wanted);
        for &(start, _) in wanted {
            let next = ends.clone().find(|end| *end > start);
            let size = next.map_or(module.size, |end| end - start);
            let section = self.memory.read(start, size.min(module.size).min(SECTION_MAX));
            // A NUL ends each.
            let section = section.unwrap_or_default();
            section.split(|&byte| byte == 0).filter(|text| !text.is_empty()).for_each(&mut *take);
        }
    }

    /// The texts in the module's sections whose names have this prefix.
    pub(super) fn texts(&self, module: &LoadedModule, prefix: &str) -> Vec<Vec<u8>> {
        let mut texts = Vec::new();
        self.each(module, prefix, &mut |text| texts.push(text.to_vec()));
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;
    use crate::holders::kernel_memory::tests::core;
    use crate::loaded::Snapshot;

    #[test]
    fn sections_end_where_others_begin() {
        let root = Captured::new();
        root.write("proc/kcore", core(b"\0one\0two\0three\0"));
        for (section, address) in
            [(".rodata.str1.1", 0x1000), ("__ksymtab_strings", 0x1009), (".text", 0x1002)]
        {
            root.write(format!("sys/module/m/sections/{section}"), format!("0x{address:x}\n"));
        }
        let snapshot = Snapshot::parse(b"m 5000 1 - Live 0x0\n").unwrap();
        let system = root.system();
        let constants = Constants::open(&system).unwrap();
        let found = |prefix| constants.texts(&snapshot.modules()[0], prefix);
        assert_eq!(found(".rodata"), [b"one", b"two"]);
        assert_eq!(found("__ksymtab_strings"), [b"three"]);
        assert!(found(".data").is_empty());
    }
}
