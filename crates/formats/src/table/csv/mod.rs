//! CSV as RFC 4180 has it, with a header row: text, or values under a declared schema. The delimiter, the quote and the
//! encoding can be others.
//!
//! Strict where readers differ: a quote within an unquoted cell, text after a closing quote, a carriage return that
//! no line feed follows and a row with more or fewer cells than the header are errors. So is an empty line, unless
//! there is one column, of which it is an empty cell.

mod encoding;
mod part;

use super::cell::{Builder, finish_rows};
use super::limit::{RECORD_BYTES, RECORD_CELLS, Window, check_record};
use super::text::{ReadText, TextPart};
use super::{BLOCK_ROWS, Column, RowReader, Rows, Schema, types};
use crate::error::FormatError;
use crate::pieces::Pieces;
use crate::text::line_ends::{LineEnds, MixedLineEnds};
use arrow_schema::DataType;
use bytes::Bytes;
pub use encoding::Encoding;
use encoding::Text;
use part::{Boundary, PartReader};
use std::sync::Arc;

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// The most columns of a table that is read in parts. Each part has an array for each column: with more columns it has few
/// rows, and its arrays take many times the memory of its text.
const PART_COLUMNS: usize = 1 << 10;

/// The characters that divide a file into cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Between two cells: an ASCII character.
    pub delimiter: u8,
    /// Around a cell that holds delimiters or line feeds: an ASCII character. Without it no cell can.
    pub quote: Option<u8>,
    /// The encoding of its characters.
    pub encoding: Encoding,
}

impl Dialect {
    /// The dialect of RFC 4180.
    pub const CSV: Self = Self {
        delimiter: b',',
        quote: Some(b'"'),
        encoding: Encoding::Utf8,
    };

    /// The same with tabs.
    pub const TSV: Self = Self {
        delimiter: b'\t',
        ..Self::CSV
    };

    /// Return whether no character has two meanings.
    pub fn is_clear(self) -> bool {
        let fits = |byte: u8| byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0);
        fits(self.delimiter)
            && self
                .quote
                .is_none_or(|quote| fits(quote) && quote != self.delimiter)
    }
}

/// Reads a CSV file from its first row to its last.
pub struct Reader {
    records: Records,
    columns: Vec<Column>,
    builders: Vec<Builder>,
    typed: bool,
    row: u64,
    window: Window,
    /// Reads parts beside each other, unless the encoding is another one, in which parts cannot be found, or there are very
    /// many columns.
    of_parts: Option<Arc<dyn ReadText>>,
}

impl Reader {
    /// Read the header. With a schema the file must have exactly its columns.
    pub fn open(
        pieces: Pieces<'static>,
        dialect: Dialect,
        schema: Option<&Schema>,
    ) -> Result<Self, FormatError> {
        let mut records = Records::new(pieces, dialect)?;
        if !records.next()? {
            return Err(FormatError::new("it is empty: there is no header row"));
        }
        let mut columns = Vec::new();
        let mut builders = Vec::new();
        for index in 0..records.count() {
            let name = std::str::from_utf8(records.cell(index).0)
                .map_err(|_| FormatError::new(format!("the name of column {index} is not UTF-8")))?;
            let data_type = match schema {
                None => DataType::LargeUtf8,
                Some(schema) => {
                    let spelling = schema.iter().find(|(declared, _)| declared == name);
                    let (_, spelling) = spelling.ok_or_else(|| {
                        FormatError::new(format!("column {name:?} is not in the declared schema"))
                    })?;
                    types::parse(spelling)?
                }
            };
            builders.push(Builder::new(&data_type).map_err(|error| FormatError {
                message: format!("column {name:?}: {}", error.message),
                ..error
            })?);
            columns.push(Column::new(name, &data_type)?);
        }
        if let Some(schema) = schema {
            let missing = schema
                .iter()
                .find(|(name, _)| columns.iter().all(|column| column.name != *name));
            if let Some((name, _)) = missing {
                return Err(FormatError::new(format!(
                    "column {name:?} of the declared schema is not in the file"
                )));
            }
        }
        let typed = schema.is_some();
        let is_divided = dialect.encoding == Encoding::Utf8 && columns.len() <= PART_COLUMNS;
        let of_parts =
            is_divided.then(|| Arc::new(PartReader::new(&columns, typed, dialect)) as Arc<dyn ReadText>);
        Ok(Self {
            records,
            columns,
            builders,
            typed,
            row: 0,
            window: Window::default(),
            of_parts,
        })
    }

    /// Read rows in order, at most so many.
    fn read_rows(&mut self, most: usize) -> Result<Option<Rows>, FormatError> {
        let mut count = 0;
        while count < most && self.records.next()? {
            let records = &self.records;
            self.window
                .add(records.first_line, records.bytes, records.count())?;
            self.add_row()?;
            count += 1;
        }
        finish_rows(&mut self.builders, count)
    }

    fn add_row(&mut self) -> Result<(), FormatError> {
        if self.records.count() != self.columns.len() {
            return Err(FormatError::new(format!(
                "row {} and the header have different numbers of cells",
                self.row
            ))
            .with_expected(self.columns.len(), self.records.count()));
        }
        for (index, builder) in self.builders.iter_mut().enumerate() {
            let (cell, quoted) = self.records.cell(index);
            let wrong = |expected: &str, received: &str| {
                let column = &self.columns[index].name;
                FormatError::new(format!("column {column:?}, row {}: it cannot be read", self.row))
                    .with_expected(expected, shortened(received))
            };
            if self.typed && cell.is_empty() && !quoted {
                builder.null().map_err(|expected| wrong(&expected, ""))?;
                continue;
            }
            let text =
                std::str::from_utf8(cell).map_err(|_| wrong("UTF-8", &String::from_utf8_lossy(cell)))?;
            builder.push(text).map_err(|expected| wrong(&expected, text))?;
        }
        self.row += 1;
        Ok(())
    }
}

/// Shorten a value to one line of a message.
pub(super) fn shortened(value: &str) -> String {
    let start: String = value.chars().take(60).collect();
    let more = if start.len() < value.len() { "…" } else { "" };
    format!("{start:?}{more}")
}

impl RowReader for Reader {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn next_rows(&mut self) -> Result<Option<Rows>, FormatError> {
        self.read_rows(BLOCK_ROWS)
    }

    fn next_part(&mut self) -> Result<Option<TextPart>, FormatError> {
        let Some(reader) = &self.of_parts else {
            return Ok(None);
        };
        let (text, is_whole) = self.records.take_part()?;
        Ok((!text.is_empty()).then(|| TextPart {
            text,
            is_whole,
            reader: Arc::clone(reader),
            rows: None,
        }))
    }

    fn add_part(&mut self, part: TextPart) -> Result<Rows, FormatError> {
        if let Some(read) = part.rows {
            let mut window = self.window;
            if part.is_whole && read.weights.iter().all(|weight| window.takes(*weight)) {
                self.window = window;
                self.row += read.rows.count as u64;
                self.records.line += read.lines;
                self.records.ends.extend(read.ends);
                return Ok(read.rows);
            }
        }
        let own = self.records.within(part.text);
        let rest = std::mem::replace(&mut self.records, own);
        let rows = self.read_rows(usize::MAX);
        let Records { line, ends, .. } = std::mem::replace(&mut self.records, rest);
        (self.records.line, self.records.ends) = (line, ends);
        let rows = rows?;
        if !part.is_whole {
            return Err(FormatError::internal(
                "a bug in lineaprint: a record without an end was read",
            ));
        }
        Ok(rows.unwrap_or_else(|| Rows {
            count: 0,
            columns: Vec::new(),
        }))
    }

    fn mixed_line_ends(&self) -> Option<MixedLineEnds> {
        MixedLineEnds::of(0, self.records.ends)
    }
}

/// The records of a file, one at a time.
struct Records {
    text_pieces: Text,
    dialect: Dialect,
    /// Offset in the text at which the next piece begins.
    position: u64,
    piece: Bytes,
    /// Offset in the piece at which the next record begins.
    start: usize,
    /// The cells of the record, without their quotes, one after the other.
    text: Vec<u8>,
    cells: Vec<Cell>,
    /// Line of the file that is read, counted from 1, for messages.
    line: u64,
    /// The line that the record begins at.
    first_line: u64,
    /// The bytes of the record in the file.
    bytes: u64,
    /// The ends of the records so far.
    ends: LineEnds,
}

/// One cell of the record.
#[derive(Clone, Copy)]
struct Cell {
    /// Its end in `text`.
    end: usize,
    /// True if it was in quotes.
    quoted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a cell.
    Start,
    /// In a cell without quotes.
    Unquoted,
    /// Between quotes.
    Quoted,
    /// Behind a quote that may be the closing one, or the first of two.
    Quote,
    /// Behind a carriage return that ends the record.
    Return,
}

impl Records {
    fn new(pieces: Pieces<'static>, dialect: Dialect) -> Result<Self, FormatError> {
        if !dialect.is_clear() {
            return Err(FormatError::unsupported(
                "the delimiter and the quote must be two ASCII characters",
            ));
        }
        let mut records = Self::starting(pieces, dialect, 1, LineEnds::default());
        if records.fill()? {
            if records.piece.starts_with(UTF8_BOM) {
                records.start = UTF8_BOM.len();
            } else if [b"\xff\xfe", b"\xfe\xff"]
                .iter()
                .any(|mark| records.piece.starts_with(*mark))
            {
                return Err(FormatError::new("it begins with the byte order mark of UTF-16")
                    .with_expected("UTF-8, or utf-16 given as its encoding", "UTF-16"));
            }
        }
        Ok(records)
    }

    /// Begin to read at a line.
    fn starting(pieces: Pieces<'static>, dialect: Dialect, line: u64, ends: LineEnds) -> Self {
        Self {
            text_pieces: Text::new(pieces, dialect.encoding),
            dialect,
            position: 0,
            piece: Bytes::new(),
            start: 0,
            text: Vec::new(),
            cells: Vec::new(),
            line,
            first_line: line,
            bytes: 0,
            ends,
        }
    }

    /// Return the records of a part that begins at the line after those that were read.
    fn within(&self, part: Bytes) -> Self {
        let pieces = Pieces::uncompressed(Arc::new(part));
        Self::starting(pieces, self.dialect, self.line, self.ends)
    }

    /// Take the next records without reading them, and return whether the last of them has its end; nothing at the end
    /// of the file.
    fn take_part(&mut self) -> Result<(Bytes, bool), FormatError> {
        let mut boundary = Boundary::default();
        let mut text = Vec::new();
        loop {
            if self.start == self.piece.len() && !self.fill()? {
                return Ok((text.into(), true));
            }
            let rest = self.piece.slice(self.start..);
            if let Some(end) = boundary.last(&rest, self.dialect.quote) {
                self.start += end;
                if text.is_empty() {
                    return Ok((rest.slice(..end), true));
                }
                text.extend_from_slice(&rest[..end]);
                return Ok((text.into(), true));
            }
            text.extend_from_slice(&rest);
            self.start = self.piece.len();
            if text.len() as u64 > RECORD_BYTES {
                return Ok((text.into(), false));
            }
        }
    }

    /// Return how many cells the record has.
    const fn count(&self) -> usize {
        self.cells.len()
    }

    /// Return a cell, and whether it was in quotes.
    fn cell(&self, index: usize) -> (&[u8], bool) {
        let start = index.checked_sub(1).map_or(0, |before| self.cells[before].end);
        let Cell { end, quoted } = self.cells[index];
        (&self.text[start..end], quoted)
    }

    /// Read the next piece; false at the end of the file.
    fn fill(&mut self) -> Result<bool, FormatError> {
        self.start = 0;
        self.piece = self
            .text_pieces
            .next_piece()
            .map_err(|error| self.in_line(error))?;
        self.position += self.piece.len() as u64;
        Ok(!self.piece.is_empty())
    }

    /// Return the offset in the file of a byte of the piece.
    fn offset(&self, in_piece: usize) -> u64 {
        self.position - (self.piece.len() - in_piece) as u64
    }

    /// Check what was read of the record so far.
    fn check(&mut self, bytes: u64) -> Result<(), FormatError> {
        self.bytes = bytes;
        check_record(self.first_line, bytes)?;
        if self.cells.len() > RECORD_CELLS {
            return Err(
                FormatError::new(format!("line {}: the record has too many cells", self.first_line))
                    .with_expected(format!("at most {RECORD_CELLS}"), self.cells.len()),
            );
        }
        Ok(())
    }

    /// Name the line in an error about its characters.
    fn in_line(&self, error: FormatError) -> FormatError {
        if self.dialect.encoding == Encoding::Utf8 {
            return error;
        }
        FormatError {
            message: format!("line {}: {}", self.line, error.message),
            ..error
        }
    }

    fn wrong(&self, message: &str) -> FormatError {
        FormatError::new(format!("line {}: {message}", self.line))
    }

    fn end_cell(&mut self, quoted: bool) {
        self.cells.push(Cell {
            end: self.text.len(),
            quoted,
        });
    }

    /// Read the next record; false at the end.
    fn next(&mut self) -> Result<bool, FormatError> {
        self.text.clear();
        self.cells.clear();
        self.first_line = self.line;
        let first_byte = self.offset(self.start);
        let mut state = State::Start;
        let mut quoted = false;
        let delimiter = self.dialect.delimiter;
        // A byte that text never has stands for no quote.
        let quote = self.dialect.quote.unwrap_or(0xff);
        loop {
            if self.start == self.piece.len() {
                self.check(self.position - first_byte)?;
                if !self.fill()? {
                    return self.finish(state, quoted);
                }
            }
            let piece = self.piece.clone();
            let mut rest = &piece[self.start..];
            while let Some((&byte, after)) = rest.split_first() {
                if matches!(state, State::Start | State::Unquoted) {
                    let run = rest
                        .iter()
                        .take_while(|byte| {
                            !matches!(**byte, b'\n' | b'\r') && **byte != delimiter && **byte != quote
                        })
                        .count();
                    if run > 0 {
                        self.text.extend_from_slice(&rest[..run]);
                        rest = &rest[run..];
                        state = State::Unquoted;
                        continue;
                    }
                } else if state == State::Quoted && byte != quote {
                    let run = rest.iter().take_while(|byte| **byte != quote).count();
                    let text = &rest[..run];
                    self.line += text.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
                    self.text.extend_from_slice(text);
                    rest = &rest[run..];
                    continue;
                }
                rest = after;
                state = match (state, byte) {
                    (State::Start, _) if byte == quote => {
                        quoted = true;
                        State::Quoted
                    }
                    (State::Unquoted, _) if byte == quote => {
                        return Err(self.wrong("a quote inside an unquoted cell"));
                    }
                    (State::Quoted, _) => State::Quote,
                    (State::Quote, _) if byte == quote => {
                        self.text.push(quote);
                        State::Quoted
                    }
                    (State::Start | State::Unquoted | State::Quote, _) if byte == delimiter => {
                        self.end_cell(quoted);
                        quoted = false;
                        State::Start
                    }
                    (State::Start | State::Unquoted | State::Quote, b'\r') => State::Return,
                    (State::Start | State::Unquoted | State::Quote | State::Return, b'\n') => {
                        self.end_cell(quoted);
                        self.ends.add(state == State::Return);
                        self.line += 1;
                        self.start = piece.len() - rest.len();
                        self.check(self.offset(self.start) - first_byte)?;
                        return Ok(true);
                    }
                    (State::Return, _) => return Err(self.wrong("a carriage return without a line feed")),
                    _ => return Err(self.wrong("text after a closing quote")),
                };
            }
            self.start = self.piece.len();
        }
    }

    /// End the last record at the end of the file, which may replace the last line feed.
    fn finish(&mut self, state: State, quoted: bool) -> Result<bool, FormatError> {
        match state {
            State::Start if self.cells.is_empty() => return Ok(false),
            State::Quoted => return Err(self.wrong("a quote is not closed")),
            State::Return => return Err(self.wrong("a carriage return without a line feed")),
            _ => self.end_cell(quoted),
        }
        Ok(true)
    }
}
