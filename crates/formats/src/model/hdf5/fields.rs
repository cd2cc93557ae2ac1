//! Fields of a block of metadata: little-endian numbers, addresses and lengths of the widths that the file states.

use crate::error::FormatError;

/// Widths of addresses and lengths, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// A block of metadata, read from front to back.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    data: &'a [u8],
    at: usize,
    sizes: Sizes,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// Start at the first byte of a block. `what` names it in errors.
    pub(super) fn new(data: &'a [u8], sizes: Sizes, what: &'static str) -> Self {
        Self {
            data,
            at: 0,
            sizes,
            what,
        }
    }

    /// Return an error about the block.
    pub(super) fn error(&self, message: &str) -> FormatError {
        FormatError::new(format!("{}: {message}", self.what))
    }

    /// Return the number of bytes that are left.
    pub(super) fn remaining(&self) -> usize {
        self.data.len() - self.at
    }

    /// Return how many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Read `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        if length > self.remaining() {
            return Err(self
                .error("it ends inside a field")
                .with_expected(format!("{length} bytes"), format!("{} bytes", self.remaining())));
        }
        self.at += length;
        Ok(&self.data[self.at - length..self.at])
    }

    /// Pass over `length` bytes.
    pub(super) fn skip(&mut self, length: usize) -> Result<(), FormatError> {
        self.take(length).map(|_| ())
    }

    /// Read a number of `width` bytes, at most 8.
    pub(super) fn number(&mut self, width: usize) -> Result<u64, FormatError> {
        let bytes = self.take(width.min(8))?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Read a byte.
    pub(super) fn byte(&mut self) -> Result<u8, FormatError> {
        Ok(self.take(1)?[0])
    }

    /// Read a number of two bytes.
    pub(super) fn short(&mut self) -> Result<usize, FormatError> {
        let bytes = self.take(2)?;
        Ok(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    }

    /// Read a number of four bytes.
    pub(super) fn word(&mut self) -> Result<u32, FormatError> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Read a length, where all bits set says that there is none.
    pub(super) fn limit(&mut self) -> Result<Option<u64>, FormatError> {
        let width = self.sizes.length;
        let value = self.number(width)?;
        Ok((value != u64::MAX >> (64 - 8 * width)).then_some(value))
    }

    /// Read a length.
    pub(super) fn length(&mut self) -> Result<u64, FormatError> {
        self.number(self.sizes.length)
    }

    /// Read an address; `None` if it is the undefined one.
    pub(super) fn address(&mut self) -> Result<Option<u64>, FormatError> {
        let width = self.sizes.offset;
        let value = self.number(width)?;
        Ok((value != u64::MAX >> (64 - 8 * width)).then_some(value))
    }

    /// Read an address that must be defined.
    pub(super) fn defined(&mut self) -> Result<u64, FormatError> {
        self.address()?
            .ok_or_else(|| self.error("an address is undefined"))
    }

    /// Read a byte string up to a NUL, which is passed over.
    pub(super) fn terminated(&mut self) -> Result<&'a [u8], FormatError> {
        let rest = &self.data[self.at..];
        let length = rest.iter().position(|byte| *byte == 0);
        let length = length.ok_or_else(|| self.error("a name has no end"))?;
        let name = self.take(length)?;
        self.skip(1)?;
        Ok(name)
    }

    /// Check the next bytes.
    pub(super) fn expect(&mut self, bytes: &[u8]) -> Result<(), FormatError> {
        let received = self.take(bytes.len())?;
        if received != bytes {
            return Err(self
                .error("it does not begin as it must")
                .with_expected(bytes.escape_ascii(), received.escape_ascii()));
        }
        Ok(())
    }
}
