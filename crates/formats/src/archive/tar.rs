//! tar: headers of 512 bytes, each before its file; the few plain files that a model of PyTorch 0.1 is.
//!
//! Files in the form of POSIX (ustar) are read, with headers of extended attributes, unless those change the name, the
//! size or the kind of a file. Links, devices and duplicate names are refused. Source: POSIX.1-2017, pax.

use crate::error::FormatError;
use crate::input::{Input, read_checked};

/// Bytes of a header; data is padded to a multiple.
const BLOCK: u64 = 512;

/// The most bytes of a header of extended attributes.
const ATTRIBUTES: u64 = 64 << 10;

/// The most files that are read.
const FILES: usize = 10_000;

/// A file inside an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path, without a `./` before it.
    pub name: String,
    /// Its first byte.
    pub start: u64,
    /// One past its last byte.
    pub end: u64,
}

/// Return the name of the first file of a tar that starts with `head`, behind its extended attributes.
pub fn first_name(head: &[u8]) -> Option<String> {
    let mut rest = head;
    loop {
        check_sum(rest)?;
        if !matches!(rest[156], b'x' | b'g') {
            return name(rest);
        }
        let size = octal(&rest[124..136])?.checked_next_multiple_of(BLOCK)?;
        rest = rest.get(usize::try_from(size.checked_add(BLOCK)?).ok()?..)?;
    }
}

/// Return the checksum that a header states, if it is its own.
fn check_sum(header: &[u8]) -> Option<u64> {
    let header = header.get(..512).filter(|header| header[257..262] == *b"ustar")?;
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(index, byte)| {
            if (148..156).contains(&index) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    (octal(&header[148..156])? == sum).then_some(sum)
}

/// Read a number of octal digits, with spaces and NULs around it.
fn octal(field: &[u8]) -> Option<u64> {
    let digits: Vec<u8> = field
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b' ' | 0))
        .collect();
    u64::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()
}

/// Read the headers of an archive.
pub fn read(input: &dyn Input) -> Result<Vec<Entry>, FormatError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    loop {
        let header = read_checked(input, at, BLOCK, "a header of the tar")?;
        if header.iter().all(|byte| *byte == 0) {
            return check_end(input, at).map(|()| entries);
        }
        let fault = |what: &str| FormatError::new(format!("the header at byte {at} of the tar {what}"));
        check_sum(&header).ok_or_else(|| fault("does not have the checksum that it states"))?;
        let size = octal(&header[124..136]).ok_or_else(|| fault("states no size in octal digits"))?;
        let start = at + BLOCK;
        let end = start.checked_add(size).filter(|end| *end <= input.length());
        let end = end.ok_or_else(|| fault("states a size beyond the end of the file"))?;
        match header[156] {
            0 | b'0' => {
                let name = name(&header).ok_or_else(|| fault("has a name that is no path below the root"))?;
                if entries.iter().any(|entry| entry.name == name) {
                    return Err(fault(&format!("names {name:?} a second time")));
                }
                if entries.len() >= FILES {
                    return Err(FormatError::unsupported("the tar has too many files")
                        .with_expected(format!("at most {FILES}"), "more"));
                }
                entries.push(Entry { name, start, end });
            }
            b'5' => {}
            b'x' | b'g' => check_attributes(input, start, size)?,
            kind => {
                return Err(fault("is neither of a file nor of a folder")
                    .with_expected("'0' or '5'", format!("{:?}", char::from(kind))));
            }
        }
        at = end.next_multiple_of(BLOCK);
    }
}

/// Check that nothing but zeros follows.
fn check_end(input: &dyn Input, mut at: u64) -> Result<(), FormatError> {
    while at < input.length() {
        let length = (64 << 10).min(input.length() - at);
        let zeros = read_checked(input, at, length, "the end of the tar")?;
        if zeros.iter().any(|byte| *byte != 0) {
            return Err(FormatError::new(
                "bytes other than zero follow the end of the tar",
            ));
        }
        at += length;
    }
    Ok(())
}

/// Return the name in a header: UTF-8, below the root.
fn name(header: &[u8]) -> Option<String> {
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        std::str::from_utf8(&field[..end]).ok().map(str::to_owned)
    };
    let (prefix, name) = (text(&header[345..500])?, text(&header[..100])?);
    let name = if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    };
    let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
    let escapes = name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|segment| segment == "..");
    (!name.is_empty() && !escapes).then_some(name)
}

/// Check extended attributes: lines of a length, a key and a value.
fn check_attributes(input: &dyn Input, start: u64, size: u64) -> Result<(), FormatError> {
    let fault = |what: &str| {
        FormatError::unsupported(format!(
            "the extended attributes at byte {start} of the tar {what}"
        ))
    };
    if size > ATTRIBUTES {
        return Err(fault("are too long"));
    }
    let bytes = read_checked(input, start, size, "the extended attributes")?;
    let mut rest: &[u8] = &bytes;
    while !rest.is_empty() && rest[0] != 0 {
        let space = rest.iter().position(|byte| *byte == b' ');
        let length = space.and_then(|space| std::str::from_utf8(&rest[..space]).ok()?.parse::<usize>().ok());
        let record = match (space, length) {
            (Some(space), Some(length)) if length > space => rest.get(space + 1..length),
            _ => None,
        };
        let (Some(record), Some(length)) = (record, length) else {
            return Err(fault("are malformed"));
        };
        let key = record.split(|byte| *byte == b'=').next().unwrap_or_default();
        if !matches!(
            key,
            b"mtime" | b"atime" | b"ctime" | b"uid" | b"gid" | b"uname" | b"gname" | b"comment"
        ) {
            return Err(fault("change more than times and owners"));
        }
        rest = &rest[length..];
    }
    Ok(())
}
