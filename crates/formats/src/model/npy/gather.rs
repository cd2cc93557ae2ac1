//! Elements in another order than the final one.

use super::header::Header;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;
use crate::model::pieces::swap;

/// Bytes that are emitted at once, at most.
const PIECE: usize = 256 << 10;

/// Bytes of the result that are filled together: they stay in the cache of a core meanwhile.
const BLOCK: usize = 512 << 10;

/// Indices of the first axis that are filled together: their elements lie side by side in the file, some cache lines of
/// them.
const ROWS: usize = 64;

/// Elements of the result that are written side by side: a cache line of them, where they have four bytes.
const COLUMNS: usize = 16;

type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), FormatError> + 'a;

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
        let (rows, rest) = self.rows();
        let block = (BLOCK / rest.saturating_mul(self.width).max(1))
            .min(ROWS)
            .min(rows);
        if block < 2 {
            return self.by_element(&stored, &strides, emit);
        }
        match self.width {
            1 => self.by_rows::<1>(&stored, &strides, block, emit),
            2 => self.by_rows::<2>(&stored, &strides, block, emit),
            4 => self.by_rows::<4>(&stored, &strides, block, emit),
            8 => self.by_rows::<8>(&stored, &strides, block, emit),
            16 => self.by_rows::<16>(&stored, &strides, block, emit),
            _ => self.by_element(&stored, &strides, emit),
        }
    }
}

impl Fortran {
    /// Return the indices of the first axis, and the elements for each of them.
    fn rows(&self) -> (usize, usize) {
        let fit = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
        let (first, others) = self.shape.split_first().unwrap_or((&1, &[]));
        (fit(*first), fit(others.iter().product()))
    }

    /// Emit some indices of the first axis at a time. They are neighbours in `stored`, so that each part of it is read once.
    fn by_rows<const WIDTH: usize>(
        &self,
        stored: &[u8],
        strides: &[usize],
        block: usize,
        emit: &mut Emit<'_>,
    ) -> Result<(), FormatError> {
        let (rows, rest) = self.rows();
        let mut result = vec![0; block * rest * WIDTH];
        for first in (0..rows).step_by(block) {
            let count = block.min(rows - first);
            let mut at = vec![0; self.shape.len()];
            let mut source = first;
            for target in (0..rest).step_by(COLUMNS) {
                let columns = COLUMNS.min(rest - target);
                let mut runs: [&[[u8; WIDTH]]; COLUMNS] = [&[]; COLUMNS];
                for run in &mut runs[..columns] {
                    *run = stored[source * WIDTH..(source + count) * WIDTH].as_chunks().0;
                    self.advance(&mut at, &mut source, strides, 1);
                }
                for row in 0..count {
                    let to = (row * rest + target) * WIDTH;
                    let (elements, _) = result[to..to + columns * WIDTH].as_chunks_mut::<WIDTH>();
                    for (element, run) in elements.iter_mut().zip(&runs) {
                        *element = run[row];
                    }
                }
            }
            let mut bytes = &mut result[..count * rest * WIDTH];
            if self.swap {
                swap(bytes, self.part);
            }
            while !bytes.is_empty() {
                let (piece, others) = bytes.split_at_mut(PIECE.min(bytes.len()));
                emit(piece)?;
                bytes = others;
            }
        }
        Ok(())
    }

    /// Emit one element after the other.
    fn by_element(&self, stored: &[u8], strides: &[usize], emit: &mut Emit<'_>) -> Result<(), FormatError> {
        let mut at = vec![0; self.shape.len()];
        let mut source = 0;
        let mut piece = Vec::with_capacity(PIECE + self.width);
        loop {
            let first = source * self.width;
            piece.extend_from_slice(&stored[first..first + self.width]);
            if piece.len() >= PIECE {
                self.emit(&mut piece, emit)?;
            }
            if !self.advance(&mut at, &mut source, strides, 0) {
                return self.emit(&mut piece, emit);
            }
        }
    }

    /// Advance the last axis, and carry, but not into axes before `outermost`. Return whether there is a next element.
    fn advance(&self, at: &mut [u64], source: &mut usize, strides: &[usize], outermost: usize) -> bool {
        for axis in (outermost..self.shape.len()).rev() {
            at[axis] += 1;
            *source += strides[axis];
            if at[axis] < self.shape[axis] {
                return true;
            }
            *source -= strides[axis] * usize::try_from(at[axis]).unwrap_or_default();
            at[axis] = 0;
        }
        false
    }

    fn emit(&self, piece: &mut Vec<u8>, emit: &mut Emit<'_>) -> Result<(), FormatError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_and_elements_give_the_same(
            shape in proptest::collection::vec(1..9_u64, 2..5),
            width in prop_oneof![Just(1_usize), Just(2), Just(4), Just(8), Just(16)],
            block in 1..9_usize,
            swap in any::<bool>(),
        ) {
            let array = Fortran { start: 0, shape, width, part: width, swap };
            let length = usize::try_from(array.length()).expect("small");
            let stored: Vec<u8> = (0..=250).cycle().take(length).collect();
            let mut stride = 1;
            let strides: Vec<usize> = array.shape.iter().map(|length| {
                let own = stride;
                stride *= usize::try_from(*length).expect("small");
                own
            }).collect();
            let mut one = Vec::new();
            let mut collect = |piece: &[u8]| { one.extend_from_slice(piece); Ok(()) };
            array.by_element(&stored, &strides, &mut collect).expect("gathers");
            let mut other = Vec::new();
            let mut collect = |piece: &[u8]| { other.extend_from_slice(piece); Ok(()) };
            match width {
                1 => array.by_rows::<1>(&stored, &strides, block, &mut collect),
                2 => array.by_rows::<2>(&stored, &strides, block, &mut collect),
                4 => array.by_rows::<4>(&stored, &strides, block, &mut collect),
                8 => array.by_rows::<8>(&stored, &strides, block, &mut collect),
                _ => array.by_rows::<16>(&stored, &strides, block, &mut collect),
            }.expect("gathers");
            prop_assert_eq!(&one, &other);
            let mut chosen = Vec::new();
            array.decode(&Bytes::from(stored), &mut |piece| { chosen.extend_from_slice(piece); Ok(()) }).expect("decodes");
            prop_assert_eq!(one, chosen);
        }
    }
}
