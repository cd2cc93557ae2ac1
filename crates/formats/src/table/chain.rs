//! Files that are read in order and are one table, the rows of one after those of the other.

use super::{Column, Format, Part, RowReader, Rows, Schema, TextPart, check_columns, open_rows};
use crate::error::FormatError;
use crate::text::line_ends::MixedLineEnds;

/// The rows of files, one file after the other.
pub struct Chain {
    format: Format,
    schema: Option<Vec<(String, String)>>,
    /// The files behind the open one.
    waiting: std::vec::IntoIter<Part>,
    open: Box<dyn RowReader>,
    /// The index of the open file.
    index: usize,
    columns: Vec<Column>,
    /// The first of the files before the open one whose lines end in two ways.
    mixed: Option<MixedLineEnds>,
}

impl Chain {
    /// Open the first file. The others are opened when their rows are wanted.
    pub fn open(
        first: Part,
        others: Vec<Part>,
        format: Format,
        schema: Option<&Schema>,
    ) -> Result<Self, FormatError> {
        let open = open_rows(first, format, schema).map_err(|error| error.in_part(0))?;
        Ok(Self {
            format,
            schema: schema.map(<[_]>::to_vec),
            waiting: others.into_iter(),
            index: 0,
            columns: open.columns().to_vec(),
            open,
            mixed: None,
        })
    }
}

impl RowReader for Chain {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn next_rows(&mut self) -> Result<Option<Rows>, FormatError> {
        loop {
            if let Some(rows) = self.open.next_rows().map_err(|error| error.in_part(self.index))? {
                return Ok(Some(rows));
            }
            let Some(part) = self.waiting.next() else {
                return Ok(None);
            };
            self.mixed = self.mixed_line_ends();
            self.index += 1;
            let opened = open_rows(part, self.format, self.schema.as_deref()).and_then(|reader| {
                check_columns(&self.columns, reader.columns())?;
                Ok(reader)
            });
            self.open = opened.map_err(|error| error.in_part(self.index))?;
        }
    }

    fn next_part(&mut self) -> Result<Option<TextPart>, FormatError> {
        self.open.next_part().map_err(|error| error.in_part(self.index))
    }

    fn add_part(&mut self, part: TextPart) -> Result<Rows, FormatError> {
        self.open
            .add_part(part)
            .map_err(|error| error.in_part(self.index))
    }

    fn mixed_line_ends(&self) -> Option<MixedLineEnds> {
        self.mixed.or_else(|| {
            let mixed = self.open.mixed_line_ends()?;
            MixedLineEnds::of(self.index, mixed.lines)
        })
    }
}
