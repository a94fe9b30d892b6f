//! Programs and links of BPF on functions and trace points of the module.

use std::collections::{BTreeMap, HashSet};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use modutils_sys::bpf::{self, Object};

use super::objects::TracingObject;
use super::symbols::Symbols;
use crate::directory;
use crate::holders::descriptors::{Descriptor, field, with_prefix};
use crate::holders::search::{OmissionReason, Search};
use crate::holders::{Holder, HolderKind, Text};
use crate::system;

/// The most objects of a kind that are looked at.
const LIMIT: usize = 10_000;

/// A program or a link that holds the module.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    program: u32,
    link: Option<u32>,
    target: Option<Vec<u8>>,
}

/// Who keeps programs and links: processes and files of bpffs, by their numbers.
#[derive(Default)]
struct Keepers<'a> {
    processes: Vec<((bool, u32), Descriptor<'a>)>,
    files: Vec<((bool, u32), Text)>,
}

const PROGRAM: bool = false;
const LINK: bool = true;

/// A program on a function of the module holds it (`btf_try_get_module` in `kernel/bpf/btf.c`), and
/// so does a link to one of its trace points or to some of its functions (`bpf_get_raw_tracepoint`,
/// `bpf_kprobe_multi_link_attach` in `kernel/trace/bpf_trace.c`).
pub(in crate::holders) fn programs(search: &Search<'_>) -> Vec<Holder> {
    if !search.system.is_live() {
        return Vec::new();
    }
    let mut held = Vec::new();
    match on_functions(search, &mut held) {
        Ok(()) => {}
        Err(nix::errno::Errno::EPERM) => {
            search.omit("BPF programs", OmissionReason::PermissionDenied);
            return Vec::new();
        }
        Err(_) => return Vec::new(),
    }
    by_links(search, &mut held);
    if held.is_empty() {
        return Vec::new();
    }
    let keepers = Keepers::find(search);
    held.into_iter().flat_map(|held| keepers.holders(held)).collect()
}

/// The numbers of all objects of a kind.
fn numbers(search: &Search<'_>, object: Object) -> nix::Result<Vec<u32>> {
    let mut list = Vec::new();
    while list.len() < LIMIT && !search.is_late() {
        match bpf::next(object, list.last().copied().unwrap_or(0)) {
            Ok(number) => list.push(number),
            Err(nix::errno::Errno::ENOENT) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(list)
}

/// Programs whose target is among the module's types.
fn on_functions(search: &Search<'_>, held: &mut Vec<Held>) -> nix::Result<()> {
    /// `attach_btf_obj_id` of `struct bpf_prog_info` (Linux 6.1), in fields of 32 bits.
    const TARGET: usize = 55;
    let mut known = BTreeMap::new();
    for number in numbers(search, Object::Program)? {
        let info = bpf::open(Object::Program, number).and_then(bpf::info).unwrap_or_default();
        let Some(&target) = info.get(TARGET).filter(|&&target| target != 0) else { continue };
        let is_own = *known.entry(target).or_insert_with(|| {
            let name = bpf::open(Object::Btf, target).and_then(bpf::btf_name);
            name.is_ok_and(|name| name == search.name())
        });
        if is_own {
            held.push(Held { program: number, link: None, target: None });
        }
    }
    Ok(())
}

/// Links to trace points and functions. The link of a program that holds the module already is
/// noted with it.
fn by_links(search: &Search<'_>, held: &mut Vec<Held>) {
    /// Fields and values of `struct bpf_link_info`.
    const RAW_TRACE_POINT: u32 = 1;
    const KPROBE_MULTI: u32 = 8;
    let symbols = Symbols::new(search);
    for number in numbers(search, Object::Link).unwrap_or_default() {
        let Ok(link) = bpf::open(Object::Link, number) else { continue };
        let info = bpf::info(&link).unwrap_or_default();
        let (Some(&kind), Some(&program)) = (info.first(), info.get(2)) else { continue };
        if let Some(held) = held.iter_mut().find(|held| held.program == program) {
            held.link = Some(number);
            if kind != RAW_TRACE_POINT {
                continue;
            }
        }
        let target = match kind {
            RAW_TRACE_POINT => {
                let info = own_info(search, &link);
                let name = field(&info, "tp_name").unwrap_or_default().to_owned();
                symbols.has_trace_point(name.as_bytes()).then(|| name.into_bytes())
            }
            KPROBE_MULTI => {
                let addresses = bpf::kprobe_addresses(&link).unwrap_or_default();
                addresses.iter().find_map(|&address| symbols.function_at(address))
            }
            _ => None,
        };
        if target.is_some() {
            held.push(Held { program, link: Some(number), target });
        }
    }
}

fn own_info(search: &Search<'_>, descriptor: &OwnedFd) -> String {
    let file = format!("fdinfo/{}", descriptor.as_raw_fd());
    system::read_text(&search.system.own_process(&file)).unwrap_or_default()
}

/// Whether it is a link, and its number.
fn identity(info: &str) -> Option<(bool, u32)> {
    let number = |key| field(info, key)?.parse().ok();
    match number("link_id") {
        Some(link) => Some((LINK, link)),
        None => Some((PROGRAM, number("prog_id")?)),
    }
}

impl<'a> Keepers<'a> {
    fn find(search: &'a Search<'_>) -> Self {
        let mut found = Self::default();
        for descriptor in with_prefix(search, b"anon_inode:bpf") {
            if let Some(identity) = identity(&descriptor.info()) {
                found.processes.push((identity, descriptor));
            }
        }
        for path in pinned(search) {
            let Ok(name) = CString::new(path.as_os_str().as_bytes()) else { continue };
            let Ok(object) = bpf::open_pinned(&name) else { continue };
            if let Some(identity) = identity(&own_info(search, &object)) {
                found.files.push((identity, path));
            }
        }
        found
    }

    /// One holder for each keeper; the first accounts for the reference.
    fn holders(&self, held: Held) -> Vec<Holder> {
        let Held { program, link, target } = held;
        let target = target.map(Text::from);
        let identities = link.map(|link| (LINK, link)).into_iter().chain([(PROGRAM, program)]);
        let mut list = Vec::new();
        let mut seen = HashSet::new();
        for identity in identities {
            let object = |process, path: Option<Text>| TracingObject::Bpf {
                process,
                link,
                program,
                target: target.clone(),
                path,
            };
            let same = self.processes.iter().filter(|(other, _)| *other == identity);
            for (_, descriptor) in same {
                let process = descriptor.process();
                if seen.insert(process.pid) {
                    let kind = HolderKind::Tracing { object: object(Some(process), None) };
                    list.push(descriptor.hold(Holder::known(kind)));
                }
            }
            for (_, path) in self.files.iter().filter(|(other, _)| *other == identity) {
                let command = format!("rm {}", path.word());
                let kind = HolderKind::Tracing { object: object(None, Some(path.clone())) };
                list.push(Holder::known(kind).ended_by(command));
            }
        }
        if list.is_empty() {
            let object = TracingObject::Bpf { process: None, link, program, target, path: None };
            list.push(Holder::known(HolderKind::Tracing { object }));
        }
        for other in list.iter_mut().skip(1) {
            other.references = 0;
        }
        list
    }
}

/// The files of all mounted bpffs.
fn pinned(search: &Search<'_>) -> Vec<Text> {
    let mut list = Vec::new();
    let Some(view) = search.views().first() else { return list };
    let mounts = view.mounts.iter().filter(|mount| mount.kind == "bpf");
    let mut folders: Vec<_> = mounts.map(|mount| std::path::PathBuf::from(&mount.place)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = directory::entries(&folder) else { continue };
        for entry in entries.flatten() {
            if search.is_late() || list.len() >= LIMIT {
                return list;
            }
            if entry.path.is_dir() && !entry.is_link {
                folders.push(entry.path);
            } else {
                list.push(entry.path.into());
            }
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_links() {
        let link = "pos:\t0\nlink_type:\traw_tracepoint\nlink_id:\t4\nprog_tag:\ta0\nprog_id:\t9\n";
        assert_eq!(identity(link), Some((LINK, 4)));
        assert_eq!(identity("pos:\t0\nprog_type:\t26\nprog_id:\t9\n"), Some((PROGRAM, 9)));
        assert_eq!(identity("pos:\t0\n"), None);
    }

    #[test]
    fn what_a_file_keeps_is_named() {
        let mut keepers = Keepers::default();
        keepers.files.push(((LINK, 4), "/bpf/pinned".into()));
        let held = Held { program: 9, link: Some(4), target: None };
        let holders = keepers.holders(held.clone());
        let phrases: Vec<_> = holders.iter().map(|holder| holder.kind.to_string()).collect();
        assert_eq!(phrases, ["/bpf/pinned keeps BPF link 4 of program 9"]);
        let unknown = Keepers::default().holders(held);
        assert_eq!(unknown[0].kind.to_string(), "BPF link 4 of program 9");
        assert_eq!((unknown.len(), unknown[0].references), (1, 1));
    }
}
