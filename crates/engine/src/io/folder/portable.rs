//! Folders by path, for platforms without descriptors relative to a folder. Compiled in tests everywhere.

use super::{Entry, Identity, Kind};
use crate::error::{Code, Error, Result};
use crate::io::source::Source;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Open the root of a walk, following links.
    pub fn open_root(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|error| Error::io("open", path, error))?;
        if !metadata.is_dir() {
            return Err(Error::new(Code::NotRegular, "it is not a folder").at(path));
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Return the path of the folder, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Open the folder `name` in this one. A link is followed only with `follow`.
    pub fn open_folder(&self, name: &OsStr, follow: bool) -> Result<Self> {
        self.refuse_link(name, follow)?;
        Self::open_root(&self.path.join(name))
    }

    /// Open the regular file `name` in this folder. A link is followed only with `follow`.
    pub fn open_file(&self, name: &OsStr, follow: bool) -> Result<Source> {
        self.refuse_link(name, follow)?;
        Source::open(&self.path.join(name))
    }

    fn refuse_link(&self, name: &OsStr, follow: bool) -> Result<()> {
        if !follow && self.kind_of(name, false)? == Kind::Link {
            let path = self.path.join(name);
            return Err(Error::new(Code::Changed, "it became a link while the folder was read").at(&path));
        }
        Ok(())
    }

    /// Return a hash of the resolved path instead of device and inode.
    pub fn identity(&self) -> Result<Identity> {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let real = self
            .path
            .canonicalize()
            .map_err(|error| Error::io("resolve", &self.path, error))?;
        let mut hasher = DefaultHasher::new();
        real.hash(&mut hasher);
        let first = hasher.finish();
        1_u8.hash(&mut hasher);
        Ok((first, hasher.finish()))
    }

    /// List all entries, in the system's order.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let failed = |error: std::io::Error| Error::io("list", &self.path, error);
        fs::read_dir(&self.path)
            .map_err(failed)?
            .map(|entry| {
                let entry = entry.map_err(failed)?;
                Ok(Entry {
                    name: entry.file_name(),
                    kind: kind_from(entry.file_type().map_err(failed)?),
                })
            })
            .collect()
    }

    /// Return the kind of `name`; with `follow`, that of its target.
    pub fn kind_of(&self, name: &OsStr, follow: bool) -> Result<Kind> {
        self.size_of(name, follow).map(|(kind, _)| kind)
    }

    /// Return the kind and the length in bytes of `name`; with `follow`, those of its target.
    pub fn size_of(&self, name: &OsStr, follow: bool) -> Result<(Kind, u64)> {
        let path = self.path.join(name);
        let metadata = if follow {
            fs::metadata(&path)
        } else {
            fs::symlink_metadata(&path)
        };
        metadata
            .map(|metadata| (kind_from(metadata.file_type()), metadata.len()))
            .map_err(|error| Error::io("stat", &path, error))
    }

    /// Return the bytes of a link's target.
    pub fn read_link(&self, name: &OsStr) -> Result<Vec<u8>> {
        let path = self.path.join(name);
        fs::read_link(&path)
            .map(|target| target.into_os_string().into_encoded_bytes())
            .map_err(|error| Error::io("read the link", &path, error))
    }
}

fn kind_from(kind: fs::FileType) -> Kind {
    if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Folder
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn portable_and_unix_folders_agree() {
        let root = tempfile::tempdir().expect("a folder");
        fs::write(root.path().join("file"), b"content").expect("written");
        fs::create_dir(root.path().join("folder")).expect("made");
        std::os::unix::fs::symlink("file", root.path().join("link")).expect("linked");
        let portable = Folder::open_root(root.path()).expect("opens");
        let unix = super::super::Folder::open_root(root.path()).expect("opens");
        let sorted = |mut entries: Vec<Entry>| {
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            entries
                .into_iter()
                .map(|entry| (entry.name, entry.kind))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            sorted(portable.entries().expect("lists")),
            sorted(unix.entries().expect("lists"))
        );
        let link = OsStr::new("link");
        assert_eq!(portable.path(), unix.path());
        assert_eq!(
            portable.identity().expect("stat"),
            portable.identity().expect("stat")
        );
        assert_eq!(portable.read_link(link).expect("reads"), b"file");
        assert_eq!(portable.kind_of(link, true).expect("stat"), Kind::File);
        assert_eq!(portable.size_of(link, true).expect("stat"), (Kind::File, 7));
        assert_eq!(unix.size_of(link, true).expect("stat"), (Kind::File, 7));
        assert!(portable.open_file(link, false).is_err());
        assert!(unix.open_file(link, false).is_err());
        assert_eq!(portable.open_file(link, true).expect("opens").size(), 7);
        assert_eq!(
            portable
                .open_folder(OsStr::new("folder"), false)
                .expect("opens")
                .entries()
                .expect("lists")
                .len(),
            0
        );
    }
}
