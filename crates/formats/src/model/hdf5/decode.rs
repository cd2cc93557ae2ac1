//! Elements that are not stored in their final form.

use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;
use crate::model::pieces::PIECE;

/// A span of the file whose units of `swap` bytes are big-endian.
#[derive(Debug)]
pub(super) struct Swapped {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) swap: u64,
}

impl Decode for Swapped {
    fn length(&self) -> u64 {
        self.end - self.start
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let mut position = self.start;
        // Every width is a power of two, so that no piece ends inside a unit.
        while position < self.end {
            let length = (self.end - position).min(PIECE);
            let mut piece = read_checked(input, position, length, "a dataset")?.to_vec();
            swap(&mut piece, self.swap);
            emit(&piece)?;
            position += length;
        }
        Ok(())
    }
}

/// Reverse the bytes of every unit.
pub(super) fn swap(bytes: &mut [u8], unit: u64) {
    let unit = usize::try_from(unit).unwrap_or(1);
    if unit > 1 {
        bytes.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
    }
}

/// Elements that were never written: all equal.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) length: u64,
    /// One element in its final form; empty for zeros.
    pub(super) element: Vec<u8>,
}

impl Decode for Filled {
    fn length(&self) -> u64 {
        self.length
    }

    fn decode(
        &self,
        _: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let width = self.element.len().max(1);
        let whole = usize::try_from(self.length.min(1 << 16))
            .unwrap_or(1 << 16)
            .max(width);
        let mut piece = vec![0; whole / width * width];
        fill(&mut piece, &self.element);
        let mut remaining = self.length;
        while remaining > 0 {
            let length = remaining.min(piece.len() as u64);
            emit(&piece[..usize::try_from(length).unwrap_or(piece.len())])?;
            remaining -= length;
        }
        Ok(())
    }
}

/// Fill bytes with an element; with zeros, if it is empty.
pub(super) fn fill(bytes: &mut [u8], element: &[u8]) {
    if element.is_empty() {
        bytes.fill(0);
    } else {
        for location in bytes.chunks_exact_mut(element.len()) {
            location.copy_from_slice(element);
        }
    }
}
