//! An open table of one file or several, read in steps of rows or at positions.

use super::in_step::BlockPair;
use super::kept::Kept;
use crate::control::Control;
use crate::digest::table::{
    ColumnName, Columns, Options, TableDigest, describe, hash_inputs, in_column, journal, open_inputs,
};
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::Source;
use arrow_array::{Array as _, ArrayRef};
use lineaprint_digest::Digests;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::parquet::{ColumnBlocks, Parts};
use lineaprint_formats::table::{BLOCK_ROWS, Block, Blocks, Column, Format, Reading, RowReader};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows that are compared at once.
const STEP: usize = 8192;

/// Rows that are compared at once where values are long: those of a block could be larger than memory.
pub const LONG_STEP: usize = 256;

/// The files of a table, and how they are read.
#[derive(Clone, Debug)]
pub struct TableFiles {
    /// The files, in the order of their rows.
    pub paths: Vec<PathBuf>,
    /// Options of the table; its digests are not computed.
    pub options: Options,
}

/// An open table.
pub struct Side {
    paths: Vec<PathBuf>,
    inputs: Vec<Arc<FileInput>>,
    options: Options,
    columns: Vec<Column>,
    /// For each column that is read, its index in the table.
    order: Vec<usize>,
    /// Rows of a table that knows them without being read.
    known_rows: Option<u64>,
    is_database: bool,
}

impl Side {
    /// Open the files of a table.
    pub fn open(files: &TableFiles, control: &Control) -> Result<Self> {
        let inputs = files
            .paths
            .iter()
            .map(|path| Ok(Arc::new(FileInput::new(Source::open(path)?.into(), control))))
            .collect::<Result<Vec<_>>>()?;
        let mut side = Self {
            paths: files.paths.clone(),
            inputs,
            options: files.options.clone(),
            columns: Vec::new(),
            order: Vec::new(),
            known_rows: None,
            is_database: false,
        };
        let (format, reading) = side.opened()?;
        side.is_database = format == Format::Sqlite;
        side.columns = match reading {
            Reading::Columns(file) => {
                side.known_rows = Some(file.rows());
                file.columns().to_vec()
            }
            Reading::Rows(reader) => reader.columns().to_vec(),
        };
        side.order = (0..side.columns.len()).collect();
        Ok(side)
    }

    /// Return the columns, in the order in which they are read.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Read the columns in the order of those of another table. Return false if they are other columns.
    pub fn order_as(&mut self, other: &[Column]) -> bool {
        let is_same = |a: &Column, b: &Column| a.name == b.name && a.spelling == b.spelling;
        if self.columns.len() != other.len() {
            return false;
        }
        if self.columns.iter().zip(other).all(|(a, b)| is_same(a, b)) {
            return true;
        }
        let mut order = Vec::with_capacity(other.len());
        for column in other {
            let mut matching = (0..self.columns.len()).filter(|index| is_same(&self.columns[*index], column));
            // Of columns with one name it is not known which is which.
            match (matching.next(), matching.next()) {
                (Some(index), None) if !order.contains(&index) => order.push(index),
                _ => return false,
            }
        }
        self.columns = order.iter().map(|index| self.columns[*index].clone()).collect();
        self.order = order;
        true
    }

    /// Read some of the columns alone, in this order.
    pub fn read_only(&mut self, columns: &[usize]) {
        self.order = columns.iter().map(|column| self.order[*column]).collect();
        self.columns = columns
            .iter()
            .map(|column| self.columns[*column].clone())
            .collect();
    }

    /// Return for each column that is read its index in the table.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Return the number of rows of a table that knows it without being read.
    pub const fn known_rows(&self) -> Option<u64> {
        self.known_rows
    }

    /// Open the table for reading from its first row.
    pub fn reading(&self) -> Result<Reading> {
        self.opened().map(|(_, reading)| reading)
    }

    fn opened(&self) -> Result<(Format, Reading)> {
        open_inputs(self.shared(), &self.options).map_err(|error| self.cause(error))
    }

    fn shared(&self) -> Vec<(Cow<'_, str>, Arc<dyn Input>)> {
        let files = self.paths.iter().zip(&self.inputs);
        let shared = files.map(|(path, input)| {
            let input: Arc<dyn Input> = input.clone();
            (path.to_string_lossy(), input)
        });
        shared.collect()
    }

    /// Count the files twice in the progress: all rows will be read a second time.
    pub fn expect_again(&self) {
        self.inputs.iter().for_each(|input| input.expect_again());
    }

    /// Report in the progress that all has been read that is needed.
    pub fn report_rest(&self) {
        self.inputs.iter().for_each(|input| input.report_rest());
    }

    /// Hash the table.
    pub fn hash(&self, control: &Control) -> Result<TableDigest> {
        hash_inputs(self.shared(), &self.options, control).map_err(|error| self.cause(error))
    }

    /// Return the digest of the table from those of its blocks, which were read in the order of [`Self::order`].
    pub fn digest_of(&self, rows: u64, blocks: Vec<Vec<Digests>>) -> Result<TableDigest> {
        let (format, _) = self.opened()?;
        let mut own: Vec<_> = self
            .order
            .iter()
            .zip(self.columns.iter().map(ColumnName::from).zip(blocks))
            .collect();
        own.sort_unstable_by_key(|(index, _)| **index);
        let (names, blocks) = own.into_iter().map(|(_, column)| column).unzip();
        let (digests, columns) = describe(rows, names, blocks, self.options.algorithms);
        Ok(TableDigest {
            format,
            size: self.inputs.iter().map(|input| input.length()).sum(),
            rows,
            columns: Columns::Ordered(columns),
            digests,
            statistics: None,
            // The line ends are of the files; a difference is of the rows.
            mixed_line_ends: None,
        })
    }

    /// Return the cause of an error: an error of the system or a change of a file goes before the error that a reader
    /// made of it. The error names its file.
    pub fn cause(&self, error: Error) -> Error {
        if matches!(error.code, Code::Cancelled | Code::Space | Code::Internal) || error.path.is_some() {
            return error;
        }
        if let Some(cause) = self.inputs.iter().find_map(|input| input.failure()) {
            return cause;
        }
        if let Err(changed) = self.inputs.iter().try_for_each(|input| input.verify_unchanged()) {
            return changed;
        }
        // What the pages of a database lack may be in its journal.
        if let Err(journal) = self
            .paths
            .iter()
            .try_for_each(|path| journal::refuse_database(path))
        {
            return journal;
        }
        let index = error.part.or_else(|| (self.paths.len() == 1).then_some(0));
        match index.and_then(|index| self.paths.get(index)) {
            Some(path) => error.at(path),
            None => error,
        }
    }

    /// Return an error that names the first file of the table.
    pub fn about(&self, error: Error) -> Error {
        match self.paths.first() {
            Some(path) => error.at(path),
            None => error,
        }
    }

    /// Check that no file changed, and report all as done.
    pub fn finish(&self) -> Result<()> {
        self.inputs.iter().try_for_each(|input| input.finish())?;
        if self.is_database {
            self.paths.iter().try_for_each(|path| journal::refuse(path))?;
        }
        Ok(())
    }

    fn empty(&self) -> Block {
        Block {
            rows: 0,
            columns: vec![Vec::new(); self.columns.len()],
        }
    }
}

/// Return how many rows of some Parquet tables may be held at once.
fn step_of(file: &Parts) -> usize {
    let is_long = (0..file.columns().len()).any(|column| file.is_long(column));
    if is_long { LONG_STEP } else { STEP }
}

/// Call `work` with the first row and some rows of a table, for all rows, on all threads of the current pool.
pub fn each_part(
    side: &Side,
    control: &Control,
    work: impl Fn(u64, &Block) -> Result<()> + Sync,
) -> Result<()> {
    match side.reading()? {
        Reading::Columns(file) => {
            let step = step_of(&file);
            in_block_ranges(file.blocks(), |range| {
                let mut steps = Steps::new(side, &file, range.clone());
                let mut row = range.start * BLOCK_ROWS as u64;
                loop {
                    control.check()?;
                    let block = steps.next(step)?;
                    if block.rows == 0 {
                        return Ok(());
                    }
                    work(row, &block)?;
                    row += block.rows as u64;
                }
            })
        }
        reading @ Reading::Rows(_) => {
            let mut blocks = InOrder::new(side, reading);
            let mut row = 0;
            let mut block = blocks.next(control)?;
            while block.rows > 0 {
                let (done, next) = rayon::join(|| in_steps(row, &block, &work), || blocks.next(control));
                done?;
                row += block.rows as u64;
                block = next?;
            }
            Ok(())
        }
    }
}

/// Call `work` with ranges of blocks on all threads.
pub fn in_block_ranges(blocks: u64, work: impl Fn(Range<u64>) -> Result<()> + Send + Sync) -> Result<()> {
    // Runs of blocks, so that columns of lists are not decoded from the start of their group for each of them.
    let run = blocks.div_ceil(rayon::current_num_threads() as u64 * 4).max(1);
    let ranges: Vec<Range<u64>> = (0..blocks.div_ceil(run))
        .map(|index| index * run..((index + 1) * run).min(blocks))
        .collect();
    ranges.into_par_iter().with_max_len(1).try_for_each(work)
}

/// Cut a block into steps, and call `work` with each on all threads.
fn in_steps(first: u64, block: &Block, work: &(impl Fn(u64, &Block) -> Result<()> + Sync)) -> Result<()> {
    let starts: Vec<usize> = (0..block.rows).step_by(STEP).collect();
    starts
        .into_par_iter()
        .with_max_len(1)
        .try_for_each(|start| work(first + start as u64, &cut(block, start..start + STEP)))
}

/// Return some rows of a block.
fn cut(block: &Block, rows: Range<usize>) -> Block {
    let (start, end) = (rows.start.min(block.rows), rows.end.min(block.rows));
    let columns = block.columns.iter().map(|pieces| {
        let mut first = 0;
        let mut taken = Vec::new();
        for piece in pieces {
            let (from, to) = (start.max(first), end.min(first + piece.len()));
            if from < to {
                taken.push(piece.slice(from - first, to - from));
            }
            first += piece.len();
        }
        taken
    });
    Block {
        rows: end - start,
        columns: columns.collect(),
    }
}

/// A range of blocks of a Parquet table, some rows of all columns at a time.
struct Steps<'a> {
    side: &'a Side,
    readers: Vec<ColumnBlocks<'a>>,
}

impl<'a> Steps<'a> {
    fn new(side: &'a Side, file: &'a Parts, blocks: Range<u64>) -> Self {
        let end = blocks.end.min(file.blocks());
        let range = blocks.start.min(end)..end;
        let columns = side.order.iter();
        Self {
            side,
            readers: columns.map(|column| file.read(*column, range.clone())).collect(),
        }
    }

    fn next(&mut self, count: usize) -> Result<Block> {
        let mut rows = 0;
        let columns = self
            .readers
            .iter_mut()
            .zip(&self.side.columns)
            .map(|(reader, column)| {
                let pieces = reader
                    .next_rows(count as u64)
                    .map_err(|error| self.side.cause(in_column(error, &column.name)))?
                    .unwrap_or_default();
                rows = pieces.iter().map(arrow_array::Array::len).sum();
                Ok(pieces)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Block { rows, columns })
    }
}

/// The blocks of a table in order.
pub struct InOrder<'a> {
    side: &'a Side,
    source: Ordered,
}

enum Ordered {
    Columns {
        file: Box<Parts>,
        next: u64,
    },
    Rows {
        reader: Box<dyn RowReader>,
        waiting: Blocks,
        has_ended: bool,
    },
}

impl<'a> InOrder<'a> {
    /// Start at the first block.
    pub fn new(side: &'a Side, reading: Reading) -> Self {
        let source = match reading {
            Reading::Columns(file) => Ordered::Columns { file, next: 0 },
            Reading::Rows(reader) => Ordered::Rows {
                reader,
                waiting: Blocks::default(),
                has_ended: false,
            },
        };
        Self { side, source }
    }

    /// Return the next block; one without rows after the last.
    pub fn next(&mut self, control: &Control) -> Result<Block> {
        let side = self.side;
        match &mut self.source {
            Ordered::Columns { file, next } => {
                let range = *next..*next + 1;
                *next += 1;
                let columns = side
                    .order
                    .par_iter()
                    .zip(&side.columns)
                    .map(|(column, named)| {
                        control.check()?;
                        let range = range.start.min(file.blocks())..range.end.min(file.blocks());
                        let pieces = file.read(*column, range).next_block();
                        let pieces = pieces.map_err(|error| side.cause(in_column(error, &named.name)))?;
                        Ok(pieces.unwrap_or_default())
                    })
                    .collect::<Result<Vec<_>>>()?;
                let rows = columns
                    .first()
                    .map_or(0, |pieces| pieces.iter().map(arrow_array::Array::len).sum());
                Ok(Block { rows, columns })
            }
            Ordered::Rows {
                reader,
                waiting,
                has_ended,
            } => loop {
                if let Some(block) = waiting.take(*has_ended) {
                    let columns = side.order.iter().map(|column| block.columns[*column].clone());
                    return Ok(Block {
                        rows: block.rows,
                        columns: columns.collect(),
                    });
                }
                if *has_ended {
                    return Ok(side.empty());
                }
                control.check()?;
                match reader.next_rows().map_err(|error| side.cause(error.into()))? {
                    Some(rows) => waiting.add(rows),
                    None => *has_ended = true,
                }
            },
        }
    }
}

/// Reads rows at positions.
pub struct Fetcher<'a> {
    side: &'a Side,
    kept: &'a Kept,
    source: Access<'a>,
}

enum Access<'a> {
    Columns(Box<Parts>),
    /// A table that is read in order, and the block that was read last, with its first row.
    Rows(Option<InOrder<'a>>, u64, Block),
}

impl<'a> Fetcher<'a> {
    /// Open a table for reading at positions. Rows that were kept are not read.
    pub fn new(side: &'a Side, kept: &'a Kept) -> Result<Self> {
        let source = match side.reading()? {
            Reading::Columns(file) => Access::Columns(file),
            reading @ Reading::Rows(_) => Access::Rows(Some(InOrder::new(side, reading)), 0, side.empty()),
        };
        Ok(Self { side, kept, source })
    }

    /// Return how many rows may be read at once.
    pub fn most(&self) -> usize {
        match &self.source {
            Access::Columns(file) => step_of(file),
            Access::Rows(..) => STEP,
        }
    }

    /// Return the rows at some positions, in the order of the positions: an array for each column, without dictionaries
    /// and runs.
    ///
    /// Costs the decoding of the blocks that hold them. Tables that are read in order are read on from the last position,
    /// or from their start for one before it.
    pub fn rows(&mut self, positions: &[u64], control: &Control) -> Result<Vec<ArrayRef>> {
        let mut order: Vec<usize> = (0..positions.len()).collect();
        order.sort_by_key(|index| positions[*index]);
        let sorted: Vec<u64> = order.iter().map(|index| positions[*index]).collect();
        let taken = self.sorted_rows(&sorted, control)?;
        // Where each of the wanted rows is among the sorted ones.
        let mut inverse = vec![0_u64; order.len()];
        for (rank, index) in order.iter().enumerate() {
            inverse[*index] = rank as u64;
        }
        let inverse = arrow_array::UInt64Array::from(inverse);
        taken
            .into_iter()
            .zip(&self.side.columns)
            .map(|(pieces, column)| {
                let joined = joined(&pieces, column)?;
                select(&joined, &inverse)
            })
            .collect()
    }
}

impl Fetcher<'_> {
    /// Return the rows at ascending positions: for each column some arrays.
    fn sorted_rows(&mut self, sorted: &[u64], control: &Control) -> Result<Vec<Vec<ArrayRef>>> {
        let mut taken = vec![Vec::new(); self.side.columns.len()];
        let mut rest = sorted;
        while let Some(first) = rest.first() {
            let block = first / BLOCK_ROWS as u64;
            let (kept, more) = match self.kept.block(block) {
                Some(kept) => {
                    let own = rest.partition_point(|row| row / BLOCK_ROWS as u64 == block);
                    let (own, more) = rest.split_at(own);
                    (kept.take(own)?, more)
                }
                None => (None, rest),
            };
            let (columns, more) = if let Some(columns) = kept {
                (columns, more)
            } else {
                // Up to the next block that was kept.
                let mut end = rest.partition_point(|row| row / BLOCK_ROWS as u64 == block);
                while let Some(row) = rest.get(end)
                    && self.kept.block(row / BLOCK_ROWS as u64).is_none()
                {
                    let next = row / BLOCK_ROWS as u64;
                    end += rest[end..].partition_point(|row| row / BLOCK_ROWS as u64 == next);
                }
                let (own, more) = rest.split_at(end);
                let read = match &mut self.source {
                    Access::Columns(file) => of_columns(self.side, file, own, control)?,
                    Access::Rows(reader, first, block) => {
                        of_rows(self.side, (reader, first, block), own, control)?
                    }
                };
                (read, more)
            };
            for (taken, column) in taken.iter_mut().zip(columns) {
                taken.extend(column);
            }
            rest = more;
        }
        Ok(taken)
    }
}

/// Return some rows of a column of a block, in one array without dictionaries and runs.
pub fn rows_of(
    pair: &BlockPair<'_>,
    side: usize,
    (index, column): (usize, &Column),
    rows: &[usize],
) -> Result<ArrayRef> {
    let rows: Vec<u64> = rows.iter().map(|row| *row as u64).collect();
    let mut rest = &rows[..];
    let mut first = 0;
    let mut taken = Vec::new();
    pair.each(side, index, &mut |pieces| {
        for piece in pieces {
            rest = take_from(piece, first, rest, &mut taken)?;
            first += piece.len() as u64;
        }
        Ok(())
    })?;
    joined(&taken, column)
}

/// Join the arrays of a column.
fn joined(pieces: &[ArrayRef], column: &Column) -> Result<ArrayRef> {
    let arrays: Vec<&dyn arrow_array::Array> = pieces.iter().map(AsRef::as_ref).collect();
    if arrays.is_empty() {
        let data_type = &column.data_type;
        return lineaprint_formats::table::row::expanded(&arrow_array::new_empty_array(data_type))
            .map_err(Error::from);
    }
    arrow_select::concat::concat(&arrays).map_err(|error| arrow_failure(&error))
}

/// Return the values of an array at some indices, null where the index is.
pub fn select(values: &ArrayRef, indices: &arrow_array::UInt64Array) -> Result<ArrayRef> {
    arrow_select::take::take(values, indices, None).map_err(|error| arrow_failure(&error))
}

fn arrow_failure(error: &arrow_schema::ArrowError) -> Error {
    Error::new(
        Code::Unsupported,
        format!("rows of this type cannot be taken: {error}"),
    )
}

/// Read rows at ascending positions of a Parquet table, each column by itself.
fn of_columns(side: &Side, file: &Parts, sorted: &[u64], control: &Control) -> Result<Vec<Vec<ArrayRef>>> {
    let step = step_of(file) as u64;
    side.order
        .par_iter()
        .zip(&side.columns)
        .map(|(column, named)| {
            let failed = |error| side.cause(in_column(error, &named.name));
            let mut taken = Vec::new();
            let mut rest = sorted;
            while let Some(row) = rest.first() {
                control.check()?;
                let block = row / BLOCK_ROWS as u64;
                let mut reader = file.read(*column, block..block + 1);
                let mut first = block * BLOCK_ROWS as u64;
                while let Some(pieces) = reader.next_rows(step).map_err(failed)? {
                    for piece in pieces {
                        rest = take_from(&piece, first, rest, &mut taken)?;
                        first += piece.len() as u64;
                    }
                    let end = (block + 1) * BLOCK_ROWS as u64;
                    if rest.first().is_none_or(|row| *row >= end) {
                        break;
                    }
                }
                if rest.first().is_some_and(|row| row / BLOCK_ROWS as u64 == block) {
                    return Err(Error::new(
                        Code::Internal,
                        "a bug in lineaprint: a row that is not there",
                    ));
                }
            }
            Ok(taken)
        })
        .collect()
}

/// Take the rows of a piece, whose first row is `first`, and return the positions behind it.
fn take_from<'p>(
    piece: &ArrayRef,
    first: u64,
    rest: &'p [u64],
    taken: &mut Vec<ArrayRef>,
) -> Result<&'p [u64]> {
    let count = rest.partition_point(|row| *row < first + piece.len() as u64);
    let (own, behind) = rest.split_at(count);
    if !own.is_empty() {
        let values = lineaprint_formats::table::row::expanded(piece).map_err(Error::from)?;
        let indices: arrow_array::UInt64Array = own.iter().map(|row| row - first).collect();
        taken.push(select(&values, &indices)?);
    }
    Ok(behind)
}

type Position<'r, 'a> = (&'r mut Option<InOrder<'a>>, &'r mut u64, &'r mut Block);

/// Read rows at ascending positions of a table that is read in order.
fn of_rows<'a>(
    side: &'a Side,
    (reader, first, block): Position<'_, 'a>,
    sorted: &[u64],
    control: &Control,
) -> Result<Vec<Vec<ArrayRef>>> {
    let mut taken = vec![Vec::new(); side.columns.len()];
    let mut rest = sorted;
    if rest.first().is_some_and(|row| row < first) {
        *reader = Some(InOrder::new(side, side.reading()?));
        *first = 0;
        *block = side.empty();
    }
    while let Some(row) = rest.first() {
        if *row >= *first + block.rows as u64 {
            *first += block.rows as u64;
            *block = match reader {
                Some(reader) => reader.next(control)?,
                None => side.empty(),
            };
            if block.rows == 0 {
                return Err(Error::new(
                    Code::Internal,
                    "a bug in lineaprint: a row that is not there",
                ));
            }
            continue;
        }
        let mut behind = rest;
        for (pieces, taken) in block.columns.iter().zip(&mut taken) {
            behind = rest;
            let mut start = *first;
            for piece in pieces {
                behind = take_from(piece, start, behind, taken)?;
                start += piece.len() as u64;
            }
        }
        rest = behind;
    }
    Ok(taken)
}
