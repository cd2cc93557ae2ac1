//! The end record of an archive, and the directory before it.

use super::{Method, u16_at, u32_at, u64_at};
use crate::error::FormatError;
use crate::input::{Input, read_checked};

const END: [u8; 4] = *b"PK\x05\x06";
const END_LENGTH: u64 = 22;
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_LENGTH: u64 = 56;
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_LENGTH: u64 = 20;
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;

/// The largest directory that is read, in bytes: some ten million members.
const DIRECTORY_LIMIT: u64 = 1 << 30;

/// Flags that an entry may have: how deflate searched, a data descriptor, a UTF-8 name.
const FLAGS: u16 = 0b1000_0000_1110;
pub const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;

/// The identifier of the extra field that holds 64-bit sizes.
const EXTRA_64: u16 = 1;

/// The directory of an archive.
pub struct Directory {
    /// Entries in the order in which they are written.
    pub entries: Vec<Entry>,
    /// Its first byte in the file.
    pub start: u64,
}

/// A member, as the directory describes it.
pub struct Entry {
    pub name: String,
    pub flags: u16,
    pub method: Method,
    pub crc: u32,
    pub stored: u64,
    pub length: u64,
    /// First byte of the local header.
    pub header: u64,
    /// True if its data is the target of a symbolic link.
    pub is_link: bool,
}

/// The location of the directory, as the end records state it.
struct End {
    entries: u64,
    start: u64,
    length: u64,
    /// First byte of the end records.
    at: u64,
}

/// Read the end records and the directory.
pub fn read(input: &dyn Input) -> Result<Directory, FormatError> {
    let end = read_end(input)?;
    if end.start.checked_add(end.length) != Some(end.at) {
        return Err(
            FormatError::new("the directory of the zip does not reach to its end record").with_expected(
                format!("a directory that ends at byte {}", end.at),
                format!("{} bytes from byte {}", end.length, end.start),
            ),
        );
    }
    if end.length > DIRECTORY_LIMIT {
        return Err(FormatError::unsupported("the directory of the zip is too large")
            .with_expected(format!("at most {DIRECTORY_LIMIT} bytes"), end.length));
    }
    let bytes = read_checked(input, end.start, end.length, "the directory of the zip")?;
    let most = (bytes.len() / ENTRY_LENGTH).min(usize::try_from(end.entries).unwrap_or(usize::MAX));
    let mut entries = Vec::with_capacity(most);
    let mut rest: &[u8] = &bytes;
    while !rest.is_empty() {
        let (entry, after) = read_entry(rest)?;
        entries.push(entry);
        rest = after;
    }
    if entries.len() as u64 != end.entries {
        return Err(FormatError::new(
            "the directory of the zip does not have the entries that its end record states",
        )
        .with_expected(
            format!("{} entries", end.entries),
            format!("{} entries", entries.len()),
        ));
    }
    Ok(Directory {
        entries,
        start: end.start,
    })
}

/// Find the end record: the only one whose comment ends with the file.
fn read_end(input: &dyn Input) -> Result<End, FormatError> {
    let none = || FormatError::new("the zip has no end record, so it is not complete");
    let tail_length = input.length().min(END_LENGTH + u64::from(u16::MAX));
    let tail_start = input.length() - tail_length;
    let tail = read_checked(input, tail_start, tail_length, "the end of the zip")?;
    let room = tail.len().saturating_sub(21);
    let candidates: Vec<usize> = memchr::memmem::find_iter(&tail, &END)
        .take_while(|at| *at < room)
        .collect();
    let whole = |at: &&usize| **at + 22 + usize::from(u16_at(&tail, **at + 20)) == tail.len();
    let at = *candidates.last().ok_or_else(none)?;
    if !candidates.iter().any(|index| *index == at && whole(&index)) {
        return Err(FormatError::new(
            "bytes follow the end record of the zip, or its comment is cut off",
        ));
    }
    if candidates.iter().filter(whole).count() > 1 {
        return Err(FormatError::new(
            "the zip has two end records, so two readers could see different members",
        ));
    }
    let record = &tail[at..];
    if u16_at(record, 4) != 0 && u16_at(record, 4) != u16::MAX {
        return Err(FormatError::unsupported("the zip is one part of several"));
    }
    let end = End {
        entries: u64::from(u16_at(record, 10)),
        length: u64::from(u32_at(record, 12)),
        start: u64::from(u32_at(record, 16)),
        at: tail_start + at as u64,
    };
    let here = u64::from(u16_at(record, 8));
    let Some(locator_at) = end.at.checked_sub(LOCATOR_LENGTH) else {
        return one_part(end, here);
    };
    let locator = read_checked(input, locator_at, LOCATOR_LENGTH, "the end of the zip")?;
    if locator.starts_with(&LOCATOR) {
        read_end_64(input, &locator, locator_at, &end)
    } else {
        one_part(end, here)
    }
}

fn one_part(end: End, here: u64) -> Result<End, FormatError> {
    if here == end.entries {
        return Ok(end);
    }
    Err(FormatError::unsupported("the zip is one part of several"))
}

/// Read the 64-bit end record. The numbers of the short one must be the same, or all ones.
fn read_end_64(input: &dyn Input, locator: &[u8], locator_at: u64, short: &End) -> Result<End, FormatError> {
    let at = u64_at(locator, 8);
    let record = read_checked(input, at, END_64_LENGTH, "the 64-bit end record of the zip")?;
    let ends = u64_at(&record, 4)
        .checked_add(at)
        .and_then(|end| end.checked_add(12));
    if !record.starts_with(&END_64) || ends != Some(locator_at) {
        return Err(FormatError::new(
            "the 64-bit end record of the zip is not right before its locator",
        ));
    }
    let end = End {
        entries: u64_at(&record, 32),
        length: u64_at(&record, 40),
        start: u64_at(&record, 48),
        at,
    };
    let parts = [u32_at(&record, 16), u32_at(&record, 20), u32_at(locator, 4)];
    if parts != [0; 3] || u64_at(&record, 24) != end.entries {
        return Err(FormatError::unsupported("the zip is one part of several"));
    }
    let same = |short: u64, long: u64, none: u64| short == long || short == none;
    let ones = u64::from(u32::MAX);
    if same(short.entries, end.entries, u64::from(u16::MAX))
        && same(short.length, end.length, ones)
        && same(short.start, end.start, ones)
    {
        return Ok(end);
    }
    Err(FormatError::new(
        "the two end records of the zip differ, so two readers could see different members",
    ))
}

/// Read one entry; gives it and the bytes after it.
fn read_entry(bytes: &[u8]) -> Result<(Entry, &[u8]), FormatError> {
    let cut = || FormatError::new("the directory of the zip ends inside an entry");
    if bytes.len() < ENTRY_LENGTH {
        return Err(cut());
    }
    if !bytes.starts_with(&ENTRY) {
        return Err(
            FormatError::new("the directory of the zip holds something other than entries")
                .with_expected("PK 01 02", format!("{:02x?}", &bytes[..4])),
        );
    }
    let extra_at = ENTRY_LENGTH + usize::from(u16_at(bytes, 28));
    let comment_at = extra_at + usize::from(u16_at(bytes, 30));
    let end = comment_at + usize::from(u16_at(bytes, 32));
    if bytes.len() < end {
        return Err(cut());
    }
    let flags = u16_at(bytes, 8);
    let name = read_name(&bytes[ENTRY_LENGTH..extra_at], flags)?;
    let fault = |what: &str| FormatError::new(format!("the member {name:?} of the zip {what}"));
    let other = |what: &str| FormatError::unsupported(format!("the member {name:?} of the zip {what}"));
    if flags & !FLAGS != 0 {
        return Err(other("is encrypted, or of a kind that is not read")
            .with_expected(format!("flags of {FLAGS:#06x}"), format!("{flags:#06x}")));
    }
    if !matches!(u16_at(bytes, 34), 0 | u16::MAX) {
        return Err(other("is in another part of the archive"));
    }
    let is_link = bytes[5] == 3 && (u32_at(bytes, 38) >> 16) & 0o170_000 == 0o120_000;
    let mut wide =
        Wide::new(&bytes[extra_at..comment_at]).ok_or_else(|| fault("has a malformed extra field"))?;
    let sizes = [u32_at(bytes, 24), u32_at(bytes, 20), u32_at(bytes, 42)].map(|size| wide.size(size));
    let [Some(length), Some(stored), Some(header)] = sizes else {
        return Err(fault("states no 64-bit size where it must"));
    };
    let method = read_method(u16_at(bytes, 10)).ok_or_else(|| {
        other("is compressed with a method that is not read")
            .with_expected("0 (stored) or 8 (deflate)", u16_at(bytes, 10))
    })?;
    if name.ends_with('/') && length > 0 {
        return Err(fault("is a folder with content"));
    }
    if method == Method::Stored && stored != length {
        return Err(fault("is stored, and its two sizes differ").with_expected(length, stored));
    }
    let entry = Entry {
        flags,
        method,
        crc: u32_at(bytes, 16),
        stored,
        length,
        header,
        is_link,
        name,
    };
    Ok((entry, &bytes[end..]))
}

/// Return the method that `number` stands for.
pub fn read_method(number: u16) -> Option<Method> {
    match number {
        0 => Some(Method::Stored),
        8 => Some(Method::Deflated),
        _ => None,
    }
}

/// Read a name: text that every reader reads alike, and a path below the root.
fn read_name(bytes: &[u8], flags: u16) -> Result<String, FormatError> {
    let refused = |what: &str| {
        FormatError::new(format!(
            "the name b\"{}\" in the zip {what}",
            bytes.escape_ascii()
        ))
    };
    let name = std::str::from_utf8(bytes).map_err(|_| refused("is not UTF-8"))?;
    if !name.is_ascii() && flags & FLAG_UTF8 == 0 {
        return Err(refused(
            "is not marked as UTF-8, so two readers could see different names",
        ));
    }
    if name.is_empty() || name.contains('\0') {
        return Err(refused("is empty or has a NUL byte"));
    }
    let drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    if name.starts_with(['/', '\\']) || drive || name.split(['/', '\\']).any(|segment| segment == "..") {
        return Err(refused("is no path below the root of the archive"));
    }
    Ok(name.to_owned())
}

/// The 64-bit numbers of an extra field, which stand for those that are all ones, in order.
pub struct Wide<'a>(&'a [u8]);

impl<'a> Wide<'a> {
    /// Find the field; `None` if the extra fields are malformed or have it twice.
    pub fn new(extra: &'a [u8]) -> Option<Self> {
        let (mut rest, mut field) = (extra, None);
        while !rest.is_empty() {
            if rest.len() < 4 {
                return None;
            }
            let end = 4 + usize::from(u16_at(rest, 2));
            let content = rest.get(4..end)?;
            if u16_at(rest, 0) == EXTRA_64 && field.replace(content).is_some() {
                return None;
            }
            rest = &rest[end..];
        }
        Some(Self(field.unwrap_or_default()))
    }

    /// Return the number that `short` stands for.
    pub fn size(&mut self, short: u32) -> Option<u64> {
        if short != u32::MAX {
            return Some(u64::from(short));
        }
        let (number, rest) = self.0.split_at_checked(8)?;
        self.0 = rest;
        Some(u64_at(number, 0))
    }
}
