//! Spans of the file that are read and emitted piece by piece.

use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;
use bytes::Bytes;

/// The most bytes that are read and emitted at once.
pub(crate) const PIECE: u64 = 1 << 20;

/// Read a span in pieces of [`PIECE`] bytes, the last one shorter, and pass each on with its end.
pub(crate) fn read_pieces(
    input: &dyn Input,
    (start, end): (u64, u64),
    what: &str,
    take: &mut dyn FnMut(Bytes, u64) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut position = start;
    while position < end {
        let length = (end - position).min(PIECE);
        let piece = read_checked(input, position, length, what)?;
        position += length;
        take(piece, position)?;
    }
    Ok(())
}

/// Reverse the bytes of every number of `width` bytes.
pub(crate) fn swap(bytes: &mut [u8], width: usize) {
    if width > 1 {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

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
        for span in &self.0 {
            read_pieces(input, *span, "a piece of a tensor", &mut |piece, _| emit(&piece))?;
        }
        Ok(())
    }
}

/// A span of numbers with their highest byte first.
#[derive(Debug)]
pub(crate) struct Swapped {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Bytes of one number: a power of two, so that no piece ends inside one.
    pub(crate) width: usize,
    /// The name of the span in errors.
    pub(crate) what: &'static str,
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
        read_pieces(input, (self.start, self.end), self.what, &mut |piece, _| {
            let mut piece = piece.to_vec();
            swap(&mut piece, self.width);
            emit(&piece)
        })
    }
}
