//! Limits of the text in memory, so that a quote without an end does not take as much memory as the file.

use super::BLOCK_ROWS;
use crate::error::FormatError;

/// The most bytes of one record: a row of CSV, a line of JSON lines.
pub const RECORD_BYTES: u64 = 64 << 20;

/// The most bytes of the records of one block of rows.
pub const WINDOW_BYTES: u64 = 256 << 20;

/// The bytes that a cell counts at least: so many are kept for it, however short it is.
const CELL_BYTES: u64 = 4;

/// The most cells of a record, which bounds the columns of a table of text.
pub const RECORD_CELLS: usize = 1 << 18;

/// The most elements that the lists of one column hold in one block of rows.
pub const LIST_ELEMENTS: usize = 1 << 26;

/// Return an error about a record that begins at `line` and has `bytes` so far, if it is too long.
pub fn check_record(line: u64, bytes: u64) -> Result<(), FormatError> {
    if bytes <= RECORD_BYTES {
        return Ok(());
    }
    Err(
        FormatError::new(format!("line {line}: the record that begins here is too long")).with_expected(
            format!("at most {RECORD_BYTES} bytes"),
            format!("more than {RECORD_BYTES}"),
        ),
    )
}

/// The bytes of the records of the block of [`BLOCK_ROWS`] rows that is being read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    bytes: u64,
    rows: usize,
}

impl Window {
    /// Return what a record of so many bytes and cells counts.
    pub fn weight(bytes: u64, cells: usize) -> u64 {
        bytes.max(cells as u64 * CELL_BYTES)
    }

    /// Add the weight of a record; false if the block holds too much with it.
    pub const fn takes(&mut self, weight: u64) -> bool {
        if self.rows == BLOCK_ROWS {
            *self = Self { bytes: 0, rows: 0 };
        }
        self.rows += 1;
        self.bytes += weight;
        self.bytes <= WINDOW_BYTES
    }

    /// Add a record of so many bytes and cells that begins at `line`.
    pub fn add(&mut self, line: u64, bytes: u64, cells: usize) -> Result<(), FormatError> {
        if self.takes(Self::weight(bytes, cells)) {
            return Ok(());
        }
        Err(
            FormatError::new(format!("line {line}: {BLOCK_ROWS} rows hold too much text")).with_expected(
                format!("at most {WINDOW_BYTES} bytes, {CELL_BYTES} or more in each cell"),
                format!("more than {WINDOW_BYTES}"),
            ),
        )
    }
}
