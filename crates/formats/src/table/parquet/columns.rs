//! The rows of one column of a Parquet file.

use super::convert::{Failure, Misfit};
use super::page::{Allowance, Chunk, Pages};
use super::{Table, chunk_range, schema, unwrapped};
use crate::error::FormatError;
use crate::table::BLOCK_ROWS;
use crate::table::block::Take;
use crate::table::foreign::foreign;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::ArrowError;
use parquet::arrow::FieldLevels;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups, RowSelection, RowSelector};
use parquet::column::page::PageIterator;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use std::ops::Range;
use std::sync::Arc;

/// The most bytes by which a chunk is longer than its writer states: the longest header of a dictionary page.
const MISSING_BYTES: u64 = 100;

/// A range of rows of one column, some at a time.
///
/// Each row group has a reader of its own, which must give exactly the rows that the footer states for it. So a file
/// with wrong counts is refused in the same way wherever it is cut for threads.
pub struct ColumnRows<'a> {
    table: &'a Table,
    column: usize,
    levels: FieldLevels,
    batch: usize,
    row: u64,
    end: u64,
    /// The row group that is read, and the rows of it that were not read yet.
    open: Option<(ParquetRecordBatchReader, u64)>,
    /// The remaining rows of a batch that had more rows than were wanted.
    rest: Option<ArrayRef>,
    allowance: Arc<Allowance>,
}

impl<'a> ColumnRows<'a> {
    /// Create the reader of a range of rows, decoded with `levels`.
    pub(super) fn new(table: &'a Table, column: usize, levels: FieldLevels, rows: Range<u64>) -> Self {
        Self {
            table,
            column,
            levels,
            batch: table.batch_rows(column),
            row: rows.start,
            end: rows.end,
            open: None,
            rest: None,
            allowance: Arc::new(Allowance::new(table.input.length())),
        }
    }

    /// Return the arrays of the next `count` rows, or of those that are left if they are fewer.
    pub fn next_rows(&mut self, count: u64) -> Result<Vec<ArrayRef>, FormatError> {
        self.allowance.reset();
        let end = self.row.saturating_add(count).min(self.end);
        let mut pieces = Vec::new();
        while self.row < end {
            let array = match self.rest.take() {
                Some(rest) => rest,
                None => self.next_batch()?,
            };
            let wanted = usize::try_from(end - self.row).unwrap_or(usize::MAX);
            if array.len() > wanted {
                self.rest = Some(array.slice(wanted, array.len() - wanted));
                pieces.push(array.slice(0, wanted));
            } else {
                pieces.push(array);
            }
            self.row += pieces.last().map_or(0, |piece| piece.len() as u64);
        }
        Ok(pieces)
    }

    /// Hand the arrays of all rows to `take`, some rows at a time.
    pub fn each_piece(&mut self, take: Take<'_>) -> Result<(), FormatError> {
        while self.row < self.end {
            self.allowance.reset();
            let array = self.next_batch()?;
            let wanted = usize::try_from(self.end - self.row).unwrap_or(usize::MAX);
            let array = array.slice(0, array.len().min(wanted));
            self.row += array.len() as u64;
            take(array)?;
        }
        Ok(())
    }

    /// Read the next rows of the row group.
    fn next_batch(&mut self) -> Result<ArrayRef, FormatError> {
        let (mut reader, remaining) = match self.open.take() {
            Some(open) => open,
            None => self.open_group()?,
        };
        let array = self.next_array(&mut reader)?.ok_or_else(|| {
            FormatError::new("a row group has fewer rows than it states")
                .with_expected(format!("{remaining} more rows"), "none")
        })?;
        let array = self.converted(&array)?;
        if let Some(Some(data_type)) = self.table.fixed.get(self.column) {
            schema::check_lengths(&array, data_type)?;
        }
        let too_many = || FormatError::new("a row group has more rows than it states");
        let remaining = remaining.checked_sub(array.len() as u64).ok_or_else(too_many)?;
        if remaining > 0 {
            self.open = Some((reader, remaining));
        } else if self.next_array(&mut reader)?.is_some() {
            return Err(too_many());
        }
        Ok(array)
    }

    /// Open the row group of the next row, and skip the rows before it.
    fn open_group(&self) -> Result<(ParquetRecordBatchReader, u64), FormatError> {
        let starts = &self.table.starts;
        // The last group that begins there: groups without rows begin where the next one does.
        let group = starts.partition_point(|start| *start <= self.row) - 1;
        let (skipped, remaining) = (self.row - starts[group], starts[group + 1] - self.row);
        let rows = OneGroup {
            table: self.table,
            group,
            allowance: Arc::clone(&self.allowance),
        };
        let selection = (skipped > 0).then(|| {
            let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX / 4);
            // One more than there should be, so that it shows; and so many that the crate counts rows and makes
            // no mask of them.
            let behind = count(remaining).saturating_add(BLOCK_ROWS);
            RowSelection::from(vec![
                RowSelector::skip(count(skipped)),
                RowSelector::select(behind),
            ])
        });
        let (levels, batch) = (&self.levels, self.batch);
        let open = || ParquetRecordBatchReader::try_new_with_row_groups(levels, &rows, batch, selection);
        let reader = foreign(open).map_err(|error| self.cause(error))?;
        let reader = reader.map_err(|error| self.cause(unwrapped(error)))?;
        Ok((reader, remaining))
    }

    fn next_array(&self, reader: &mut ParquetRecordBatchReader) -> Result<Option<ArrayRef>, FormatError> {
        let read = foreign(|| reader.next().transpose()).map_err(|error| self.cause(error))?;
        let batch = read.map_err(|error| self.cause(arrow_error(error)))?;
        Ok(batch.map(|batch| batch.column(0).clone()))
    }

    /// Return the error of our pages, which the crate turned into another one, or that one.
    fn cause(&self, error: FormatError) -> FormatError {
        self.allowance.failure().unwrap_or(error)
    }

    /// Return an array in the type of the column.
    fn converted(&self, array: &ArrayRef) -> Result<ArrayRef, FormatError> {
        let Some(conversion) = self.table.conversions.get(self.column) else {
            return Ok(Arc::clone(array));
        };
        conversion.apply(array).map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::Misfit(Misfit {
                row,
                expected,
                received,
            }) => {
                let name = &self.table.columns[self.column].name;
                let row = self.row + row as u64;
                FormatError::new(format!(
                    "column {name:?}, row {row}: its type cannot hold the value"
                ))
                .with_expected(expected, received)
            }
        })
    }
}

/// Return the [`FormatError`] that the crate wraps twice, or one that quotes the crate.
fn arrow_error(error: ArrowError) -> FormatError {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<ParquetError>() {
            Ok(error) => unwrapped(*error),
            Err(other) => FormatError::new(format!("invalid Parquet: {other}")),
        },
        other => FormatError::new(format!("invalid Parquet: {other}")),
    }
}

/// One row group, as the crate asks for it.
struct OneGroup<'a> {
    table: &'a Table,
    group: usize,
    allowance: Arc<Allowance>,
}

impl RowGroups for OneGroup<'_> {
    fn num_rows(&self) -> usize {
        let rows = self.table.metadata.row_group(self.group).num_rows();
        usize::try_from(rows).unwrap_or_default()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        let chunk = self.table.metadata.row_group(self.group).column(leaf);
        let bytes =
            chunk_range(chunk).ok_or_else(|| ParquetError::General("a chunk without a range".into()))?;
        let mut chunk = Chunk {
            bytes,
            codec: chunk.compression(),
            column: chunk.column_descr_ptr(),
            nesting: self.table.nestings.get(leaf).cloned().unwrap_or_default(),
            values: None,
        };
        if self.table.has_short_chunks {
            // The pages end with the values of the chunk, wherever that is.
            chunk.bytes.end = (chunk.bytes.end + MISSING_BYTES).min(self.table.input.length());
            chunk.values = u64::try_from(
                self.table
                    .metadata
                    .row_group(self.group)
                    .column(leaf)
                    .num_values(),
            )
            .ok();
        }
        Ok(Box::new(Pages {
            input: Arc::clone(&self.table.input),
            chunks: vec![chunk].into_iter(),
            allowance: Arc::clone(&self.allowance),
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.table.metadata.row_group(self.group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.table.metadata
    }
}
