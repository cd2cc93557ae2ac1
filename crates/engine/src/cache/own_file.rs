//! Files that lineaprint keeps at names that anybody can predict.
//!
//! Something else can stand at such a name: a link to a file of worth, a FIFO that nobody reads, a file that another
//! user can write to. It is never read, written or waited for. It is removed by its name, and a new file is made.

use crate::error::{Code, Error, Result};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Number of attempts to open a file: between two steps another process may remove or create it.
const ATTEMPTS: usize = 16;

/// Open the file for reading; `None` if there is none.
pub fn open(path: &Path) -> Result<Option<File>> {
    open_with(path, OpenOptions::new().read(true))
}

/// Open the file for reading and writing. A missing one is made, which only this user can read.
pub fn open_or_make(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    open_with(path, &mut options)?
        .ok_or_else(|| Error::io("open", path, io::Error::from(ErrorKind::NotFound)))
}

fn open_with(path: &Path, options: &mut OpenOptions) -> Result<Option<File>> {
    set_flags(options);
    for _ in 0..ATTEMPTS {
        // Opening a device can have an effect, so the name is examined first.
        let before = match path.symlink_metadata() {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("stat", path, error)),
        };
        if before.as_ref().is_some_and(|metadata| !is_own(metadata)) {
            remove(path)?;
            continue;
        }
        match options.open(path) {
            Ok(file) => {
                let metadata = file.metadata().map_err(|error| Error::io("stat", path, error))?;
                if is_own(&metadata) {
                    return Ok(Some(file));
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // Without a file before, something else was put there in the meantime.
            Err(error) if before.is_some() => return Err(Error::io("open", path, error)),
            Err(error) => {
                if path.symlink_metadata().map_or(true, |now| is_own(&now)) {
                    return Err(Error::io("open", path, error));
                }
            }
        }
    }
    Err(Error::new(Code::Unreadable, "another program keeps replacing this file").at(path))
}

/// Remove what stands at the name, and nothing that a link leads to.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let message = "this is not a file of the cache and cannot be removed, so the cache is not used";
            Err(Error::new(Code::Unreadable, message)
                .with_expected(
                    "a regular file of your own with one name and mode 600",
                    error.kind(),
                )
                .at(path))
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn set_flags(options: &mut OpenOptions) {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    options
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .mode(0o600);
}

#[cfg(not(unix))]
fn set_flags(_: &mut OpenOptions) {}

/// Return whether this is a regular file of this user, with one name, that nobody else can write to.
#[cfg(unix)]
fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.is_file()
        && metadata.nlink() == 1
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_own(metadata: &Metadata) -> bool {
    metadata.is_file()
}
