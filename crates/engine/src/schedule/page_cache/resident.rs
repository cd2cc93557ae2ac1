//! Queries of the kernel whether single pages of a file are in memory.
#![allow(unsafe_code, reason = "mincore has no safe interface")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr::{self, NonNull};

/// Offsets are rounded down to this: a multiple of every page size.
const GRID: u64 = 64 << 10;

/// A mapping of a file through which no byte is read.
///
/// A read with `RWF_NOWAIT` would answer the same, but for an absent page it makes the kernel fetch that page, and a
/// single cached page breaks up the long reads that follow.
pub struct Resident {
    start: NonNull<libc::c_void>,
    length: usize,
}

impl Resident {
    /// Map the first `size` bytes of `file`. An error if that is none.
    pub fn map(file: &File, size: u64) -> io::Result<Self> {
        let length = usize::try_from(size).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the kernel's choice, of a descriptor that `file` keeps open. Nothing is
        // accessible through it.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_NONE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start).ok_or_else(|| io::Error::other("a mapping at address 0"))?;
        Ok(Self { start, length })
    }

    /// Return whether the page around `offset` is in memory. If the caller neither owns the file nor may write to it,
    /// the kernel answers that it is (`mincore(2)`).
    pub fn contains(&self, offset: u64) -> io::Result<bool> {
        let offset = usize::try_from(offset - offset % GRID).map_err(io::Error::other)?;
        if offset >= self.length {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let mut page = 0_u8;
        // SAFETY: `offset` is inside the mapping and at the start of a page; one page gets one byte of answer.
        let answer = unsafe { libc::mincore(self.start.as_ptr().byte_add(offset), 1, &raw mut page) };
        if answer != 0 {
            return Err(io::Error::last_os_error());
        }
        // The other bits are reserved.
        Ok(page & 1 == 1)
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and nothing points into it.
        unsafe { libc::munmap(self.start.as_ptr(), self.length) };
    }
}
