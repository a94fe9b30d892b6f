//! Where the kernel shows itself: the only file that spells paths of `/proc`, `/sys` and
//! `/lib/modules`.

mod read;

pub(crate) use read::{open_regular, read, read_regular, read_text};

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memrchr;
use nix::sys::utsname::uname;

use crate::name::ModuleName;
use crate::taint::KernelTaints;

/// A system to read from: the running one, or a directory that looks like one.
///
/// A captured `/proc` and `/sys` gives the same answers everywhere: nothing is read from outside
/// of its directory, and no system call asks the kernel that happens to run. Modules are loaded
/// and removed by [`Kernel`](crate::Kernel), which is never captured.
#[derive(Clone, Debug)]
pub struct System {
    root: PathBuf,
}

impl System {
    /// Returns the system that this program runs on.
    pub fn live() -> Self {
        Self::at("/")
    }

    /// Returns the system captured below `root`, which holds `proc`, `sys` and so on.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory that stands for `/`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether this is the running system, whose kernel can be asked by system calls, too.
    pub(crate) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    pub(crate) fn proc_modules(&self) -> PathBuf {
        self.root.join("proc/modules")
    }

    /// Returns whether /proc exists: without it, the absence of a file below means nothing.
    pub fn has_proc(&self) -> bool {
        self.root.join("proc/self").symlink_metadata().is_ok()
    }

    /// The directory that stands for a module, loaded or built in: `/sys/module/NAME`.
    pub(crate) fn module_dir(&self, name: &ModuleName) -> PathBuf {
        // As in kobject_set_name_vargs (lib/kobject.c). Without it, a name could lead elsewhere;
        // so could one of dots, whose directory no path leads to.
        let dots = matches!(name.as_bytes(), b"." | b"..");
        let stands = |&byte: &u8| if byte == b'/' || dots { b'!' } else { byte };
        let name: Vec<u8> = name.as_bytes().iter().map(stands).collect();
        self.root.join("sys/module").join(OsStr::from_bytes(&name))
    }

    /// The algorithm that the kernel decompresses modules with; nothing where it does not.
    pub(crate) fn module_compression(&self) -> Option<String> {
        read_text(&self.root.join("sys/module/compression")).ok()
    }

    /// The kernel's log.
    pub(crate) fn kernel_log(&self) -> PathBuf {
        self.root.join("dev/kmsg")
    }

    /// The kernel's symbols, and those of the loaded modules.
    pub(crate) fn kallsyms(&self) -> PathBuf {
        self.root.join("proc/kallsyms")
    }

    /// The kernel's memory, in the form of a core dump.
    pub(crate) fn kernel_core(&self) -> PathBuf {
        self.root.join("proc/kcore")
    }

    /// A file of sysctl(8), below `/proc/sys`.
    pub(crate) fn sysctl(&self, name: &str) -> PathBuf {
        self.root.join("proc/sys").join(name)
    }

    /// Whether /sys shows modules: without it, the absence of a module there means nothing.
    pub(crate) fn has_module_dirs(&self) -> bool {
        self.root.join("sys/module").is_dir()
    }

    /// The directory of the processes, and other files about the whole system.
    pub(crate) fn processes(&self) -> PathBuf {
        self.root.join("proc")
    }

    /// The protocols of sockets, and the modules they are from.
    pub(crate) fn socket_protocols(&self) -> PathBuf {
        self.root.join("proc/net/protocols")
    }

    /// A file of the network namespace of the thread, below `/proc/net`.
    pub(crate) fn network_file(&self, name: &str) -> PathBuf {
        self.root.join("proc/thread-self/net").join(name)
    }

    /// The algorithms for encryption and digests, and the modules they are from.
    pub(crate) fn crypto(&self) -> PathBuf {
        self.root.join("proc/crypto")
    }

    /// The directories that the kernel's NFS server exports.
    pub(crate) fn exports(&self) -> PathBuf {
        self.root.join("proc/fs/nfs/exports")
    }

    /// Statistics, among them the time of the boot.
    pub(crate) fn statistics(&self) -> PathBuf {
        self.root.join("proc/stat")
    }

    /// The areas in use for swapping.
    pub(crate) fn swaps(&self) -> PathBuf {
        self.root.join("proc/swaps")
    }

    /// The names of the miscellaneous devices, by minor number.
    pub(crate) fn misc_devices(&self) -> PathBuf {
        self.root.join("proc/misc")
    }

    /// The names that drivers registered for major numbers.
    pub(crate) fn device_majors(&self) -> PathBuf {
        self.root.join("proc/devices")
    }

    /// The directories of all devices by number, `kind` being `char` or `block`.
    pub(crate) fn device_numbers(&self, kind: &str) -> PathBuf {
        self.root.join("sys/dev").join(kind)
    }

    /// The directory of the device with this number, `kind` being `char` or `block`.
    pub(crate) fn device_dir(&self, kind: &str, major: u32, minor: u32) -> PathBuf {
        self.device_numbers(kind).join(format!("{major}:{minor}"))
    }

    /// The processors.
    pub(crate) fn processors(&self) -> PathBuf {
        self.root.join("sys/devices/system/cpu")
    }

    /// The directory of the block devices, or of the network interfaces.
    pub(crate) fn class_dir(&self, class: &str) -> PathBuf {
        self.root.join("sys/class").join(class)
    }

    /// The GPIO chips, as devices of their bus.
    pub(crate) fn gpio_chips(&self) -> PathBuf {
        self.root.join("sys/bus/gpio/devices")
    }

    /// Where debugfs is mounted.
    pub(crate) fn debugfs(&self) -> PathBuf {
        self.root.join("sys/kernel/debug")
    }

    /// The files of the sound cards.
    pub(crate) fn sound_dir(&self) -> PathBuf {
        self.root.join("proc/asound")
    }

    /// The control file of the device mapper.
    pub(crate) fn device_mapper(&self) -> PathBuf {
        self.root.join("dev/mapper/control")
    }

    /// The directory of a type of file systems, below `/sys/fs`.
    pub(crate) fn filesystem_dir(&self, kind: &OsStr) -> PathBuf {
        self.root.join("sys/fs").join(kind)
    }

    /// The names that the modules of a release are loaded by, see depmod(8).
    pub(crate) fn modules_alias(&self, release: &str) -> PathBuf {
        self.root.join("lib/modules").join(release).join("modules.alias")
    }

    /// The attributes of modules that are built into the kernel.
    pub(crate) fn modules_builtin_modinfo(&self, release: &str) -> PathBuf {
        self.root.join("lib/modules").join(release).join("modules.builtin.modinfo")
    }

    /// Where tracing instances are made, if tracefs is mounted: in its own place, or, as before
    /// Linux 4.1 and by those who mount debugfs only, below debugfs.
    pub(crate) fn trace_instances(&self) -> Option<PathBuf> {
        self.tracing().map(|place| place.join("instances")).filter(|place| place.is_dir())
    }

    /// The place of tracefs since Linux 4.1.
    pub(crate) fn own_tracing(&self) -> PathBuf {
        self.root.join("sys/kernel/tracing")
    }

    /// The root of tracefs.
    pub(crate) fn tracing(&self) -> Option<PathBuf> {
        [self.own_tracing(), self.root.join("sys/kernel/debug/tracing")]
            .into_iter()
            .find(|place| place.join("instances").is_dir())
    }

    /// The live patches.
    pub(crate) fn live_patches(&self) -> PathBuf {
        self.root.join("sys/kernel/livepatch")
    }

    /// The kernel command line.
    pub(crate) fn command_line(&self) -> PathBuf {
        self.root.join("proc/cmdline")
    }

    /// A file about the calling process itself.
    pub(crate) fn own_process(&self, file: &str) -> PathBuf {
        self.root.join("proc/self").join(file)
    }

    /// A parameter of a module, loaded or built in.
    pub(crate) fn module_parameter(&self, module: &str, parameter: &str) -> PathBuf {
        self.root.join("sys/module").join(module).join("parameters").join(parameter)
    }

    /// A file of the security modules: securityfs.
    pub(crate) fn security(&self, file: &str) -> PathBuf {
        self.root.join("sys/kernel/security").join(file)
    }

    /// A variable of the firmware.
    pub(crate) fn firmware_variable(&self, name: &str) -> PathBuf {
        self.root.join("sys/firmware/efi/efivars").join(name)
    }

    /// The directory of a release's modules, and of the files of depmod(8).
    pub(crate) fn release_dir(&self, release: &str) -> PathBuf {
        self.root.join("lib/modules").join(release)
    }

    /// The exported symbols of the tree that modules for this release are built in. A captured
    /// system's link to that tree leads elsewhere and is not followed.
    pub(crate) fn module_symvers(&self, release: &str) -> Option<PathBuf> {
        let tree = self.release_dir(release).join("build");
        (self.is_live() || !tree.is_symlink()).then(|| tree.join("Module.symvers"))
    }

    /// The directory with a directory for each release that has modules.
    pub(crate) fn releases_dir(&self) -> PathBuf {
        self.root.join("lib/modules")
    }

    /// The directories of modprobe.d(5), the most important first.
    pub(crate) fn modprobe_dirs(&self) -> [PathBuf; 5] {
        ["etc", "run", "usr/local/lib", "usr/lib", "lib"]
            .map(|parent| self.root.join(parent).join("modprobe.d"))
    }

    /// The symbols of a release, as distributions install them.
    pub(crate) fn system_map(&self, release: &str) -> PathBuf {
        self.installed(release, "System.map")
    }

    /// A file of this system, such as a package database.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A path as this system has it: absolute.
    pub(crate) fn inner_path(&self, path: &Path) -> PathBuf {
        let inner = path.strip_prefix(&self.root).unwrap_or(path);
        Path::new("/").join(inner)
    }

    /// The configuration that a release was built with, as distributions install it.
    pub(crate) fn config(&self, release: &str) -> PathBuf {
        self.installed(release, "config")
    }

    /// A file about a release: beside its modules, as in Fedora and in Debian since Linux 7, or in
    /// /boot.
    fn installed(&self, release: &str, file: &str) -> PathBuf {
        let beside = self.release_dir(release).join(file);
        if beside.exists() { beside } else { self.root.join(format!("boot/{file}-{release}")) }
    }

    /// The container that the system runs in, by the name of its manager.
    pub(crate) fn container(&self) -> Option<String> {
        const MARKS: &[(&str, &str)] = &[(".dockerenv", "docker"), ("run/.containerenv", "podman")];
        let marked = MARKS.iter().find(|(file, _)| self.root.join(file).exists());
        let named = read_text(&self.root.join("run/systemd/container")).ok();
        let version = || read_text(&self.root.join("proc/version")).ok();
        // gVisor has a kernel of its own, which says so in its log alone, and this one version.
        let is_gvisor = |text: &String| text.starts_with("Linux version 4.4.0 #1 SMP Sun Jan 10");
        marked
            .map(|(_, name)| (*name).to_owned())
            .or(named.filter(|name| !name.is_empty()))
            .or_else(|| version().filter(is_gvisor).map(|_| "gVisor".to_owned()))
    }

    /// Returns whether the kernel is of this version or later; a release that is not known is not.
    pub(crate) fn is_since(&self, major: u32, minor: u32) -> bool {
        version(&self.release()).is_some_and(|own| own >= (major, minor))
    }

    /// Returns whether the kernel is older than this version; a release that is not known is not.
    pub(crate) fn is_before(&self, major: u32, minor: u32) -> bool {
        version(&self.release()).is_some_and(|own| own < (major, minor))
    }

    /// Returns the taints of the kernel; `None` if they are unknown.
    pub fn kernel_taints(&self) -> Option<KernelTaints> {
        let text = read_text(&self.sysctl("kernel/tainted")).ok()?;
        text.parse().ok().map(KernelTaints::new)
    }

    /// Returns the release of the kernel, as `uname -r` prints it; empty where nothing shows it.
    pub fn release(&self) -> String {
        let asked = || uname().ok().filter(|_| self.is_live());
        read_text(&self.root.join("proc/sys/kernel/osrelease")).unwrap_or_else(|_| {
            asked().map(|it| it.release().to_string_lossy().into_owned()).unwrap_or_default()
        })
    }
}

/// The two numbers that a release starts with.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().ok());
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

/// Whether one path of a depmod(8) list ends in this module's file, compressed or not.
pub(crate) fn names_file_of(line: &[u8], name: &ModuleName) -> bool {
    let start = memrchr(b'/', line).map_or(0, |slash| slash + 1);
    let (file, own) = (line.get(start..).unwrap_or_default(), name.as_bytes());
    // A glance shows that most are of other modules.
    let is_same = |(&one, &own): (&u8, &u8)| one == own || (one, own) == (b'-', b'_');
    file.get(own.len()).is_none_or(|&next| next == b'.')
        && file.iter().zip(own).all(is_same)
        && ModuleName::from_file_name(Path::new(OsStr::from_bytes(line)))
            .is_ok_and(|found| found == *name)
}

#[cfg(test)]
mod tests;
