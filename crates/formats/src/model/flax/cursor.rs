//! Read a file from front to back by positions, in pieces, without holding it.

use crate::error::FormatError;
use crate::input::Input;
use bytes::Bytes;

/// Bytes that are read ahead: few behind a long array that was passed over, since the next one may follow soon, and with
/// each read near the one before it four times as many.
const LEAST: u64 = 1 << 9;
const MOST: u64 = 1 << 16;

/// Bytes of a long array.
const LONG: u64 = 1 << 14;

/// A place in a file, and the end that it must not pass.
pub(crate) struct Cursor<'a> {
    input: &'a dyn Input,
    position: u64,
    end: u64,
    /// Bytes read ahead.
    ahead: Bytes,
    /// The byte of the file that `ahead` begins with.
    start: u64,
    /// Bytes to read ahead the next time, if that is near the end of `ahead`.
    next: u64,
}

impl<'a> Cursor<'a> {
    /// Start at the first byte of a file.
    pub(crate) fn new(input: &'a dyn Input) -> Self {
        Self {
            input,
            position: 0,
            end: input.length(),
            ahead: Bytes::new(),
            start: 0,
            next: LEAST,
        }
    }

    /// Return the position of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Return the number of bytes up to the end.
    pub(crate) fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// Set an end before the present one; return that one.
    pub(crate) fn narrow(&mut self, length: u64, what: &str) -> Result<u64, FormatError> {
        self.check(length, what)?;
        Ok(std::mem::replace(&mut self.end, self.position + length))
    }

    /// Set the end that [`Self::narrow`] returned.
    pub(crate) fn widen(&mut self, end: u64) {
        self.end = end;
    }

    /// Check that `length` bytes are left.
    pub(crate) fn check(&self, length: u64, what: &str) -> Result<(), FormatError> {
        if length > self.remaining() {
            return Err(
                FormatError::new(format!("{what} is longer than what is left of the file")).with_expected(
                    format!("at most {} bytes", self.remaining()),
                    format!("{length} bytes"),
                ),
            );
        }
        Ok(())
    }

    /// Pass over `length` bytes.
    pub(crate) fn skip(&mut self, length: u64, what: &str) -> Result<(), FormatError> {
        self.check(length, what)?;
        self.position += length;
        Ok(())
    }

    /// Read `length` bytes, which is small.
    pub(crate) fn take(&mut self, length: usize, what: &str) -> Result<Bytes, FormatError> {
        self.check(length as u64, what)?;
        let within = self
            .position
            .checked_sub(self.start)
            .and_then(|offset| usize::try_from(offset).ok())
            .filter(|offset| {
                offset
                    .checked_add(length)
                    .is_some_and(|end| end <= self.ahead.len())
            });
        let offset = if let Some(offset) = within {
            offset
        } else {
            let passed = self.position.saturating_sub(self.start + self.ahead.len() as u64);
            if passed > LONG {
                self.next = LEAST;
            }
            let ahead = (self.input.length() - self.position).min(self.next.max(length as u64));
            self.next = (self.next * 4).min(MOST);
            let ahead =
                usize::try_from(ahead).map_err(|_| FormatError::new("a read beyond what memory can hold"))?;
            self.ahead = self.input.read(self.position, ahead)?;
            self.start = self.position;
            0
        };
        self.position += length as u64;
        Ok(self.ahead.slice(offset..offset + length))
    }

    /// Read a big-endian number of `N` bytes.
    pub(crate) fn number<const N: usize>(&mut self, what: &str) -> Result<u64, FormatError> {
        let bytes = self.take(N, what)?;
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}
