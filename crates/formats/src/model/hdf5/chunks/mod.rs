//! Chunked datasets: find every chunk, and check that it can be decoded in bounded memory.

mod array;
mod decode;
mod extensible;
mod filter;
mod grid;

use super::dataset::{Form, Used, fill_element, filled};
use super::file::File;
use super::layout::{Chunked, Filter, Index};
use super::tree;
use crate::error::FormatError;
use crate::model::listing::Elements;
use decode::Chunks;
use grid::Grid;
use std::sync::Arc;

/// Memory that a chunk, and the chunks beside it, may take for any file; a larger file adds its own length.
const MEMORY: u64 = 16 << 20;

/// A chunk that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Chunk {
    /// Its number within the grid, in C order.
    number: u64,
    start: u64,
    end: u64,
    /// Bits of filters that were left out.
    mask: u32,
}

/// Return the elements of a chunked dataset.
pub(super) fn locate(
    file: &File<'_>,
    form: &Form,
    chunked: &Chunked,
    filters: Vec<Filter>,
    used: &mut Used,
) -> Result<Elements, FormatError> {
    let grid = Grid::new(form, chunked)?;
    let limit = MEMORY.saturating_add(file.input.length());
    let band = grid.band_bytes();
    if grid.chunk_bytes > limit || band.is_none_or(|band| band > limit) {
        return Err(FormatError::unsupported(
            "its chunks are too large to be decoded in bounded memory: write it again with smaller ones, or without chunks",
        )
        .with_expected(
            format!("at most {limit} bytes in one row of chunks"),
            band.map_or_else(|| "more".to_owned(), |band| format!("{} bytes", band.max(grid.chunk_bytes))),
        ));
    }
    let Some(address) = chunked.address else {
        return filled(file, form, used);
    };
    let mut finder = Finder {
        file,
        grid: &grid,
        filtered: !filters.is_empty(),
        used,
        chunks: Vec::new(),
    };
    finder.find(form, chunked.index, address)?;
    let mut chunks = finder.chunks;
    chunks.sort_unstable();
    if let Some([one, _]) = chunks.windows(2).find(|pair| pair[0].number == pair[1].number) {
        return Err(FormatError::new(format!("its chunk {} comes twice", one.number)));
    }
    let stored = (chunks.len() as u64).saturating_mul(grid.chunk_bytes);
    let missing = grid.chunks().is_none_or(|count| count > chunks.len() as u64);
    let absent = if missing {
        used.imply(file, form.bytes.saturating_sub(stored))?;
        fill_element(form)?
    } else {
        Vec::new()
    };
    Ok(Elements::Decoded(Arc::new(Chunks {
        written: chunks,
        grid,
        filters,
        unfiltered_edges: chunked.unfiltered_edges,
        swap: form.swap,
        fill: absent,
        bytes: form.bytes,
    })))
}

/// A list of chunks that grows.
struct Finder<'a, 'b> {
    file: &'a File<'b>,
    grid: &'a Grid,
    filtered: bool,
    used: &'a mut Used,
    chunks: Vec<Chunk>,
}

impl Finder<'_, '_> {
    fn find(&mut self, form: &Form, index: Index, address: u64) -> Result<(), FormatError> {
        match index {
            Index::TreeOne => self.tree_one(address),
            Index::TreeTwo => self.tree_two(address),
            Index::Fixed => array::fixed(self, form, address),
            Index::Extensible => extensible::read(self, form, address),
            Index::Implicit => self.implicit(form, address),
            Index::Single(stored) => {
                let (length, mask) = stored.unwrap_or((self.grid.chunk_bytes, 0));
                self.add(&vec![0; self.grid.counts.len()], address, length, mask)
            }
        }
    }

    /// Add a chunk; `scaled` is its place in the grid.
    fn add(&mut self, scaled: &[u64], address: u64, length: u64, mask: u32) -> Result<(), FormatError> {
        // This also bounds the memory that the list of chunks takes.
        self.file.spend(64)?;
        let number = self.grid.number(scaled).ok_or_else(|| {
            FormatError::new("a chunk is outside its dataset")
                .with_expected(format!("below {:?}", self.grid.counts), format!("{scaled:?}"))
        })?;
        if !self.filtered && length != self.grid.chunk_bytes {
            return Err(
                FormatError::new("a chunk without filters has a length of its own").with_expected(
                    format!("{} bytes", self.grid.chunk_bytes),
                    format!("{length} bytes"),
                ),
            );
        }
        let (start, end) = self.used.take(self.file, address, length)?;
        self.chunks.push(Chunk {
            number,
            start,
            end,
            mask,
        });
        Ok(())
    }

    fn tree_one(&mut self, address: u64) -> Result<(), FormatError> {
        let file = self.file;
        let axes = self.grid.counts.len();
        tree::first_version(file, address, 1, 8 + 8 * (axes + 1), &mut |key, child| {
            let mut fields = file.fields(key, "a chunk");
            let (length, mask) = (u64::from(fields.word()?), fields.word()?);
            let mut scaled = Vec::with_capacity(axes);
            for size in &self.grid.chunk {
                let offset = fields.number(8)?;
                if !offset.is_multiple_of(*size) {
                    return Err(FormatError::new("a chunk begins inside another one"));
                }
                scaled.push(offset / size);
            }
            self.add(&scaled, child, length, mask)
        })
    }

    fn tree_two(&mut self, address: u64) -> Result<(), FormatError> {
        let file = self.file;
        let axes = self.grid.counts.len();
        let kind = if self.filtered { 11 } else { 10 };
        tree::second_version(file, address, kind, &mut |record| {
            let mut fields = file.fields(record, "a chunk");
            let child = fields.defined()?;
            let (mut length, mut mask) = (self.grid.chunk_bytes, 0);
            if self.filtered {
                let width = record.len().checked_sub(file.sizes.offset + 4 + 8 * axes);
                length = fields.number(width.unwrap_or(0))?;
                mask = fields.word()?;
            }
            let scaled = (0..axes)
                .map(|_| fields.number(8))
                .collect::<Result<Vec<_>, _>>()?;
            self.add(&scaled, child, length, mask)
        })
    }

    fn implicit(&mut self, form: &Form, address: u64) -> Result<(), FormatError> {
        if self.filtered {
            return Err(FormatError::new(
                "its chunks have filters, and an index that allows none",
            ));
        }
        let order = grid::Order::fixed(self.grid, form)?;
        let count = self.grid.chunks().unwrap_or(u64::MAX);
        for number in 0..count {
            let scaled = self.grid.scaled(number);
            let offset = order
                .number(&scaled)
                .and_then(|location| location.checked_mul(self.grid.chunk_bytes));
            let location = offset.and_then(|offset| address.checked_add(offset));
            let location = location.ok_or_else(|| FormatError::new("a chunk is outside the file"))?;
            self.add(&scaled, location, self.grid.chunk_bytes, 0)?;
        }
        Ok(())
    }
}
