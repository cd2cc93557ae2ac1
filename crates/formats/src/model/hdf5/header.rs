//! Object headers: the messages that describe a group or a dataset.

use super::checksum::checked;
use super::fields::Fields;
use super::file::File;
use crate::error::FormatError;
use bytes::Bytes;

/// Blocks that one header may have.
const BLOCKS: usize = 4096;

/// Types of messages that are read.
pub(super) mod kind {
    pub(in super::super) const DATASPACE: u16 = 0x01;
    pub(in super::super) const LINK_INFO: u16 = 0x02;
    pub(in super::super) const DATATYPE: u16 = 0x03;
    pub(in super::super) const OLD_FILL: u16 = 0x04;
    pub(in super::super) const FILL: u16 = 0x05;
    pub(in super::super) const LINK: u16 = 0x06;
    pub(in super::super) const EXTERNAL: u16 = 0x07;
    pub(in super::super) const LAYOUT: u16 = 0x08;
    pub(in super::super) const FILTERS: u16 = 0x0b;
    pub(in super::super) const ATTRIBUTE: u16 = 0x0c;
    pub(in super::super) const CONTINUATION: u16 = 0x10;
    pub(in super::super) const SYMBOL_TABLE: u16 = 0x11;
    pub(in super::super) const ATTRIBUTE_INFO: u16 = 0x15;
}

/// A message.
pub(super) struct Message {
    pub(super) kind: u16,
    pub(super) data: Bytes,
}

/// The messages of an object.
pub(super) struct Header {
    pub(super) messages: Vec<Message>,
}

impl Header {
    /// Return the first message of a type.
    pub(super) fn find(&self, kind: u16) -> Option<&Bytes> {
        let matching = self.messages.iter().find(|message| message.kind == kind);
        matching.map(|message| &message.data)
    }

    /// Return every message of a type.
    pub(super) fn every(&self, kind: u16) -> impl Iterator<Item = &Bytes> {
        let matching = self.messages.iter().filter(move |message| message.kind == kind);
        matching.map(|message| &message.data)
    }
}

const WHAT: &str = "an object header";

/// The frame of the messages of a header.
#[derive(Clone, Copy)]
enum Frame {
    Old,
    /// With the creation order of each message, or without.
    New {
        ordered: bool,
    },
}

/// Read the header of the object at `address`.
pub(super) fn read(file: &File<'_>, address: u64) -> Result<Header, FormatError> {
    read_nested(file, address, true)
}

fn read_nested(file: &File<'_>, address: u64, follow: bool) -> Result<Header, FormatError> {
    let first = file.read_up_to(address, 64, WHAT)?;
    let (frame, block) = if first.starts_with(b"OHDR") {
        new_block(file, address, &first)?
    } else {
        let mut fields = file.fields(&first, WHAT);
        fields.expect(&[1])?;
        fields.skip(7)?;
        let length = u64::from(fields.word()?);
        (Frame::Old, file.read(address.saturating_add(16), length, WHAT)?)
    };
    let mut reader = Reader {
        file,
        frame,
        follow,
        messages: Vec::new(),
        waiting: Vec::new(),
    };
    reader.block(&block)?;
    let mut blocks = 1;
    while let Some((address, length)) = reader.waiting.pop() {
        blocks += 1;
        if blocks > BLOCKS {
            return Err(FormatError::new("an object header has too many blocks")
                .with_expected(format!("at most {BLOCKS}"), "more"));
        }
        let block = file.read(address, length, WHAT)?;
        match frame {
            Frame::Old => reader.block(&block)?,
            Frame::New { .. } => {
                let content = checked(&block, WHAT)?.len();
                file.fields(&block, WHAT).expect(b"OCHK")?;
                reader.block(&block.slice(4..content.max(4)))?;
            }
        }
    }
    Ok(Header {
        messages: reader.messages,
    })
}

/// Return the messages of the first block of a header of version 2.
fn new_block(file: &File<'_>, address: u64, first: &[u8]) -> Result<(Frame, Bytes), FormatError> {
    let mut fields = file.fields(first, WHAT);
    fields.skip(4)?;
    fields.expect(&[2])?;
    let flags = fields.byte()?;
    fields.skip(if flags & 0x20 == 0 { 0 } else { 16 })?;
    fields.skip(if flags & 0x10 == 0 { 0 } else { 4 })?;
    let length = fields.number(1 << (flags & 3))?;
    let prefix = fields.position();
    let whole = length.saturating_add(prefix as u64 + 4);
    let block = file.read(address, whole, WHAT)?;
    let content = checked(&block, WHAT)?.len();
    let ordered = flags & 0x04 != 0;
    Ok((Frame::New { ordered }, block.slice(prefix..content)))
}

struct Reader<'a, 'b> {
    file: &'a File<'b>,
    frame: Frame,
    /// True if a shared message is followed: once, so that two headers cannot name each other.
    follow: bool,
    messages: Vec<Message>,
    waiting: Vec<(u64, u64)>,
}

impl Reader<'_, '_> {
    fn block(&mut self, block: &Bytes) -> Result<(), FormatError> {
        let mut fields = self.file.fields(block, WHAT);
        let frame = match self.frame {
            Frame::Old => 8,
            Frame::New { ordered: false } => 4,
            Frame::New { ordered: true } => 6,
        };
        while fields.remaining() >= frame {
            let (kind, length, flags) = self.frame_of(&mut fields)?;
            let start = fields.position();
            fields.skip(length)?;
            self.file.spend(32)?;
            self.message(kind, flags, block.slice(start..start + length))?;
        }
        Ok(())
    }

    fn frame_of(&self, fields: &mut Fields<'_>) -> Result<(u16, usize, u8), FormatError> {
        let (kind, length, flags);
        match self.frame {
            Frame::Old => {
                kind = fields.short()?;
                length = fields.short()?;
                flags = fields.byte()?;
                fields.skip(3)?;
            }
            Frame::New { ordered } => {
                kind = usize::from(fields.byte()?);
                length = fields.short()?;
                flags = fields.byte()?;
                fields.skip(if ordered { 2 } else { 0 })?;
            }
        }
        Ok((u16::try_from(kind).unwrap_or(u16::MAX), length, flags))
    }

    fn message(&mut self, kind: u16, flags: u8, data: Bytes) -> Result<(), FormatError> {
        if kind == kind::CONTINUATION {
            let mut fields = self.file.fields(&data, WHAT);
            self.waiting.push((fields.defined()?, fields.length()?));
            return Ok(());
        }
        let data = if flags & 0x02 != 0 && self.follow {
            shared(self.file, kind, &data)?
        } else {
            data
        };
        self.messages.push(Message { kind, data });
        Ok(())
    }
}

/// Return the content of a message that is stored in the header of another object (a committed datatype).
pub(super) fn shared(file: &File<'_>, kind: u16, pointer: &[u8]) -> Result<Bytes, FormatError> {
    let mut fields = file.fields(pointer, "a shared message");
    let version = fields.byte()?;
    let location = fields.byte()?;
    match (version, location) {
        (1, _) => fields.skip(6)?,
        (2, _) | (3, 2) => {}
        _ => {
            return Err(FormatError::unsupported(
                "a message is in a table of shared messages, which is not read",
            ));
        }
    }
    let header = read_nested(file, fields.defined()?, false)?;
    let matching = header.find(kind).cloned();
    matching.ok_or_else(|| FormatError::new("a shared message is not where it should be"))
}
