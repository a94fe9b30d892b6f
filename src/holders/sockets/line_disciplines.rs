//! Line disciplines of terminals.

use std::collections::HashSet;

use rustix::termios::tcgetattr;

use crate::holders::Holder;
use crate::holders::descriptors::{Descriptor, field, with_prefix};
use crate::holders::network::objects::NetworkObject;
use crate::holders::search::Search;

/// Each terminal holds the module of its line discipline (`tty_ldisc_get`). Both ends of a pseudo
/// terminal show it.
pub(in crate::holders) fn line_disciplines(search: &Search<'_>) -> Vec<Holder> {
    let numbers = search.suffixes("tty-ldisc-", "tty-ldisc-");
    let numbers: Vec<u8> = numbers
        .iter()
        .filter_map(|number| std::str::from_utf8(number).ok()?.parse().ok())
        .collect();
    if numbers.is_empty() {
        return Vec::new();
    }
    let mut list = Vec::new();
    let (mut terminals, mut seen) = (HashSet::new(), Vec::new());
    // The masters last, and before them who has the master, too: a process that has only the
    // terminal itself uses the discipline.
    let is_master = |descriptor: &Descriptor<'_>| descriptor.link().ends_with(b"ptmx");
    let files = [b"/dev/tty", b"/dev/pts"].into_iter();
    let files = files.flat_map(|prefix| with_prefix(search, prefix));
    let files = files.chain(with_prefix(search, b"/dev/ptmx"));
    let (masters, slaves): (Vec<_>, Vec<_>) = files.partition(is_master);
    let serving: HashSet<_> = masters.iter().map(|master| master.process().pid).collect();
    let (own, users): (Vec<_>, Vec<_>) =
        slaves.into_iter().partition(|slave| serving.contains(&slave.process().pid));
    for descriptor in users.into_iter().chain(own).chain(masters) {
        if search.is_late() {
            break;
        }
        let Some(terminal) = descriptor.duplicate(search) else { continue };
        let Ok(number) = tcgetattr(&terminal).map(|settings| settings.line_discipline) else {
            continue;
        };
        if !numbers.contains(&number) {
            continue;
        }
        let path = match slave_of(&descriptor.info()).filter(|_| is_master(&descriptor)) {
            Some(index) => format!("/dev/pts/{index}").into_bytes(),
            None => descriptor.link().to_vec(),
        };
        let process = descriptor.process();
        let this = (path.clone(), process.pid);
        if seen.contains(&this) {
            continue;
        }
        seen.push(this);
        let references = u64::from(terminals.insert(path.clone()));
        let object = NetworkObject::LineDiscipline { process, path: path.into(), number };
        list.push(descriptor.hold(Holder::in_network(object).with_references(references)));
    }
    list
}

/// The number of the terminal that a master controls (Linux 4.14, `ptm_show_fdinfo`).
fn slave_of(info: &str) -> Option<u32> {
    field(info, "tty-index")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slave_of_a_master() {
        assert_eq!(slave_of("pos:\t0\nflags:\t02\ntty-index:\t3\n"), Some(3));
        assert_eq!(slave_of("pos:\t0\n"), None);
    }
}
