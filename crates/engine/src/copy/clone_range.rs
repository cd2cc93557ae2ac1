//! Ranges of files that share their blocks.
#![allow(unsafe_code, reason = "FICLONERANGE has no safe interface")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

/// Make `length` bytes of `target` at `to` share the blocks of `source` from `from`, until one of them is written.
///
/// The range is a snapshot: a write to `source` comes before or after it. An error where the file system does not share
/// blocks, where the files are on two of them, and where the range begins or ends within a block (unless it ends with
/// `source`). `target` is unchanged then.
pub fn clone_range(source: &File, from: u64, length: u64, target: &File, to: u64) -> io::Result<()> {
    if length == 0 {
        // The kernel takes it for everything up to the end.
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let range = libc::file_clone_range {
        src_fd: i64::from(source.as_raw_fd()),
        src_offset: from,
        src_length: length,
        dest_offset: to,
    };
    // SAFETY: `source` and `target` keep their descriptors open. The kernel reads `range`, which has the type that this
    // call takes and lives until it returns, and writes no memory of this process.
    let answer = unsafe { libc::ioctl(target.as_raw_fd(), libc::FICLONERANGE, &raw const range) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
