//! Programs, links and types of BPF, by bpf(2).

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

/// Objects that the kernel numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Object {
    /// A program.
    Program,
    /// The types of the kernel or of a module.
    Btf,
    /// The link of a program to what it is attached to.
    Link,
}

/// Commands of `enum bpf_cmd` in `linux/bpf.h`.
const OBJ_GET: u32 = 7;
const OBJ_GET_INFO: u32 = 15;
const TASK_FD_QUERY: u32 = 20;

impl Object {
    /// The commands for the next number, and for a descriptor.
    fn commands(self) -> (u32, u32) {
        match self {
            Self::Program => (11, 13),
            Self::Btf => (23, 19),
            Self::Link => (31, 30),
        }
    }
}

/// `union bpf_attr`, as far as it is used here.
type Attributes = [u32; 12];

fn call(command: u32, attributes: &mut Attributes) -> Result<libc::c_long, Errno> {
    let number = libc::c_long::from(command.cast_signed());
    let size = size_of::<Attributes>();
    // SAFETY: `attributes` lives as long as the call, `size` is its size, and the callers below
    // set each pointer in it to memory that does, too.
    let result = unsafe { libc::syscall(libc::SYS_bpf, number, attributes.as_mut_ptr(), size) };
    Errno::result(result)
}

fn descriptor(command: u32, attributes: &mut Attributes) -> Result<OwnedFd, Errno> {
    let number = call(command, attributes)?;
    let number = i32::try_from(number).map_err(|_| Errno::EBADF)?;
    // SAFETY: the commands that this is called with return a new descriptor, without an owner yet.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Returns the smallest number of an object above `after`.
///
/// # Errors
///
/// `ENOENT` after the last; `EPERM` without `CAP_BPF` or `CAP_SYS_ADMIN`.
pub fn next(object: Object, after: u32) -> Result<u32, Errno> {
    let mut attributes = [after, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    call(object.commands().0, &mut attributes)?;
    let [_, next, ..] = attributes;
    Ok(next)
}

/// Opens an object by its number.
///
/// # Errors
///
/// `ENOENT` if it is gone; `EPERM` without `CAP_SYS_ADMIN`.
pub fn open(object: Object, number: u32) -> Result<OwnedFd, Errno> {
    descriptor(object.commands().1, &mut [number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// Opens an object that a file of bpffs keeps.
///
/// # Errors
///
/// `EINVAL` if the file is of another file system.
pub fn open_pinned(path: &CStr) -> Result<OwnedFd, Errno> {
    let [low, high] = halves(path.as_ptr().addr() as u64);
    // BPF_F_RDONLY, which a map may be opened with, and a link or program must not.
    descriptor(OBJ_GET, &mut [low, high, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// What the kernel tells about an object: `struct bpf_prog_info`, `struct bpf_link_info` and so on,
/// in fields of 32 bits. Older kernels know fewer fields.
///
/// # Errors
///
/// `EINVAL` if the descriptor is of something else.
pub fn info(object: impl AsFd) -> Result<Vec<u32>, Errno> {
    // Zeros ask for no arrays, so that the kernel writes to this buffer only.
    let mut info = vec![0u32; 64];
    let length = read_info(object.as_fd().as_raw_fd(), info.as_mut_slice())?;
    info.truncate(length / 4);
    Ok(info)
}

/// The name of a module's types, which is the module's.
///
/// # Errors
///
/// `EINVAL` if the descriptor is of something else.
pub fn btf_name(btf: impl AsFd) -> Result<Vec<u8>, Errno> {
    let mut name = [0u8; 64];
    let [low, high] = halves(name.as_mut_ptr().expose_provenance() as u64);
    let length = u32::try_from(name.len()).unwrap_or(0);
    // struct bpf_btf_info: btf, btf_size, id, name, name_len, kernel_btf.
    let mut info = [0, 0, 0, 0, low, high, length, 0];
    read_info(btf.as_fd().as_raw_fd(), &mut info)?;
    Ok(name.iter().copied().take_while(|&byte| byte != 0).collect())
}

/// The addresses of the functions that a link of many kprobes is on; zeros for callers that may not
/// see addresses.
///
/// # Errors
///
/// `EINVAL` if the descriptor is of something else.
pub fn kprobe_addresses(link: impl AsFd) -> Result<Vec<u64>, Errno> {
    /// The most that the kernel allows (`MAX_KPROBE_MULTI_CNT`).
    const LIMIT: u32 = 1 << 20;
    let link = link.as_fd();
    // struct bpf_link_info: type, id, prog_id, hole, addrs, count, flags, and more.
    let mut info = [0u32; 16];
    read_info(link.as_raw_fd(), &mut info)?;
    let [_, _, _, _, _, _, count, ..] = info;
    let mut addresses = vec![0u64; usize::try_from(count.min(LIMIT)).unwrap_or(0)];
    if addresses.is_empty() {
        return Ok(addresses);
    }
    let [low, high] = halves(addresses.as_mut_ptr().expose_provenance() as u64);
    let mut info = [0, 0, 0, 0, low, high, count.min(LIMIT), 0, 0, 0, 0, 0, 0, 0, 0, 0];
    read_info(link.as_raw_fd(), &mut info)?;
    Ok(addresses)
}

/// The trace point that a program is attached to by an event of perf (Linux 4.18); none if it is
/// attached to something else.
///
/// # Errors
///
/// `ENOENT` if the event has no program; `EPERM` without `CAP_SYS_ADMIN`.
pub fn trace_point(event: impl AsFd) -> Result<Option<Vec<u8>>, Errno> {
    /// `BPF_FD_TYPE_TRACEPOINT`.
    const TRACE_POINT: u32 = 1;
    let event = u32::try_from(event.as_fd().as_raw_fd()).map_err(|_| Errno::EBADF)?;
    let mut name = [0u8; 128];
    let [low, high] = halves(name.as_mut_ptr().expose_provenance() as u64);
    let length = u32::try_from(name.len()).unwrap_or(0);
    // The process, its descriptor, flags, the buffer; and what the kernel answers.
    let mut attributes = [std::process::id(), event, 0, length, low, high, 0, 0, 0, 0, 0, 0];
    call(TASK_FD_QUERY, &mut attributes)?;
    let name = || name.iter().copied().take_while(|&byte| byte != 0).collect();
    Ok((attributes.get(7) == Some(&TRACE_POINT)).then(name))
}

fn read_info(descriptor: i32, info: &mut [u32]) -> Result<usize, Errno> {
    let descriptor = u32::try_from(descriptor).map_err(|_| Errno::EBADF)?;
    let length = u32::try_from(size_of_val(info)).map_err(|_| Errno::EINVAL)?;
    let [low, high] = halves(info.as_mut_ptr().expose_provenance() as u64);
    let mut attributes = [descriptor, length, low, high, 0, 0, 0, 0, 0, 0, 0, 0];
    call(OBJ_GET_INFO, &mut attributes)?;
    let [_, length, ..] = attributes;
    Ok(usize::try_from(length).unwrap_or(0).min(size_of_val(info)))
}

/// A number of 64 bits as two fields, in the order of the machine.
fn halves(number: u64) -> [u32; 2] {
    let bytes = number.to_ne_bytes();
    let half = |offset: usize| {
        let half = bytes.get(offset..).and_then(<[u8]>::first_chunk);
        half.map_or(0, |&half| u32::from_ne_bytes(half))
    };
    [half(0), half(4)]
}
