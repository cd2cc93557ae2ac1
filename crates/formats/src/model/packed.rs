//! Elements narrower than a byte: the bits after the last one are zero, whatever the file has there.

use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::{Decode, Elements};
use crate::model::pieces::read_pieces;
use std::sync::Arc;

/// Return the bits of the last byte that belong to elements, of which there are `bits` bits in all.
pub(crate) fn last_mask(bits: u64) -> u8 {
    match bits % 8 {
        0 => 0xff,
        rest => (1 << rest) - 1,
    }
}

/// Return elements that lie in the file from `start` up to `end`; in a form that clears the bits after the last element
/// if any of them is set.
pub(crate) fn in_file(input: &dyn Input, start: u64, end: u64, bits: u64) -> Result<Elements, FormatError> {
    let last = last_mask(bits);
    if last != 0xff && start < end {
        let byte = read_checked(input, end - 1, 1, "the data of a tensor")?[0];
        if byte & !last != 0 {
            return Ok(Elements::Decoded(Arc::new(Padded { start, end, last })));
        }
    }
    Ok(Elements::InPlace { start, end })
}

/// Elements whose last byte has bits that belong to none.
#[derive(Debug)]
struct Padded {
    start: u64,
    end: u64,
    last: u8,
}

impl Decode for Padded {
    fn length(&self) -> u64 {
        self.end - self.start
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let span = (self.start, self.end);
        read_pieces(input, span, "the data of a tensor", &mut |piece, end| {
            let mut piece = piece.to_vec();
            if end == self.end
                && let Some(last) = piece.last_mut()
            {
                *last &= self.last;
            }
            emit(&piece)
        })
    }
}
