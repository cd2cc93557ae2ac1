//! Parts of a file of text whose rows are read beside each other.
//!
//! A reader divides its file where a record ends, which it finds without reading the records. What is usual in a part is
//! read with nothing known of the parts before it. Everything else is left to the reader, which reads such a part in
//! order and says what is wrong with it, in which line and row.

use super::Rows;
use crate::text::line_ends::LineEnds;
use bytes::Bytes;
use std::sync::Arc;

/// Reads the rows of a part.
pub(super) trait ReadText: Send + Sync {
    /// Return the rows, or `None` if there is anything that is wrong or unusual.
    fn read(&self, text: &[u8]) -> Option<TextRows>;
}

/// Whole records of a file, which need nothing of the records before them.
pub struct TextPart {
    pub(super) text: Bytes,
    /// True if its last record has its end: one that is too long has not.
    pub(super) is_whole: bool,
    pub(super) reader: Arc<dyn ReadText>,
    /// The rows, once they are read; `None` also if they must be read in order.
    pub(super) rows: Option<TextRows>,
}

impl TextPart {
    /// Return the number of bytes.
    pub const fn size(&self) -> usize {
        self.text.len()
    }

    /// Read the rows. This is the work that can be done beside that of other parts.
    pub fn read(&mut self) {
        self.rows = self.reader.read(&self.text);
    }
}

/// The rows of a part, and what the reader must know of them.
pub(super) struct TextRows {
    pub rows: Rows,
    /// The weight of each record in the limit of a block.
    pub weights: Vec<u64>,
    /// Line feeds, also those within cells.
    pub lines: u64,
    pub ends: LineEnds,
}
