//! Bytes at positions: what a reader of a file gets instead of the file.

use crate::error::FormatError;
use bytes::Bytes;

/// Bytes at positions.
pub trait Input: Send + Sync {
    /// Return length in bytes.
    fn length(&self) -> u64;

    /// Read exactly `length` bytes from `offset`. Callers check both against [`Self::length`].
    fn read(&self, offset: u64, length: usize) -> Result<Bytes, FormatError>;
}

/// An input that somebody else holds.
pub(crate) struct Borrowed<'a>(pub &'a dyn Input);

impl Input for Borrowed<'_> {
    fn length(&self) -> u64 {
        self.0.length()
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes, FormatError> {
        self.0.read(offset, length)
    }
}

/// Read a range that a file states, after a check against the length of the file.
pub(crate) fn read_checked(
    input: &dyn Input,
    offset: u64,
    length: u64,
    what: &str,
) -> Result<Bytes, FormatError> {
    let fits = offset
        .checked_add(length)
        .is_some_and(|end| end <= input.length());
    match (fits, usize::try_from(length)) {
        (true, Ok(length)) => input.read(offset, length),
        _ => Err(
            FormatError::new(format!("{what} is outside the file")).with_expected(
                format!("at most {} bytes", input.length()),
                format!("{length} bytes from byte {offset}"),
            ),
        ),
    }
}

impl Input for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes, FormatError> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        match start.checked_add(length) {
            Some(end) if end <= self.len() => Ok(self.slice(start..end)),
            _ => Err(FormatError::new("a read beyond the end")),
        }
    }
}
