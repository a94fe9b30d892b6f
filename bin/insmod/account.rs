//! Differences between the loaded module and the file, after a success.

use modutils::diagnosis::{Difference, Request, WayOut};
use modutils::{Snapshot, System};

use super::options::TOOL;
use crate::common::invocation::Invocation;

/// Parameters that did not take effect, and checks that were overridden.
pub(crate) fn of(system: &System, request: Request<'_>) -> Vec<String> {
    let mut lines = discarded(system, request);
    lines.extend(overridden(system, request));
    lines
}

/// What distinguishes the loaded module from the one that was to be loaded.
pub(crate) fn differences(system: &System, request: Request<'_>) -> Vec<String> {
    found(system, request).iter().map(ToString::to_string).collect()
}

/// Returns the warning that the loaded module is a different build.
pub(crate) fn another_build(system: &System, request: Request<'_>) -> Option<String> {
    let stale =
        |one: &Difference| matches!(one, Difference::Source { .. } | Difference::Build { .. });
    let difference = found(system, request).into_iter().find(stale)?;
    let ways = request.file.name().map(|name| system.ways_to_replace(&name)).unwrap_or_default();
    let invocation = Invocation::of_process(TOOL);
    let way = ways.iter().find_map(|way| match invocation.show(way)? {
        WayOut::Command(text) | WayOut::Step(text) => Some(format!("; to load this one: {text}")),
        _ => None,
    });
    Some(format!("{difference}{}", way.unwrap_or_default()))
}

fn found(system: &System, request: Request<'_>) -> Vec<Difference> {
    let Request { file, arguments, .. } = request;
    let found = file.image().and_then(|image| {
        let name = image.name()?;
        system.differences(&name, &image, arguments)
    });
    found.unwrap_or_default()
}

fn discarded(system: &System, request: Request<'_>) -> Vec<String> {
    if request.arguments.is_empty() { Vec::new() } else { lines(&found(system, request)) }
}

/// Linux 6.5 and later answer two calls for the same file at the same moment with one load, of
/// which only the first call's parameters count. A module that sets its parameters itself looks the
/// same.
fn lines(differences: &[Difference]) -> Vec<String> {
    let mut lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    if differences.iter().any(|one| matches!(one, Difference::Parameter { .. })) {
        lines.push(
            "the module may have changed the value itself, or (since Linux 6.5) another process \
             loaded it at the same moment and the kernel used that process's parameters"
                .to_owned(),
        );
    }
    lines
}

fn overridden(system: &System, request: Request<'_>) -> Option<String> {
    if !request.force.any() {
        return None;
    }
    let name = request.file.name().ok()?;
    let snapshot = Snapshot::take(system).ok()?;
    let taints = &snapshot.get(&name)?.taints;
    let checks = match (request.force.vermagic, request.force.modversions) {
        (true, true) => "version magic and symbol version checks were",
        (true, false) => "the version magic check was",
        _ => "the symbol version check was",
    };
    let effect = if taints.letters().contains('F') {
        "skipped; the kernel is now tainted (F, force-loaded)"
    } else {
        "not needed; --force had no effect"
    };
    Some(format!("{checks} {effect}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that rounds its parameter looks like one that another process loaded.
    #[test]
    fn a_reason_that_is_not_known_is_not_claimed() {
        let rounded = Difference::Parameter {
            name: "size".to_owned(),
            loaded: "4096".to_owned(),
            given: "4095".to_owned(),
        };
        let lines = lines(&[rounded]);
        assert_eq!(lines[0], "parameter size is '4096' in the loaded module, not '4095'");
        assert!(
            lines[1].starts_with("the module may have changed the value itself, or "),
            "{lines:?}"
        );
        assert!(lines[1].contains("another process loaded it"), "{lines:?}");
        assert_eq!(lines.len(), 2);

        let built = Difference::Build { loaded: "a".to_owned(), file: "b".to_owned() };
        assert_eq!(
            super::lines(&[built]),
            ["the loaded module is a different build (build ID a; file: b)"]
        );
        assert!(super::lines(&[]).is_empty());
    }
}
