//! Rules of legacy iptables, by getsockopt(2).

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES` of `linux/netfilter_ipv4/ip_tables.h`; those of
/// ip6tables have the same numbers.
const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;
/// The length of the name of a table.
const TABLE_NAME: usize = 32;
/// The length of `struct ipt_getinfo`.
const INFO: usize = 84;
/// The length of `struct ipt_get_entries` without entries.
const ENTRIES: usize = 40;
/// The most that is asked for: a million rules.
const LIMIT: usize = 256 << 20;

/// The tables of a family, by the level of its socket options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// iptables.
    Ip,
    /// ip6tables.
    Ip6,
}

/// What the kernel has in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Whether each of the five hooks is used: `PREROUTING`, `INPUT`, `FORWARD`, `OUTPUT`,
    /// `POSTROUTING`.
    pub hooks: u32,
    /// Offset of the first rule of each hook.
    pub entry_points: [u32; 5],
    /// Number of entries, those of the policies and chain heads included.
    pub count: u32,
    /// The entries, each a `struct ipt_entry` or `struct ip6t_entry`.
    pub entries: Vec<u8>,
}

/// Reads a table through a raw socket of the family.
///
/// The kernel creates a table that it has a template for: ask only for one that is there.
///
/// # Errors
///
/// `EPERM` without `CAP_NET_ADMIN` in the network namespace; `EAGAIN` if the table changes
/// meanwhile.
pub fn table(socket: BorrowedFd<'_>, family: Family, name: &[u8]) -> Result<Table, Errno> {
    let mut info = [0; INFO];
    fill(&mut info, 0, name)?;
    get(socket, family, GET_INFO, &mut info)?;
    let field = |index: usize| -> u32 {
        let bytes = info.get(TABLE_NAME + 4 * index..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |&bytes| u32::from_ne_bytes(bytes))
    };
    // valid_hooks, hook_entry[5], underflow[5], num_entries, size.
    let size = usize::try_from(field(12)).unwrap_or(usize::MAX);
    if size > LIMIT {
        return Err(Errno::EFBIG);
    }
    let mut entries = vec![0; ENTRIES + size];
    fill(&mut entries, 0, name)?;
    fill(&mut entries, TABLE_NAME, &field(12).to_ne_bytes())?;
    let length = get(socket, family, GET_ENTRIES, &mut entries)?;
    entries.truncate(length);
    let entry_points = [field(1), field(2), field(3), field(4), field(5)];
    entries.drain(..ENTRIES.min(length));
    Ok(Table { hooks: field(0), entry_points, count: field(11), entries })
}

fn fill(buffer: &mut [u8], offset: usize, value: &[u8]) -> Result<(), Errno> {
    if offset == 0 && value.len() >= TABLE_NAME {
        return Err(Errno::ENAMETOOLONG);
    }
    let place = buffer.get_mut(offset..offset + value.len()).ok_or(Errno::EINVAL)?;
    place.copy_from_slice(value);
    Ok(())
}

/// The kernel reads the request from the buffer, and writes the answer there.
fn get(
    socket: BorrowedFd<'_>,
    family: Family,
    option: libc::c_int,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    let level = match family {
        Family::Ip => libc::SOL_IP,
        Family::Ip6 => libc::SOL_IPV6,
    };
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(|_| Errno::EFBIG)?;
    let data = buffer.as_mut_ptr().cast();
    // SAFETY: `data` and `length` describe one buffer that lives as long as the call, and the two
    // options of `iptables` that are asked for write no more than `length` bytes, into it only.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, data, &raw mut length) };
    Errno::result(result)?;
    Ok(usize::try_from(length).unwrap_or(0).min(buffer.len()))
}
