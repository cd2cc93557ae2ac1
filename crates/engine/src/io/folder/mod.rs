//! Open folders, and opening what is in them.
//!
//! On Unix every entry below the root is opened relative to its parent's descriptor, never by a path from the top: a
//! folder that is swapped for a link during a walk cannot lead elsewhere, and no path exceeds the limit of the system.
//! Elsewhere paths are joined, which is what the platform offers in safe code.

#[cfg(any(not(unix), test))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub use portable::Folder;
#[cfg(unix)]
pub use unix::Folder;

use std::ffi::OsString;

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A FIFO, a socket, a device.
    Special,
}

/// One entry of a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// One path segment.
    pub name: OsString,
    /// Type of the entry, links not followed.
    pub kind: Kind,
}

/// Device and inode of a folder: the same for the same folder, however it was reached.
pub type Identity = (u64, u64);
