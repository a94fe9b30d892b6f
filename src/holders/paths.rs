//! Files that hold a module and are no device nodes: of ALSA and SUNRPC in `/proc`, of debugfs,
//! buffers of graphics cards, virtual machines.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::device::{Device, Kind};
use super::holder::{Certainty, Holder};
use super::search::Search;
use super::seen::{OpenFile, Seen};
use crate::directory;
use crate::name::ModuleName;
use crate::system;

/// Files whose path or link says which module they hold.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let mut list: Vec<Holder> = Vec::new();
    let mut known = HashMap::new();
    for file in &processes.files {
        let (Some(owner), Some(_)) = (processes.owner(file), file.fd) else { continue };
        let Some((certainty, references)) = hold(search, owner, file) else { continue };
        let place = known.entry((file.owner, file.tid, &file.path)).or_insert(list.len());
        if let Some(known) = list.get_mut(*place) {
            known.references += references;
            continue;
        }
        let holder = Holder::new(file.holder(owner), certainty).with_references(references);
        // The group of a device keeps other files open.
        let may_take_more = search.name() == b"vfio";
        list.push(owner.hold(Holder { may_take_more, ..holder }));
    }
    list
}

/// Files without a path whose operations belong to a module.
const FILES: [(&[u8], &str); 4] = [
    (b"anon_inode:request", "mc"),
    (b"anon_inode:iio:", "industrialio"),
    (b"anon_inode:[infinibandevent]", "ib_uverbs"),
    (b"anon_inode:[vtpms]", "tpm_vtpm_proxy"),
];

fn hold(search: &Search<'_>, owner: &Seen, file: &OpenFile) -> Option<(Certainty, u64)> {
    let path = file.path.as_os_str().as_bytes();
    if let Ok(inside) = file.path.strip_prefix(search.system.sound_dir()) {
        return of_sound(search, inside).then_some((Certainty::Known, 1));
    }
    let in_proc = file.path.strip_prefix(search.system.processes());
    if let Some(module) = in_proc.ok().and_then(|path| of_cache(path.as_os_str().as_bytes())) {
        return (module == search.name()).then_some((Certainty::Known, 1));
    }
    if path.starts_with(b"/dmabuf:") {
        return of_buffer(search, owner, file);
    }
    if path.starts_with(b"anon_inode:[vfio-device]") {
        return of_passed_device(search);
    }
    let own = FILES.iter().find(|(start, _)| path.starts_with(start));
    if let Some((_, module)) = own {
        return (module.as_bytes() == search.name()).then_some((Certainty::Known, 1));
    }
    // The machine itself, and the file (`kvm_create_vm`, `kvm_vm_fops`).
    let of_machine = [(&b"anon_inode:kvm-vm"[..], 2), (b"anon_inode:kvm-vcpu", 1)];
    let is_kvm = matches!(search.name(), b"kvm_intel" | b"kvm_amd");
    let machine = of_machine.iter().find(|(start, _)| is_kvm && path.starts_with(start));
    machine.map(|(_, references)| (Certainty::Known, *references))
}

/// A device that is passed to a process holds the core, its driver, and the driver of the address
/// translation (`vfio_df_device_first_open` in `drivers/vfio/vfio_main.c`).
fn of_passed_device(search: &Search<'_>) -> Option<(Certainty, u64)> {
    let name = search.name();
    if name == b"vfio" {
        return Some((Certainty::Known, 1));
    }
    let is_of_vfio = name.windows(4).any(|part| part == b"vfio");
    let has_drivers = search.system.module_dir(&search.module.name).join("drivers").exists();
    let takes = name.starts_with(b"vfio_iommu") || is_of_vfio && has_drivers;
    takes.then_some((Certainty::Likely, 1))
}

/// The module of a cache of SUNRPC, which each of its files holds while it is open (`cache_open` in
/// `net/sunrpc/cache.c`): `71/net/rpc/nfsd.export/channel`.
fn of_cache(path: &[u8]) -> Option<&'static [u8]> {
    const CACHES: [(&[u8], &[u8]); 5] = [
        (b"nfsd.", b"nfsd"),
        (b"nfs4.", b"nfsd"),
        (b"auth.unix.", b"sunrpc"),
        (b"auth.rpcsec.", b"auth_rpcgss"),
        (b"dns_resolve", b"nfs"),
    ];
    let mut parts = path.rsplit(|&byte| byte == b'/').skip(1);
    let cache = parts.next()?;
    if (parts.next(), parts.next()) != (Some(&b"rpc"[..]), Some(&b"net"[..])) {
        return None;
    }
    CACHES.iter().find(|(start, _)| cache.starts_with(start)).map(|(_, module)| *module)
}

/// Files below `card0` hold the driver of the card, all others the core (`snd_info_entry_open`).
fn of_sound(search: &Search<'_>, path: &Path) -> bool {
    let Some(card) = path.components().next() else { return false };
    let card = card.as_os_str().to_string_lossy().into_owned();
    let Some(number) = card.strip_prefix("card") else { return search.name() == b"snd" };
    let text = system::read_text(&search.system.sound_dir().join("modules")).unwrap_or_default();
    let mut rows = text.lines().filter_map(|line| line.trim().split_once(' '));
    let module = rows.find(|(of, _)| *of == number).map(|(_, module)| module.trim());
    module.is_some_and(|name| is_called(search, name.as_bytes()))
}

/// A buffer names who exported it; the helpers for graphics cards name themselves instead.
fn of_buffer(search: &Search<'_>, owner: &Seen, file: &OpenFile) -> Option<(Certainty, u64)> {
    let text = file.info(&owner.dir).and_then(|info| system::read_text(&info).ok())?;
    let exporter = text.lines().find_map(|line| line.strip_prefix("exp_name:"))?.trim();
    if is_called(search, exporter.as_bytes()) {
        return Some((Certainty::Known, 1));
    }
    if !exporter.starts_with("drm") {
        return None;
    }
    let (mut own, mut others) = (false, false);
    for card in directory::entries(&search.system.class_dir("drm")).ok()?.flatten() {
        let number = system::read_text(&card.path.join("dev")).unwrap_or_default();
        if let Some(device) = Device::parse(Kind::Char, &number) {
            let is_own = search.certainty(device).is_some();
            own |= is_own;
            others |= !is_own;
        }
    }
    let certainty = if others { Certainty::Possible } else { Certainty::Likely };
    own.then_some((certainty, u64::from(!others)))
}

/// Whether a file of debugfs has the module's name, or is of a graphics card of the module.
pub(super) fn is_in_debugfs(search: &Search<'_>, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(search.system.debugfs()) else { return false };
    let mut parts = inside.components().map(|part| part.as_os_str().as_bytes());
    if parts.clone().any(|part| is_called(search, part)) {
        return true;
    }
    if parts.next() != Some(b"dri") {
        return false;
    }
    let Some(card) = inside.components().nth(1) else { return false };
    let dir = search.system.debugfs().join("dri").join(card);
    let name = system::read_text(&dir.join("name")).unwrap_or_default();
    name.split_whitespace().next().is_some_and(|name| is_called(search, name.as_bytes()))
}

fn is_called(search: &Search<'_>, name: &[u8]) -> bool {
    ModuleName::new(name).is_ok_and(|name| name == search.module.name)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;

    #[test]
    fn caches_of_sunrpc() {
        assert_eq!(of_cache(b"71/net/rpc/nfsd.export/channel"), Some(&b"nfsd"[..]));
        assert_eq!(of_cache(b"71/task/7/net/rpc/auth.unix.ip/flush"), Some(&b"sunrpc"[..]));
        for other in ["71/net/rpc/use-gss-proxy", "71/rpc/nfsd.fh/x", "x", ""] {
            assert_eq!(of_cache(other.as_bytes()), None);
        }
    }

    #[test]
    fn files_that_name_their_module() {
        let root = Captured::with(&[
            ("proc/asound/modules", " 0 snd_dummy\n 1 snd_hda_intel\n"),
            ("sys/kernel/debug/dri/1/name", "vgem dev=vgem unique=vgem\n"),
        ]);
        let system = root.system();
        let debugfs = |path: &str| root.join("sys/kernel/debug").join(path);
        for (module, sound, file) in [
            ("snd_dummy", true, debugfs("snd_dummy/x")),
            ("snd_hda_intel", false, debugfs("x/snd-hda-intel")),
            ("vgem", false, debugfs("dri/1/clients")),
        ] {
            let snapshot =
                Snapshot::parse(format!("{module} 1 1 - Live 0x0\n").as_bytes()).unwrap();
            let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
            let path = Path::new("card0/pcm0p/info");
            assert_eq!(of_sound(&search, path), sound, "{module}");
            assert!(is_in_debugfs(&search, &file), "{module}");
            assert!(!is_in_debugfs(&search, &debugfs("x")), "{module}");
        }
    }
}
