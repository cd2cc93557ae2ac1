//! A position in a file that moves forward, with a small window of the file in memory.

use crate::error::FormatError;
use crate::input::Input;
use bytes::Bytes;

/// Bytes that are read ahead. Headers are small or read from start to end, so a few reads are enough.
const WINDOW: u64 = 16 << 10;

/// A position in a file. Every number that a file states goes through [`Self::take`] or [`Self::skip`], which check
/// it against what is left.
pub(crate) struct Cursor<'a> {
    input: &'a dyn Input,
    /// One past the last byte that may be read.
    end: u64,
    position: u64,
    window: Bytes,
    window_start: u64,
}

impl<'a> Cursor<'a> {
    /// Start at `position`, and stop before `end`.
    pub fn new(input: &'a dyn Input, position: u64, end: u64) -> Self {
        Self {
            input,
            end: end.min(input.length()),
            position,
            window: Bytes::new(),
            window_start: 0,
        }
    }

    /// Return the position, counted from the start of the file.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Return one past the last byte that may be read.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Return the number of bytes that are left.
    pub const fn left(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// Return the next `length` bytes. `what` names them for the message.
    pub fn take(&mut self, length: u64, what: &str) -> Result<Bytes, FormatError> {
        let start = self.position;
        self.skip(length, what)?;
        let offset = start.checked_sub(self.window_start);
        let held = self.window.len() as u64;
        if offset.is_none_or(|offset| offset.checked_add(length).is_none_or(|end| end > held)) {
            let wanted = length.max(WINDOW).min(self.end - start);
            self.window = self.input.read(start, to_usize(wanted)?)?;
            self.window_start = start;
        }
        let from = to_usize(start - self.window_start)?;
        Ok(self.window.slice(from..from + to_usize(length)?))
    }

    /// Return the next `N` bytes.
    pub fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], FormatError> {
        let bytes = self.take(N as u64, what)?;
        <[u8; N]>::try_from(bytes.as_ref()).map_err(|_| FormatError::internal("a read of another length"))
    }

    /// Return the next byte.
    pub fn byte(&mut self, what: &str) -> Result<u8, FormatError> {
        let offset = self.position.checked_sub(self.window_start);
        let held = offset
            .and_then(|offset| usize::try_from(offset).ok())
            .and_then(|offset| self.window.get(offset));
        if let Some(byte) = held
            && self.position < self.end
        {
            self.position += 1;
            return Ok(*byte);
        }
        self.take(1, what).map(|bytes| bytes[0])
    }

    /// Go to a position, which may lie before the present one.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
    }

    /// Move forward by `length` bytes.
    pub fn skip(&mut self, length: u64, what: &str) -> Result<(), FormatError> {
        if length > self.left() {
            return Err(
                FormatError::new(format!("{what} is cut off or too long")).with_expected(
                    format!("at most {} bytes from byte {}", self.left(), self.position),
                    format!("{length} bytes"),
                ),
            );
        }
        self.position += length;
        Ok(())
    }
}

fn to_usize(length: u64) -> Result<usize, FormatError> {
    usize::try_from(length).map_err(|_| FormatError::new("a part of the file does not fit into memory"))
}
