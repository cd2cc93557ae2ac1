//! A position in a file, with small windows of the file in memory.

use crate::error::FormatError;
use crate::input::Input;
use bytes::Bytes;
use std::collections::VecDeque;

/// Bytes that are read ahead. Headers are small or read from start to end, so a few reads are enough.
const WINDOW: u64 = 16 << 10;

/// Bytes that are read ahead behind a part of more than [`WINDOW`] that was passed over, such as the elements of a tensor:
/// the next such part may follow soon. Each read near the one before it takes four times as many, up to [`WINDOW`].
const BEHIND: u64 = 1 << 10;

/// Bytes that are read ahead where the parts of a header lie among the data, and windows that are kept then: a FlatBuffer
/// sends its reader from a table to its fields, to its buffer and back.
const SMALL_WINDOW: u64 = 2 << 10;
const SMALL_WINDOWS: usize = 8;

/// A position in a file. Every number that a file states goes through [`Self::take`] or [`Self::skip`], which check
/// it against what is left.
pub(crate) struct Cursor<'a> {
    input: &'a dyn Input,
    /// One past the last byte that may be read.
    end: u64,
    position: u64,
    window: Bytes,
    window_start: u64,
    /// Bytes that are read ahead.
    ahead: u64,
    /// The windows before the present one with their first bytes, the oldest first, and the most that are kept.
    others: VecDeque<(u64, Bytes)>,
    most_others: usize,
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
            ahead: WINDOW,
            others: VecDeque::new(),
            most_others: 0,
        }
    }

    /// Start at the first byte of a file whose parts are read in any order.
    pub fn scattered(input: &'a dyn Input) -> Self {
        Self {
            ahead: SMALL_WINDOW,
            most_others: SMALL_WINDOWS,
            ..Self::new(input, 0, input.length())
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
        if !holds((self.window_start, &self.window), start, length) {
            self.change_window(start, length)?;
        }
        let from = to_usize(start - self.window_start)?;
        Ok(self.window.slice(from..from + to_usize(length)?))
    }

    /// Make a window that has `length` bytes from `start` the present one. They lie before the end.
    fn change_window(&mut self, start: u64, length: u64) -> Result<(), FormatError> {
        let known = self
            .others
            .iter()
            .position(|(first, window)| holds((*first, window), start, length));
        let (first, window) = if let Some(window) = known.and_then(|index| self.others.remove(index)) {
            window
        } else {
            if self.most_others == 0 && !self.window.is_empty() {
                let end = self.window_start + self.window.len() as u64;
                self.ahead = if start.saturating_sub(end) > WINDOW {
                    BEHIND
                } else {
                    (self.ahead * 4).min(WINDOW)
                };
            }
            let wanted = length.max(self.ahead).min(self.end - start);
            (start, self.input.read(start, to_usize(wanted)?)?)
        };
        let last = std::mem::replace(&mut self.window, window);
        let last_start = std::mem::replace(&mut self.window_start, first);
        // A long part is read once, and would only take memory.
        if self.most_others > 0 && last.len() as u64 <= self.ahead {
            if self.others.len() == self.most_others {
                self.others.pop_front();
            }
            self.others.push_back((last_start, last));
        }
        Ok(())
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

/// Check whether a window with its first byte has `length` bytes from `start`.
fn holds((first, window): (u64, &Bytes), start: u64, length: u64) -> bool {
    start
        .checked_sub(first)
        .and_then(|offset| offset.checked_add(length))
        .is_some_and(|end| end <= window.len() as u64)
}

fn to_usize(length: u64) -> Result<usize, FormatError> {
    usize::try_from(length).map_err(|_| FormatError::new("a part of the file does not fit into memory"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_in_any_order_are_those_of_the_file(
            parts in prop::collection::vec((0..40_000_u64, 0..5_000_u64), 1..60),
            is_scattered in any::<bool>(),
        ) {
            let file: Bytes = (0..=250).cycle().take(40_000).collect::<Vec<u8>>().into();
            let mut cursor = if is_scattered {
                Cursor::scattered(&file)
            } else {
                Cursor::new(&file, 0, file.len() as u64)
            };
            for (start, length) in parts {
                cursor.seek(start);
                let end = start + length;
                match cursor.take(length, "a part") {
                    Ok(part) => prop_assert_eq!(
                        part,
                        file.slice(usize::try_from(start).expect("small")..usize::try_from(end).expect("small"))
                    ),
                    Err(_) => prop_assert!(end > file.len() as u64),
                }
            }
        }
    }
}
