//! Put chunks together, one row of chunks at a time.

use super::Chunk;
use super::filter::undo;
use super::grid::Grid;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::hdf5::decode::fill;
use crate::model::hdf5::layout::Filter;
use crate::model::listing::Decode;
use crate::model::pieces::{PIECE, swap};

/// A chunked dataset.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Chunks that were written, by number.
    pub(super) written: Vec<Chunk>,
    pub(super) grid: Grid,
    pub(super) filters: Vec<Filter>,
    /// True if chunks that pass the end of the dataset are stored without filters.
    pub(super) unfiltered_edges: bool,
    pub(super) swap: usize,
    /// An element that was never written, in its final form; empty for zeros.
    pub(super) fill: Vec<u8>,
    pub(super) bytes: u64,
}

impl Decode for Chunks {
    fn length(&self) -> u64 {
        self.bytes
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let row = memory(self.grid.row_bytes())?;
        let per_band: u64 = self.grid.counts.iter().skip(1).product();
        let mut rest = &self.written[..];
        for band in 0..self.grid.counts[0] {
            let rows = memory(Some(extent(&self.grid, 0, band)))?;
            let mut whole = vec![0; rows * row];
            let end = rest.partition_point(|chunk| chunk.number / per_band <= band);
            let (here, later) = rest.split_at(end);
            if (here.len() as u64) < per_band {
                fill(&mut whole, &self.fill);
            }
            for chunk in here {
                let data = self.chunk(input, chunk)?;
                self.copy(&data, &self.grid.scaled(chunk.number), &mut whole)?;
            }
            for piece in whole.chunks(memory(Some(PIECE))?) {
                emit(piece)?;
            }
            rest = later;
        }
        Ok(())
    }
}

/// Return a length as one of memory; what does not fit was refused when the dataset was listed.
fn memory(length: Option<u64>) -> Result<usize, FormatError> {
    let length = length.and_then(|length| usize::try_from(length).ok());
    length.ok_or_else(|| FormatError::internal("a length that was checked does not fit memory"))
}

/// Return how many elements of a chunk are inside the dataset, along an axis.
fn extent(grid: &Grid, axis: usize, location: u64) -> u64 {
    grid.chunk[axis].min(grid.shape[axis] - location * grid.chunk[axis])
}

impl Chunks {
    /// Read a chunk and undo its filters.
    fn chunk(&self, input: &dyn Input, chunk: &Chunk) -> Result<Vec<u8>, FormatError> {
        let stored = read_checked(input, chunk.start, chunk.end - chunk.start, "a chunk")?.to_vec();
        let edge = self.unfiltered_edges && {
            let scaled = self.grid.scaled(chunk.number);
            (0..scaled.len()).any(|axis| extent(&self.grid, axis, scaled[axis]) < self.grid.chunk[axis])
        };
        let mask = if edge { u32::MAX } else { chunk.mask };
        let mut data = undo(&self.filters, mask, stored, memory(Some(self.grid.chunk_bytes))?)?;
        swap(&mut data, self.swap);
        Ok(data)
    }

    /// Copy what of a chunk is inside the dataset into the rows of its band.
    fn copy(&self, data: &[u8], scaled: &[u64], band: &mut [u8]) -> Result<(), FormatError> {
        let grid = &self.grid;
        let last = scaled.len() - 1;
        let extents: Vec<u64> = (0..=last).map(|axis| extent(grid, axis, scaled[axis])).collect();
        let run = memory(Some(extents[last] * grid.element))?;
        let mut index = vec![0_u64; last];
        loop {
            let (mut from, mut to) = (0, 0);
            for (axis, location) in scaled.iter().enumerate() {
                let inside = index.get(axis).copied().unwrap_or(0);
                // A band begins at the first row of its chunks.
                let location = if axis == 0 { 0 } else { location * grid.chunk[axis] };
                let length = if axis == 0 { extents[0] } else { grid.shape[axis] };
                from = from * grid.chunk[axis] + inside;
                to = to * length + location + inside;
            }
            let (from, to) = (
                memory(Some(from * grid.element))?,
                memory(Some(to * grid.element))?,
            );
            band[to..to + run].copy_from_slice(&data[from..from + run]);
            if !advance(&mut index, &extents) {
                return Ok(());
            }
        }
    }
}

/// Go to the next index in C order; return false after the last one.
fn advance(index: &mut [u64], extents: &[u64]) -> bool {
    for (location, extent) in index.iter_mut().zip(extents).rev() {
        *location += 1;
        if *location < *extent {
            return true;
        }
        *location = 0;
    }
    false
}
