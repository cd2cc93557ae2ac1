//! The lines of a file, one after the other.

use crate::error::FormatError;
use crate::input::Input;
use std::ops::Range;
use std::sync::Arc;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Reads lines that a line feed ends. The last line needs none.
pub struct Lines {
    input: Arc<dyn Input>,
    position: u64,
    /// Bytes that were read and not yet taken.
    rest: Vec<u8>,
    /// Offset in `rest` at which the next line begins.
    start: usize,
    /// The number of the next line, counted from 1.
    number: u64,
    limit: u64,
}

impl Lines {
    /// Create a reader that refuses lines of more than `limit` bytes, so that no file makes it hold more.
    pub fn new(input: Arc<dyn Input>, limit: u64) -> Self {
        Self {
            input,
            position: 0,
            rest: Vec::new(),
            start: 0,
            number: 1,
            limit,
        }
    }

    /// Return where the next line is, without its line feed; `None` after the last. [`Self::bytes`] returns it.
    pub fn next_line(&mut self) -> Result<Option<Range<usize>>, FormatError> {
        let mut searched = self.start;
        loop {
            if let Some(offset) = memchr::memchr(b'\n', &self.rest[searched..]) {
                let line = self.start..searched + offset;
                self.check(line.len())?;
                self.start = line.end + 1;
                self.number += 1;
                return Ok(Some(line));
            }
            self.check(self.rest.len() - self.start)?;
            let remaining = self.input.length() - self.position;
            if remaining == 0 {
                let line = self.start..self.rest.len();
                self.start = line.end;
                self.number += 1;
                return Ok((!line.is_empty()).then_some(line));
            }
            self.rest.drain(..self.start);
            self.start = 0;
            searched = self.rest.len();
            let length = usize::try_from(remaining).unwrap_or(PIECE).min(PIECE);
            let piece = self.input.read(self.position, length)?;
            self.rest.extend_from_slice(&piece);
            self.position += length as u64;
        }
    }

    /// Return the bytes of the line that [`Self::next_line`] returned last.
    pub fn bytes(&self, line: Range<usize>) -> &[u8] {
        &self.rest[line]
    }

    fn check(&self, bytes: usize) -> Result<(), FormatError> {
        if bytes as u64 <= self.limit {
            return Ok(());
        }
        let message = format!("line {}: it is too long", self.number);
        Err(FormatError::new(message).with_expected(
            format!("at most {} bytes", self.limit),
            format!("more than {}", self.limit),
        ))
    }
}
