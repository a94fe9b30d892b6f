//! What manages the processors' power: governors of their frequencies, and drivers of their idle
//! states.

use std::path::{Path, PathBuf};

use super::holder::{Holder, HolderKind};
use super::search::Search;
use crate::directory;
use crate::order;
use crate::shell::shell_word;
use crate::system;

/// Drivers of idle states in modules, by the names that they register.
const IDLE: [(&str, &[u8]); 1] = [("haltpoll", b"cpuidle_haltpoll")];

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let mut list = governed(search);
    list.extend(idle(search));
    list
}

/// Each policy holds its governor (`cpufreq_init_governor` in `drivers/cpufreq/cpufreq.c`).
fn governed(search: &Search<'_>) -> Vec<Holder> {
    let Some(own) = search.name().strip_prefix(b"cpufreq_") else { return Vec::new() };
    let policies = directories(&search.system.processors().join("cpufreq"), "policy");
    let governed = policies.into_iter().filter_map(|path| {
        let file = path.join("scaling_governor");
        let governor = system::read_text(&file).ok()?;
        (governor.trim().as_bytes() == own).then_some(())?;
        let available = system::read_text(&path.join("scaling_available_governors"));
        let available = available.unwrap_or_default();
        let other = available.split_ascii_whitespace().find(|name| name.as_bytes() != own);
        let command = other.map(|other| format!("echo {other} > {}", shell_word(&file)));
        let holder = Holder::known(HolderKind::SysfsObject { path: path.into() });
        Some(match command {
            Some(command) => holder.ended_by(command),
            None => holder,
        })
    });
    governed.collect()
}

/// Each processor holds the driver of its idle states (`__cpuidle_register_device` in
/// `drivers/cpuidle/cpuidle.c`), and the first processor is always on.
fn idle(search: &Search<'_>) -> Vec<Holder> {
    let Some((driver, _)) = IDLE.iter().find(|(_, module)| *module == search.name()) else {
        return Vec::new();
    };
    let root = search.system.processors();
    let current = system::read_text(&root.join("cpuidle/current_driver")).unwrap_or_default();
    if current.trim() != *driver {
        return Vec::new();
    }
    let users = directories(&root, "cpu").into_iter().map(|path| path.join("cpuidle"));
    users
        .filter(|path| path.is_dir())
        .map(|path| {
            let kind = HolderKind::SysfsObject { path: path.into() };
            Holder::known(kind).ended_by_restart()
        })
        .collect()
}

/// The directories in a directory whose names are a word and a number.
fn directories(root: &Path, word: &str) -> Vec<PathBuf> {
    let entries = directory::entries(root).into_iter().flatten().flatten();
    let mut numbered: Vec<_> = entries
        .filter_map(|entry| {
            let number: u32 = entry.name.to_str()?.strip_prefix(word)?.parse().ok()?;
            Some((number, entry.path))
        })
        .collect();
    order::sort(&mut numbered);
    numbered.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;
    use crate::remedy::WayOut;

    #[test]
    fn governors_and_idle_states() {
        let root = Captured::new();
        let cpu = "sys/devices/system/cpu";
        for (policy, governor) in [("policy0", "ondemand"), ("policy10", "userspace")] {
            let dir = format!("{cpu}/cpufreq/{policy}");
            root.write(format!("{dir}/scaling_governor"), format!("{governor}\n"));
            root.write(format!("{dir}/scaling_available_governors"), "ondemand performance \n");
        }
        root.write(format!("{cpu}/cpuidle/current_driver"), "haltpoll\n");
        root.directory(format!("{cpu}/cpu1/cpuidle"));
        root.directory(format!("{cpu}/cpu0/cpuidle"));
        let system = root.system();
        let dir = root.join(cpu).display().to_string();
        for (module, expected) in [
            (
                "cpufreq_ondemand",
                vec![format!("echo performance > {dir}/cpufreq/policy0/scaling_governor")],
            ),
            ("cpufreq_powersave", vec![]),
            ("cpuidle_haltpoll", vec!["restart the system without it".to_owned(); 2]),
        ] {
            let row = format!("{module} 1 1 - Live 0x0\n");
            let snapshot = Snapshot::parse(row.as_bytes()).unwrap();
            let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
            let found = of(&search).into_iter().filter_map(|holder| holder.way_out);
            let found: Vec<_> =
                found.map(|(WayOut::Command(text) | WayOut::Step(text))| text).collect();
            assert_eq!(found, expected, "{module}");
        }
    }
}
