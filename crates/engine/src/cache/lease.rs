//! Queries of the kernel whether a process can write to a file now.
#![allow(unsafe_code, reason = "leases have no safe interface")]

use std::fs::File;
use std::os::fd::AsRawFd as _;

/// The file systems that are local and keep times of change for every write: ext2 to ext4, XFS, Btrfs, F2FS and
/// bcachefs, by the numbers of `linux/magic.h`. Not tmpfs: stores through a mapping there leave the times alone.
const TRUSTED: [u64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0xca45_1a4e];

/// `F_SETSIG` of `linux/fcntl.h`: sets the signal of a broken lease.
const F_SETSIG: libc::c_int = 10;

/// Return whether no process has the file open for writing or mapped writably.
///
/// A read lease is granted only then (`fcntl(2)`, `F_SETLEASE`). It is given back at once: a later writer must open the
/// file anew, and its write changes the times. False also where no lease can be had: for files of other users without
/// `CAP_LEASE`, and on file systems that are not trusted.
pub fn no_writers(file: &File) -> bool {
    let trusted = rustix::fs::fstatfs(file)
        .is_ok_and(|system| u64::try_from(system.f_type).is_ok_and(|kind| TRUSTED.contains(&kind)));
    if !trusted {
        return false;
    }
    let descriptor = file.as_raw_fd();
    // A process that opens the file for writing while the lease is held makes the kernel send a signal. The default
    // signal, SIGIO, ends the process; SIGURG is ignored by default.
    // SAFETY: both calls take a descriptor, which `file` keeps open, and a number. They access no memory.
    let granted = unsafe {
        libc::fcntl(descriptor, F_SETSIG, libc::SIGURG) == 0
            && libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_RDLCK) == 0
    };
    if granted {
        // SAFETY: as above. Should it fail, closing the descriptor gives the lease back as well.
        unsafe { libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_UNLCK) };
    }
    granted
}
