//! Network namespaces, and how to look into each of them.

use std::collections::HashSet;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

use modutils_sys::sockets;
use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::descriptors::{self, with_prefix};
use super::holder::Holder;
use super::mountinfo::Mount;
use super::process::{Namespace, Namespaces};
use super::search::{OmissionReason, Search};
use super::seen::link_number;

/// Where `ip netns` keeps the files that keep a namespace.
const NAMED: [&[u8]; 2] = [b"/run/netns/", b"/var/run/netns/"];

impl Search<'_> {
    fn namespaces(&self) -> &Namespaces {
        self.scene.namespaces.get_or_init(|| find(self))
    }

    /// The number of network namespaces, the caller's own included, and those that only a socket
    /// keeps, for which each socket has to be asked.
    pub(super) fn count_namespaces(&self) -> u64 {
        let mut numbers = self.namespaces().numbers.clone();
        for descriptor in descriptors::sockets(self).values().take_while(|_| !self.is_late()) {
            let socket = descriptor.duplicate(self);
            let namespace = socket.and_then(|socket| sockets::namespace(socket.as_fd()).ok());
            let status = namespace.and_then(|namespace| fstat(namespace).ok());
            numbers.extend(status.map(|status| status.st_ino));
        }
        u64::try_from(numbers.len()).unwrap_or(u64::MAX).max(1)
    }
}

/// Looks for those that a file system, a process or a descriptor keeps. One that only a socket
/// or an interface keeps is not to be found.
fn find(search: &Search<'_>) -> Namespaces {
    let mut found = Vec::new();
    let root = search.system.processes();
    let own = number_of(&root.join("thread-self/ns/net"));
    let mut seen: HashSet<u64> = own.into_iter().collect();
    for view in search.views() {
        let base = root_of(search, view.namespace.as_ref());
        for (number, place) in view.mounts.iter().filter_map(bound) {
            if let Some(base) = &base
                && seen.insert(number)
            {
                let path = base.join(place.strip_prefix("/").unwrap_or(&place));
                found.push((label(&place), path));
            }
        }
    }
    for process in &search.processes().list {
        let path = process.dir.join("ns/net");
        if number_of(&path).is_some_and(|number| seen.insert(number)) {
            found.push((Namespace::of_process(&process.process), path));
        }
    }
    let threads = search.processes().threads_in("net", |number| seen.insert(number));
    found.extend(threads.map(|(thread, dir)| (Namespace::of_process(&thread), dir.join("ns/net"))));
    for descriptor in with_prefix(search, b"net:[") {
        if link_number(descriptor.link()).is_some_and(|number| seen.insert(number)) {
            found.extend(descriptor.namespace());
        }
    }
    Namespaces { list: found, numbers: seen }
}

/// A bind mount of a network namespace.
fn bound(mount: &Mount) -> Option<(u64, PathBuf)> {
    let is_network = mount.kind == "nsfs" && mount.root.as_bytes().starts_with(b"net:[");
    let number = link_number(mount.root.as_bytes()).filter(|_| is_network)?;
    Some((number, PathBuf::from(&mount.place)))
}

fn number_of(link: &Path) -> Option<u64> {
    link_number(fs::read_link(link).ok()?.as_os_str().as_bytes())
}

fn label(place: &Path) -> Namespace {
    let bytes = place.as_os_str().as_bytes();
    let name = NAMED.iter().find_map(|dir| bytes.strip_prefix(*dir));
    match name.filter(|name| !name.contains(&b'/')) {
        Some(name) => Namespace::Named { name: name.into() },
        None => Namespace::Path { path: place.to_owned().into() },
    }
}

/// The root directory of a mount namespace, seen from here; nothing for one without a process.
fn root_of(search: &Search<'_>, namespace: Option<&Namespace>) -> Option<PathBuf> {
    match namespace {
        None => Some(search.system.root().to_owned()),
        Some(Namespace::Process { pid, .. }) => {
            Some(search.system.processes().join(pid.to_string()).join("root"))
        }
        Some(_) => None,
    }
}

/// What `find` finds in each network namespace, the caller's own first.
///
/// A thread of its own enters them, so that the caller stays where it is.
pub(super) fn in_each(
    search: &Search<'_>,
    find: impl Fn(&Search<'_>) -> Vec<Holder> + Sync,
) -> Vec<Holder> {
    if !search.system.is_live() {
        return Vec::new();
    }
    let find = &find;
    let namespaces = search.namespaces();
    let visit = || {
        let mut list = find(search);
        let mut closed = 0u64;
        for (namespace, path) in &namespaces.list {
            if search.is_late() {
                break;
            }
            match enter(path) {
                Ok(()) => {
                    let found = find(search).into_iter();
                    list.extend(found.map(|holder| holder.in_namespace(namespace)));
                }
                Err(rustix::io::Errno::PERM | rustix::io::Errno::ACCESS) => closed += 1,
                // It has ended in the meantime.
                Err(_) => {}
            }
        }
        match closed {
            0 => {}
            1 => search.omit("1 network namespace", OmissionReason::PermissionDenied),
            count => {
                let source = format!("{count} network namespaces");
                search.omit(source, OmissionReason::PermissionDenied);
            }
        }
        list
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, visit);
        thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
    })
}

fn enter(path: &Path) -> rustix::io::Result<()> {
    let namespace = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_namespaces() {
        let named = label(Path::new("/run/netns/n1"));
        assert_eq!(named, Namespace::Named { name: "n1".into() });
        assert_eq!(named.enter_network(), "ip netns exec n1 ");
        for other in ["/run/netns/a/b", "/x"] {
            assert_eq!(label(Path::new(other)), Namespace::Path { path: other.into() });
        }
    }
}
