//! The superblock, and reads of metadata within a budget.

use super::checksum::checked;
use super::fields::{Fields, Sizes};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use bytes::Bytes;
use std::cell::Cell;

/// The beginning of every HDF5 file, at byte 0 or at a power of two from 512 on.
pub(super) const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// The largest block of metadata, in bytes.
const BLOCK_LIMIT: u64 = 64 << 20;

/// Bytes of metadata that are read of any file, in bytes; a block costs 64 more than its length.
const BUDGET: u64 = 64 << 20;

/// An HDF5 file.
pub(super) struct File<'a> {
    pub(super) input: &'a dyn Input,
    /// The byte that addresses count from.
    pub(super) base: u64,
    pub(super) sizes: Sizes,
    /// The object header of the root group.
    pub(super) root: u64,
    /// A file that leads in circles ends here.
    budget: Cell<u64>,
}

impl<'a> File<'a> {
    /// Read the superblock.
    pub(super) fn open(input: &'a dyn Input) -> Result<Self, FormatError> {
        let base = find(input)?;
        let mut file = Self {
            input,
            base,
            sizes: Sizes { offset: 8, length: 8 },
            root: 0,
            // The same metadata may be read for several names; a small multiple of a large file is enough.
            budget: Cell::new(BUDGET + input.length().min(1 << 30) * 2),
        };
        let available = (input.length() - base).min(96);
        let block = read_checked(input, base, available, "the superblock")?;
        let version = block.get(8).copied().unwrap_or(u8::MAX);
        let end = match version {
            0 | 1 => file.old(&block, version)?,
            2 | 3 => file.recent(&block)?,
            _ => {
                return Err(
                    FormatError::unsupported("the version of its superblock is not known")
                        .with_expected("0 to 3", version),
                );
            }
        };
        if end.is_none_or(|end| end > input.length() - base) {
            return Err(
                FormatError::new("the file is shorter than it says").with_expected(
                    end.map_or("a length".to_owned(), |end| format!("{end} bytes")),
                    format!("{} bytes", input.length() - base),
                ),
            );
        }
        Ok(file)
    }

    fn old(&mut self, block: &[u8], version: u8) -> Result<Option<u64>, FormatError> {
        let mut fields = Fields::new(block, self.sizes, "the superblock");
        fields.skip(13)?;
        self.set_sizes(fields.byte()?, fields.byte()?)?;
        let mut fields = Fields::new(block, self.sizes, "the superblock");
        fields.skip(if version == 0 { 24 } else { 28 })?;
        let base = fields.defined()?;
        fields.address()?;
        let end = fields.address()?;
        fields.address()?;
        fields.skip(self.sizes.offset)?;
        self.root = fields.defined()?;
        Ok(length_of(base, end))
    }

    fn recent(&mut self, block: &[u8]) -> Result<Option<u64>, FormatError> {
        let mut fields = Fields::new(block, self.sizes, "the superblock");
        fields.skip(9)?;
        self.set_sizes(fields.byte()?, fields.byte()?)?;
        let length = 12 + 4 * self.sizes.offset + 4;
        let whole = block.get(..length).ok_or_else(|| fields.error("it is cut off"))?;
        let mut fields = Fields::new(checked(whole, "the superblock")?, self.sizes, "the superblock");
        fields.skip(12)?;
        let base = fields.defined()?;
        fields.address()?;
        let end = fields.address()?;
        self.root = fields.defined()?;
        Ok(length_of(base, end))
    }

    fn set_sizes(&mut self, offset: u8, length: u8) -> Result<(), FormatError> {
        if ![2, 4, 8].contains(&offset) || ![2, 4, 8].contains(&length) {
            return Err(FormatError::new("its addresses or lengths have an odd width")
                .with_expected("2, 4 or 8 bytes", format!("{offset} and {length} bytes")));
        }
        self.sizes = Sizes {
            offset: usize::from(offset),
            length: usize::from(length),
        };
        Ok(())
    }

    /// Return the place of an address in the file.
    pub(super) fn locate(&self, address: u64, what: &str) -> Result<u64, FormatError> {
        let location = self.base.checked_add(address);
        location.ok_or_else(|| FormatError::new(format!("{what} is outside the file")))
    }

    /// Read a block of metadata.
    pub(super) fn read(&self, address: u64, length: u64, what: &str) -> Result<Bytes, FormatError> {
        if length > BLOCK_LIMIT {
            return Err(FormatError::unsupported(format!("{what} is too long"))
                .with_expected(format!("at most {BLOCK_LIMIT} bytes"), format!("{length} bytes")));
        }
        self.spend(length + 64)?;
        read_checked(self.input, self.locate(address, what)?, length, what)
    }

    /// Read what there is of a block whose length is not known, at most `length` bytes.
    pub(super) fn read_up_to(&self, address: u64, length: u64, what: &str) -> Result<Bytes, FormatError> {
        let remaining = self.input.length().saturating_sub(self.locate(address, what)?);
        self.read(address, length.min(remaining), what)
    }

    /// Take from the budget of work.
    pub(super) fn spend(&self, amount: u64) -> Result<(), FormatError> {
        let remaining = self.budget.get().checked_sub(amount).ok_or_else(|| {
            FormatError::new("its structures lead in circles, or are too many for its size")
        })?;
        self.budget.set(remaining);
        Ok(())
    }

    /// Return the fields of a block.
    pub(super) fn fields<'b>(&self, block: &'b [u8], what: &'static str) -> Fields<'b> {
        Fields::new(block, self.sizes, what)
    }
}

/// Return the length from the superblock on, from the places that it states of itself and of the end.
///
/// A file may have been moved behind other bytes since, so that its own place is another one.
fn length_of(base: u64, end: Option<u64>) -> Option<u64> {
    end?.checked_sub(base)
}

/// Return where the signature is.
fn find(input: &dyn Input) -> Result<u64, FormatError> {
    let mut location = 0;
    while location + 8 <= input.length() {
        if input.read(location, 8)?[..] == SIGNATURE[..] {
            return Ok(location);
        }
        location = if location == 0 { 512 } else { location * 2 };
    }
    Err(FormatError::new("it is no HDF5 file: the signature is nowhere"))
}
