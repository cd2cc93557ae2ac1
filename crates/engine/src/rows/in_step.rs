//! Two tables of the same columns, read in step: the digests of both, and the rows that are not equal at their position.
//!
//! A block that is equal in both tables is hashed once. The arrays of a block are held, up to a limit, until all its
//! columns were compared, so that the rows in question are at hand; beyond the limit their columns are decoded again.

use super::side::{InOrder, LONG_STEP, Side, in_block_ranges};
use crate::control::Control;
use crate::digest::table::{block_digest, in_column, long_block_digest};
use crate::error::Result;
use arrow_array::ArrayRef;
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_formats::table::parquet::{ColumnBlocks, Parts};
use lineaprint_formats::table::{BLOCK_ROWS, Block, Column, Reading, row};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most bytes of arrays that all threads hold of Parquet tables.
const HELD: usize = 96 << 20;

/// The most columns of which each thread keeps a reader of each table, which has a page and a dictionary in memory.
const READERS: usize = 32;

/// A block of both tables.
pub struct BlockPair<'a> {
    /// Its index.
    pub block: u64,
    /// Its rows in each table.
    pub rows: [usize; 2],
    /// For each table, the rows that are not equal to the row of the other one at their position, in ascending order.
    pub question: [Vec<usize>; 2],
    cells: &'a dyn Cells,
}

impl BlockPair<'_> {
    /// Hand the arrays of a column of one table to `take`, in order: all at once or, if values are long, some at a time.
    pub fn each(&self, side: usize, column: usize, take: Take<'_>) -> Result<()> {
        self.cells.each(side, column, take)
    }
}

type Take<'t> = &'t mut dyn FnMut(&[ArrayRef]) -> Result<()>;

/// The cells of a block of both tables.
trait Cells: Sync {
    fn each(&self, side: usize, column: usize, take: Take<'_>) -> Result<()>;
}

/// The digests of a table.
pub struct ReadSide {
    /// Its rows.
    pub rows: u64,
    /// For each column in the order of reading, the digests of its blocks.
    pub blocks: Vec<Vec<Digests>>,
}

/// Read both tables, and call `work` with each block on all threads of the current pool, in any order.
pub fn read(
    sides: [&Side; 2],
    algorithms: Algorithms,
    control: &Control,
    work: &(dyn Fn(&BlockPair<'_>) -> Result<()> + Sync),
) -> Result<[ReadSide; 2]> {
    let pass = Pass {
        sides,
        columns: sides[0].columns(),
        algorithms,
        control,
        work,
        blocks: Mutex::default(),
    };
    let rows = match (sides[0].reading()?, sides[1].reading()?) {
        (Reading::Columns(first), Reading::Columns(second)) => {
            pass.columns(&[&first, &second])?;
            [first.rows(), second.rows()]
        }
        (first, second) => pass.rows([first, second])?,
    };
    let digests = pass.blocks.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(std::array::from_fn(|side| {
        let mut own: Vec<_> = digests.iter().filter(|read| read.side == side).collect();
        own.sort_unstable_by_key(|read| read.block);
        let columns = 0..sides[side].columns().len();
        let blocks = columns.map(|column| own.iter().map(|read| read.columns[column]).collect());
        ReadSide {
            rows: rows[side],
            blocks: blocks.collect(),
        }
    }))
}

/// The digests of a block of one table.
struct ReadBlock {
    side: usize,
    block: u64,
    columns: Vec<Digests>,
}

struct Pass<'a> {
    sides: [&'a Side; 2],
    columns: &'a [Column],
    algorithms: Algorithms,
    control: &'a Control,
    work: &'a (dyn Fn(&BlockPair<'_>) -> Result<()> + Sync),
    blocks: Mutex<Vec<ReadBlock>>,
}

/// The digests and arrays of a block of one column.
struct ReadColumn {
    digests: [Digests; 2],
    /// The arrays of both tables, unless they are too many to be held.
    held: Option<[Vec<ArrayRef>; 2]>,
}

impl Pass<'_> {
    /// Read Parquet tables.
    fn columns(&self, files: &[&Parts; 2]) -> Result<()> {
        let blocks = files[0].blocks().max(files[1].blocks());
        let threads = rayon::current_num_threads();
        if self.columns.len() > READERS || blocks <= threads as u64 {
            return in_block_ranges(blocks, |range| {
                range
                    .into_iter()
                    .try_for_each(|block| self.spread_block(files, block))
            });
        }
        in_block_ranges(blocks, |range| {
            let mut readers: [Vec<ColumnBlocks<'_>>; 2] = std::array::from_fn(|side| {
                let own = range.start..range.end.min(files[side].blocks()).max(range.start);
                let columns = self.sides[side].order().iter();
                columns
                    .map(|column| files[side].read(*column, own.clone()))
                    .collect()
            });
            for block in range.clone() {
                self.control.check()?;
                let parquet = ParquetBlock::new(self, files, block);
                let mut flags = parquet.flags();
                let held = AtomicUsize::new(0);
                let columns = (0..self.columns.len()).map(|column| {
                    let arrays = if parquet.is_long(column) {
                        None
                    } else {
                        let [a, b] = &mut readers;
                        Some([
                            self.next_block(0, column, &mut a[column])?,
                            self.next_block(1, column, &mut b[column])?,
                        ])
                    };
                    parquet.read_column(column, arrays, &mut flags, &held)
                });
                let columns = columns.collect::<Result<Vec<_>>>()?;
                self.finish_parquet(parquet, columns, &flags)?;
            }
            Ok(())
        })
    }

    /// Read a block of Parquet tables, its columns on all threads.
    fn spread_block(&self, files: &[&Parts; 2], block: u64) -> Result<()> {
        let parquet = ParquetBlock::new(self, files, block);
        let held = AtomicUsize::new(0);
        let columns = (0..self.columns.len()).into_par_iter().with_max_len(1);
        let columns = columns
            .map(|column| {
                self.control.check()?;
                let mut flags = parquet.flags();
                let arrays = if parquet.is_long(column) {
                    None
                } else {
                    Some([parquet.arrays(0, column)?, parquet.arrays(1, column)?])
                };
                let read = parquet.read_column(column, arrays, &mut flags, &held)?;
                Ok((read, flags))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut flags = parquet.flags();
        for (_, own) in &columns {
            join(&mut flags, own);
        }
        let columns = columns.into_iter().map(|(read, _)| read).collect();
        self.finish_parquet(parquet, columns, &flags)
    }

    fn finish_parquet(
        &self,
        mut parquet: ParquetBlock<'_>,
        columns: Vec<ReadColumn>,
        flags: &[bool],
    ) -> Result<()> {
        let mut digests = Vec::with_capacity(columns.len());
        for column in columns {
            digests.push(column.digests);
            parquet.held.push(column.held);
        }
        self.finish(parquet.block, parquet.rows, digests, flags, &parquet)
    }

    /// Read tables of other formats, whose blocks come one after the other.
    fn rows(&self, readings: [Reading; 2]) -> Result<[u64; 2]> {
        let [first, second] = readings;
        let mut x = InOrder::new(self.sides[0], first);
        let mut y = InOrder::new(self.sides[1], second);
        let control = self.control;
        let (first, second) = rayon::join(|| x.next(control), || y.next(control));
        let mut next = [first?, second?];
        let mut rows = [0, 0];
        let mut block = 0;
        while next.iter().any(|block| block.rows > 0) {
            let (done, (first, second)) = rayon::join(
                || self.block(block, &next),
                || rayon::join(|| x.next(control), || y.next(control)),
            );
            done?;
            for (rows, block) in rows.iter_mut().zip(&next) {
                *rows += block.rows as u64;
            }
            block += 1;
            next = [first?, second?];
        }
        Ok(rows)
    }

    /// Compare and hash a block that is in memory, its columns on all threads.
    fn block(&self, index: u64, blocks: &[Block; 2]) -> Result<()> {
        let rows = [blocks[0].rows, blocks[1].rows];
        let both = rows[0].min(rows[1]);
        let columns = (0..self.columns.len()).into_par_iter().with_max_len(1);
        let columns = columns
            .map(|column| {
                self.control.check()?;
                let mut flags = vec![false; both];
                let arrays = [&blocks[0].columns[column][..], &blocks[1].columns[column][..]];
                let digests = self.compare(column, rows, arrays, &mut flags)?;
                Ok((digests, flags))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut flags = vec![false; both];
        for (_, own) in &columns {
            join(&mut flags, own);
        }
        let digests = columns.into_iter().map(|(digests, _)| digests).collect();
        self.finish(index, rows, digests, &flags, &InMemory { blocks })
    }

    /// Set the flags of the rows that differ in a column, and hash it.
    fn compare(
        &self,
        column: usize,
        rows: [usize; 2],
        arrays: [&[ArrayRef]; 2],
        flags: &mut [bool],
    ) -> Result<[Digests; 2]> {
        let name = &self.columns[column].name;
        let differs = row::mark_different(arrays[0], arrays[1], flags);
        let differs = differs.map_err(|error| in_column(error, name))?;
        let digest = |side: usize| {
            if rows[side] == 0 {
                return Ok(Digests::default());
            }
            block_digest(arrays[side], None, self.algorithms, name)
                .map_err(|error| self.sides[side].cause(error))
        };
        let first = digest(0)?;
        // The bytes of a block depend on its rows alone.
        let second = if differs || rows[0] != rows[1] {
            digest(1)?
        } else {
            first
        };
        Ok([first, second])
    }

    /// Keep the digests of a block, and hand its rows in question on.
    fn finish(
        &self,
        block: u64,
        rows: [usize; 2],
        digests: Vec<[Digests; 2]>,
        flags: &[bool],
        cells: &dyn Cells,
    ) -> Result<()> {
        let (first, second) = digests.into_iter().map(|[a, b]| (a, b)).unzip();
        let read = [first, second].into_iter().enumerate();
        let read = read.filter(|(side, _)| rows[*side] > 0);
        self.blocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(read.map(|(side, columns)| ReadBlock { side, block, columns }));
        let differing: Vec<usize> = (0..flags.len()).filter(|row| flags[*row]).collect();
        let question = rows.map(|rows| differing.iter().copied().chain(flags.len()..rows).collect());
        (self.work)(&BlockPair {
            block,
            rows,
            question,
            cells,
        })
    }

    fn next_block(&self, side: usize, column: usize, reader: &mut ColumnBlocks<'_>) -> Result<Vec<ArrayRef>> {
        let read = reader.next_block();
        let read = read.map_err(|error| self.failure(side, column, error))?;
        Ok(read.unwrap_or_default())
    }

    fn failure(
        &self,
        side: usize,
        column: usize,
        error: lineaprint_formats::FormatError,
    ) -> crate::error::Error {
        self.sides[side].cause(in_column(error, &self.columns[column].name))
    }
}

fn join(flags: &mut [bool], own: &[bool]) {
    for (flag, own) in flags.iter_mut().zip(own) {
        *flag |= own;
    }
}

/// A block of tables that are in memory.
struct InMemory<'a> {
    blocks: &'a [Block; 2],
}

impl Cells for InMemory<'_> {
    fn each(&self, side: usize, column: usize, take: Take<'_>) -> Result<()> {
        take(&self.blocks[side].columns[column])
    }
}

/// A block of Parquet tables.
struct ParquetBlock<'a> {
    pass: &'a Pass<'a>,
    files: &'a [&'a Parts; 2],
    block: u64,
    rows: [usize; 2],
    /// For each column, the arrays of both tables, if they are held.
    held: Vec<Option<[Vec<ArrayRef>; 2]>>,
}

impl<'a> ParquetBlock<'a> {
    fn new(pass: &'a Pass<'a>, files: &'a [&'a Parts; 2], block: u64) -> Self {
        let first = block * BLOCK_ROWS as u64;
        let rows = files.map(|file| {
            let rows = file.rows().saturating_sub(first).min(BLOCK_ROWS as u64);
            usize::try_from(rows).unwrap_or(BLOCK_ROWS)
        });
        Self {
            pass,
            files,
            block,
            rows,
            held: Vec::new(),
        }
    }

    /// Return flags of the rows that both tables have.
    fn flags(&self) -> Vec<bool> {
        vec![false; self.rows[0].min(self.rows[1])]
    }

    fn column_in(&self, side: usize, column: usize) -> usize {
        self.pass.sides[side].order()[column]
    }

    /// Return whether a column is read some rows at a time.
    fn is_long(&self, column: usize) -> bool {
        (0..2).any(|side| self.files[side].is_long(self.column_in(side, column)))
    }

    fn reader(&self, side: usize, column: usize) -> ColumnBlocks<'a> {
        let file = self.files[side];
        let end = (self.block + 1).min(file.blocks()).max(self.block);
        file.read(self.column_in(side, column), self.block..end)
    }

    fn arrays(&self, side: usize, column: usize) -> Result<Vec<ArrayRef>> {
        self.pass.next_block(side, column, &mut self.reader(side, column))
    }

    /// Set the flags of the rows that differ in a column, and hash it. The arrays are held if they are few.
    fn read_column(
        &self,
        column: usize,
        arrays: Option<[Vec<ArrayRef>; 2]>,
        flags: &mut [bool],
        held: &AtomicUsize,
    ) -> Result<ReadColumn> {
        let Some(arrays) = arrays else {
            return Ok(ReadColumn {
                digests: self.read_long(column, flags)?,
                held: None,
            });
        };
        let digests = self
            .pass
            .compare(column, self.rows, [&arrays[0], &arrays[1]], flags)?;
        let bytes: usize = arrays
            .iter()
            .flatten()
            .map(arrow_array::Array::get_array_memory_size)
            .sum();
        let most = HELD / rayon::current_num_threads();
        let is_held = held.fetch_add(bytes, Ordering::Relaxed) + bytes <= most;
        Ok(ReadColumn {
            digests,
            held: is_held.then_some(arrays),
        })
    }

    /// Set the flags of the rows that differ in a column of long values, and hash it.
    fn read_long(&self, column: usize, flags: &mut [bool]) -> Result<[Digests; 2]> {
        let mut readers = [self.reader(0, column), self.reader(1, column)];
        let mut differs = self.rows[0] != self.rows[1];
        for flags in flags.chunks_mut(LONG_STEP) {
            self.pass.control.check()?;
            let mut next = |side: usize| -> Result<Vec<ArrayRef>> {
                let read = readers[side].next_rows(flags.len() as u64);
                let read = read.map_err(|error| self.pass.failure(side, column, error))?;
                Ok(read.unwrap_or_default())
            };
            let arrays = [next(0)?, next(1)?];
            let marked = row::mark_different(&arrays[0], &arrays[1], flags);
            differs |= marked.map_err(|error| in_column(error, &self.pass.columns[column].name))?;
        }
        let first = self.long_digest(0, column)?;
        let second = if differs {
            self.long_digest(1, column)?
        } else {
            first
        };
        Ok([first, second])
    }

    fn long_digest(&self, side: usize, column: usize) -> Result<Digests> {
        if self.rows[side] == 0 {
            return Ok(Digests::default());
        }
        let (file, index) = (self.files[side], self.column_in(side, column));
        let algorithms = self.pass.algorithms;
        let digest = if file.is_long(index) {
            long_block_digest((file, index, self.block), None, algorithms)
        } else {
            let name = &self.pass.columns[column].name;
            block_digest(&self.arrays(side, column)?, None, algorithms, name)
        };
        digest.map_err(|error| self.pass.sides[side].cause(error))
    }
}

impl Cells for ParquetBlock<'_> {
    fn each(&self, side: usize, column: usize, take: Take<'_>) -> Result<()> {
        if let Some(arrays) = self.held.get(column).and_then(Option::as_ref) {
            return take(&arrays[side]);
        }
        if !self.is_long(column) {
            return take(&self.arrays(side, column)?);
        }
        let mut reader = self.reader(side, column);
        while let Some(arrays) = reader
            .next_rows(LONG_STEP as u64)
            .map_err(|error| self.pass.failure(side, column, error))?
        {
            self.pass.control.check()?;
            take(&arrays)?;
        }
        Ok(())
    }
}
