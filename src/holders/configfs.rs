//! Objects in configfs: targets, gadgets, consoles.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::holder::{Certainty, Holder, HolderKind};
use super::search::Search;
use super::text::Text;
use crate::directory;
use crate::order;
use crate::shell::shell_word;
use crate::system;

/// Subsystems, and the modules that have them.
const SUBSYSTEMS: &[(&str, &str)] = &[
    ("usb_gadget", "libcomposite"),
    ("target", "target_core_mod"),
    ("nvmet", "nvmet"),
    ("netconsole", "netconsole"),
    ("nullb", "null_blk"),
    ("gpio-sim", "gpio_sim"),
    ("gpio-virtuser", "gpio_virtuser"),
    ("gpio-aggregator", "gpio_aggregator"),
    ("iio", "industrialio_configfs"),
    ("stp-policy", "stm_core"),
    ("dlm", "dlm"),
    ("cluster", "ocfs2_nodemanager"),
    ("rdma_cm", "rdma_cm"),
    ("vkms", "vkms"),
    ("most", "most_core"),
    ("cec", "cec"),
];

/// Functions of gadgets whose module is not `usb_f_FUNCTION`.
const FUNCTIONS: &[(&str, &str)] = &[
    ("gser", "usb_f_serial"),
    ("geth", "usb_f_ecm_subset"),
    ("ffs", "usb_f_fs"),
    ("Loopback", "usb_f_ss_lb"),
    ("SourceSink", "usb_f_ss_lb"),
    ("uac1_legacy", "usb_f_uac1_legacy"),
];

/// Fabrics of targets.
const FABRICS: &[(&str, &str)] = &[
    ("loopback", "tcm_loop"),
    ("iscsi", "iscsi_target_mod"),
    ("vhost", "vhost_scsi"),
    ("qla2xxx", "tcm_qla2xxx"),
    ("srpt", "ib_srpt"),
    ("sbp", "sbp_target"),
    ("fc", "tcm_fc"),
    ("xen-pvscsi", "xen_scsiback"),
    ("usb_gadget", "usb_f_tcm"),
];

/// Back ends of targets.
const BACK_ENDS: &[(&str, &str)] = &[
    ("fileio", "target_core_file"),
    ("iblock", "target_core_iblock"),
    ("pscsi", "target_core_pscsi"),
    ("user", "target_core_user"),
];

/// Objects that users created: directories below those of the kernel.
///
/// Each holds the module of its subsystem and that of its type (`configfs_mkdir`), and some hold
/// more: the number is that of the references that nothing else explains.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let Some(root) = root(search) else { return Vec::new() };
    let mut found = Vec::new();
    for subsystem in entries(&root) {
        let Some(name) = subsystem.file_name().and_then(OsStr::to_str) else { continue };
        let is_own = is(SUBSYSTEMS, name, search);
        match name {
            "usb_gadget" => found.extend(gadgets(search, &subsystem, is_own)),
            "target" => found.extend(targets(search, &subsystem, is_own)),
            "nvmet" => found.extend(nvme_targets(search, &subsystem, is_own)),
            "iio" => found.extend(triggers(search, &subsystem, is_own)),
            _ if is_own => found.extend(entries(&subsystem)),
            _ => {}
        }
    }
    found.iter().map(|path| holder(path)).collect()
}

/// Where configfs is mounted.
pub(super) fn root(search: &Search<'_>) -> Option<PathBuf> {
    let own = search.views().iter().filter(|view| view.namespace.is_none());
    let mut mounts = own.flat_map(|view| &view.mounts);
    let place = Path::new(&mounts.find(|mount| mount.kind == "configfs")?.place);
    Some(search.system.root().join(place.strip_prefix("/").unwrap_or(place)))
}

pub(super) fn holder(path: &Path) -> Holder {
    let place = Text::from(path.as_os_str());
    let word = shell_word(path);
    let unbind = path.join("UDC").exists();
    let unbind =
        if unbind { format!("echo > {}; ", shell_word(path.join("UDC"))) } else { String::new() };
    // Objects of the kernel's own below it cannot be removed, and go with it.
    let command = format!(
        "{unbind}find {word} -type l -delete; find {word} -depth -type d -exec rmdir {{}} + 2>/dev/null"
    );
    let kind = HolderKind::ConfigObject { path: place };
    let holder = Holder::new(kind, Certainty::Known).with_references(1).ended_by(command);
    Holder { may_take_more: true, ..holder }
}

fn gadgets(search: &Search<'_>, dir: &Path, is_own: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for gadget in entries(dir) {
        let functions = entries(&gadget.join("functions")).into_iter().filter(|function| {
            let name = function.file_name().unwrap_or_default().to_string_lossy();
            let kind = name.split('.').next().unwrap_or_default();
            is(FUNCTIONS, kind, search) || is_called(search, &format!("usb_f_{kind}"))
        });
        found.extend(functions);
        if is_own {
            found.push(gadget);
        }
    }
    found
}

/// `triggers/hrtimer/NAME`, `devices/dummy/NAME`: the types are modules.
fn triggers(search: &Search<'_>, dir: &Path, is_own: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for kind in entries(&dir.join("triggers")).into_iter().chain(entries(&dir.join("devices"))) {
        let name = kind.file_name().unwrap_or_default().to_string_lossy();
        let prefixes = ["iio_trig_", "iio_"];
        if is_own || prefixes.iter().any(|prefix| is_called(search, &format!("{prefix}{name}"))) {
            found.extend(entries(&kind));
        }
    }
    found
}

fn targets(search: &Search<'_>, dir: &Path, is_own: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for object in entries(dir) {
        let name = object.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "core" {
            found.extend(entries(&object).into_iter().filter(|back_end| {
                let name = back_end.file_name().unwrap_or_default().to_string_lossy();
                let Some((kind, _)) = name.rsplit_once('_') else { return false };
                is_own || is(BACK_ENDS, kind, search)
            }));
        } else if is(FABRICS, &name, search) || is_own {
            found.push(object);
        }
    }
    found
}

fn nvme_targets(search: &Search<'_>, dir: &Path, is_own: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for port in entries(&dir.join("ports")) {
        let transport = system::read_text(&port.join("addr_trtype")).unwrap_or_default();
        let module = if transport == "loop" { "nvme_loop" } else { &format!("nvmet_{transport}") };
        if is_own || is_called(search, module) {
            found.push(port);
        }
    }
    for subsystem in entries(&dir.join("subsystems")) {
        if is_own {
            found.push(subsystem);
        }
    }
    if is_own {
        found.extend(entries(&dir.join("hosts")));
    }
    found
}

fn is(table: &[(&str, &str)], name: &str, search: &Search<'_>) -> bool {
    table.iter().any(|(other, module)| *other == name && module.as_bytes() == search.name())
}

fn is_called(search: &Search<'_>, module: &str) -> bool {
    module.replace('-', "_").as_bytes() == search.name()
}

/// The directories in a directory.
pub(super) fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = directory::entries(dir) else { return Vec::new() };
    let paths = entries.flatten().filter(|entry| !entry.is_link).map(|entry| entry.path);
    let mut paths: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    order::sort(&mut paths);
    paths
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;

    #[test]
    fn objects_of_a_module() {
        let root = Captured::new();
        let config = root.join("config");
        for dir in [
            "usb_gadget/g1/functions/acm.0",
            "usb_gadget/g1/configs/c.1",
            "target/core/fileio_0/x",
            "target/core/alua",
            "target/loopback/naa.5",
            "nvmet/ports/1",
            "iio/triggers/hrtimer/t1",
        ] {
            root.directory(config.join(dir));
        }
        root.write("config/nvmet/ports/1/addr_trtype", "loop\n");
        let mount = "36 35 0:40 / /config rw - configfs c rw\n";
        root.write("proc/self/mountinfo", mount);
        let system = root.system();
        for (module, paths) in [
            ("libcomposite", &["usb_gadget/g1"][..]),
            ("usb_f_acm", &["usb_gadget/g1/functions/acm.0"]),
            ("target_core_file", &["target/core/fileio_0"]),
            ("tcm_loop", &["target/loopback"]),
            ("target_core_mod", &["target/core/fileio_0", "target/loopback"]),
            ("nvme_loop", &["nvmet/ports/1"]),
            ("iio_trig_hrtimer", &["iio/triggers/hrtimer/t1"]),
            ("iio_trig_sysfs", &[]),
            ("netconsole", &[]),
        ] {
            let row = format!("{module} 1 1 - Live 0x0\n");
            let snapshot = Snapshot::parse(row.as_bytes()).unwrap();
            let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
            let found = of(&search).into_iter().map(|holder| holder.kind);
            let expected = paths
                .iter()
                .map(|path| HolderKind::ConfigObject { path: config.join(path).into() });
            assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{module}");
        }
    }
}
