//! The lines of a file, one after the other.

use crate::error::FormatError;
use crate::pieces::Pieces;
use crate::text::line_ends::LineEnds;
use std::ops::Range;

/// Reads lines that a line feed ends. The last line needs none.
pub struct Lines {
    pieces: Pieces<'static>,
    /// Bytes that were read and not yet taken.
    rest: Vec<u8>,
    /// Offset in `rest` at which the next line begins.
    start: usize,
    /// The number of the next line, counted from 1.
    number: u64,
    limit: u64,
    ends: LineEnds,
}

impl Lines {
    /// Create a reader that refuses lines of more than `limit` bytes, so that no file makes it hold more.
    pub const fn new(pieces: Pieces<'static>, limit: u64) -> Self {
        Self {
            pieces,
            rest: Vec::new(),
            start: 0,
            number: 1,
            limit,
            ends: LineEnds {
                without_return: 0,
                with_return: 0,
            },
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
                self.ends.add(self.rest[line.clone()].last() == Some(&b'\r'));
                self.number += 1;
                return Ok(Some(line));
            }
            self.check(self.rest.len() - self.start)?;
            let piece = self.pieces.next_piece()?;
            if piece.is_empty() {
                let line = self.start..self.rest.len();
                self.start = line.end;
                self.number += 1;
                return Ok((!line.is_empty()).then_some(line));
            }
            self.rest.drain(..self.start);
            self.start = 0;
            searched = self.rest.len();
            self.rest.extend_from_slice(&piece);
        }
    }

    /// Return how the lines so far ended.
    pub const fn ends(&self) -> LineEnds {
        self.ends
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
