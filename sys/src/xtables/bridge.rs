//! Tables of ebtables.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::libc;

use super::{LIMIT, fill, get};

/// `EBT_SO_GET_INFO` and `EBT_SO_GET_ENTRIES` of `linux/netfilter_bridge/ebtables.h`.
const GET_INFO: libc::c_int = 128;
const GET_ENTRIES: libc::c_int = 129;

/// `struct ebt_replace`: its length, and the offsets of the fields that are used. A pointer is as
/// long as a register of the kernel's.
const REPLACE: usize = 120;
const COUNT: usize = 36;
const SIZE: usize = 40;
const POINTER: usize = 112;

/// Reads the chains and rules of a table of ebtables, through a raw socket of IP.
///
/// The answer has a `struct ebt_entries` for each chain, followed by a `struct ebt_entry` for each
/// rule of the chain. The kernel loads the module of a table that is not there: ask only for one
/// that is.
///
/// # Errors
///
/// `EPERM` without `CAP_NET_ADMIN` in the network namespace; `EINVAL` if the table changes
/// meanwhile; `ENOSYS` on 32-bit machines.
pub fn bridge_table(socket: BorrowedFd<'_>, name: &[u8]) -> Result<Vec<u8>, Errno> {
    if cfg!(target_pointer_width = "32") {
        return Err(Errno::ENOSYS);
    }
    let mut request = vec![0; REPLACE];
    fill(&mut request, 0, name)?;
    get(socket, libc::SOL_IP, GET_INFO, &mut request)?;
    let field = |offset: usize| {
        request.get(offset..).and_then(<[u8]>::first_chunk).map_or([0; 4], |&bytes: &[u8; 4]| bytes)
    };
    let (count, size) = (field(COUNT), field(SIZE));
    let length = usize::try_from(u32::from_ne_bytes(size)).unwrap_or(usize::MAX);
    if length > LIMIT {
        return Err(Errno::EFBIG);
    }
    // Without counters: their number is zero. The entries go behind the request.
    let mut request = vec![0; REPLACE + length];
    let place = request.as_mut_ptr().expose_provenance() + REPLACE;
    fill(&mut request, 0, name)?;
    fill(&mut request, COUNT, &count)?;
    fill(&mut request, SIZE, &size)?;
    fill(&mut request, POINTER, &place.to_ne_bytes())?;
    get(socket, libc::SOL_IP, GET_ENTRIES, &mut request)?;
    Ok(request.split_off(REPLACE))
}
