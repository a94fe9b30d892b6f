//! Targets of the device mapper.

use std::fs::File;
use std::io::ErrorKind;

use modutils_dm::{Device, Target};

use super::block;
use super::holder::Holder;
use super::search::{OmissionReason, Search};
use crate::system::System;

/// Devices with targets of the module in their tables, active or not: each target holds its type
/// once (`dm_get_target_type`), and each group of paths its selector.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    if !search.name().starts_with(b"dm_") && personality(search.name()).is_none() {
        return Vec::new();
    }
    let mut list = Vec::new();
    for device in search.mapped() {
        let targets = device.active.iter().chain(&device.inactive);
        let references: u64 = targets.map(|target| references(search, target)).sum();
        if references > 0 {
            let (name, dir) = block::of_number(search, device.number);
            let kind = block::named(name, &dir);
            list.push(block::stopped(Holder::known(kind).with_references(references), &dir));
        }
    }
    list
}

impl Search<'_> {
    /// The devices of the device mapper.
    pub(super) fn mapped(&self) -> &[Device] {
        let omit = |reason| self.omit("device-mapper tables", reason);
        self.scene.mapped.get_or_init(|| read(self.system, omit))
    }
}

/// All devices of the device mapper.
fn read(system: &System, omit: impl Fn(OmissionReason)) -> Vec<Device> {
    // Opening the control file of a device mapper that is not loaded would load it.
    if !system.class_dir("misc").join("device-mapper").exists() {
        return Vec::new();
    }
    let devices = File::open(system.device_mapper()).and_then(|file| modutils_dm::devices(&file));
    devices.unwrap_or_else(|error| {
        omit(match error.kind() {
            ErrorKind::PermissionDenied => OmissionReason::PermissionDenied,
            _ => OmissionReason::Unavailable,
        });
        Vec::new()
    })
}

/// Whether a parameter has all parts of the name of an algorithm: `crc32c`, `xts(aes)` as
/// `aes-xts-plain64`, `essiv(cbc(aes),sha256)` as `aes-cbc-essiv:sha256`.
pub(super) fn mentions(device: &Device, algorithm: &str) -> bool {
    let targets = device.active.iter().chain(&device.inactive);
    targets
        .filter(|target| matches!(target.kind.as_str(), "crypt" | "integrity" | "verity"))
        .flat_map(|target| target.parameters.split_whitespace())
        .any(|parameter| parts(algorithm).all(|part| parts(parameter).any(|own| own == part)))
}

fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(['-', ':', '(', ')', ',']).filter(|part| !part.is_empty())
}

/// Types whose module has another name than `dm_TYPE`.
const MODULES: &[(&str, &str)] = &[
    ("linear", "dm_mod"),
    ("striped", "dm_mod"),
    ("error", "dm_mod"),
    ("thin", "dm_thin_pool"),
    ("snapshot-origin", "dm_snapshot"),
    ("snapshot-merge", "dm_snapshot"),
];

/// Parameters that stand for a module of their own: path selectors, hardware handlers, logs,
/// policies.
const WORDS: &[(&str, &str, &str)] = &[
    ("multipath", "round-robin", "dm_round_robin"),
    ("multipath", "queue-length", "dm_queue_length"),
    ("multipath", "service-time", "dm_service_time"),
    ("multipath", "historical-service-time", "dm_historical_service_time"),
    ("multipath", "io-affinity", "dm_io_affinity"),
    ("mirror", "core", "dm_log"),
    ("mirror", "disk", "dm_log"),
    ("mirror", "userspace", "dm_log_userspace"),
    ("cache", "smq", "dm_cache_smq"),
    ("cache", "default", "dm_cache_smq"),
];

/// The beginning of the levels of a personality of the RAID driver.
fn personality(module: &[u8]) -> Option<&'static [&'static str]> {
    match module {
        b"raid0" => Some(&["raid0"]),
        b"raid1" => Some(&["raid1"]),
        b"raid10" => Some(&["raid10"]),
        b"raid456" => Some(&["raid4", "raid5", "raid6"]),
        _ => None,
    }
}

/// How many references a target takes to the module.
fn references(search: &Search<'_>, target: &Target) -> u64 {
    let module = search.name();
    let kind = target.kind.as_str();
    let named = MODULES.iter().find(|(other, _)| *other == kind);
    let own = match named {
        Some((_, name)) => name.as_bytes() == module,
        None => format!("dm_{}", kind.replace('-', "_")).as_bytes() == module,
    };
    let mut words = target.parameters.split_whitespace();
    let level = words.clone().next().unwrap_or_default();
    // It holds the module of its store as well, which is the same (`get_type` in
    // `dm-exception-store.c`).
    let own_count = if matches!(kind, "snapshot" | "snapshot-merge") { 2 } else { 1 };
    if kind == "raid" && personality(module).is_some_and(|levels| is_one_of(level, levels)) {
        return 1;
    }
    let word = WORDS.iter().find(|(of, _, name)| *of == kind && name.as_bytes() == module);
    let others = match word {
        // Each group of paths names its selector; a log or a policy is named once.
        Some(("multipath", word, _)) => words.filter(|found| found == word).count(),
        Some((_, word, _)) => usize::from(words.any(|found| found == *word)),
        None => 0,
    };
    u64::from(own) * own_count + u64::try_from(others).unwrap_or(0)
}

fn is_one_of(level: &str, levels: &[&str]) -> bool {
    levels.iter().any(|start| {
        let rest = level.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_') || *start == "raid10")
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::loaded::Snapshot;

    #[test]
    fn algorithms_in_parameters() {
        let device = |kind: &str, parameters: &str| Device {
            name: Vec::new(),
            number: (253, 0),
            active: vec![Target { kind: kind.into(), parameters: parameters.into() }],
            inactive: Vec::new(),
        };
        let crypt = device("crypt", "serpent-cbc-essiv:sha256 00 0 7:0 0");
        for (algorithm, expected) in [
            ("serpent", true),
            ("essiv(cbc(serpent),sha256)", true),
            ("xts(serpent)", false),
            ("aes", false),
        ] {
            assert_eq!(mentions(&crypt, algorithm), expected, "{algorithm}");
        }
        let integrity = device("integrity", "7:0 0 4 J 1 internal_hash:crc32c-generic");
        assert!(mentions(&integrity, "crc32c") && mentions(&integrity, "crc32c-generic"));
        assert!(!mentions(&device("linear", "aes 0"), "aes"));
    }

    #[test]
    fn targets_and_what_they_use() {
        let system = System::at("/nowhere");
        let target = |kind: &str, parameters: &str| Target {
            kind: kind.into(),
            parameters: parameters.into(),
        };
        let paths = target("multipath", "0 0 2 1 round-robin 0 1 1 7:0 1 round-robin 0 1 1 7:1 1");
        for (module, target, expected) in [
            ("dm_crypt", target("crypt", "aes-xts-plain64 00 0 7:0 0"), 1),
            ("dm_mod", target("linear", "7:0 0"), 1),
            ("dm_thin_pool", target("thin-pool", "7:0 7:1 128 0"), 1),
            ("dm_thin_pool", target("thin", "254:0 0"), 1),
            ("dm_multipath", paths.clone(), 1),
            ("dm_round_robin", paths.clone(), 2),
            ("dm_queue_length", paths, 0),
            ("raid456", target("raid", "raid5_ls 3 0 region_size 1024"), 1),
            ("raid1", target("raid", "raid10 3 0"), 0),
            ("dm_raid", target("raid", "raid1 3 0"), 1),
            ("dm_snapshot", target("snapshot", "7:0 7:1 N 8"), 2),
            ("dm_snapshot", target("snapshot-origin", "7:0"), 1),
        ] {
            let row = format!("{module} 1 1 - Live 0x0\n");
            let snapshot = Snapshot::parse(row.as_bytes()).unwrap();
            let module = snapshot.modules().first().unwrap();
            let search = Search::until(Instant::now(), &system, module);
            assert_eq!(references(&search, &target), expected, "{module:?} {target:?}");
        }
    }
}
