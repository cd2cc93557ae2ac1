//! Collect what a reader finds into a [`Listing`], within a bound on memory.

use crate::error::FormatError;
use crate::model::listing::{Listing, NotRead, Tensor};

/// Parts that are listed one by one; the others are counted.
const LISTED: usize = 1000;

/// Memory that a listing may take for any file, in bytes; a larger file adds [`PER_BYTE`] for each of its bytes.
const ROOM: u64 = 40 << 20;

/// See [`ROOM`].
const PER_BYTE: u64 = 3;

/// A listing that grows.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// The listing, to be completed by [`Catalog::finish`].
    pub(crate) listing: Listing,
    room: u64,
    unlisted: u64,
}

impl Catalog {
    /// Start the listing of a file of `length` bytes.
    pub(crate) fn new(length: u64) -> Self {
        Self {
            room: length.saturating_mul(PER_BYTE).saturating_add(ROOM),
            ..Self::default()
        }
    }

    /// Take `bytes` of the memory that the file may use.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), FormatError> {
        // Every value kept has a cost beside its bytes: its place in a list, its allocation.
        self.room = self.room.checked_sub(bytes as u64 + 64).ok_or_else(|| {
            FormatError::new("it names more than a file of its size can hold: its names would take more memory than lineaprint gives it")
        })?;
        Ok(())
    }

    /// Give back what [`Self::charge`] took.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.room += bytes as u64 + 64;
    }

    /// Add a tensor.
    pub(crate) fn tensor(&mut self, tensor: Tensor) -> Result<(), FormatError> {
        self.charge(tensor.name.len() + 8 * tensor.shape.len() + 192)?;
        self.listing.tensors.push(tensor);
        Ok(())
    }

    /// Add something that is no tensor.
    pub(crate) fn not_read(&mut self, name: &str, reason: impl Into<String>) -> Result<(), FormatError> {
        if self.listing.not_read.len() >= LISTED {
            self.unlisted += 1;
            return Ok(());
        }
        let reason = reason.into();
        self.charge(name.len() + reason.len())?;
        self.listing.not_read.push(NotRead {
            name: name.to_owned(),
            reason,
        });
        Ok(())
    }

    /// Add a tensor whose type has no name in `docs/format.md`, so that the file has no `weights` digest.
    pub(crate) fn unknown(&mut self, name: &str, dtype: &str) -> Result<(), FormatError> {
        if self.listing.incomplete.is_none() {
            self.listing.incomplete = Some(format!("the type {dtype:?} of the tensor {name:?} is not known"));
        }
        self.not_read(name, format!("Its type {dtype:?} is not known."))
    }

    /// Return the listing; refuse a name that comes twice.
    pub(crate) fn finish(mut self) -> Result<Listing, FormatError> {
        if self.unlisted > 0 {
            self.listing.remarks.push(format!(
                "{} more parts of the file are no tensors; only the first {LISTED} are listed.",
                self.unlisted
            ));
        }
        let mut names: Vec<&str> = self
            .listing
            .tensors
            .iter()
            .map(|tensor| tensor.name.as_str())
            .collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(twice(pair[0]));
        }
        Ok(self.listing)
    }
}

/// Return the error of a name that comes twice.
pub(crate) fn twice(name: &str) -> FormatError {
    FormatError::new("the name comes twice, so two readers could load different models").tensor(name)
}

/// Return the product of a shape and the bytes of its elements.
pub(crate) fn size(name: &str, shape: &[u64], bits: u64) -> Result<(u64, u64), FormatError> {
    let overflow = || FormatError::new("its size overflows 64 bits").tensor(name);
    // A zero anywhere makes the product zero; the others must still fit on their own, or no reader could hold the shape.
    let elements = shape
        .iter()
        .filter(|length| **length != 0)
        .try_fold(1_u64, |product, length| product.checked_mul(*length))
        .ok_or_else(overflow)?;
    let elements = if shape.contains(&0) { 0 } else { elements };
    let bits = elements.checked_mul(bits).ok_or_else(overflow)?;
    Ok((elements, bits.div_ceil(8)))
}
