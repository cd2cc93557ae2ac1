//! tar: headers of 512 bytes, each before its file.
//!
//! Archives in the form of POSIX (ustar, pax) and of GNU are read from their first byte to their last, and those from
//! before 1988. Headers of extended attributes and of long names apply to the member behind them. Sparse files, parts of
//! several volumes and devices are refused. An archive ends with a block of zeros, and only zeros follow: one without it
//! is cut off. Sources: POSIX.1-2017, pax; the manual of GNU tar.

mod attributes;
mod header;

use super::path;
use crate::error::FormatError;
use crate::input::{Borrowed, Input};
use crate::pieces::{Compression, Pieces};
use attributes::Attributes;
use bytes::Bytes;
use header::Header;
use std::collections::HashSet;
use std::sync::Arc;

pub use header::first_name;

/// Bytes of a header; data is padded to a multiple.
const BLOCK: u64 = 512;

/// The most bytes of a header of extended attributes or of a long name.
const ATTRIBUTES: u64 = 1 << 20;

/// The most members of an archive.
pub const MEMBERS: usize = 16 << 20;

/// Bytes that are read at once where the data of members is passed over.
const HEADERS: usize = 4 << 10;

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Raw bytes of its path below the root, without empty segments and `.`; empty for the root.
    pub path: Vec<u8>,
    /// Its kind.
    pub kind: Kind,
    /// The first byte of its data in the archive.
    pub start: u64,
    /// Bytes of its data.
    pub size: u64,
}

/// The kind of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with data.
    File,
    /// A folder.
    Folder,
    /// A symbolic link with the raw bytes of its target.
    Link(Vec<u8>),
    /// Another name of the member with this path, which is before it.
    HardLink(Vec<u8>),
}

/// Reads the members of an archive one after the other.
pub struct Reader<'a> {
    pieces: Pieces<'a>,
    /// Bytes of the data of the last member that were not read.
    remaining: u64,
    /// Bytes that fill its last block.
    padding: u64,
    count: usize,
}

impl<'a> Reader<'a> {
    /// Read an archive whose data is wanted.
    pub fn new(input: Arc<dyn Input + 'a>, compression: Compression) -> Result<Self, FormatError> {
        Ok(Self::with_pieces(Pieces::new(
            input,
            compression,
            crate::pieces::PIECE,
        )?))
    }

    /// Read the headers of an uncompressed archive.
    pub fn headers(input: Arc<dyn Input + 'a>) -> Result<Self, FormatError> {
        Ok(Self::with_pieces(Pieces::new(
            input,
            Compression::Plain,
            HEADERS,
        )?))
    }

    const fn with_pieces(pieces: Pieces<'a>) -> Self {
        Self {
            pieces,
            remaining: 0,
            padding: 0,
            count: 0,
        }
    }

    /// Return the next member; `None` at the end of the archive, which was then read to its end.
    pub fn next_member(&mut self) -> Result<Option<Member>, FormatError> {
        self.skip_data()?;
        let mut attributes = Attributes::default();
        loop {
            let at = self.pieces.position();
            let block = self.pieces.up_to(512)?;
            if block.len() < 512 {
                return Err(FormatError::new(format!(
                    "the tar is cut off at byte {}: it has no block of zeros at its end",
                    at + block.len() as u64
                )));
            }
            if block.iter().all(|byte| *byte == 0) {
                if !attributes.is_empty() {
                    return Err(fault(at, "ends the tar, and extended attributes are before it"));
                }
                return self.check_end().map(|()| None);
            }
            let header = Header::parse(&block).map_err(|what| fault(at, what))?;
            match header.kind {
                b'x' | b'g' | b'L' | b'K' => {
                    let content = self.small(at, header.size)?;
                    match header.kind {
                        b'x' => attributes.add_records(&content, at)?,
                        b'g' => attributes::check_global(&content, at)?,
                        b'L' => attributes.set_long_name(&content, at)?,
                        _ => attributes.set_long_target(&content, at)?,
                    }
                }
                _ => {
                    self.count += 1;
                    if self.count > MEMBERS {
                        return Err(FormatError::unsupported("the tar has too many members")
                            .with_expected(format!("at most {MEMBERS}"), "more"));
                    }
                    return self.member(at, &header, attributes).map(Some);
                }
            }
        }
    }

    /// Return what a header and the attributes before it say of a member.
    fn member(&mut self, at: u64, header: &Header, attributes: Attributes) -> Result<Member, FormatError> {
        let name = attributes.path.unwrap_or_else(|| header.name.clone());
        let path = path::below_root(&name, "tar")?;
        let size = attributes.size.unwrap_or(header.size);
        let about = |what: &str| {
            FormatError::new(format!(
                "the member \"{}\" of the tar {what}",
                path::shortened(&name)
            ))
        };
        let target = || attributes.target.clone().unwrap_or_else(|| header.target.clone());
        let kind = match header.kind {
            // Old archives mark a folder by its name alone.
            0 if name.ends_with(b"/") => Kind::Folder,
            0 | b'0' | b'7' if name.ends_with(b"/") => {
                return Err(about("is a file, and its name is that of a folder"));
            }
            0 | b'0' | b'7' => Kind::File,
            b'1' => Kind::HardLink(path::below_root(&target(), "tar")?),
            b'2' => Kind::Link(target()),
            b'5' => Kind::Folder,
            b'3' | b'4' | b'6' => return Err(about("is a device or a FIFO")),
            kind => {
                return Err(FormatError {
                    unsupported: true,
                    ..about("is of a kind that is not read").with_expected(
                        "a file, folder or link",
                        format!("'{}'", char::from(kind).escape_default()),
                    )
                });
            }
        };
        if kind != Kind::File && size > 0 {
            return Err(about("is no file, and has data").with_expected("0 bytes", size));
        }
        if kind == Kind::File && path.is_empty() {
            return Err(fault(at, "has a file without a name"));
        }
        self.remaining = size;
        self.padding = size.next_multiple_of(BLOCK).saturating_sub(size);
        Ok(Member {
            path,
            kind,
            start: self.pieces.position(),
            size,
        })
    }

    /// Emit the data of the last member, from first to last.
    pub fn data(
        &mut self,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        while self.remaining > 0 {
            let piece = self.pieces.take(self.remaining)?;
            if piece.is_empty() {
                return Err(self.cut_off());
            }
            self.remaining -= piece.len() as u64;
            emit(&piece)?;
        }
        Ok(())
    }

    fn skip_data(&mut self) -> Result<(), FormatError> {
        let data = self.pieces.skip(self.remaining)?;
        let padding = self.pieces.skip(self.padding)?;
        if (data, padding) != (self.remaining, self.padding) {
            return Err(self.cut_off());
        }
        (self.remaining, self.padding) = (0, 0);
        Ok(())
    }

    fn cut_off(&self) -> FormatError {
        FormatError::new(format!(
            "the tar is cut off at byte {}, inside a member",
            self.pieces.position()
        ))
    }

    /// Return the content of a header that has some.
    fn small(&mut self, at: u64, size: u64) -> Result<Bytes, FormatError> {
        if size > ATTRIBUTES {
            let error = FormatError::unsupported(format!(
                "the extended attributes at byte {at} of the tar are too long"
            ));
            return Err(error.with_expected(format!("at most {ATTRIBUTES} bytes"), size));
        }
        let length = usize::try_from(size).unwrap_or_default();
        let content = self.pieces.up_to(length)?;
        self.padding = size.next_multiple_of(BLOCK) - size;
        if content.len() < length {
            return Err(self.cut_off());
        }
        self.skip_data()?;
        Ok(content)
    }

    /// Check that nothing but zeros follows.
    fn check_end(&mut self) -> Result<(), FormatError> {
        loop {
            let piece = self.pieces.next_piece()?;
            if piece.is_empty() {
                return Ok(());
            }
            if piece.iter().any(|byte| *byte != 0) {
                return Err(FormatError::new(
                    "bytes other than zero follow the end of the tar",
                ));
            }
        }
    }
}

fn fault(at: u64, what: &str) -> FormatError {
    FormatError::new(format!("the header at byte {at} of the tar {what}"))
}

/// A file inside an archive of few files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path, without a `./` before it.
    pub name: String,
    /// Its first byte.
    pub start: u64,
    /// One past its last byte.
    pub end: u64,
}

/// The most files that [`read`] lists.
const FILES: usize = 10_000;

/// List the files of an archive whose names are text. Links and duplicate names are refused.
pub fn read(input: &dyn Input) -> Result<Vec<Entry>, FormatError> {
    let mut reader = Reader::headers(Arc::new(Borrowed(input)))?;
    let mut entries = Vec::new();
    let mut names = HashSet::new();
    while let Some(Member {
        path,
        kind,
        start,
        size,
    }) = reader.next_member()?
    {
        let about = |what: &str| {
            FormatError::new(format!(
                "the member \"{}\" of the tar {what}",
                path::shortened(&path)
            ))
        };
        match kind {
            Kind::Folder => continue,
            Kind::File => {}
            Kind::Link(_) | Kind::HardLink(_) => return Err(about("is a link")),
        }
        let name = String::from_utf8(path.clone()).map_err(|_| about("has a name that is not UTF-8"))?;
        if !names.insert(name.clone()) {
            return Err(about("is there a second time"));
        }
        if entries.len() >= FILES {
            return Err(FormatError::unsupported("the tar has too many files")
                .with_expected(format!("at most {FILES}"), "more"));
        }
        let end = start.saturating_add(size);
        entries.push(Entry { name, start, end });
    }
    Ok(entries)
}
