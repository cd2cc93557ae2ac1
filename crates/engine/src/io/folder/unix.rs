//! Folders by descriptor.

use super::{Entry, Identity, Kind};
use crate::error::{Code, Error, Result};
use crate::io::source::{Source, Stamp, device_number};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Open the root of a walk, following links.
    pub fn open_root(path: &Path) -> Result<Self> {
        Self::open_at(CWD, path.as_os_str(), path.to_owned(), true)
    }

    fn open_at(parent: impl std::os::fd::AsFd, name: &OsStr, path: PathBuf, follow: bool) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | no_follow(follow);
        let descriptor = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(|error| {
            if error == rustix::io::Errno::NOTDIR {
                return Error::new(Code::NotRegular, "it is not a folder").at(&path);
            }
            Error::io("open", &path, error)
        })?;
        Ok(Self { descriptor, path })
    }

    /// Return the path of the folder, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Open the folder `name` in this one. A link is followed only with `follow`.
    pub fn open_folder(&self, name: &OsStr, follow: bool) -> Result<Self> {
        Self::open_at(&self.descriptor, name, self.path.join(name), follow)
    }

    /// Open the regular file `name` in this folder. A link is followed only with `follow`.
    pub fn open_file(&self, name: &OsStr, follow: bool) -> Result<Source> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | no_follow(follow);
        match rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => Source::from_file(File::from(descriptor), self.path.join(name)),
            Err(error) => Err(Error::io("open", &self.path.join(name), error)),
        }
    }

    /// Return device and inode of this folder.
    pub fn identity(&self) -> Result<Identity> {
        let stat = rustix::fs::fstat(&self.descriptor).map_err(|error| self.failed("stat", error))?;
        Ok((device_number(&stat), stat.st_ino))
    }

    /// List all entries except `.` and `..`, in the system's order.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        self.first_entries(usize::MAX)
    }

    /// List at most `limit` entries.
    pub fn first_entries(&self, limit: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.descriptor).map_err(|error| self.failed("list", error))? {
            let entry = entry.map_err(|error| self.failed("list", error))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if entries.len() == limit {
                break;
            }
            let name = OsString::from_vec(name.to_vec());
            let kind = match entry.file_type() {
                // Some file systems do not report kinds in the listing.
                FileType::Unknown => self.kind_of(&name, false)?,
                kind => kind_from(kind),
            };
            entries.push(Entry { name, kind });
        }
        Ok(entries)
    }

    /// Return the kind of `name`; with `follow`, that of its target.
    pub fn kind_of(&self, name: &OsStr, follow: bool) -> Result<Kind> {
        self.size_of(name, follow).map(|(kind, _)| kind)
    }

    /// Return the kind and the length in bytes of `name`; with `follow`, those of its target.
    pub fn size_of(&self, name: &OsStr, follow: bool) -> Result<(Kind, u64)> {
        let flags = if follow {
            AtFlags::empty()
        } else {
            AtFlags::SYMLINK_NOFOLLOW
        };
        rustix::fs::statat(&self.descriptor, name, flags)
            .map(|stat| {
                // No file has a negative length.
                let size = u64::try_from(stat.st_size).unwrap_or_default();
                (kind_from(FileType::from_raw_mode(stat.st_mode)), size)
            })
            .map_err(|error| Error::io("stat", &self.path.join(name), error))
    }

    /// Stat the regular file `name`; `None` if it is something else.
    pub fn stamp(&self, name: &OsStr, follow: bool) -> Result<Option<Stamp>> {
        let flags = if follow {
            AtFlags::empty()
        } else {
            AtFlags::SYMLINK_NOFOLLOW
        };
        let stat = rustix::fs::statat(&self.descriptor, name, flags)
            .map_err(|error| Error::io("stat", &self.path.join(name), error))?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        Ok(is_file.then(|| Stamp::of_stat(&stat)))
    }

    /// Return the raw bytes of a link's target.
    pub fn read_link(&self, name: &OsStr) -> Result<Vec<u8>> {
        rustix::fs::readlinkat(&self.descriptor, name, Vec::new())
            .map(std::ffi::CString::into_bytes)
            .map_err(|error| Error::io("read the link", &self.path.join(name), error))
    }

    fn failed(&self, what: &str, error: rustix::io::Errno) -> Error {
        Error::io(what, &self.path, error)
    }
}

const fn no_follow(follow: bool) -> OFlags {
    if follow { OFlags::empty() } else { OFlags::NOFOLLOW }
}

fn kind_from(kind: FileType) -> Kind {
    match kind {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Special,
    }
}
