//! What is worth knowing about a success, for those who want to hear it.

use modutils::{Request, Snapshot, System};

/// Parameters that did not take effect, and checks that were overridden.
pub(crate) fn of(system: &System, request: Request<'_>) -> Vec<String> {
    let mut lines = discarded(system, request);
    lines.extend(overridden(system, request));
    lines
}

/// What distinguishes the loaded module from the one that was to be loaded.
pub(crate) fn differences(system: &System, request: Request<'_>) -> Vec<String> {
    let Request { file, arguments, .. } = request;
    let found = file.image().and_then(|image| {
        let name = image.name()?;
        modutils::differences(system, &name, &image, arguments)
    });
    found.unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// Linux 6.5 and later answer two calls for the same file at the same moment with one load, of
/// which only the first call's parameters count.
fn discarded(system: &System, request: Request<'_>) -> Vec<String> {
    if request.arguments.is_empty() {
        return Vec::new();
    }
    let mut lines = differences(system, request);
    if !lines.is_empty() {
        lines.push(
            "another process loaded it at the same moment, and the kernel took the parameters \
             of that one"
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
        (true, true) => "version magic and symbol versions were",
        (true, false) => "the version magic was",
        _ => "symbol versions were",
    };
    let effect = if taints.letters().contains('F') {
        "and the kernel is tainted: F (force-loaded)"
    } else {
        "which was not needed: the kernel did not have to overrule anything"
    };
    Some(format!("{checks} not compared, {effect}"))
}
