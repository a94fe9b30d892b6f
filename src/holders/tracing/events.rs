//! Trace events of the module: triggers that switch them, and perf.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

use modutils_sys::bpf;
use modutils_sys::perf::is_trace_event;

use super::objects::TracingObject;
use super::symbols::Symbols;
use crate::directory;
use crate::holders::descriptors::with_prefix;
use crate::holders::search::{OmissionReason, Search};
use crate::holders::{Certainty, Holder, HolderKind, Text};
use crate::system;

/// Whether the module has trace events.
fn has_events(search: &Search<'_>) -> bool {
    let sections = search.system.module_dir(&search.module.name).join("sections");
    ["_ftrace_events", "__tracepoints_ptrs", "__tracepoints"]
        .iter()
        .any(|section| sections.join(section).exists())
}

/// Triggers that switch an event of the module hold it (`event_enable_trigger_parse`).
pub(in crate::holders) fn triggers(search: &Search<'_>) -> Vec<Holder> {
    let Some(tracing) = search.system.tracing().filter(|_| has_events(search)) else {
        return Vec::new();
    };
    let symbols = Symbols::new(search);
    let instances = directory::entries(&tracing.join("instances")).into_iter().flatten().flatten();
    let places = [tracing].into_iter().chain(instances.map(|instance| instance.path));
    let places: Vec<_> = places.collect();
    let mut list: Vec<_> = places.iter().flat_map(|place| of_functions(place, &symbols)).collect();
    if let Some(place) = places.first() {
        list.extend(of_probes(place, &symbols));
    }
    let found: u64 = list.iter().map(|holder| holder.references).sum();
    if found == search.left() {
        return list;
    }
    let end = search.end_of_share();
    for place in &places {
        list.extend(of_events(place, &symbols, || Instant::now() >= end));
    }
    if Instant::now() >= end {
        search.omit("triggers", OmissionReason::OutOfTime);
    }
    list
}

/// Triggers that other events pull. Each of some thousand events has a file of them; an event with a
/// trigger counts as enabled (`trace_event_enable_disable` in `kernel/trace/trace_events.c`), and
/// one file says whether any is.
fn of_events(tracing: &Path, symbols: &Symbols<'_>, is_late: impl Fn() -> bool) -> Vec<Holder> {
    let mut list = Vec::new();
    let has_enabled =
        |dir: &Path| system::read_text(&dir.join("enable")).is_ok_and(|state| state.trim() != "0");
    let dir = tracing.join("events");
    let Some(systems) = directory::entries(&dir).ok().filter(|_| has_enabled(&dir)) else {
        return list;
    };
    for system_dir in systems.flatten().filter(|system| has_enabled(&system.path)) {
        let Ok(events) = directory::entries(&system_dir.path) else { continue };
        for event in events.flatten() {
            if is_late() {
                return list;
            }
            let file = event.path.join("trigger");
            let Ok(text) = system::read_text(&file) else { continue };
            for trigger in text.lines().filter(|line| switches(line, symbols)) {
                let quoted = Text::from(format!("!{}", without_count(trigger))).word();
                list.push(pulled(&file, trigger, &quoted, ">"));
            }
        }
    }
    list
}

/// Triggers that calls of functions pull (`event_enable_func`), in rows such as
/// `nbd_open [nbd]:enable_event:nbd:nbd_send_request:unlimited`.
fn of_functions(tracing: &Path, symbols: &Symbols<'_>) -> Vec<Holder> {
    let file = tracing.join("set_ftrace_filter");
    let text = system::read_text(&file).unwrap_or_default();
    let rows = text.lines().filter_map(|row| {
        let (function, trigger) = row.split_once(':')?;
        let function = function.split_ascii_whitespace().next()?;
        switches(trigger, symbols).then(|| format!("{function}:{trigger}"))
    });
    rows.map(|trigger| {
        let words: Vec<_> = trigger.split(':').take(4).collect();
        let quoted = Text::from(format!("!{}", words.join(":"))).word();
        // Other functions of the filter stay.
        pulled(&file, &trigger, &quoted, ">>")
    })
    .collect()
}

/// Probes on events (`find_and_get_event` in `kernel/trace/trace_eprobe.c`), in rows such as
/// `e:eprobes/x nbd.nbd_send_request`.
fn of_probes(tracing: &Path, symbols: &Symbols<'_>) -> Vec<Holder> {
    let file = tracing.join("dynamic_events");
    let text = system::read_text(&file).unwrap_or_default();
    let mut list = Vec::new();
    for row in text.lines().filter_map(|row| row.strip_prefix("e:")) {
        let mut words = row.split(' ');
        let (probe, event) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let event = event.split(['.', '/']).nth(1).unwrap_or_default();
        if symbols.has_trace_point(event.as_bytes()) {
            let switch = Text::from(tracing.join("events").join(probe).join("enable")).word();
            let (path, removal) =
                (Text::from(file.clone()), Text::from(format!("-:{probe}")).word());
            let command = format!("echo 0 > {switch}; echo {removal} >> {}", path.word());
            let object = TracingObject::Trigger { path, trigger: row.into() };
            list.push(Holder::known(HolderKind::Tracing { object }).ended_by(command));
        }
    }
    list
}

fn pulled(file: &Path, trigger: &str, quoted: &str, redirection: &str) -> Holder {
    let path = Text::from(file.to_owned());
    let command = format!("echo {quoted} {redirection} {}", path.word());
    let object = TracingObject::Trigger { path, trigger: trigger.into() };
    Holder::known(HolderKind::Tracing { object }).ended_by(command)
}

/// Whether a trigger such as `enable_event:nbd:nbd_send_request:unlimited` is about an event of the
/// module.
fn switches(trigger: &str, symbols: &Symbols<'_>) -> bool {
    let mut words = trigger.split(':');
    let is_switch = matches!(
        words.next(),
        Some("enable_event" | "disable_event" | "enable_hist" | "disable_hist")
    );
    let event = words.nth(1).unwrap_or_default();
    let event = event.split_ascii_whitespace().next().unwrap_or_default();
    is_switch && symbols.has_trace_point(event.as_bytes())
}

/// A trigger, as it is written to remove it.
fn without_count(trigger: &str) -> String {
    trigger.split(':').take(3).collect::<Vec<_>>().join(":")
}

/// Processes that count events hold the module of an event of its own (`perf_trace_event_init`). The
/// kernel tells which event it is if it has a program of BPF, and else only whether it is a trace
/// event.
pub(in crate::holders) fn perf(search: &Search<'_>) -> Vec<Holder> {
    if !has_events(search) {
        return Vec::new();
    }
    let mut list: Vec<Holder> = Vec::new();
    let symbols = Symbols::new(search);
    for descriptor in with_prefix(search, b"anon_inode:[perf_event]") {
        let event = descriptor.duplicate(search);
        let is_other = |event: &OwnedFd| is_trace_event(event.as_fd()) == Ok(false);
        if event.as_ref().is_some_and(is_other) {
            continue;
        }
        let named = event.and_then(|event| bpf::trace_point(&event).ok());
        let is_own =
            |name: Option<Vec<u8>>| name.is_some_and(|name| symbols.has_trace_point(&name));
        let certainty = match named.map(is_own) {
            Some(false) => continue,
            Some(true) => Certainty::Known,
            None => Certainty::Likely,
        };
        let kind =
            HolderKind::Tracing { object: TracingObject::Perf { process: descriptor.process() } };
        let same = |known: &&mut Holder| known.kind == kind && known.certainty == certainty;
        match list.iter_mut().find(same) {
            Some(known) => known.references += 1,
            None => list.push(descriptor.hold(Holder::known(kind).with_certainty(certainty))),
        }
    }
    // The others by elimination, which the numbers have to bear out.
    let all: u64 = list.iter().map(|holder| holder.references).sum();
    if all != search.left() {
        for holder in list.iter_mut().filter(|holder| holder.certainty == Certainty::Likely) {
            (holder.references, holder.certainty) = (0, Certainty::Possible);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;

    #[test]
    fn triggers_are_removed_without_their_count() {
        let trigger = "enable_event:nbd:nbd_send_request:unlimited";
        assert_eq!(without_count(trigger), "enable_event:nbd:nbd_send_request");
    }

    #[test]
    fn probes_on_events() {
        let text = "e:eprobes/x nbd.nbd_send_request op=$op\ne:eprobes/y sched.sched_switch\n\
            p:kprobes/z nbd:nbd_open\n";
        let place = Captured::with(&[
            ("dynamic_events", text),
            ("proc/kallsyms", "0 d __tracepoint_nbd_send_request\t[nbd]\n"),
        ]);
        let snapshot = Snapshot::parse(b"nbd 8192 1 - Live 0x0\n").unwrap();
        let system = place.system();
        let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
        let found = of_probes(&place, &Symbols::new(&search));
        let [holder] = &found[..] else { panic!("{found:?}") };
        let (root, file) = (place.join("events/eprobes/x/enable"), place.join("dynamic_events"));
        let command =
            format!("echo 0 > {}; echo -:eprobes/x >> {}", root.display(), file.display());
        assert_eq!(holder.way_out, Some(crate::remedy::WayOut::Command(command)));
    }

    #[test]
    fn functions_that_pull_triggers() {
        let text = "#### all functions enabled ####\n\
            nbd_open [nbd]:enable_event:nbd:nbd_send_request:unlimited\n\
            schedule:enable_event:sched:sched_switch:unlimited\n\
            schedule:traceoff:unlimited\n";
        let place = Captured::with(&[
            ("set_ftrace_filter", text),
            ("proc/kallsyms", "0 d __tracepoint_nbd_send_request\t[nbd]\n"),
        ]);
        let snapshot = Snapshot::parse(b"nbd 8192 1 - Live 0x0\n").unwrap();
        let system = place.system();
        let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
        let found = of_functions(&place, &Symbols::new(&search));
        let [holder] = &found[..] else { panic!("{found:?}") };
        let file = place.join("set_ftrace_filter");
        let command =
            format!("echo '!nbd_open:enable_event:nbd:nbd_send_request' >> {}", file.display());
        assert_eq!(holder.way_out, Some(crate::remedy::WayOut::Command(command)));
    }
}
