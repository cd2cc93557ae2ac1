//! Tensors that lie in several pieces of the file, in their final form.

use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;

/// The most bytes that are read and emitted at once.
pub(crate) const PIECE: u64 = 1 << 20;

/// Spans of the file that follow each other in the tensor.
#[derive(Debug)]
pub(crate) struct Pieces(pub(crate) Vec<(u64, u64)>);

impl Decode for Pieces {
    fn length(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        for (start, end) in &self.0 {
            let mut position = *start;
            while position < *end {
                let length = (end - position).min(PIECE);
                emit(&read_checked(input, position, length, "a piece of a tensor")?)?;
                position += length;
            }
        }
        Ok(())
    }
}
