//! Files and block devices that the kernel itself keeps open for objects of configfs: what targets
//! and gadgets store their data in.

use std::path::Path;

use super::configfs::{self, entries};
use super::holder::Holder;
use super::search::Search;
use super::text::Text;
use crate::shell::shell_word;
use crate::system;

/// Block devices of the module that such an object has open.
pub(super) fn on_devices(search: &Search<'_>) -> Vec<Holder> {
    let mut list = Vec::new();
    for (path, store) in of(search) {
        let device = search.status(Path::new(&path)).and_then(|status| status.device);
        if let Some(certainty) = device.and_then(|device| search.certainty(device)) {
            list.push(store.with_certainty(certainty));
        }
    }
    list
}

/// Where they are: two levels of directories, the file that tells the store, and what closes it.
type Row = (&'static str, &'static str, &'static str, Option<(&'static str, &'static str)>);
const OBJECTS: &[Row] = &[
    ("target/core", "", "info", None),
    ("nvmet/subsystems", "namespaces", "device_path", Some(("0 ", "enable"))),
    ("usb_gadget", "functions", "lun.0/file", Some(("", "lun.0/file"))),
];

/// The objects with a store, each with its path.
pub(super) fn of(search: &Search<'_>) -> Vec<(Text, Holder)> {
    let Some(root) = configfs::root(search) else { return Vec::new() };
    let mut list = Vec::new();
    for (parent, middle, file, end) in OBJECTS {
        let places = entries(&root.join(parent));
        for object in
            places.iter().map(|place| entries(&place.join(middle))).collect::<Vec<_>>().concat()
        {
            let is_off = system::read_text(&object.join("enable")).is_ok_and(|state| state == "0");
            let Ok(text) = system::read_text(&object.join(file)) else { continue };
            let path = if *file == "info" { shown(&text) } else { &text };
            if is_off || path.is_empty() {
                continue;
            }
            let mut holder = configfs::holder(&object);
            if let Some((value, switch)) = end {
                let switch = shell_word(object.join(switch));
                holder = holder.ended_by(format!("echo {value}> {switch}"));
            }
            list.push((path.into(), Holder { may_take_more: false, ..holder }));
        }
    }
    list
}

/// `TCM FILEIO ID: 0        File: /x  Size: 1048576`, or `UDEV PATH: /dev/x  readonly: 0`
/// (`fd_show_configfs_dev_params`, `iblock_show_configfs_dev_params` in `drivers/target`).
fn shown(info: &str) -> &str {
    let mut parts = ["File: ", "UDEV PATH: "].iter().filter_map(|key| info.split_once(key));
    let rest = parts.next().map_or("", |(_, rest)| rest);
    rest.split_once("  ").map_or(rest, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;
    use crate::remedy::WayOut;

    #[test]
    fn objects_with_a_store() {
        let root = Captured::with(&[
            ("proc/self/mountinfo", "36 35 0:40 / /c rw - configfs c rw\n"),
            ("c/target/core/fileio_0/x/info", "TCM FILEIO ID: 0        File: /x  Size: 1\n"),
            ("c/target/core/fileio_0/x/enable", "1\n"),
            ("c/nvmet/subsystems/s/namespaces/1/device_path", "/dev/loop0\n"),
            ("c/nvmet/subsystems/s/namespaces/1/enable", "1\n"),
            ("c/nvmet/subsystems/s/namespaces/2/device_path", "/dev/loop1\n"),
            ("c/nvmet/subsystems/s/namespaces/2/enable", "0\n"),
            ("c/usb_gadget/g/functions/mass_storage.0/lun.0/file", "/y\n"),
            ("c/usb_gadget/g/functions/mass_storage.1/lun.0/file", "\n"),
        ]);
        let system = root.system();
        let snapshot = Snapshot::parse(b"loop 1 1 - Live 0x0\n").unwrap();
        let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
        let found: Vec<_> = of(&search)
            .into_iter()
            .map(|(path, holder)| match holder.way_out {
                Some(WayOut::Command(command)) => (path, command),
                other => panic!("{other:?}"),
            })
            .collect();
        let at = |path: &str| root.join("c").join(path).display().to_string();
        let [target, export, gadget] = &found[..] else { panic!("{found:?}") };
        assert_eq!(target.0, "/x".into());
        assert!(target.1.starts_with(&format!("find {} ", at("target/core/fileio_0/x"))));
        let switch = at("nvmet/subsystems/s/namespaces/1/enable");
        assert_eq!(*export, ("/dev/loop0".into(), format!("echo 0 > {switch}")));
        let switch = at("usb_gadget/g/functions/mass_storage.0/lun.0/file");
        assert_eq!(*gadget, ("/y".into(), format!("echo > {switch}")));
    }

    #[test]
    fn stores_of_targets() {
        let info = "Status: ACTIVATED\n        TCM FILEIO ID: 0        File: /mnt/a b  Size: 1";
        assert_eq!(shown(info), "/mnt/a b");
        assert_eq!(shown("iBlock device: loop0  UDEV PATH: /dev/loop0  readonly: 0"), "/dev/loop0");
        assert_eq!(shown("Status: DEACTIVATED"), "");
    }
}
