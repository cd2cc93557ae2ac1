//! zip: members, each behind a local header, then a directory that names them all, then an end record.
//!
//! A zip says most things twice, and readers differ in which of the two they believe. So two readers could see two
//! models in one file. Here both must agree: every local header with its entry in the directory, every data descriptor
//! too. Members lie one after the other from the first byte to the directory, without hole or overlap, so there is no
//! room for a second archive. Names are unique, are UTF-8, and stay below the root. Encrypted members, links and
//! archives in several parts are refused. Source of the layout: APPNOTE 6.3.10 of PKWARE.
//!
//! The data of a member is not read while the archive is. Its CRC-32 is checked whenever its data is read to the end.

mod directory;
mod local;
mod stream;

use crate::error::FormatError;
use crate::input::Input;
use bytes::Bytes;

/// The form of the bytes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Compressed with deflate.
    Deflated,
}

/// A file inside an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path below the root of the archive, with `/` between folders.
    pub name: String,
    /// The form of its bytes.
    pub method: Method,
    /// Its first byte in the file.
    pub start: u64,
    /// Its bytes in the file.
    pub stored: u64,
    /// Its bytes once they are decompressed. The archive states it; it is checked when the data is read.
    pub length: u64,
    /// CRC-32 of the decompressed bytes, as the archive states it.
    pub crc: u32,
    /// True if its data is the target of a symbolic link.
    pub is_link: bool,
}

/// A validated archive.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    members: Vec<Member>,
    /// Places of the members, sorted by name.
    by_name: Vec<usize>,
    folders: Vec<String>,
}

/// Tell whether a file that starts with `head` claims to be a zip with at least one member.
pub fn recognise(head: &[u8]) -> bool {
    head.starts_with(&local::SIGNATURE)
}

/// Return the names of the members as the directory states them, without folders: enough to find out what an archive is.
/// Only [`Archive::read`] says whether the archive is one.
pub fn names(input: &dyn Input) -> Result<Vec<String>, FormatError> {
    let entries = directory::read(input)?.entries.into_iter();
    let names = entries.map(|entry| entry.name);
    Ok(names.filter(|name| !name.ends_with('/')).collect())
}

impl Archive {
    /// Read the directory of an archive of files, and every local header. A symbolic link is refused.
    pub fn read(input: &dyn Input) -> Result<Self, FormatError> {
        let archive = Self::read_with_links(input)?;
        let link = archive.members.iter().find(|member| member.is_link);
        link.map_or(Ok(()), |link| {
            Err(FormatError::new(format!(
                "the member {:?} of the zip is a symbolic link",
                link.name
            )))
        })?;
        Ok(archive)
    }

    /// Read the directory of an archive of files and links, and every local header.
    pub fn read_with_links(input: &dyn Input) -> Result<Self, FormatError> {
        let (folders, members) = local::check(input, directory::read(input)?)?
            .into_iter()
            .partition::<Vec<_>, _>(|member| member.name.ends_with('/'));
        let mut by_name: Vec<usize> = (0..members.len()).collect();
        by_name.sort_unstable_by(|a, b| members[*a].name.cmp(&members[*b].name));
        for pair in by_name.windows(2) {
            let name = &members[pair[0]].name;
            if *name == members[pair[1]].name {
                return Err(FormatError::new(format!(
                    "the zip has two members named {name:?}, so two readers could load different data"
                )));
            }
        }
        Ok(Self {
            members,
            by_name,
            folders: folders.into_iter().map(|folder| folder.name).collect(),
        })
    }

    /// Return the members in the order of their bytes, without folders.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Return the names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Return the names of the folders that have an entry of their own, with a `/` at the end.
    pub fn folders(&self) -> &[String] {
        &self.folders
    }

    /// Return the member named `name`.
    pub fn get(&self, name: &str) -> Option<&Member> {
        let slot = self
            .by_name
            .binary_search_by(|index| self.members[*index].name.as_str().cmp(name));
        slot.ok().map(|index| &self.members[self.by_name[index]])
    }
}

impl Member {
    /// Return where its bytes lie in the file, up to and without the second number; `None` if it is compressed.
    pub fn span(&self) -> Option<(u64, u64)> {
        (self.method == Method::Stored).then_some((self.start, self.start + self.stored))
    }

    /// Emit its bytes from first to last, in pieces of at most 256 KiB, and check their number and CRC-32 at the end.
    pub fn stream(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        stream::stream(self, input, emit)
    }

    /// Return all its bytes, checked. A member of more than `limit` bytes is refused before anything is read.
    pub fn bytes(&self, input: &dyn Input, limit: u64) -> Result<Bytes, FormatError> {
        let (bytes, crc) = self.bytes_and_crc(input, limit)?;
        stream::check_crc(self, crc)?;
        Ok(bytes)
    }

    /// Return all its bytes like [`Self::bytes`], with their CRC-32, which may be another one than the zip states.
    pub fn bytes_and_crc(&self, input: &dyn Input, limit: u64) -> Result<(Bytes, u32), FormatError> {
        if self.length > limit {
            return Err(FormatError::unsupported(format!(
                "the member {:?} is too large to be held in memory",
                self.name
            ))
            .with_expected(format!("at most {limit} bytes"), format!("{} bytes", self.length)));
        }
        // Deflate makes at most 1,032 bytes of one, so nothing is reserved on the word of the archive alone.
        let most = self.stored.saturating_mul(1032).min(self.length);
        let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or(0));
        let crc = stream::data(self, input, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((Bytes::from(bytes), crc))
    }
}

/// Return the little-endian number of two bytes at `at`; the caller has checked that they are there.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..at + 2)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..at + 8)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}
