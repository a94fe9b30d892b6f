//! Modules that mounted file systems use, such as tables of characters and formats of quotas; and
//! users of memory technology devices.

use super::device::{Device, Kind};
use super::holder::{Certainty, Holder, HolderKind};
use super::mountinfo::Mount;
use super::mounts;
use super::search::Search;
use super::text::Text;
use crate::directory;
use crate::system;

/// Mounts with options that name the module, such as `iocharset=utf8`: each takes one reference.
pub(super) fn of_mounts(search: &Search<'_>) -> Vec<Holder> {
    const STARTS: [&[u8]; 6] = [b"nls_", b"quota_", b"9pnet_", b"nfsv", b"ubi", b"sunrpc"];
    if !STARTS.iter().any(|start| search.name().starts_with(start)) {
        return Vec::new();
    }
    let mut seen = std::collections::HashSet::new();
    let mut list = Vec::new();
    let views = search.views().iter();
    for (view, mount) in views.flat_map(|view| view.mounts.iter().map(move |it| (view, it))) {
        let references = uses(search, mount);
        if references == 0 || !seen.insert(mount.device) {
            continue;
        }
        let holder = mounts::holder(view, mount, Certainty::Known).with_references(references);
        // Clients of a server are shared by its mounts, and can be several; quotas can be on that no
        // option tells of.
        let several = [b"nfsv", b"quot", b"sunr"];
        let may_take_more = several.iter().any(|it| search.name().starts_with(*it));
        list.push(Holder { may_take_more, ..holder });
    }
    if search.name() == b"sunrpc" {
        list.extend(server(search));
    }
    list
}

/// The NFS server: each of its connections holds the module, as each of a mount's does
/// (`svc_xprt_init` and `xs_setup_xprt` in `net/sunrpc`).
fn server(search: &Search<'_>) -> Option<Holder> {
    let mut threads = search.processes().list.iter().filter(|seen| seen.is_kernel_thread);
    let thread = threads.find(|seen| seen.process.command.as_os_str() == "nfsd")?;
    let (process, function) = (thread.process.clone(), "nfsd".into());
    let holder = Holder::known(HolderKind::Thread { process, function }).ended_by("rpc.nfsd 0");
    Some(Holder { may_take_more: true, ..holder.with_certainty(Certainty::Likely) })
}

fn uses(search: &Search<'_>, mount: &Mount) -> u64 {
    let kind = mount.kind.to_string_lossy();
    match search.name() {
        // It has its volume open (`ubi_open_volume`).
        b"ubi" => return u64::from(kind == "ubifs"),
        b"sunrpc" => return u64::from(matches!(&*kind, "nfs" | "nfs4")),
        _ => {}
    }
    let options = String::from_utf8_lossy(&mount.options);
    let options = options.split(',').map(|option| option.split_once('=').unwrap_or((option, "")));
    let is_old = options.clone().any(|option| option == ("jqfmt", "vfsold"));
    let found = options.filter(|(name, value)| {
        let module = match *name {
            // It has a table of its own for that.
            "iocharset" if kind == "exfat" && *value == "utf8" => return false,
            "iocharset" | "nls" => format!("nls_{}", value.replace('-', "_")),
            "codepage" => format!("nls_cp{value}"),
            // Others have quotas in a format of their own.
            "usrquota" | "grpquota" | "prjquota" | "usrjquota" | "grpjquota"
                if matches!(&*kind, "ext2" | "ext3" | "ext4" | "f2fs" | "jfs" | "ocfs2") =>
            {
                if is_old {
                    "quota_v1".to_owned()
                } else {
                    "quota_v2".to_owned()
                }
            }
            "trans" if kind == "9p" => format!("9pnet_{value}"),
            "vers" if kind.starts_with("nfs") => {
                format!("nfsv{}", value.split('.').next().unwrap_or_default())
            }
            _ => return false,
        };
        module.as_bytes() == search.name()
    });
    u64::try_from(found.count()).unwrap_or(0)
}

/// Block devices that stand for memory: `block2mtd: /dev/loop0` is the name of such memory.
fn stand_in(search: &Search<'_>, dir: &std::path::Path) -> Option<Holder> {
    let name = system::read_text(&dir.join("name")).ok()?;
    let path = name.strip_prefix("block2mtd: ")?;
    search.certainty(search.status(path.as_ref())?.device?)?;
    let kind =
        HolderKind::Unlisted { name: "block2mtd".into(), reason: format!("has {path}").into() };
    Some(Holder::known(kind).ended_by("rmmod block2mtd"))
}

/// Volumes of UBI on memory technology devices of the module.
pub(super) fn volumes(search: &Search<'_>) -> Vec<Holder> {
    let Ok(entries) = directory::entries(&search.system.class_dir("ubi")) else {
        return Vec::new();
    };
    let mut list = Vec::new();
    for entry in entries.flatten() {
        let Ok(number) = system::read_text(&entry.path.join("mtd_num")) else { continue };
        let dir = search.system.class_dir("mtd").join(format!("mtd{number}"));
        let number = system::read_text(&dir.join("dev")).unwrap_or_default();
        let device = Device::parse(Kind::Char, &number);
        let Some(certainty) = device.and_then(|device| search.certainty(device)) else { continue };
        let name = Text::from(entry.name);
        let command =
            format!("ubidetach -p /dev/{}", dir.file_name().unwrap_or_default().display());
        let kind = HolderKind::BlockDevice { name, dm_name: None };
        list.push(Holder::new(kind, certainty).with_references(1).ended_by(command));
    }
    list
}

/// Block devices of the module that stand for memory. Each memory technology device holds the core
/// (`add_mtd_device` in `drivers/mtd/mtdcore.c`); it goes with its driver, which is one of the
/// module's users.
pub(super) fn memory_devices(search: &Search<'_>) -> Vec<Holder> {
    let Ok(entries) = directory::entries(&search.system.class_dir("mtd")) else {
        return Vec::new();
    };
    if search.name() != b"mtd" {
        let places = entries.flatten().map(|entry| entry.path);
        return places.filter_map(|place| stand_in(search, &place)).collect();
    }
    let devices: Vec<_> = entries
        .flatten()
        .filter_map(|entry| entry.name.into_string().ok())
        // Each has a second node that is read-only.
        .filter(|name| !name.ends_with("ro"))
        .collect();
    if devices.is_empty() {
        return Vec::new();
    }
    let reason = format!("registered devices: {}", devices.join(", "));
    let kind = HolderKind::Itself { name: search.name().into(), reason: reason.into() };
    let count = u64::try_from(devices.len()).unwrap_or(u64::MAX);
    vec![Holder::known(kind).with_references(count)]
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::mountinfo;
    use super::*;
    use crate::loaded::Snapshot;
    use crate::system::System;

    #[test]
    fn options_that_name_modules() {
        let text = b"36 35 7:0 / /m rw - vfat /dev/loop0 rw,codepage=437,iocharset=ascii,utf8\n\
                     37 35 7:1 / /n rw - ext4 /dev/loop1 rw,usrquota,grpquota\n\
                     38 35 0:60 / /u rw - ubifs ubi0:vol rw,ubi=0,vol=0\n";
        let mounts: Vec<_> = mountinfo::rows(text).collect();
        let system = System::at("/nowhere");
        for (module, expected) in [
            ("nls_cp437", [1, 0, 0]),
            ("nls_ascii", [1, 0, 0]),
            ("nls_utf8", [0, 0, 0]),
            ("quota_v2", [0, 2, 0]),
            ("quota_v1", [0, 0, 0]),
            ("ubi", [0, 0, 1]),
            ("sunrpc", [0, 0, 0]),
        ] {
            let snapshot =
                Snapshot::parse(format!("{module} 1 1 - Live 0x0\n").as_bytes()).unwrap();
            let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
            let found: Vec<_> = mounts.iter().map(|mount| uses(&search, mount)).collect();
            assert_eq!(found, expected, "{module}");
        }
    }
}
