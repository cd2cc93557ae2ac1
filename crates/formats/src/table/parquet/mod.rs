//! Parquet: columns cut into row groups and pages, each column read on its own.
//!
//! The crate `parquet` decodes; what it is given is checked here first: the schema ([`schema`]), where the chunks of
//! columns lie, and each page ([`page`]), which is also decompressed here ([`codec`]).

mod codec;
mod columns;
mod convert;
mod counts;
mod footer;
mod header;
mod levels;
mod page;
mod parts;
mod schema;
mod stored;
mod thrift;

use super::foreign::foreign;
use super::{BLOCK_ROWS, Column, MAX_ROWS};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use arrow_schema::{DataType, Field, Fields};
pub use columns::ColumnRows;
use convert::Conversion;
use levels::Nesting;
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels, parquet_to_arrow_schema};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::schema::types::SchemaDescriptor;
pub use parts::{ColumnBlocks, Parts};
use std::ops::Range;
use std::sync::Arc;

/// The magic at the start and the end of a Parquet file.
pub const MAGIC: &[u8; 4] = b"PAR1";

const ENCRYPTED: &[u8; 4] = b"PARE";

/// The length of the footer and the magic behind it.
const TAIL_BYTES: u64 = 8;

/// Bytes from which a block of byte strings is long, and bytes of it that are then decoded at once.
const LONG_BLOCK: u64 = 64 << 20;
const LONG_PIECE: u64 = 4 << 20;

/// An open Parquet file.
pub struct Table {
    input: Arc<dyn Input>,
    metadata: Arc<ParquetMetaData>,
    columns: Vec<Column>,
    /// The schema that columns are read with, and the types that they are read as.
    schema: SchemaDescriptor,
    fields: Fields,
    /// The conversion of the arrays of each column after they are decoded.
    conversions: Vec<Conversion>,
    /// The columns whose lists must have a fixed length, with their types.
    fixed: Vec<Option<DataType>>,
    /// Meaning of the levels of each leaf.
    nestings: Vec<Nesting>,
    /// True if the chunks may be longer than the footer states.
    has_short_chunks: bool,
    /// First row of each row group, and behind the last the number of rows.
    starts: Vec<u64>,
}

/// Return the [`FormatError`] that an error of the crate wraps, or one that quotes the crate.
pub(crate) fn unwrapped(error: ParquetError) -> FormatError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<FormatError>() {
            Ok(own) => *own,
            Err(other) => FormatError::new(format!("invalid Parquet: {other}")),
        },
        ParquetError::NYI(what) => FormatError::unsupported(format!("unsupported Parquet: {what}")),
        other => FormatError::new(format!("invalid Parquet: {other}")),
    }
}

impl Table {
    /// Read the footer and checks all that it states.
    pub fn open(input: Arc<dyn Input>) -> Result<Self, FormatError> {
        let length = input.length();
        if length < TAIL_BYTES + MAGIC.len() as u64 {
            return Err(FormatError::new("it is too short for Parquet")
                .with_expected("at least 12 bytes", format!("{length} bytes")));
        }
        let tail = input.read(length - TAIL_BYTES, 8)?;
        if &tail[4..] == ENCRYPTED {
            return Err(FormatError::unsupported("encrypted Parquet is not supported"));
        }
        if &tail[4..] != MAGIC {
            return Err(
                FormatError::new("the Parquet magic is missing at the end of the file")
                    .with_expected("PAR1", tail[4..].escape_ascii()),
            );
        }
        let footer_length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
        let Some(footer_start) = (length - TAIL_BYTES - MAGIC.len() as u64).checked_sub(footer_length) else {
            return Err(FormatError::new("its footer is outside the file").with_expected(
                format!("at most {} bytes", length - TAIL_BYTES - MAGIC.len() as u64),
                footer_length,
            ));
        };
        let footer = read_checked(
            input.as_ref(),
            footer_start + MAGIC.len() as u64,
            footer_length,
            "its footer",
        )?;
        schema::check(&footer)?;
        let footer = footer::needed(&footer)?;
        let metadata = foreign(|| ParquetMetaDataReader::decode_metadata(&footer))?.map_err(unwrapped)?;
        let created_by = metadata.file_metadata().created_by().unwrap_or_default();
        let starts = starts(&metadata, created_by)?;
        let has_short_chunks = writes_short_chunks(created_by);
        for group in metadata.row_groups() {
            check_group(group, length)?;
        }
        let in_file = metadata.file_metadata().schema_descr();
        let nestings = levels::nestings(in_file);
        let schema = foreign(|| stored::as_read(in_file))?.map_err(unwrapped)?;
        let fields_of = |schema: &SchemaDescriptor| {
            foreign(|| parquet_to_arrow_schema(schema, None))?
                .map(|schema| schema.fields)
                .map_err(unwrapped)
        };
        let (file, read) = (fields_of(in_file)?, fields_of(&schema)?);
        let stored = stored::fields(metadata.file_metadata().key_value_metadata())?;
        let stored = stored.map(DataType::Struct);
        let (read, file) = (DataType::Struct(read), DataType::Struct(file));
        let reading = stored::reading(&read, &file, stored.as_ref());
        let (DataType::Struct(typed), DataType::Struct(fields)) = (reading.data_type, reading.hint) else {
            return Err(FormatError::internal(
                "a bug in lineaprint: a root that is not a structure",
            ));
        };
        let conversions = match reading.conversion {
            Conversion::Children(children) => children,
            _ => vec![Conversion::None; typed.len()],
        };
        let columns = typed
            .iter()
            .map(|field| Column::new(field.name(), field.data_type()))
            .collect::<Result<Vec<_>, _>>()?;
        for (field, column) in typed.iter().zip(&columns) {
            schema::check_type(field.data_type()).map_err(|error| FormatError {
                message: format!("column {:?}: {}", column.name, error.message),
                ..error
            })?;
        }
        let fixed = |field: &Arc<Field>| {
            let data_type = field.data_type();
            schema::has_fixed_lists(data_type).then(|| data_type.clone())
        };
        let fixed = typed.iter().map(fixed).collect();
        Ok(Self {
            input,
            metadata: Arc::new(metadata),
            columns,
            schema,
            fields,
            conversions,
            fixed,
            nestings,
            has_short_chunks,
            starts,
        })
    }

    /// Return the columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Return how many rows.
    pub fn rows(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }

    /// Return whether a reader that begins at this row skips few rows of its row group.
    fn is_near_group(&self, row: u64) -> bool {
        let group = self.starts.partition_point(|start| *start <= row) - 1;
        row - self.starts[group] <= BLOCK_ROWS as u64
    }

    fn leaves(&self, column: usize) -> impl Iterator<Item = usize> {
        let schema = self.metadata.file_metadata().schema_descr_ptr();
        (0..schema.num_columns()).filter(move |leaf| schema.get_column_root_idx(*leaf) == column)
    }

    fn is_nested(&self, column: usize) -> bool {
        let schema = self.metadata.file_metadata().schema_descr();
        self.leaves(column)
            .any(|leaf| schema.column(leaf).max_rep_level() > 0)
    }

    /// Start reading the rows in `rows` of a column.
    pub fn read(&self, column: usize, rows: Range<u64>) -> Result<ColumnRows<'_>, FormatError> {
        let mask = ProjectionMask::roots(&self.schema, [column]);
        let levels = || parquet_to_arrow_field_levels(&self.schema, mask, Some(&self.fields));
        let levels = foreign(levels)?.map_err(unwrapped)?;
        let rows = rows.start..rows.end.min(self.rows());
        Ok(ColumnRows::new(self, column, levels, rows))
    }

    /// Return whether the byte strings of a column are so long that its blocks are better read twice, a few rows at a
    /// time, than held: those of 65,536 images can be larger than memory.
    pub fn is_long(&self, column: usize) -> bool {
        let is_bytes = matches!(
            self.fields[column].data_type(),
            DataType::Utf8View | DataType::BinaryView
        );
        is_bytes && !self.is_nested(column) && self.bytes_each(column) > LONG_BLOCK / BLOCK_ROWS as u64
    }

    /// Return what the footer states of the length of a value, decompressed.
    fn bytes_each(&self, column: usize) -> u64 {
        let leaves = self.leaves(column);
        let bytes = leaves.flat_map(|leaf| {
            let groups = self.metadata.row_groups().iter();
            groups.map(move |group| group.column(leaf).uncompressed_size().unsigned_abs())
        });
        bytes.fold(0, u64::saturating_add) / self.rows().max(1)
    }

    /// Return rows that are decoded at once: fewer where lists make them many values, and where byte strings are long.
    fn batch_rows(&self, column: usize) -> usize {
        if self.is_long(column) {
            let rows = LONG_PIECE / self.bytes_each(column).max(1);
            return usize::try_from(rows).unwrap_or(1).clamp(1, BLOCK_ROWS);
        }
        let groups = self.metadata.row_groups();
        let values = self.leaves(column).map(|leaf| {
            let values = groups
                .iter()
                .map(|group| group.column(leaf).num_values().unsigned_abs());
            values.fold(0_u64, u64::saturating_add)
        });
        let each = values.max().unwrap_or_default() / self.rows().max(1) + 1;
        BLOCK_ROWS
            .min(usize::try_from((1 << 22) / each).unwrap_or(1))
            .max(1)
    }
}

/// Return the version that a writer of this name states of itself, `0.0.0` if it states none.
fn version_of(created_by: &str, writer: &str) -> Option<[u32; 3]> {
    let rest = created_by.strip_prefix(writer)?;
    let version = rest.strip_prefix(" version ").unwrap_or_default();
    let mut numbers = version
        .split(['.', ' ', '-'])
        .map(|number| number.parse().unwrap_or_default());
    Some([(); 3].map(|()| numbers.next().unwrap_or_default()))
}

/// Return whether the writer left the header of the dictionary page out of the length of a chunk (PARQUET-816).
fn writes_short_chunks(created_by: &str) -> bool {
    version_of(created_by, "parquet-mr").is_some_and(|version| version < [1, 2, 9])
}

fn starts(metadata: &ParquetMetaData, created_by: &str) -> Result<Vec<u64>, FormatError> {
    let mut starts = vec![0_u64];
    let mut total = 0_u64;
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows()).ok();
        total = rows
            .and_then(|rows| total.checked_add(rows))
            .filter(|total| *total <= MAX_ROWS)
            .ok_or_else(|| {
                FormatError::new("a row group has an impossible number of rows")
                    .with_expected(format!("at most {MAX_ROWS} in all"), group.num_rows())
            })?;
        starts.push(total);
    }
    let stated = metadata.file_metadata().num_rows();
    // An old writer left this number 0. There are rows all the same, and every reader reads them.
    let is_left_out =
        stated == 0 && version_of(created_by, "parquet-rs").is_some_and(|version| version < [1, 0, 0]);
    if !is_left_out && i64::try_from(total).ok() != Some(stated) {
        return Err(
            FormatError::new("its row groups do not have the rows that its footer states")
                .with_expected(stated, total),
        );
    }
    Ok(starts)
}

fn check_group(group: &RowGroupMetaData, file_length: u64) -> Result<(), FormatError> {
    for chunk in group.columns() {
        let name = chunk.column_path().string();
        let wrong = |message: &str| FormatError::new(format!("column {name:?}: {message}"));
        if chunk.file_path().is_some() {
            return Err(FormatError::unsupported(format!(
                "column {name:?} is in another file, which is not supported"
            )));
        }
        let range = chunk_range(chunk).filter(|range| range.end <= file_length);
        if range.is_none() {
            return Err(wrong("one of its chunks is outside the file").with_expected(
                format!("at most {file_length} bytes"),
                format!(
                    "{} bytes from byte {}",
                    chunk.compressed_size(),
                    chunk.data_page_offset()
                ),
            ));
        }
        let values = chunk.num_values();
        let is_flat = chunk.column_descr().max_rep_level() == 0;
        if values < 0 || (is_flat && values != group.num_rows()) {
            return Err(wrong("a row group has different numbers of values and rows")
                .with_expected(group.num_rows(), values));
        }
    }
    Ok(())
}

/// Return where the pages of a chunk lie: from its dictionary on, if it has one.
fn chunk_range(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    // Some writers state a dictionary at 0 where there is none, which is the magic.
    let dictionary = chunk.dictionary_page_offset().filter(|offset| *offset > 0);
    let start = u64::try_from(dictionary.unwrap_or(chunk.data_page_offset())).ok()?;
    let length = u64::try_from(chunk.compressed_size()).ok()?;
    Some(start..start.checked_add(length)?)
}
