//! The header and the pages of a database.

use crate::error::FormatError;
use crate::input::Input;
use bytes::Bytes;
use std::sync::Arc;

/// The first bytes of every database.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

/// Pages that are read together where the last one was followed by the next.
const AHEAD: u32 = 64;

/// The encoding of the text of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEncoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, lowest byte first.
    Utf16Le,
    /// UTF-16, highest byte first.
    Utf16Be,
}

/// An open database.
pub struct Pages {
    input: Arc<dyn Input>,
    size: usize,
    /// Bytes of a page that are not reserved for extensions.
    usable: usize,
    count: u32,
    pub encoding: TextEncoding,
    /// Some pages that follow each other, and the number of the first.
    ahead: (u32, Bytes),
    last: u32,
    /// One bit for each page that was taken: each belongs to one place.
    taken: Vec<u64>,
}

impl Pages {
    /// Read the header.
    pub fn open(input: Arc<dyn Input>) -> Result<Self, FormatError> {
        let length = input.length();
        if length < 512 {
            return Err(FormatError::new("it is too short for a database of SQLite")
                .with_expected("at least 512 bytes", format!("{length} bytes")));
        }
        let header = input.read(0, 100)?;
        if !header.starts_with(MAGIC) {
            return Err(FormatError::new("the magic of SQLite is missing at its start")
                .with_expected("SQLite format 3", header[..16].escape_ascii()));
        }
        let size = match be16(&header, 16) {
            1 => 65_536,
            other => usize::from(other),
        };
        if !size.is_power_of_two() || size < 512 {
            return Err(FormatError::new("its page size is none of SQLite")
                .with_expected("a power of two from 512 to 65536", size));
        }
        if header[18] > 2 || header[19] > 2 {
            return Err(FormatError::unsupported(
                "its version of the file format is newer than those that are read",
            )
            .with_expected("1 or 2", header[19]));
        }
        let usable = size - usize::from(header[20]);
        if usable < 480 || header[21..24] != [64, 32, 32] {
            return Err(FormatError::new(
                "its header has sizes that SQLite does not allow",
            ));
        }
        let held = u32::try_from(length / size as u64).unwrap_or(u32::MAX);
        let stated = be32(&header, 28);
        // Old versions write no count, and leave the number of the version that wrote one.
        let is_stated = stated > 0 && be32(&header, 24) == be32(&header, 92);
        let count = if is_stated { stated } else { held };
        if count > held {
            return Err(FormatError::new("it is cut off").with_expected(format!("{count} pages"), held));
        }
        let encoding = match be32(&header, 56) {
            // No table was made yet.
            0 | 1 => TextEncoding::Utf8,
            2 => TextEncoding::Utf16Le,
            3 => TextEncoding::Utf16Be,
            other => {
                return Err(
                    FormatError::new("its text encoding is none of SQLite").with_expected("1, 2 or 3", other)
                );
            }
        };
        Ok(Self {
            input,
            size,
            usable,
            count,
            encoding,
            ahead: (0, Bytes::new()),
            last: 0,
            taken: Vec::new(),
        })
    }

    /// Return the bytes of a page that are not reserved.
    pub const fn usable(&self) -> usize {
        self.usable
    }

    /// Forget which pages were taken.
    pub fn start_over(&mut self) {
        self.taken = vec![0; self.count as usize / 64 + 1];
    }

    /// Return a page, which no other place has taken.
    pub fn take(&mut self, number: u32) -> Result<Bytes, FormatError> {
        if number == 0 || number > self.count {
            return Err(FormatError::new("it refers to a page that it does not have")
                .with_expected(format!("1 to {}", self.count), number));
        }
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        match self.taken.get_mut(word) {
            Some(taken) if *taken & bit == 0 => *taken |= bit,
            _ => {
                return Err(FormatError::new(format!(
                    "two places of it refer to the page {number}"
                )));
            }
        }
        let (first, pages) = &self.ahead;
        let held = pages.len() / self.size;
        if number < *first || (number - first) as usize >= held {
            let wanted = if number == self.last.wrapping_add(1) {
                AHEAD
            } else {
                1
            };
            let wanted = wanted.min((self.count - number).saturating_add(1)) as usize;
            let read = self
                .input
                .read(u64::from(number - 1) * self.size as u64, wanted * self.size)?;
            if read.len() < wanted * self.size {
                return Err(FormatError::new("it is cut off"));
            }
            self.ahead = (number, read);
        }
        self.last = number;
        let start = (number - self.ahead.0) as usize * self.size;
        Ok(self.ahead.1.slice(start..start + self.usable))
    }
}

/// Read two bytes.
pub fn be16(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..at + 2)
        .map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Read four bytes.
pub fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |bytes| {
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    })
}

/// Read a number of one to nine bytes, and how many they are; nothing where the bytes end.
pub fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(8) {
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    bytes.get(8).map(|byte| ((value << 8) | u64::from(*byte), 9))
}
