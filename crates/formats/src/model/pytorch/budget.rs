//! The memory that reading one file may use.

use crate::error::FormatError;

/// Memory that every file may use, in bytes.
const BASE: u64 = 56 << 20;

/// Memory in bytes for each byte of the file.
const FACTOR: u64 = 4;

/// Memory in bytes for each mention of a storage, as every tensor has one: what the tensor takes as a pickle, as a view and
/// in the listing. A checkpoint of very many tiny tensors needs little more than a hundred bytes of file for each.
const TENSOR: u64 = 2 << 10;

/// The most of that, in bytes for each byte of the file.
const TENSORS_FACTOR: u64 = 16;

/// A count of the memory that the parts of a file take while it is read. It is charged before memory is taken.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    limit: u64,
    used: u64,
    /// Memory that mentions of storages may still add to the limit.
    for_tensors: u64,
}

impl Budget {
    /// Return the budget of a file of `length` bytes.
    pub fn of(length: u64) -> Self {
        Self {
            limit: BASE.saturating_add(length.saturating_mul(FACTOR)),
            used: 0,
            for_tensors: length.saturating_mul(TENSORS_FACTOR),
        }
    }

    /// Count `bytes`.
    pub fn charge(&mut self, bytes: usize) -> Result<(), FormatError> {
        self.used = self.used.saturating_add(bytes as u64);
        if self.used <= self.limit {
            return Ok(());
        }
        Err(
            FormatError::unsupported("the objects of the pickle are too many for the size of the file")
                .with_expected(format!("at most {} bytes of memory", self.limit), "more"),
        )
    }

    /// Allow the memory of one more tensor, as far as the file is long enough.
    pub fn allow_tensor(&mut self) {
        let more = TENSOR.min(self.for_tensors);
        self.for_tensors -= more;
        self.limit = self.limit.saturating_add(more);
    }

    /// Give back what was charged for memory that is free again.
    pub fn release(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes as u64);
    }

    /// Return the number of bytes that are not used yet.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}
