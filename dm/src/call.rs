//! The system call.

use std::ffi::c_void;
use std::fs::File;
use std::io;

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, opcode};

/// Size of `struct dm_ioctl`.
pub(crate) const HEADER: usize = 312;

/// Number of the command that lists the devices.
pub(crate) const LIST_DEVICES: u8 = 2;
/// Number of the command that returns a table.
pub(crate) const TABLE_STATUS: u8 = 12;

/// Return the table instead of the status.
pub(crate) const STATUS_TABLE: u32 = 1 << 4;
/// Return the table that is not active yet.
pub(crate) const QUERY_INACTIVE_TABLE: u32 = 1 << 12;
/// The answer did not fit.
const BUFFER_FULL: u32 = 1 << 8;
/// Wipe the kernel's copy: tables contain keys.
const SECURE_DATA: u32 = 1 << 15;

/// Offsets of fields in `struct dm_ioctl`.
const VERSION: usize = 0;
const DATA_SIZE: usize = 12;
pub(crate) const DATA_START: usize = 16;
pub(crate) const TARGET_COUNT: usize = 20;
const FLAGS: usize = 28;
const NAME: usize = 48;
const NAME_SIZE: usize = 128;

/// The largest answer that is waited for.
const LIMIT: usize = 16 << 20;

/// Calls the device mapper, and returns its answer: a header and the data.
pub(crate) fn call(control: &File, number: u8, name: &[u8], flags: u32) -> io::Result<Vec<u8>> {
    let mut size = 64 << 10;
    loop {
        let mut buffer = request(name, flags, size)?;
        exchange(control, number, &mut buffer)?;
        if get(&buffer, FLAGS).unwrap_or(0) & BUFFER_FULL == 0 {
            return Ok(buffer);
        }
        size *= 4;
        if size > LIMIT {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
    }
}

fn request(name: &[u8], flags: u32, size: usize) -> io::Result<Vec<u8>> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let mut buffer = vec![0; size];
    let mut put = |offset: usize, bytes: &[u8]| {
        let place = buffer.get_mut(offset..offset + bytes.len());
        place.map(|place| place.copy_from_slice(bytes)).ok_or_else(invalid)
    };
    let number = |value: usize| u32::try_from(value).map(u32::to_ne_bytes).map_err(|_| invalid());
    // Version 4.0.0, which every kernel since 2.6 takes.
    put(VERSION, &4u32.to_ne_bytes())?;
    put(DATA_SIZE, &number(size)?)?;
    put(DATA_START, &number(HEADER)?)?;
    put(FLAGS, &(flags | SECURE_DATA).to_ne_bytes())?;
    if name.len() >= NAME_SIZE {
        return Err(invalid());
    }
    put(NAME, name)?;
    Ok(buffer)
}

/// The number at an offset.
pub(crate) fn get(buffer: &[u8], offset: usize) -> Option<u32> {
    let bytes = buffer.get(offset..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

/// A buffer that the kernel reads and writes: its length is in its header.
struct Exchange<'a> {
    number: u8,
    buffer: &'a mut [u8],
}

#[allow(unsafe_code, reason = "there is no other way to call ioctl(2)")]
// SAFETY: the number has the size of the header, which is the least that the kernel reads and
// writes; beyond that it keeps to the length in the header, which is that of the buffer.
unsafe impl Ioctl for Exchange<'_> {
    type Output = ();

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::read_write::<[u8; HEADER]>(0xfd, self.number)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.buffer.as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}

#[allow(unsafe_code, reason = "there is no other way to call ioctl(2)")]
fn exchange(control: &File, number: u8, buffer: &mut [u8]) -> io::Result<()> {
    // SAFETY: see the implementation of `Ioctl`. On a file that is not of the device mapper, this
    // number is not known: its type is registered to it alone.
    unsafe { rustix::ioctl::ioctl(control, Exchange { number, buffer }) }?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let buffer = request(b"name", STATUS_TABLE, 1024).unwrap();
        assert_eq!((get(&buffer, VERSION), get(&buffer, DATA_SIZE)), (Some(4), Some(1024)));
        assert_eq!(get(&buffer, FLAGS), Some(STATUS_TABLE | SECURE_DATA));
        assert_eq!(buffer.get(NAME..NAME + 5), Some(&b"name\0"[..]));
        assert!(request(&[b'x'; 128], 0, 1024).is_err());
    }

    #[test]
    fn a_file_that_is_none_of_the_device_mappers() {
        let file = File::open("/dev/null").unwrap();
        assert!(call(&file, LIST_DEVICES, b"", 0).is_err());
    }
}
