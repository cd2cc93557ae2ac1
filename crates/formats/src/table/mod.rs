//! Readers of tables: Parquet, Arrow IPC, CSV, JSON lines and SQLite in, columns and blocks of rows out.
//!
//! - [`types`]: how the type of a column is spelled, and which types there are.
//! - [`block`]: the bytes of a block of one column, the same whatever the batches and encodings it came in.
//! - [`statistics`]: what the values of a column are like, which no digest covers.
//! - [`row`]: the bytes of rows, and the rows in which two blocks differ.
//! - [`parquet`], [`arrow`]: files of columns.
//! - [`sqlite`]: tables of databases.
//! - [`csv`], [`jsonl`]: files of text; [`cell`] reads their values under a declared type.
//!
//! Section "Tables" of `docs/format.md` is the normative text. Nothing here opens a file: what is read comes through
//! [`Input`](crate::input::Input).

pub mod arrow;
pub mod block;
pub mod cell;
mod chain;
pub mod csv;
pub(crate) mod foreign;
pub mod jsonl;
mod limit;
pub mod parquet;
pub mod row;
pub mod sqlite;
pub mod statistics;
mod text;
pub mod types;

use crate::error::FormatError;
use crate::input::Input;
use crate::pieces::{Compression, PIECE, Pieces};
use crate::text::line_ends::MixedLineEnds;
use arrow_array::ArrayRef;
use arrow_schema::DataType;
use csv::Dialect;
use std::sync::Arc;
pub use text::TextPart;

/// Rows of a block: the unit in which columns are hashed, whatever the batches of a file.
pub const BLOCK_ROWS: usize = 65_536;

/// The most rows a table may state. A column of nulls costs a file next to nothing for each row, so the length of the
/// file bounds nothing; this keeps the digests of blocks within 1 GiB for each column.
pub const MAX_ROWS: u64 = 1 << 40;

/// The deepest nesting of types: recursion over a type stays far from the end of a thread's stack.
pub const MAX_DEPTH: usize = 64;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Parquet.
    Parquet,
    /// Arrow IPC: a file (Feather version 2) or a stream.
    Arrow,
    /// CSV with a header row.
    Csv,
    /// JSON lines, under a declared schema alone.
    Jsonl,
    /// A table of a SQLite database.
    Sqlite,
}

impl Format {
    /// Detect the format of a file from its first bytes, or else from its name.
    pub fn detect(start: &[u8], name: &str) -> Option<Self> {
        if start.starts_with(parquet::MAGIC) {
            return Some(Self::Parquet);
        }
        if start.starts_with(&sqlite::MAGIC[..8]) {
            return Some(Self::Sqlite);
        }
        let arrow = [arrow::MAGIC.as_slice(), &arrow::CONTINUATION, arrow::FEATHER_1];
        if arrow.iter().any(|magic| start.starts_with(magic)) {
            return Some(Self::Arrow);
        }
        let (compression, stem) = Compression::of_name(name);
        let (_, suffix) = stem.rsplit_once('.')?;
        match suffix.to_ascii_lowercase().as_str() {
            // These have compression of their own.
            "parquet" | "arrow" | "arrows" | "feather" | "ipc" if compression != Compression::Plain => None,
            "parquet" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::Arrow),
            "csv" | "tsv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// An open table.
pub enum Reading {
    /// Columns that are read on their own.
    Columns(Box<parquet::Parts>),
    /// Rows that are read in order.
    Rows(Box<dyn RowReader>),
}

/// A file of a table.
pub struct Part {
    /// Its bytes.
    pub input: Arc<dyn Input>,
    /// Its compression as a whole, which formats of text can have.
    pub compression: Compression,
    /// Its characters, if it is CSV.
    pub dialect: Dialect,
    /// The name of the table, if it is a database.
    pub table: Option<String>,
}

impl Part {
    /// Return a file with the compression and the dialect that its name states.
    pub fn named(input: Arc<dyn Input>, name: &str) -> Self {
        let (compression, stem) = Compression::of_name(name);
        let is_tsv = stem
            .rsplit_once('.')
            .is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("tsv"));
        Self {
            input,
            compression,
            dialect: if is_tsv { Dialect::TSV } else { Dialect::CSV },
            table: None,
        }
    }

    fn pieces(self) -> Result<Pieces<'static>, FormatError> {
        Pieces::new(self.input, self.compression, PIECE)
    }
}

impl From<Arc<dyn Input>> for Part {
    fn from(input: Arc<dyn Input>) -> Self {
        Self {
            input,
            compression: Compression::Plain,
            dialect: Dialect::CSV,
            table: None,
        }
    }
}

/// Names of columns and the spellings of their types, in order.
pub type Schema = [(String, String)];

/// Open a table of one file. A schema is for formats of text, which JSON lines need, and for databases.
pub fn open(input: Arc<dyn Input>, format: Format, schema: Option<&Schema>) -> Result<Reading, FormatError> {
    open_parts(vec![input.into()], format, schema)
}

/// Open a table that consists of the rows of several files of one format, in this order.
///
/// All files must have the columns of the first. An error names the index of its file.
pub fn open_parts(parts: Vec<Part>, format: Format, schema: Option<&Schema>) -> Result<Reading, FormatError> {
    if matches!(format, Format::Parquet | Format::Arrow | Format::Sqlite)
        && let Some(index) = parts
            .iter()
            .position(|part| part.compression != Compression::Plain)
    {
        let error = FormatError::unsupported("this format is not read from a compressed file");
        return Err(error.in_part(index));
    }
    if format != Format::Csv
        && let Some(index) = parts
            .iter()
            .position(|part| part.dialect.encoding != csv::Encoding::Utf8)
    {
        let error = FormatError::unsupported("only CSV is read in another encoding");
        return Err(error.in_part(index));
    }
    if format != Format::Sqlite
        && let Some(index) = parts.iter().position(|part| part.table.is_some())
    {
        return Err(
            FormatError::unsupported("only a database of SQLite has tables with names").in_part(index),
        );
    }
    if format == Format::Parquet {
        refuse_schema(schema)?;
        let inputs = parts.into_iter().map(|part| part.input);
        return Ok(Reading::Columns(Box::new(parquet::Parts::open(inputs)?)));
    }
    let mut inputs = parts.into_iter();
    let Some(first) = inputs.next() else {
        return Err(FormatError::internal("a bug in lineaprint: a table of no files"));
    };
    let others: Vec<_> = inputs.collect();
    Ok(Reading::Rows(if others.is_empty() {
        open_rows(first, format, schema)?
    } else {
        Box::new(chain::Chain::open(first, others, format, schema)?)
    }))
}

/// Open a file whose rows are read in order.
fn open_rows(part: Part, format: Format, schema: Option<&Schema>) -> Result<Box<dyn RowReader>, FormatError> {
    Ok(match format {
        Format::Parquet => {
            return Err(FormatError::internal(
                "a bug in lineaprint: Parquet read in order",
            ));
        }
        Format::Arrow => {
            refuse_schema(schema)?;
            Box::new(arrow::Reader::open(&part.input)?)
        }
        Format::Sqlite => Box::new(sqlite::Reader::open(part.input, part.table.as_deref(), schema)?),
        Format::Csv => {
            let dialect = part.dialect;
            Box::new(csv::Reader::open(part.pieces()?, dialect, schema)?)
        }
        Format::Jsonl => match schema {
            Some(schema) => Box::new(jsonl::Reader::open(part.pieces()?, schema)?),
            None => return Err(FormatError::unsupported("JSON lines need a declared schema")),
        },
    })
}

fn refuse_schema(schema: Option<&Schema>) -> Result<(), FormatError> {
    match schema {
        None => Ok(()),
        Some(_) => Err(FormatError::unsupported(
            "this format defines its own column types, so no schema can be declared",
        )),
    }
}

/// Return an error unless a file has the columns of the first file of its table: names and types, in their order.
fn check_columns(first: &[Column], other: &[Column]) -> Result<(), FormatError> {
    let different = || FormatError::unsupported("its columns are not those of the first file of the table");
    for (index, (a, b)) in first.iter().zip(other).enumerate() {
        if (&a.name, &a.spelling) != (&b.name, &b.spelling) {
            let named =
                |column: &Column| format!("{:?} of {} as column {}", column.name, column.spelling, index + 1);
            return Err(different().with_expected(named(a), named(b)));
        }
    }
    if first.len() != other.len() {
        let counted = |columns: &[Column]| format!("{} columns", columns.len());
        return Err(different().with_expected(counted(first), counted(other)));
    }
    Ok(())
}

/// A column: its name, its Arrow type, and the spelling of the type in digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name as the file spells it. Names may be duplicates.
    pub name: String,
    /// The type of the arrays of this column.
    pub data_type: DataType,
    /// The spelling of `docs/format.md`.
    pub spelling: String,
}

impl Column {
    /// Create a column of a type that a digest can hold.
    pub fn new(name: &str, data_type: &DataType) -> Result<Self, FormatError> {
        let spelling = types::spell(data_type)
            .map_err(|error| FormatError::unsupported(format!("column {name:?}: {}", error.message)))?;
        Ok(Self {
            name: name.to_owned(),
            data_type: data_type.clone(),
            spelling,
        })
    }
}

/// Rows that were read together: one array per column, all of the same length.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Number of rows; a table without columns has rows too.
    pub count: usize,
    /// One array per column.
    pub columns: Vec<ArrayRef>,
}

/// A file that is read from its first row to its last.
pub trait RowReader: Send {
    /// Return the columns.
    fn columns(&self) -> &[Column];

    /// Return the next rows, `None` after the last.
    fn next_rows(&mut self) -> Result<Option<Rows>, FormatError>;

    /// Return the next part of the open file, whose rows can be read beside those of other parts; `None` at its end, and
    /// from readers that read in order alone.
    fn next_part(&mut self) -> Result<Option<TextPart>, FormatError> {
        Ok(None)
    }

    /// Return the rows of a part. Parts come back in their order, all of them before more rows are requested, whether
    /// they were read or not.
    fn add_part(&mut self, _: TextPart) -> Result<Rows, FormatError> {
        Err(FormatError::internal(
            "a bug in lineaprint: a part of another reader",
        ))
    }

    /// Return the first file of text whose lines, of those that were read, end in two ways.
    fn mixed_line_ends(&self) -> Option<MixedLineEnds> {
        None
    }
}

/// Gathers rows of any number into blocks of [`BLOCK_ROWS`].
#[derive(Debug, Default)]
pub struct Blocks {
    waiting: std::collections::VecDeque<Rows>,
    count: usize,
}

/// The rows of one block, in the pieces in which they were read: for each column the arrays one after the other.
#[derive(Clone, Debug)]
pub struct Block {
    /// Rows; [`BLOCK_ROWS`] but in the last block.
    pub rows: usize,
    /// For each column, its arrays.
    pub columns: Vec<Vec<ArrayRef>>,
}

impl Blocks {
    /// Append rows.
    pub fn add(&mut self, rows: Rows) {
        self.count += rows.count;
        if rows.count > 0 {
            self.waiting.push_back(rows);
        }
    }

    /// Take the next block: a full one, or the rest if `last` is true.
    pub fn take(&mut self, last: bool) -> Option<Block> {
        if self.count == 0 || (self.count < BLOCK_ROWS && !last) {
            return None;
        }
        let wanted = self.count.min(BLOCK_ROWS);
        let mut columns = vec![Vec::new(); self.waiting.front().map_or(0, |rows| rows.columns.len())];
        let mut missing = wanted;
        while missing > 0 {
            let mut rows = self.waiting.pop_front()?;
            let taken = rows.count.min(missing);
            for (pieces, array) in columns.iter_mut().zip(&rows.columns) {
                pieces.push(if taken == rows.count {
                    array.clone()
                } else {
                    array.slice(0, taken)
                });
            }
            if taken < rows.count {
                for array in &mut rows.columns {
                    *array = array.slice(taken, rows.count - taken);
                }
                rows.count -= taken;
                self.waiting.push_front(rows);
            }
            missing -= taken;
        }
        self.count -= wanted;
        Some(Block {
            rows: wanted,
            columns,
        })
    }
}
