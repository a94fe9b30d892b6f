//! Reads the tables of Linux's device mapper, without libdevmapper.
//!
//! The interface is `ioctl(2)` on `/dev/mapper/control`, see `include/uapi/linux/dm-ioctl.h`.

mod call;
mod parse;

use std::fs::File;
use std::io;

use call::{LIST_DEVICES, QUERY_INACTIVE_TABLE, STATUS_TABLE, TABLE_STATUS};

/// A device of the device mapper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its name, as below `/dev/mapper`.
    pub name: Vec<u8>,
    /// Major and minor number.
    pub number: (u32, u32),
    /// Targets of the active table.
    pub active: Vec<Target>,
    /// Targets of the table that was loaded and not resumed yet.
    pub inactive: Vec<Target>,
}

/// A target: one row of a table.
///
/// The parameters can contain keys. Do not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Type of the target, such as `crypt`.
    pub kind: String,
    /// Parameters of the target, as in the table.
    pub parameters: String,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Lists all devices with their tables.
///
/// # Errors
/// `control` is not `/dev/mapper/control`, or the caller lacks `CAP_SYS_ADMIN`. A device that is
/// removed meanwhile is left out.
pub fn devices(control: &File) -> io::Result<Vec<Device>> {
    let answer = call::call(control, LIST_DEVICES, b"", 0)?;
    let mut devices = Vec::new();
    for (name, number) in parse::names(&answer) {
        let table = |flags| {
            let answer = call::call(control, TABLE_STATUS, &name, STATUS_TABLE | flags);
            answer.map(|text| parse::targets(&text)).unwrap_or_default()
        };
        let (active, inactive) = (table(0), table(QUERY_INACTIVE_TABLE));
        devices.push(Device { name, number, active, inactive });
    }
    Ok(devices)
}
