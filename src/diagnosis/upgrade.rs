//! Whether a kernel was upgraded and the old one still runs.
//!
//! On rolling distributions an upgrade removes the modules of the running kernel. But a machine
//! without modules of its kernel may also have got that kernel from elsewhere, as in containers, in
//! WSL and on rented machines, which do not boot the installed kernel.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::system::{self, System};

/// Whether one release succeeds another of the same series: a greater version, and the same words,
/// such as `arch` or `amd64`.
pub(super) fn succeeds(newer: &str, older: &str) -> bool {
    words(newer) == words(older) && numbers(newer) > numbers(older)
}

/// Whether two releases are of one series, such as 6.1, within which kernels may be compatible.
pub(super) fn same_series(one: &str, other: &str) -> bool {
    let series = |release: &str| numbers(release).into_iter().take(2).collect::<Vec<_>>();
    series(one) == series(other)
}

/// Whether a release was installed before the machine was booted, as far as times tell: then another
/// kernel was booted in spite of that.
pub(super) fn precedes_boot(system: &System, release: &str) -> bool {
    let booted = system::read_text(&system.statistics()).ok().and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<i64>().ok())
    });
    // Its packages keep the times of modification, not of this.
    let kernel = fs::metadata(system.release_dir(release).join("kernel"));
    booted.zip(kernel.ok()).is_some_and(|(booted, kernel)| kernel.ctime() < booted)
}

fn numbers(release: &str) -> Vec<u64> {
    let numbers = release.split(|letter: char| !letter.is_ascii_digit());
    numbers.filter_map(|number| number.parse().ok()).collect()
}

/// Marks of a distribution's release or of a package's build.
const BUILDS: &[&str] = &["", "rc", "deb", "bpo", "fc", "el", "ubuntu", "git"];

/// The words of a release without their numbers: `fc41` and `fc42` are one.
fn words(release: &str) -> Vec<String> {
    // A processor's name has numbers that count.
    let processors = ["x86_64", "aarch64", "amd64", "arm64", "i686", "ppc64le", "s390x"];
    let processor = processors.iter().find(|name| release.ends_with(*name));
    let rest = processor.and_then(|name| release.strip_suffix(name)).unwrap_or(release);
    let letters = rest.split(|letter: char| !letter.is_ascii_alphabetic());
    let letters = letters.filter(|word| !BUILDS.contains(word)).map(str::to_owned);
    letters.chain(processor.map(|name| (*name).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn upgrades() {
        for (newer, older) in [
            ("6.6.2-arch1-1", "6.6.1-arch1-1"),
            ("6.0.11-300.fc37.x86_64", "6.0.10-300.fc36.x86_64"),
            ("6.1.54-v8+", "6.1.21-v8+"),
            ("6.1.0-14-amd64", "6.1.0-13-amd64"),
            ("6.5.4-1-default", "6.5.3-2-default"),
            ("6.12", "6.11"),
            ("6.12.9+bpo-amd64", "6.1.0-30-amd64"),
            ("6.5.6_1", "6.4.9_2"),
        ] {
            assert!(succeeds(newer, older), "{newer} {older}");
            assert!(!succeeds(older, newer), "{older} {newer}");
        }
    }

    #[test]
    fn installed_before_the_boot() {
        let root = Captured::new();
        root.write("lib/modules/6.2/kernel/t_x.ko", "");
        let at = |seconds: i64| {
            root.write("proc/stat", format!("cpu 1 2\nbtime {seconds}\nprocesses 3\n"));
            precedes_boot(&root.system(), "6.2")
        };
        assert!(at(i64::MAX));
        assert!(!at(0));
        assert!(!precedes_boot(&root.system(), "6.3"));
        assert!(!precedes_boot(&Captured::new().system(), "6.2"));
    }

    #[test]
    fn kernels_from_elsewhere() {
        for (installed, running) in [
            ("6.8.0-45-generic", "5.15.153.1-microsoft-standard-WSL2"),
            ("5.15.0-91-generic", "6.6.87.2-microsoft-standard-WSL2"),
            ("6.1.0-13-amd64", "6.1.0-13-cloud-amd64"),
            ("6.6.2-arch1-1", "6.6.1-zen1-1-zen"),
            ("6.1.0-13-arm64", "6.1.0-12-amd64"),
            ("6.1.54-v8+", "6.1.21-v7l+"),
        ] {
            assert!(!succeeds(installed, running), "{installed} {running}");
        }
    }
}
