//! Elements in another order than the final one.

use super::header::Header;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;
use crate::model::pieces::swap;

/// Bytes that are emitted at once, at most.
const PIECE: usize = 256 << 10;

/// Elements of which the first axis varies fastest.
#[derive(Debug)]
pub struct Fortran {
    /// First byte.
    pub start: u64,
    /// Elements per axis: none is zero.
    pub shape: Vec<u64>,
    /// Bytes of one element.
    pub width: usize,
    /// Bytes of one number.
    pub part: usize,
    /// True if numbers have their highest byte first.
    pub swap: bool,
}

impl Fortran {
    /// Take an array whose first element is at `start`.
    pub fn new(header: &Header, start: u64) -> Self {
        Self {
            start,
            shape: header.shape.clone(),
            width: usize::try_from(header.dtype.bits / 8).unwrap_or(usize::MAX),
            part: header.width,
            swap: header.swap,
        }
    }
}

impl Decode for Fortran {
    fn length(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.width as u64
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let stored = read_checked(input, self.start, self.length(), "the array")?;
        // Distance of neighbours along each axis, in elements. All of them are within what was read.
        let mut stride = 1;
        let strides: Vec<usize> = self
            .shape
            .iter()
            .map(|length| {
                let own = stride;
                stride *= usize::try_from(*length).unwrap_or(usize::MAX);
                own
            })
            .collect();
        let mut at = vec![0_u64; self.shape.len()];
        let mut source = 0;
        let mut piece = Vec::with_capacity(PIECE + self.width);
        loop {
            let first = source * self.width;
            piece.extend_from_slice(&stored[first..first + self.width]);
            if piece.len() >= PIECE {
                self.emit(&mut piece, emit)?;
            }
            // Advance the last axis, and carry.
            let mut axis = self.shape.len();
            loop {
                if axis == 0 {
                    return self.emit(&mut piece, emit);
                }
                axis -= 1;
                at[axis] += 1;
                source += strides[axis];
                if at[axis] < self.shape[axis] {
                    break;
                }
                source -= strides[axis] * usize::try_from(at[axis]).unwrap_or_default();
                at[axis] = 0;
            }
        }
    }
}

impl Fortran {
    fn emit(
        &self,
        piece: &mut Vec<u8>,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        if self.swap {
            swap(piece, self.part);
        }
        // An element can be longer than a piece.
        for part in piece.chunks(PIECE) {
            emit(part)?;
        }
        piece.clear();
        Ok(())
    }
}
