//! Rules of legacy iptables, arptables and ebtables, by getsockopt(2).

mod bridge;

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

pub use bridge::bridge_table;

/// The length of the name of a table.
const TABLE_NAME: usize = 32;
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
    /// arptables.
    Arp,
}

impl Family {
    /// `IPT_SO_GET_INFO` of `linux/netfilter_ipv4/ip_tables.h`, which ip6tables shares, and
    /// `ARPT_SO_GET_INFO`. The next number asks for the entries.
    fn get_info(self) -> libc::c_int {
        if self == Self::Arp { 96 } else { 64 }
    }

    fn level(self) -> libc::c_int {
        if self == Self::Ip6 { libc::SOL_IPV6 } else { libc::SOL_IP }
    }

    /// The number of hooks: `NF_INET_NUMHOOKS`, `NF_ARP_NUMHOOKS`.
    fn hooks(self) -> usize {
        if self == Self::Arp { 3 } else { 5 }
    }
}

/// What the kernel has in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Whether each of the hooks is used: `PREROUTING`, `INPUT`, `FORWARD`, `OUTPUT`,
    /// `POSTROUTING`; of arptables, `INPUT`, `OUTPUT`, `FORWARD`.
    pub hooks: u32,
    /// Offset of the first rule of each hook.
    pub entry_points: Vec<u32>,
    /// Number of entries, those of the policies and chain heads included.
    pub count: u32,
    /// The entries, each a `struct ipt_entry`, `struct ip6t_entry` or `struct arpt_entry`.
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
    // valid_hooks, hook_entry of each hook, underflow of each hook, num_entries, size.
    let hooks = family.hooks();
    let mut info = vec![0; TABLE_NAME + 4 * (3 + 2 * hooks)];
    fill(&mut info, 0, name)?;
    get(socket, family.level(), family.get_info(), &mut info)?;
    let field = |index: usize| -> u32 {
        let bytes = info.get(TABLE_NAME + 4 * index..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |&bytes| u32::from_ne_bytes(bytes))
    };
    let (count, length) = (field(1 + 2 * hooks), field(2 + 2 * hooks));
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > LIMIT {
        return Err(Errno::EFBIG);
    }
    let mut entries = vec![0; ENTRIES + size];
    fill(&mut entries, 0, name)?;
    fill(&mut entries, TABLE_NAME, &length.to_ne_bytes())?;
    let length = get(socket, family.level(), family.get_info() + 1, &mut entries)?;
    entries.truncate(length);
    let entry_points = (1..=hooks).map(field).collect();
    entries.drain(..ENTRIES.min(length));
    Ok(Table { hooks: field(0), entry_points, count, entries })
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
///
/// Only for options that write nowhere else.
fn get(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(|_| Errno::EFBIG)?;
    let data = buffer.as_mut_ptr().cast();
    // SAFETY: `data` and `length` describe one buffer that lives as long as the call, and the
    // options that are asked for write no more than `length` bytes, into it only.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, data, &raw mut length) };
    Errno::result(result)?;
    Ok(usize::try_from(length).unwrap_or(0).min(buffer.len()))
}
