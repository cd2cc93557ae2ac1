//! Parquet files that are one table, the rows of one after those of the other. Most tables have one file.

use super::{ColumnRows, Table};
use crate::error::FormatError;
use crate::input::Input;
use crate::table::block::Take;
use crate::table::{BLOCK_ROWS, Column, MAX_ROWS, check_columns};
use arrow_array::ArrayRef;
use std::ops::Range;
use std::sync::Arc;

/// The files of a table, in the order of their rows.
pub struct Parts {
    tables: Vec<Table>,
    /// First row of each file, and behind the last the number of rows.
    starts: Vec<u64>,
}

impl Parts {
    /// Open the files of a table: all must have the columns of the first.
    pub fn open(inputs: impl IntoIterator<Item = Arc<dyn Input>>) -> Result<Self, FormatError> {
        let mut tables: Vec<Table> = Vec::new();
        let mut starts = vec![0];
        let mut rows = 0_u64;
        for (index, input) in inputs.into_iter().enumerate() {
            let table = Table::open(input).map_err(|error| error.in_part(index))?;
            if let Some(first) = tables.first() {
                check_columns(first.columns(), table.columns()).map_err(|error| error.in_part(index))?;
            }
            rows += table.rows();
            if rows > MAX_ROWS {
                return Err(FormatError::new("the files of the table have too many rows")
                    .with_expected(format!("at most {MAX_ROWS}"), rows)
                    .in_part(index));
            }
            starts.push(rows);
            tables.push(table);
        }
        if tables.is_empty() {
            return Err(FormatError::internal("a bug in lineaprint: a table of no files"));
        }
        Ok(Self { tables, starts })
    }

    /// Return the columns.
    pub fn columns(&self) -> &[Column] {
        self.tables.first().map_or(&[], Table::columns)
    }

    /// Return how many rows.
    pub fn rows(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }

    /// Return how many blocks a column has.
    pub fn blocks(&self) -> u64 {
        self.rows().div_ceil(BLOCK_ROWS as u64)
    }

    /// Return whether the byte strings of a column are so long that its blocks are better read twice, a few rows at a
    /// time, than held: those of 65,536 images can be larger than memory.
    pub fn is_long(&self, column: usize) -> bool {
        self.tables.iter().any(|table| table.is_long(column))
    }

    /// Cut the blocks of a column into ranges that threads can read at once, about `wanted` of them.
    ///
    /// A column without lists is cut anywhere: the pages before are passed over by their headers. The rows of lists
    /// can only be counted by decoding them, so that a cut costs little only soon after the start of a row group.
    pub fn cut(&self, column: usize, wanted: usize) -> Vec<Range<u64>> {
        let blocks = self.blocks();
        let step = blocks.div_ceil(wanted.max(1) as u64).max(1);
        let is_near = |block: u64| {
            let row = block * BLOCK_ROWS as u64;
            let part = self.part_of(row);
            self.tables[part].is_near_group(row - self.starts[part])
        };
        let is_nested = self.tables.iter().any(|table| table.is_nested(column));
        let mut ranges = Vec::new();
        let mut start = 0;
        while start < blocks {
            let mut end = (start + step).min(blocks);
            while is_nested && end < blocks && !is_near(end) {
                end += 1;
            }
            ranges.push(start..end);
            start = end;
        }
        ranges
    }

    /// Start reading the blocks in `blocks` of a column.
    pub fn read(&self, column: usize, blocks: Range<u64>) -> ColumnBlocks<'_> {
        ColumnBlocks {
            parts: self,
            column,
            row: blocks.start * BLOCK_ROWS as u64,
            end: (blocks.end * BLOCK_ROWS as u64).min(self.rows()),
            open: None,
        }
    }

    /// Return the last file that begins at a row or before: files without rows begin where the next one does.
    fn part_of(&self, row: u64) -> usize {
        self.starts.partition_point(|start| *start <= row) - 1
    }
}

/// The blocks of one column, one after the other.
pub struct ColumnBlocks<'a> {
    parts: &'a Parts,
    column: usize,
    row: u64,
    end: u64,
    open: Option<OpenPart<'a>>,
}

/// The file that is read.
struct OpenPart<'a> {
    index: usize,
    rows: ColumnRows<'a>,
    /// The row of the table behind the last that is read of it.
    end: u64,
}

impl ColumnBlocks<'_> {
    /// Return the arrays of the next block; `None` after the last.
    pub fn next_block(&mut self) -> Result<Option<Vec<ArrayRef>>, FormatError> {
        self.next_rows(BLOCK_ROWS as u64)
    }

    /// Return the arrays of the next `count` rows, or of those that are left; `None` after the last.
    pub fn next_rows(&mut self, count: u64) -> Result<Option<Vec<ArrayRef>>, FormatError> {
        if self.row >= self.end {
            return Ok(None);
        }
        let block_end = self.row.saturating_add(count).min(self.end);
        let mut pieces = Vec::new();
        while self.row < block_end {
            let mut part = self.next_part()?;
            let end = part.end.min(block_end);
            let rows = part.rows.next_rows(end - self.row);
            pieces.extend(rows.map_err(|error| error.in_part(part.index))?);
            self.row = end;
            self.open = Some(part);
        }
        Ok(Some(pieces))
    }

    /// Hand the arrays of all rows to `take`, some rows at a time.
    pub fn each_piece(mut self, take: Take<'_>) -> Result<(), FormatError> {
        while self.row < self.end {
            let mut part = self.next_part()?;
            let read = part.rows.each_piece(take);
            read.map_err(|error| error.in_part(part.index))?;
            self.row = part.end;
        }
        Ok(())
    }

    /// Return the column that is read.
    pub const fn column(&self) -> usize {
        self.column
    }
}

impl<'a> ColumnBlocks<'a> {
    /// Return the file of the next row: the open one, or the one after it.
    fn next_part(&mut self) -> Result<OpenPart<'a>, FormatError> {
        if let Some(part) = self.open.take().filter(|part| self.row < part.end) {
            return Ok(part);
        }
        let Parts { tables, starts } = self.parts;
        let index = self.parts.part_of(self.row);
        let end = self.end.min(starts[index + 1]);
        let rows = tables[index].read(self.column, self.row - starts[index]..end - starts[index]);
        let rows = rows.map_err(|error| error.in_part(index))?;
        Ok(OpenPart { index, rows, end })
    }
}
