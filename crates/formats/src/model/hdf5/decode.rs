//! Elements that are not stored in their final form.

use crate::error::FormatError;
use crate::input::Input;
use crate::model::listing::Decode;

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
