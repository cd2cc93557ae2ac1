//! The grid that chunks form, and the orders in which indexes count them.

use crate::error::FormatError;
use crate::model::hdf5::dataset::Form;
use crate::model::hdf5::layout::Chunked;

/// The cut of a dataset.
#[derive(Debug)]
pub(super) struct Grid {
    /// Elements per axis: of the dataset, and of a chunk.
    pub(super) shape: Vec<u64>,
    pub(super) chunk: Vec<u64>,
    /// Chunks per axis.
    pub(super) counts: Vec<u64>,
    /// Bytes of an element, and of a whole chunk.
    pub(super) element: u64,
    pub(super) chunk_bytes: u64,
}

impl Grid {
    /// Check the dimensions of the chunks of a dataset that is not empty.
    pub(super) fn new(form: &Form, chunked: &Chunked) -> Result<Self, FormatError> {
        let malformed = |what: &str| {
            FormatError::new(format!("its chunks are malformed: {what}")).with_expected(
                format!("{:?} cut into chunks", form.shape),
                format!("{:?}", chunked.dimensions),
            )
        };
        let Some((element, chunk)) = chunked.dimensions.split_last() else {
            return Err(malformed("they have no dimensions"));
        };
        if chunk.is_empty() || chunk.len() != form.shape.len() {
            return Err(malformed("they have another number of axes"));
        }
        if *element != u64::from(form.element) || chunk.contains(&0) {
            return Err(malformed("a dimension is wrong"));
        }
        let bytes = chunk
            .iter()
            .try_fold(*element, |product, length| product.checked_mul(*length));
        Ok(Self {
            shape: form.shape.clone(),
            chunk: chunk.to_vec(),
            counts: form
                .shape
                .iter()
                .zip(chunk)
                .map(|(whole, part)| whole.div_ceil(*part))
                .collect(),
            element: *element,
            chunk_bytes: bytes.ok_or_else(|| malformed("their size overflows 64 bits"))?,
        })
    }

    /// Return the bytes of one row of the dataset: everything below the first axis.
    pub(super) fn row_bytes(&self) -> Option<u64> {
        let below = self.shape.iter().skip(1);
        below.copied().try_fold(self.element, u64::checked_mul)
    }

    /// Return the bytes of the rows that one row of chunks holds.
    pub(super) fn band_bytes(&self) -> Option<u64> {
        self.row_bytes()?.checked_mul(self.chunk[0].min(self.shape[0]))
    }

    /// Return the number of chunks; `None` if it overflows.
    pub(super) fn chunks(&self) -> Option<u64> {
        self.counts.iter().copied().try_fold(1, u64::checked_mul)
    }

    /// Return the number of a chunk in C order; `None` outside the grid.
    pub(super) fn number(&self, scaled: &[u64]) -> Option<u64> {
        let mut number = 0_u64;
        for (location, count) in scaled.iter().zip(&self.counts) {
            if location >= count {
                return None;
            }
            number = number.checked_mul(*count)?.checked_add(*location)?;
        }
        Some(number)
    }

    /// Return the place of a chunk in the grid.
    pub(super) fn scaled(&self, number: u64) -> Vec<u64> {
        let mut scaled = vec![0; self.counts.len()];
        let mut rest = number;
        for (location, count) in scaled.iter_mut().zip(&self.counts).rev() {
            *location = rest % count;
            rest /= count;
        }
        scaled
    }
}

/// The order in which an index counts chunks: by the largest lengths of the axes, and with an axis that has no limit
/// first.
pub(super) struct Order {
    /// Axes from the slowest to the fastest, and the chunks per axis; the slowest has no limit of its own.
    axes: Vec<(usize, u64)>,
}

impl Order {
    /// Return the order of an index for which no axis is without limit.
    pub(super) fn fixed(grid: &Grid, form: &Form) -> Result<Self, FormatError> {
        Self::with_first(grid, form, None)
    }

    /// Return the order of an index for which one axis is without limit.
    pub(super) fn extensible(grid: &Grid, form: &Form) -> Result<Self, FormatError> {
        let first = form.largest.iter().position(Option::is_none);
        let first = first.ok_or_else(|| {
            FormatError::new("its chunk index is for an axis without limit, and it has none")
        })?;
        Self::with_first(grid, form, Some(first))
    }

    fn with_first(grid: &Grid, form: &Form, first: Option<usize>) -> Result<Self, FormatError> {
        let others = (0..grid.counts.len()).filter(|axis| Some(*axis) != first);
        let mut axes: Vec<(usize, u64)> = first.iter().map(|axis| (*axis, u64::MAX)).collect();
        for axis in others {
            let largest = form.largest[axis]
                .ok_or_else(|| FormatError::new("its chunk index does not fit an axis without limit"))?;
            axes.push((axis, largest.div_ceil(grid.chunk[axis])));
        }
        Ok(Self { axes })
    }

    /// Return the number by which the index knows a chunk; `None` if it overflows.
    pub(super) fn number(&self, scaled: &[u64]) -> Option<u64> {
        let mut number = 0_u64;
        for (position, (axis, count)) in self.axes.iter().enumerate() {
            if position > 0 {
                number = number.checked_mul(*count)?;
            }
            number = number.checked_add(scaled[*axis])?;
        }
        Some(number)
    }

    /// Return the place in the grid of the chunk that the index knows by a number.
    pub(super) fn scaled(&self, number: u64) -> Vec<u64> {
        let mut scaled = vec![0; self.axes.len()];
        let mut rest = number;
        for (position, (axis, count)) in self.axes.iter().enumerate().rev() {
            if position == 0 {
                scaled[*axis] = rest;
            } else {
                scaled[*axis] = rest % (*count).max(1);
                rest /= (*count).max(1);
            }
        }
        scaled
    }
}
