//! Elements of a big-endian file.

use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;

/// Bytes that are swapped at once.
const PIECE: u64 = 1 << 20;

/// Elements whose bytes are in reverse order.
#[derive(Debug)]
pub(super) struct Swap {
    /// First byte, counted from the start of the file.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// Bytes of an element: 2, 4 or 8.
    pub width: usize,
}

impl Decode for Swap {
    fn length(&self) -> u64 {
        self.end - self.start
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let mut at = self.start;
        while at < self.end {
            let length = (self.end - at).min(PIECE);
            let mut bytes = read_checked(input, at, length, "the data of a tensor")?.to_vec();
            for element in bytes.chunks_exact_mut(self.width) {
                element.reverse();
            }
            emit(&bytes)?;
            at += length;
        }
        Ok(())
    }
}
