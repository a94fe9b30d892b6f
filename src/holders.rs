//! Who holds references to a module.
//!
//! The kernel keeps a number and the list of modules that use a module, nothing more. The sources
//! here look for the things that are known to take references, each with the number it takes (from
//! the callers of `try_module_get` in Linux 6.12). References that none of them finds are counted
//! as unexplained.

mod aliases;
mod attached;
mod block;
mod bound_sockets;
mod btrfs;
mod chain;
mod classes;
mod configfs;
mod constants;
mod crypto;
mod descriptors;
mod device;
mod devices;
mod dm;
mod drivers;
mod eliminated;
mod encrypted;
mod exports;
mod files;
mod gpio;
mod handlers;
mod helpers;
mod holder;
mod keepers;
mod kernel_memory;
mod kinds;
mod lost;
mod mountinfo;
mod mounts;
mod named;
mod namespaces;
mod netfilter;
mod netlink;
mod network;
mod parts;
mod paths;
mod process;
mod processes;
mod processors;
mod recording;
mod registered;
mod search;
mod seen;
mod sequencer;
mod slow_mounts;
mod sockets;
mod stacks;
mod stopping;
mod stores;
mod text;
mod threads;
mod tracing;
mod unmounted;
mod unowned;
mod views;
mod walk;
mod words;

use std::time::Duration;

use crate::loaded::LoadedModule;
use crate::order;
use crate::shell::shell_word;
use crate::system::System;
use search::Search;

pub use holder::{Certainty, Holder, HolderKind};
pub use netfilter::objects::NetfilterObject;
pub use network::objects::{InterfaceState, NetworkObject};
pub use process::{Access, Namespace, Process};
pub use recording::{Change, Recorder, Recording};
pub use search::{Omission, OmissionReason};
pub use text::Text;
pub use tracing::objects::TracingObject;

/// The references to one module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holders {
    /// The holders: first those that are certain.
    pub list: Vec<Holder>,
    /// Number of references that no holder in the list accounts for. `None` where the kernel keeps
    /// no count.
    pub unexplained: Option<u64>,
    /// Sources that were not inspected, or not completely.
    pub omissions: Vec<Omission>,
}

/// A place to look for holders.
struct Source {
    /// Plural noun for what it inspects, for [`Omission`].
    name: &'static str,
    when: When,
    find: fn(&Search<'_>) -> Vec<Holder>,
}

/// The condition for inspecting a source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Always, however late it is: the module's row has it.
    AtHand,
    /// Always: it finds holders without references.
    Always,
    /// If there are references beside those of modules and the loader.
    Referenced,
    /// As `Referenced`, even after the deadline: the walk's findings only have to be assigned.
    Walked,
    /// If the sources before have left references unexplained: it is slow, or goes by elimination.
    Unexplained,
}

/// The sources, in the order in which they are inspected.
const SOURCES: &[Source] = &[
    Source { name: "users", when: When::AtHand, find: users },
    Source { name: "bound devices", when: When::Always, find: drivers::bound },
    Source { name: "network interfaces", when: When::Always, find: network::interfaces },
    Source { name: "block devices", when: When::Referenced, find: block::of },
    Source { name: "device-mapper tables", when: When::Referenced, find: dm::of },
    Source { name: "configfs", when: When::Referenced, find: configfs::of },
    Source { name: "configfs", when: When::Referenced, find: stores::on_devices },
    Source { name: "objects in sysfs", when: When::Referenced, find: attached::of },
    Source { name: "processors", when: When::Referenced, find: processors::of },
    Source { name: "algorithms", when: When::Referenced, find: crypto::of },
    Source { name: "open files", when: When::Walked, find: files::of },
    Source { name: "open files", when: When::Referenced, find: paths::of },
    Source { name: "open files", when: When::Referenced, find: sequencer::timers },
    Source { name: "sockets", when: When::Referenced, find: sockets::of },
    Source { name: "mounts", when: When::Referenced, find: mounts::of },
    Source { name: "mounts", when: When::Referenced, find: helpers::of_mounts },
    Source { name: "MTD devices", when: When::Referenced, find: helpers::memory_devices },
    Source { name: "UBI volumes", when: When::Referenced, find: helpers::volumes },
    Source { name: "users of mounts", when: When::Referenced, find: keepers::of },
    Source { name: "network interfaces", when: When::Always, find: network::links_of_kind },
    Source { name: "qdiscs", when: When::Referenced, find: network::qdiscs },
    Source { name: "traffic filters", when: When::Referenced, find: network::filters },
    Source { name: "traffic actions", when: When::Referenced, find: network::actions },
    Source { name: "routes", when: When::Referenced, find: network::encapsulated },
    Source { name: "teams", when: When::Referenced, find: network::teams },
    Source { name: "L2TP sessions", when: When::Referenced, find: network::l2tp },
    Source { name: "datapaths", when: When::Referenced, find: network::datapath_ports },
    Source { name: "IPsec states", when: When::Referenced, find: network::xfrm_states },
    Source { name: "nftables", when: When::Referenced, find: netfilter::nftables },
    Source { name: "iptables rules", when: When::Referenced, find: netfilter::xtables },
    Source { name: "ebtables rules", when: When::Referenced, find: netfilter::ebtables },
    Source { name: "IP sets", when: When::Referenced, find: netfilter::sets },
    Source { name: "virtual servers", when: When::Referenced, find: netfilter::virtual_servers },
    Source { name: "netfilter queues", when: When::Referenced, find: sockets::queues },
    Source { name: "netlink sockets", when: When::Referenced, find: sockets::netlink_sockets },
    Source { name: "congestion controls", when: When::Referenced, find: sockets::congestion },
    Source { name: "upper layers of TCP", when: When::Referenced, find: sockets::upper_layers },
    Source { name: "line disciplines", when: When::Referenced, find: sockets::line_disciplines },
    Source { name: "live patches", when: When::Referenced, find: tracing::live_patches },
    Source { name: "users of algorithms", when: When::Referenced, find: network::ciphers },
    Source { name: "control sockets", when: When::Referenced, find: sockets::control_sockets },
    Source { name: "sockets", when: When::Unexplained, find: sockets::behind },
    Source { name: "open files", when: When::Unexplained, find: sequencer::subscribers },
    Source { name: "TCP connections", when: When::Unexplained, find: sockets::abandoned },
    Source { name: "watchdogs", when: When::Unexplained, find: attached::watchdogs },
    Source { name: "GPIO lines", when: When::Unexplained, find: gpio::of },
    Source { name: "unmounted file systems", when: When::Unexplained, find: unmounted::of },
    Source { name: "mapped files", when: When::Unexplained, find: registered::mapped },
    Source { name: "io_uring files", when: When::Unexplained, find: registered::with_io_uring },
    Source { name: "BPF programs", when: When::Unexplained, find: tracing::programs },
    Source { name: "triggers", when: When::Unexplained, find: tracing::triggers },
    Source { name: "perf events", when: When::Unexplained, find: tracing::perf },
    Source { name: "queues of sockets", when: When::Unexplained, find: eliminated::of },
];

/// Maximum time of a search.
const TIME: Duration = Duration::from_secs(2);

impl System {
    /// Looks for whatever holds `module`, for two seconds at most.
    ///
    /// Finds everything only with the right to inspect all processes, `CAP_SYS_PTRACE`. The calling
    /// process is a holder only for what it holds alone: its parent shares the open files that the
    /// process was started with.
    pub fn holders(&self, module: &LoadedModule) -> Holders {
        find(self, module)
    }

    /// Looks for what holds no reference and goes away with `module`: network interfaces, and
    /// devices that lose their driver.
    pub fn bound_to(&self, module: &LoadedModule) -> Vec<Holder> {
        let search = Search::for_time(TIME, self, module);
        let mut list = drivers::bound(&search);
        list.extend(network::interfaces(&search));
        list
    }
}

fn find(system: &System, module: &LoadedModule) -> Holders {
    let search = Search::for_time(TIME, system, module);
    let (mut list, unexplained) = collect(&search, true);
    // What holds the users is an extra: that there was no time for it leaves nothing out.
    let omissions = left_out(search.omissions(), unexplained);
    chain::expand(&search, &mut list);
    Holders { list, unexplained, omissions }
}

/// The omissions that matter: where each reference is explained, whatever there was no time for holds
/// none.
fn left_out(mut omissions: Vec<Omission>, unexplained: Option<u64>) -> Vec<Omission> {
    omissions.retain(|it| it.reason != OmissionReason::OutOfTime || unexplained != Some(0));
    omissions
}

/// Inspects all sources, or only those of references, and returns what they find and the number of
/// references left over.
fn collect(search: &Search<'_>, with_bound: bool) -> (Vec<Holder>, Option<u64>) {
    let references = search.module.anonymous_references();
    let mut list = Vec::new();
    for source in SOURCES {
        let is_due = match source.when {
            When::AtHand => true,
            When::Always => with_bound,
            When::Referenced | When::Walked => references != Some(0),
            When::Unexplained => {
                let left = left_by(&list, references);
                search.set_left(left.unwrap_or(0));
                left != Some(0)
            }
        };
        if !is_due {
            continue;
        }
        if matches!(source.when, When::AtHand | When::Walked) || !search.is_late() {
            list.extend((source.find)(search));
        }
        if source.when != When::AtHand && search.was_cut() {
            search.omit(source.name, OmissionReason::OutOfTime);
        }
    }
    // The top of a stack has to be ended first.
    list.splice(0..0, stacks::of(search, &list));
    let unexplained = settle(&mut list, references);
    (list, unexplained)
}

/// The modules that use it, and the loader.
fn users(search: &Search<'_>) -> Vec<Holder> {
    let modules = search.module.used_by.iter().map(|user| {
        let kind = HolderKind::Module { name: user.as_os_str().into(), held_by: Vec::new() };
        Holder::known(kind).ended_by(format!("rmmod {}", shell_word(user.as_os_str())))
    });
    let loader = (search.module.loader_references() > 0).then(|| threads::loader(search));
    modules.chain(loader).collect()
}

/// Makes the references of the list add up to no more than there are, and returns how many are
/// left over.
fn settle(list: &mut Vec<Holder>, references: Option<i64>) -> Option<u64> {
    order::sort_by_key(list, |holder| (holder.certainty, holder.rank()));
    let mut callers: Vec<_> = list.extract_if(.., |holder| holder.is_caller).collect();
    let references = u64::try_from(references?).unwrap_or(0);
    let left = share(list, references);
    let left = share(&mut callers, left);
    let left = stretch(list, left);
    list.extend(callers.into_iter().filter(|holder| holder.references > 0));
    if left == 0 {
        list.retain(|holder| holder.certainty != Certainty::Possible);
    }
    Some(left)
}

/// How many references the list would leave, see [`settle`].
fn left_by(list: &[Holder], references: Option<i64>) -> Option<u64> {
    let mut left = u64::try_from(references?).unwrap_or(0);
    for is_caller in [false, true] {
        let group = || list.iter().filter(|holder| holder.is_caller == is_caller);
        let own = group().filter(|holder| !holder.kind.is_listed());
        left = left.saturating_sub(own.map(|holder| holder.references).sum());
        let second = group().filter(|holder| holder.may_take_two);
        if second.map(|holder| holder.references).sum::<u64>() == left {
            left = 0;
        }
    }
    let stretches = list.iter().any(|holder| !holder.is_caller && holder.may_take_more);
    Some(if stretches { 0 } else { left })
}

fn share(list: &mut [Holder], mut left: u64) -> u64 {
    // What modules and the loader hold is not among them.
    for holder in list.iter_mut().filter(|holder| !holder.kind.is_listed()) {
        holder.references = holder.references.min(left);
        left -= holder.references;
    }
    // An open character device takes a second reference if its cdev has an owner, which nothing
    // shows (chrdev_open in fs/char_dev.c). It is believed if the numbers say so.
    let second: Vec<_> = list.iter_mut().filter(|holder| holder.may_take_two).collect();
    if left > 0 && second.iter().map(|holder| holder.references).sum::<u64>() == left {
        for holder in second {
            holder.references *= 2;
        }
        left = 0;
    }
    left
}

/// Assigns the remaining references to holders that may take more than their known number.
fn stretch(list: &mut [Holder], left: u64) -> u64 {
    let mut open: Vec<_> = list.iter_mut().filter(|holder| holder.may_take_more).collect();
    let Some(count) = u64::try_from(open.len()).ok().filter(|count| *count > 0) else {
        return left;
    };
    let (each, mut rest) = (left / count, left % count);
    for holder in &mut open {
        holder.references += each + u64::from(rest > 0);
        rest = rest.saturating_sub(1);
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swap() -> HolderKind {
        HolderKind::Swap { name: "/dev/x".into() }
    }

    fn open(references: u64, certainty: Certainty, may_take_two: bool) -> Holder {
        Holder { references, may_take_two, ..Holder::new(swap(), certainty) }
    }

    fn settled(mut list: Vec<Holder>, references: Option<i64>) -> (Vec<u64>, Option<u64>) {
        let left = left_by(&list, references);
        let unexplained = settle(&mut list, references);
        assert_eq!(left, unexplained);
        (list.iter().map(|holder| holder.references).collect(), unexplained)
    }

    #[test]
    fn the_caller_holds_an_inherited_descriptor() {
        use Certainty::{Known, Possible};
        let caller = |references| Holder { is_caller: true, ..open(references, Known, true) };
        for (list, references, expected) in [
            (vec![caller(1), open(1, Known, true)], Some(1), (vec![1], Some(0))),
            // One shared open file of a device whose cdev has an owner.
            (vec![caller(1), open(1, Known, true)], Some(2), (vec![2], Some(0))),
            (vec![caller(1)], Some(1), (vec![1], Some(0))),
            (vec![caller(1)], Some(2), (vec![2], Some(0))),
            (vec![caller(0), open(0, Possible, false)], Some(1), (vec![0], Some(1))),
            (vec![caller(1)], None, (vec![], None)),
        ] {
            assert_eq!(settled(list.clone(), references), expected, "{list:?}");
        }
    }

    #[test]
    fn no_time_was_needed_for_more() {
        let omission = |reason| Omission { source: "open files".to_owned(), reason };
        let both = [OmissionReason::PermissionDenied, OmissionReason::OutOfTime].map(omission);
        for (unexplained, count) in [(Some(0), 1), (Some(1), 2), (None, 2)] {
            assert_eq!(left_out(both.to_vec(), unexplained), both[..count], "{unexplained:?}");
        }
    }

    #[test]
    fn references_add_up() {
        use Certainty::{Known, Likely, Possible};
        let module = || Holder::known(HolderKind::Module { name: "m".into(), held_by: vec![] });
        for (list, references, expected) in [
            // What the modules hold is not among the references to explain.
            (vec![module(), open(1, Known, false)], Some(1), (vec![1, 1], Some(0))),
            (vec![open(1, Known, false)], Some(3), (vec![1], Some(2))),
            // Open files that are shared: the sure ones count first.
            (vec![open(2, Likely, false), open(1, Known, false)], Some(2), (vec![1, 1], Some(0))),
            // Both devices have a cdev with an owner.
            (vec![open(1, Likely, true), open(2, Likely, true)], Some(6), (vec![2, 4], Some(0))),
            // Not all that is left over is theirs.
            (vec![open(1, Likely, true), open(2, Likely, true)], Some(5), (vec![1, 2], Some(2))),
            // Who may hold it is of interest only as long as something is unexplained.
            (vec![open(1, Known, false), open(0, Possible, false)], Some(1), (vec![1], Some(0))),
            (vec![open(1, Known, false), open(0, Possible, false)], Some(2), (vec![1, 0], Some(1))),
            (vec![open(1, Known, false)], None, (vec![1], None)),
        ] {
            assert_eq!(settled(list.clone(), references), expected, "{list:?}");
        }
    }
}
