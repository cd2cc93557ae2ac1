//! The local header before each member, and the layout of the members.

use super::directory::{Directory, Entry, FLAG_DESCRIPTOR, Wide, read_method};
use super::{Member, u16_at, u32_at, u64_at};
use crate::error::FormatError;
use crate::input::{Input, read_checked};

/// The first bytes of a local header.
pub const SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const LENGTH: u64 = 30;
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// Compare every local header with its entry, and check that the members fill the file up to the directory.
pub fn check(input: &dyn Input, directory: Directory) -> Result<Vec<Member>, FormatError> {
    let mut entries = directory.entries;
    entries.sort_by_key(|entry| entry.header);
    let headers: Vec<u64> = entries.iter().map(|entry| entry.header).collect();
    let mut members = Vec::with_capacity(entries.len());
    let mut position = 0;
    for (index, entry) in entries.into_iter().enumerate() {
        let limit = headers.get(index + 1).copied().unwrap_or(directory.start);
        if entry.header != position {
            return Err(misplaced(&entry, position));
        }
        let start = check_header(input, &entry, limit)?;
        let end = start
            .checked_add(entry.stored)
            .filter(|end| *end <= limit)
            .ok_or_else(|| overlap(&entry, limit))?;
        position = end + check_descriptor(input, &entry, end, limit)?;
        members.push(Member {
            name: entry.name,
            method: entry.method,
            start,
            stored: entry.stored,
            length: entry.length,
            crc: entry.crc,
            is_link: entry.is_link,
        });
    }
    if position == directory.start {
        return Ok(members);
    }
    Err(
        FormatError::new("bytes between the last member and the directory of the zip belong to neither")
            .with_expected(format!("a directory at byte {position}"), directory.start),
    )
}

fn fault(entry: &Entry, what: &str) -> FormatError {
    FormatError::new(format!("the member {:?} of the zip {what}", entry.name))
}

fn overlap(entry: &Entry, limit: u64) -> FormatError {
    fault(entry, "overlaps what follows it").with_expected(
        format!("an end at byte {limit} or before"),
        format!(
            "{} bytes behind the header at byte {}",
            entry.stored, entry.header
        ),
    )
}

fn misplaced(entry: &Entry, position: u64) -> FormatError {
    let what = if entry.header < position {
        "overlaps the member before it"
    } else {
        "has bytes before it that belong to no member"
    };
    fault(entry, what).with_expected(format!("a header at byte {position}"), entry.header)
}

/// Compare a local header with its entry; gives the first byte of the data.
fn check_header(input: &dyn Input, entry: &Entry, limit: u64) -> Result<u64, FormatError> {
    if entry.header.checked_add(LENGTH).is_none_or(|end| end > limit) {
        return Err(overlap(entry, limit));
    }
    let header = read_checked(input, entry.header, LENGTH, "a local header of the zip")?;
    if !header.starts_with(&SIGNATURE) {
        return Err(
            fault(entry, "has no local header").with_expected("PK 03 04", format!("{:02x?}", &header[..4]))
        );
    }
    let name_length = u64::from(u16_at(&header, 26));
    let start = entry.header + LENGTH + name_length + u64::from(u16_at(&header, 28));
    if start > limit {
        return Err(overlap(entry, limit));
    }
    let after = read_checked(
        input,
        entry.header + LENGTH,
        start - entry.header - LENGTH,
        "a local header",
    )?;
    let (name, extra) = after.split_at(usize::from(u16_at(&header, 26)));
    let differs = |field: &str, expected: String, received: String| {
        Err(fault(entry, &format!("has another {field} in its local header"))
            .with_expected(expected, received))
    };
    if name != entry.name.as_bytes() {
        return differs(
            "name",
            format!("{:?}", entry.name),
            format!("b\"{}\"", name.escape_ascii()),
        );
    }
    if read_method(u16_at(&header, 8)) != Some(entry.method) {
        return differs(
            "method",
            format!("{:?}", entry.method),
            u16_at(&header, 8).to_string(),
        );
    }
    let flags = u16_at(&header, 6);
    if flags != entry.flags {
        return differs(
            "set of flags",
            format!("{:#06x}", entry.flags),
            format!("{flags:#06x}"),
        );
    }
    // With a data descriptor the three numbers may be zero; then the descriptor has them.
    let is_late = flags & FLAG_DESCRIPTOR != 0;
    let mut wide = Wide::new(extra).ok_or_else(|| fault(entry, "has a malformed extra field"))?;
    let crc = u32_at(&header, 14);
    if crc != entry.crc && !(is_late && crc == 0) {
        return differs("CRC-32", format!("{:08x}", entry.crc), format!("{crc:08x}"));
    }
    for (at, size, what) in [(22, entry.length, "length"), (18, entry.stored, "stored size")] {
        let short = u32_at(&header, at);
        match wide.size(short) {
            Some(stated) if stated == size || (is_late && stated == 0) => {}
            None if is_late => {}
            stated => return differs(what, size.to_string(), stated.unwrap_or(short.into()).to_string()),
        }
    }
    Ok(start)
}

/// Check what lies between the data and the next header: nothing, or a data descriptor; gives its length.
fn check_descriptor(input: &dyn Input, entry: &Entry, end: u64, limit: u64) -> Result<u64, FormatError> {
    if entry.flags & FLAG_DESCRIPTOR == 0 {
        return Ok(0);
    }
    let bytes = read_checked(input, end, (limit - end).min(24), "a data descriptor of the zip")?;
    let bytes: &[u8] = &bytes;
    let wide = |at: usize| {
        u32_at(bytes, at) == entry.crc
            && u64_at(bytes, at + 4) == entry.stored
            && u64_at(bytes, at + 12) == entry.length
    };
    let narrow = |at: usize| {
        u32_at(bytes, at) == entry.crc
            && u64::from(u32_at(bytes, at + 4)) == entry.stored
            && u64::from(u32_at(bytes, at + 8)) == entry.length
    };
    let matches = match bytes.len() {
        24 => bytes.starts_with(&DESCRIPTOR) && wide(4),
        20 => wide(0),
        16 => bytes.starts_with(&DESCRIPTOR) && narrow(4),
        12 => narrow(0),
        _ => false,
    };
    if matches && limit - end == bytes.len() as u64 {
        return Ok(limit - end);
    }
    Err(fault(
        entry,
        "has something other than its data descriptor behind its data",
    ))
}
