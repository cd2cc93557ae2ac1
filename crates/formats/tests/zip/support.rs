//! A writer of zip archives that lies where a test wants it to.

#![allow(dead_code, reason = "each test file uses a part")]

use flate2::{Compression, Crc, write::DeflateEncoder};
use std::io::Write;

/// A member, with every field that a header or the directory has.
#[derive(Clone)]
pub struct Member {
    pub name: Vec<u8>,
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    pub stored: u32,
    pub length: u32,
    pub attributes: u32,
    pub extra: Vec<u8>,
    pub local_name: Vec<u8>,
    pub local_method: u16,
    pub local_crc: u32,
    pub local_length: u32,
    pub offset: Option<u32>,
    pub before: Vec<u8>,
    pub descriptor: Vec<u8>,
}

pub fn crc(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

/// A stored member.
pub fn stored(name: &str, data: &[u8]) -> Member {
    let length = u32::try_from(data.len()).expect("small");
    Member {
        name: name.into(),
        data: data.to_vec(),
        method: 0,
        flags: 1 << 11,
        crc: crc(data),
        stored: length,
        length,
        attributes: 0,
        extra: Vec::new(),
        local_name: name.into(),
        local_method: 0,
        local_crc: crc(data),
        local_length: length,
        offset: None,
        before: Vec::new(),
        descriptor: Vec::new(),
    }
}

/// A deflated member.
pub fn deflated(name: &str, data: &[u8]) -> Member {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("written");
    let bytes = encoder.finish().expect("finished");
    Member {
        stored: u32::try_from(bytes.len()).expect("small"),
        data: bytes,
        method: 8,
        local_method: 8,
        ..stored(name, data)
    }
}

/// The end record, with fields that may lie.
#[derive(Clone, Copy, Default)]
pub struct End<'a> {
    pub prefix: &'a [u8],
    pub gap: &'a [u8],
    pub more_entries: u16,
    pub more_length: u32,
    pub comment: &'a [u8],
    pub after: &'a [u8],
}

pub fn write(members: &[Member]) -> Vec<u8> {
    write_with(members, End::default())
}

pub fn write_with(members: &[Member], end: End) -> Vec<u8> {
    let mut file = end.prefix.to_vec();
    let mut directory = Vec::new();
    for member in members {
        file.extend(&member.before);
        let offset = member.offset.unwrap_or(u32::try_from(file.len()).expect("small"));
        file.extend(b"PK\x03\x04\x14\0");
        file.extend(member.flags.to_le_bytes());
        file.extend(member.local_method.to_le_bytes());
        file.extend([0; 4]);
        file.extend(member.local_crc.to_le_bytes());
        file.extend(member.stored.to_le_bytes());
        file.extend(member.local_length.to_le_bytes());
        file.extend(
            u16::try_from(member.local_name.len())
                .expect("small")
                .to_le_bytes(),
        );
        file.extend(u16::try_from(member.extra.len()).expect("small").to_le_bytes());
        file.extend(&member.local_name);
        file.extend(&member.extra);
        file.extend(&member.data);
        file.extend(&member.descriptor);
        directory.extend(b"PK\x01\x02\x14\x03\x14\0");
        directory.extend(member.flags.to_le_bytes());
        directory.extend(member.method.to_le_bytes());
        directory.extend([0; 4]);
        directory.extend(member.crc.to_le_bytes());
        directory.extend(member.stored.to_le_bytes());
        directory.extend(member.length.to_le_bytes());
        directory.extend(u16::try_from(member.name.len()).expect("small").to_le_bytes());
        directory.extend(u16::try_from(member.extra.len()).expect("small").to_le_bytes());
        directory.extend([0; 6]);
        directory.extend(member.attributes.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&member.name);
        directory.extend(&member.extra);
    }
    file.extend(end.gap);
    let start = u32::try_from(file.len()).expect("small");
    let length = u32::try_from(directory.len()).expect("small") + end.more_length;
    let entries = u16::try_from(members.len()).expect("few") + end.more_entries;
    file.extend(directory);
    file.extend(end_record(entries, length, start, end.comment));
    file.extend(end.after);
    file
}

pub fn end_record(entries: u16, length: u32, start: u32, comment: &[u8]) -> Vec<u8> {
    let mut record = b"PK\x05\x06\0\0\0\0".to_vec();
    record.extend(entries.to_le_bytes());
    record.extend(entries.to_le_bytes());
    record.extend(length.to_le_bytes());
    record.extend(start.to_le_bytes());
    record.extend(u16::try_from(comment.len()).expect("short").to_le_bytes());
    record.extend(comment);
    record
}
