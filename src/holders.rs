//! Who holds references to a module.
//!
//! The kernel keeps a number and the list of modules that use a module, nothing more. Here the
//! things that are known to take references are looked for, each with the number it takes (from
//! the callers of `try_module_get` in Linux 6.12), and what then is left is said to be unexplained.

mod aliases;
mod block;
mod crypto;
mod devices;
mod drivers;
mod mounts;
mod network;
mod processes;

use std::cell::Cell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::loaded::LoadedModule;
use crate::system::System;
use aliases::Aliases;
use devices::Owners;
use processes::Processes;

/// What is known of the references to one module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holders {
    /// Whatever holds it: first those that surely do.
    pub list: Vec<Holder>,
    /// References that nobody in the list holds. `None` where the kernel keeps no count.
    pub unexplained: Option<u64>,
    /// Processes that may not be looked into.
    pub hidden_processes: u64,
    /// The search was given up, as it took too long: some of it is missing.
    pub incomplete: bool,
}

/// Something that holds a module, or is bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its name: of a module, a type of file system, a block device, an interface, a protocol, an
    /// algorithm.
    pub name: Option<OsString>,
    /// The process, for [`HolderKind::Process`] and [`HolderKind::Socket`].
    pub process: Option<Process>,
    /// The open file; where a file system is mounted; the file behind a loop device.
    pub path: Option<PathBuf>,
    /// How many references it accounts for. None, if it would go along with the module, or if all
    /// are accounted for by others: processes can share one open file, which is one reference.
    pub references: u64,
    /// How well it is known.
    pub certainty: Certainty,
    /// Whether it may take a second reference, as [`settle`] tells.
    may_take_two: bool,
    /// It is the calling process.
    is_caller: bool,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its number, in the pid name space of `/proc`.
    pub pid: i32,
    /// Its name, see `/proc/PID/comm` in proc(5).
    pub command: OsString,
}

/// Kinds of holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HolderKind {
    /// A module that uses its symbols.
    Module,
    /// The kernel's loader, until its init function has returned.
    Loader,
    /// A process that has one of its devices open.
    Process,
    /// A process that has a socket of one of its protocols.
    Socket,
    /// A mounted file system, of its type or on its block device.
    Mount,
    /// A loop device that is bound to a file.
    Loop,
    /// A block device of its that is used for swapping.
    Swap,
    /// A block device that is made of one of its own: device mapper, RAID.
    BlockDevice,
    /// A block device whose requests it schedules.
    Scheduler,
    /// An algorithm of its that is in use.
    Crypto,
    /// A device that one of its drivers is bound to; takes no reference.
    Device,
    /// A network interface of its; takes no reference.
    Interface,
}

/// How well a holder is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Certainty {
    /// The kernel, or the list of the modules' own aliases, says so.
    Known,
    /// The name of the device is that of the module, or its parent's driver is of the module.
    Likely,
    /// It holds some module, and nothing tells which.
    Possible,
}

/// How long a search may take.
const TIME: Duration = Duration::from_secs(2);

/// What all parts of a search share.
struct Search<'a> {
    system: &'a System,
    module: &'a LoadedModule,
    aliases: Aliases,
    end: Instant,
    /// Whether anything was left out.
    cut: Cell<bool>,
}

impl<'a> Search<'a> {
    fn until(end: Instant, system: &'a System, module: &'a LoadedModule) -> Self {
        Self { system, module, aliases: Aliases::read(system), end, cut: Cell::new(false) }
    }

    fn name(&self) -> &[u8] {
        self.module.name.as_bytes()
    }

    /// Whether the time is up. Whoever asks leaves the rest of its part out then.
    fn is_late(&self) -> bool {
        let late = Instant::now() >= self.end;
        self.cut.set(self.cut.get() || late);
        late
    }
}

/// Looks for whatever holds `module`; for two seconds at most.
///
/// Sees all of it only with the right to look into all processes, `CAP_SYS_PTRACE`. The calling
/// process is among them only for what it holds alone: open files that it was started with are its
/// parent's, too.
pub fn holders(system: &System, module: &LoadedModule) -> Holders {
    let search = Search::until(Instant::now() + TIME, system, module);
    let owners = Owners::new(&search);
    let mut list: Vec<_> = module
        .used_by
        .iter()
        .map(|user| Holder {
            name: Some(user.as_os_str().to_owned()),
            references: 1,
            ..Holder::new(HolderKind::Module, Certainty::Known)
        })
        .collect();
    if module.loader_references() > 0 {
        list.push(Holder { references: 1, ..Holder::new(HolderKind::Loader, Certainty::Known) });
    }
    list.extend(drivers::bound(&search));
    list.extend(network::interfaces(&search));
    let mut hidden_processes = 0;
    if module.anonymous_references() != Some(0) {
        // The processes are what can take long.
        list.extend(block::of(&search, &owners));
        list.extend(crypto::of(&search));
        let processes = Processes::scan(&search, &owners);
        hidden_processes = processes.hidden;
        list.extend(processes.holders);
        list.extend(processes.mounts.holders());
    }
    let unexplained = settle(&mut list, module.anonymous_references());
    Holders { list, unexplained, hidden_processes, incomplete: search.cut.get() }
}

impl Holder {
    fn new(kind: HolderKind, certainty: Certainty) -> Self {
        Self {
            kind,
            name: None,
            process: None,
            path: None,
            references: 0,
            certainty,
            may_take_two: false,
            is_caller: false,
        }
    }
}

/// Makes the references of the list add up to no more than there are, and returns how many are
/// left over.
fn settle(list: &mut Vec<Holder>, references: Option<i64>) -> Option<u64> {
    list.sort_by_key(|holder| (holder.certainty, holder.kind));
    let mut callers: Vec<_> = list.extract_if(.., |holder| holder.is_caller).collect();
    let references = u64::try_from(references?).unwrap_or(0);
    let left = share(list, references);
    let left = share(&mut callers, left);
    list.extend(callers.into_iter().filter(|holder| holder.references > 0));
    if left == 0 {
        list.retain(|holder| holder.certainty != Certainty::Possible);
    }
    Some(left)
}

fn share(list: &mut [Holder], mut left: u64) -> u64 {
    // What modules and the loader hold is not among them.
    let is_counted = |kind| matches!(kind, HolderKind::Module | HolderKind::Loader);
    for holder in list.iter_mut().filter(|holder| !is_counted(holder.kind)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn open(references: u64, certainty: Certainty, may_take_two: bool) -> Holder {
        Holder { references, may_take_two, ..Holder::new(HolderKind::Process, certainty) }
    }

    fn settled(mut list: Vec<Holder>, references: Option<i64>) -> (Vec<u64>, Option<u64>) {
        let unexplained = settle(&mut list, references);
        (list.iter().map(|holder| holder.references).collect(), unexplained)
    }

    #[test]
    fn the_caller_holds_what_nobody_else_does() {
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
    fn references_add_up() {
        use Certainty::{Known, Likely, Possible};
        let module = || Holder { references: 1, ..Holder::new(HolderKind::Module, Known) };
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
