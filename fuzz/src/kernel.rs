//! Texts of the kernel and of depmod(8).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use modutils::diagnosis::{KernelLog, Request};
use modutils::insert::{InsertError, InsertFailure};
use modutils::loaded::{Attributes, LoadedModule, ModuleList, State};
use modutils::{Arguments, Errno, Force, ModuleName, Snapshot, System};

use modutils_tools::lsmod::classic::{self, DirectoryHash};

use super::files;

/// A directory that looks like a system.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("modutils-fuzz-{}", std::process::id()));
    for directory in ["proc/self", "proc/sys/kernel", "sys/module/m/parameters", "dev"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::create_dir_all(root.join("lib/modules/6.1.0")).unwrap();
    fs::write(root.join("proc/sys/kernel/osrelease"), "6.1.0\n").unwrap();
    root
});

/// Takes the directory away.
pub fn clean() {
    let _ = fs::remove_dir_all(&*ROOT);
}

fn write(file: &str, bytes: &[u8]) {
    fs::write(ROOT.join(file), bytes).unwrap();
}

/// `/proc/modules`: the rows are those that plain splitting gives, and `lsmod` prints them as plain
/// padding does.
pub fn proc_modules(bytes: &[u8]) {
    let parsed = Snapshot::parse(bytes);
    write("proc/modules", bytes);
    let system = System::at(&*ROOT);
    let list = ModuleList::read(&system).unwrap();
    let rows: Result<Vec<_>, _> = list.rows().collect();
    assert_eq!(rows.is_ok(), parsed.is_ok());
    let (Ok(snapshot), Ok(rows)) = (parsed, rows) else { return };

    let lines: Vec<&[u8]> =
        bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(snapshot.modules().len(), lines.len());
    assert_eq!(rows.len(), lines.len());
    let listing = classic::whole(&list, true, DirectoryHash::Bits64).unwrap();
    let mut listed = listing.split(|&byte| byte == b'\n');
    assert_eq!(listed.next().unwrap(), b"Module                  Size  Used by");
    for ((module, row), line) in snapshot.modules().iter().zip(&rows).zip(lines) {
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let text = |index: usize| fields.get(index).copied().unwrap_or_default();
        let number = |index: usize| std::str::from_utf8(text(index)).unwrap();
        assert_eq!(module.name.as_bytes(), text(0));
        assert_eq!(module.size, number(1).parse::<u64>().unwrap());
        assert_eq!(module.refcnt, number(2).parse().ok());
        let users: Vec<_> = text(3)
            .split(|&byte| byte == b',')
            .filter(|user| !matches!(*user, b"" | b"[permanent]" | b"[unsafe]"))
            .filter(|_| text(3) != b"-")
            .collect();
        let found: Vec<_> = module.used_by.iter().map(ModuleName::as_bytes).collect();
        assert_eq!(found, users);
        assert_eq!(row.used_by().collect::<Vec<_>>(), users);
        assert_eq!((row.name, row.size, row.refcnt), (text(0), text(1), text(2)));
        is_listed(listed.next().unwrap(), text(0), text(1), text(2), users);
        if text(4) == b"Loading" {
            assert_eq!(module.state, State::Loading);
        }
        assert!(module.anonymous_references().is_none_or(|count| count >= 0));
    }
    // From the numbers, as when modules are chosen, unless they were written in an odd way.
    let count = |module: &LoadedModule| module.refcnt.map_or("-".to_owned(), |n| n.to_string());
    let as_written = snapshot.modules().iter().zip(&rows).all(|(module, row)| {
        module.size.to_string().as_bytes() == row.size && count(module).as_bytes() == row.refcnt
    });
    if as_written {
        let all: Vec<_> = snapshot.modules().iter().collect();
        assert_eq!(classic::some(&all, true, DirectoryHash::Bits64), listing);
    }
    let names: Vec<_> = snapshot.modules().iter().map(|module| module.name.clone()).collect();
    let order = snapshot.removal_order(&names, modutils::remove::Extent::Named);
    assert_eq!(BTreeSet::from_iter(&order), BTreeSet::from_iter(&names));
    assert_eq!(BTreeSet::from_iter(&order).len(), order.len());
}

/// `%-19s %8s  %s`, and the users, whose order is that of a directory.
fn is_listed(line: &[u8], name: &[u8], size: &[u8], refcnt: &[u8], mut users: Vec<&[u8]>) {
    let blanks = |count: usize| vec![b' '; count];
    let (behind, before) =
        (19_usize.saturating_sub(name.len()), 8_usize.saturating_sub(size.len()));
    let start = [name, &blanks(behind + 1 + before), size, b"  ", refcnt].concat();
    let rest = line.strip_prefix(&start[..]).unwrap();
    let mut shown: Vec<_> = rest.split(|byte| matches!(byte, b' ' | b',')).skip(1).collect();
    shown.sort_unstable();
    users.sort_unstable();
    assert_eq!(shown, users);
    assert_eq!(rest.starts_with(b" "), !users.is_empty());
}

/// A value in sysfs.
pub fn sysfs(bytes: &[u8]) {
    for file in ["version", "coresize", "initsize", "parameters/p"] {
        write(&format!("sys/module/m/{file}"), bytes);
    }
    let system = System::at(&*ROOT);
    let attributes = Attributes::new(&system, &ModuleName::new("m").unwrap());
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    assert_eq!(attributes.version().unwrap().unwrap(), line);
    let number = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
    assert_eq!(attributes.core_size().ok().flatten(), number);
    let parameters = attributes.parameters().unwrap().unwrap();
    assert_eq!(parameters.len(), 1);
    assert_eq!(parameters[0].value.as_deref(), Some(line));
}

/// What a failed load is explained from: the kernel's log, the lists of depmod(8), and the file,
/// separated by bytes that none of the texts has.
pub fn diagnosis(bytes: &[u8]) {
    let mut parts = bytes.splitn(5, |&byte| byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (errno, log, lists, list, image) = (part(), part(), part(), part(), part());
    let errno = Errno::from_raw(errno.first().copied().unwrap_or(2).into());
    // Later than any clock.
    write("dev/kmsg", &[b"4,1,9999999999999,-;", log].concat());
    for file in ["dep", "symbols", "builtin", "alias"] {
        write(&format!("lib/modules/6.1.0/modules.{file}"), lists);
    }
    write("proc/modules", list);
    let system = System::at(&*ROOT);
    let (file, arguments) = (files::file(image), Arguments::default());
    let request = Request { file: &file, arguments: &arguments, force: Force::default() };
    let error = InsertError::from(InsertFailure::Refused(errno));
    let diagnosis = system.explain(request, &error, Some(KernelLog::from_now()));
    assert!(!diagnosis.cause.kind().is_empty());
    assert!(!diagnosis.cause.to_string().is_empty());
    let _ = system.check_insert(request);
    let _ = system.dependencies(&file);
    if let Ok(name) = ModuleName::new("m") {
        let _ = system.is_builtin(&name);
    }
}
