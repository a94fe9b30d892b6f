//! The mounts that each mount namespace has, and how to get there.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use super::mountinfo::{self, Mount, View};
use super::process::Namespace;
use super::search::{OmissionReason, Search};
use super::seen::link_number;
use crate::system;

impl Search<'_> {
    /// The mounts of all mount namespaces; the caller's comes first.
    pub(super) fn views(&self) -> &[View] {
        self.scene.views.get_or_init(|| of(self))
    }
}

/// The mount namespaces that anything keeps: processes, descriptors, bind mounts; the caller's
/// first.
fn of(search: &Search<'_>) -> Vec<View> {
    let processes = search.processes();
    let own = processes.list.iter().find(|seen| seen.is_caller);
    let text = system::read(&search.system.own_process("mountinfo")).unwrap_or_default();
    let mut list = vec![View { namespace: None, mounts: mountinfo::rows(&text).collect() }];
    let mut known: HashSet<u64> = own.and_then(|seen| seen.mount_namespace).into_iter().collect();
    for seen in processes.list.iter().take_while(|_| !search.is_late()) {
        let Some(number) = seen.mount_namespace else { continue };
        if own.is_some() && known.insert(number) {
            let text = system::read(&seen.dir.join("mountinfo")).unwrap_or_default();
            let namespace = Some(Namespace::of_process(&seen.process));
            list.push(View { namespace, mounts: mountinfo::rows(&text).collect() });
        }
    }
    if own.is_some() {
        for (thread, dir) in processes.threads_in("mnt", |number| known.insert(number)) {
            let text = system::read(&dir.join("mountinfo")).unwrap_or_default();
            let namespace = Some(Namespace::of_process(&thread));
            list.push(View { namespace, mounts: mountinfo::rows(&text).collect() });
        }
    }
    for file in &processes.files {
        let Some(number) = number_of(&file.path) else { continue };
        let (Some(seen), Some(fd)) = (processes.owner(file), file.fd) else { continue };
        if known.insert(number) {
            let link = seen.dir.join("fd").join(fd.to_string());
            list.extend(entered(search, &link, Namespace::of_descriptor(&seen.process, fd)));
        }
    }
    // A namespace can have bind mounts of others.
    let mut next = 0;
    while let Some(view) = list.get(next) {
        next += 1;
        let base = base_of(search, view.namespace.as_ref());
        let binds: Vec<_> = view.mounts.iter().filter_map(bound).collect();
        for (number, place) in binds {
            if known.insert(number) && !search.is_late() {
                let path = base.join(place.strip_prefix("/").unwrap_or(place.as_path()));
                list.extend(entered(search, &path, Namespace::Path { path: place.into() }));
            }
        }
    }
    list
}

/// Where the root of a namespace is, seen from here.
fn base_of(search: &Search<'_>, namespace: Option<&Namespace>) -> PathBuf {
    match namespace {
        Some(Namespace::Process { pid, .. }) => {
            search.system.processes().join(pid.to_string()).join("root")
        }
        _ => search.system.root().to_owned(),
    }
}

fn bound(mount: &Mount) -> Option<(u64, PathBuf)> {
    let number = number_of(Path::new(&mount.root)).filter(|_| mount.kind == "nsfs")?;
    Some((number, PathBuf::from(&mount.place)))
}

fn number_of(path: &Path) -> Option<u64> {
    let name = path.as_os_str().as_bytes();
    if name.starts_with(b"mnt:[") { link_number(name) } else { None }
}

/// The mounts of a namespace without processes.
fn entered(search: &Search<'_>, file: &Path, namespace: Namespace) -> Option<View> {
    let Ok(text) = mounts_of(&search.system.own_process(""), file) else {
        search.omit("mount namespaces", OmissionReason::PermissionDenied);
        return None;
    };
    Some(View { namespace: Some(namespace), mounts: mountinfo::rows(&text).collect() })
}

struct Refused;

/// A thread enters it, and its `mountinfo` is read here, where `/proc` is known to be.
fn mounts_of(own: &Path, file: &Path) -> Result<Vec<u8>, Refused> {
    let file = File::open(file).map_err(|_| Refused)?;
    let (tell, hear) = mpsc::channel::<Option<i32>>();
    let (stop, stopped) = mpsc::channel::<()>();
    let inside = move || {
        // The working directory and root are shared with the other threads until then.
        let entered = unshare(CloneFlags::CLONE_FS)
            .and_then(|()| setns(&file, CloneFlags::CLONE_NEWNS))
            .map(|()| nix::unistd::gettid().as_raw());
        if tell.send(entered.ok()).is_ok() {
            // Until the other end is dropped.
            let _ = stopped.recv();
        }
    };
    thread::Builder::new().spawn(inside).map_err(|_| Refused)?;
    let tid = hear.recv().ok().flatten().ok_or(Refused)?;
    let mut text = Vec::new();
    let path = own.join("task").join(tid.to_string()).join("mountinfo");
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut text));
    drop(stop);
    read.map_err(|_| Refused)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_mount_namespaces() {
        assert_eq!(number_of(Path::new("mnt:[4026531841]")), Some(4_026_531_841));
        assert_eq!(number_of(Path::new("net:[4026531841]")), None);
        assert_eq!(number_of(Path::new("mnt:[x]")), None);
    }

    #[test]
    fn bind_mounts_of_namespaces() {
        let text = b"37 30 0:4 mnt:[12] /run/ns/a rw - nsfs nsfs rw\n";
        let found: Vec<_> = mountinfo::rows(text).filter_map(|mount| bound(&mount)).collect();
        assert_eq!(found, [(12, PathBuf::from("/run/ns/a"))]);
    }
}
