//! The usual records of CSV, read faster than one byte after the other.

use super::super::cell::{Builder, finish_rows};
use super::super::limit::{RECORD_BYTES, Window};
use super::super::text::{ReadText, TextRows};
use super::super::{Column, Rows};
use super::Dialect;
use crate::text::line_ends::LineEnds;
use std::borrow::Cow;

/// Reads parts of a file under the columns of its header.
pub(super) struct PartReader {
    columns: Vec<Column>,
    typed: bool,
    dialect: Dialect,
    /// True for each byte that ends a cell without quotes, or may not be in it.
    stops: [bool; 256],
}

impl PartReader {
    pub(super) fn new(columns: &[Column], typed: bool, dialect: Dialect) -> Self {
        let mut stops = [false; 256];
        let special = [Some(dialect.delimiter), dialect.quote, Some(b'\r'), Some(b'\n')];
        for byte in special.into_iter().flatten() {
            stops[usize::from(byte)] = true;
        }
        Self {
            columns: columns.to_vec(),
            typed,
            dialect,
            stops,
        }
    }

    /// Read the cell that begins at an offset. Return it with whether it was in quotes, and the offset behind it.
    fn cell<'t>(&self, text: &'t str, start: usize) -> Option<(Cow<'t, str>, bool, usize)> {
        let bytes = text.as_bytes();
        let quote = match (self.dialect.quote, bytes.get(start)) {
            (Some(quote), Some(first)) if quote == *first => quote,
            _ => {
                let length = bytes[start..]
                    .iter()
                    .position(|byte| self.stops[usize::from(*byte)]);
                let end = length.map_or(bytes.len(), |length| start + length);
                return Some((Cow::Borrowed(&text[start..end]), false, end));
            }
        };
        let mut from = start + 1;
        let mut cell = Cow::Borrowed("");
        loop {
            let end = from + memchr::memchr(quote, &bytes[from..])?;
            if cell.is_empty() {
                cell = Cow::Borrowed(&text[from..end]);
            } else {
                cell.to_mut().push_str(&text[from..end]);
            }
            if bytes.get(end + 1) != Some(&quote) {
                return Some((cell, true, end + 1));
            }
            cell.to_mut().push(char::from(quote));
            from = end + 2;
        }
    }
}

impl ReadText for PartReader {
    fn read(&self, text: &[u8]) -> Option<TextRows> {
        let text = std::str::from_utf8(text).ok()?;
        let bytes = text.as_bytes();
        let builders = self.columns.iter().map(|column| Builder::new(&column.data_type));
        let mut builders = builders.collect::<Result<Vec<_>, _>>().ok()?;
        let last = builders.len().checked_sub(1)?;
        let mut ends = LineEnds::default();
        let mut weights = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let first = start;
            for (index, builder) in builders.iter_mut().enumerate() {
                let (cell, quoted, end) = self.cell(text, start)?;
                if self.typed && cell.is_empty() && !quoted {
                    builder.null().ok()?;
                } else {
                    builder.push(&cell).ok()?;
                }
                start = match (bytes.get(end), index == last) {
                    (Some(byte), false) if *byte == self.dialect.delimiter => end + 1,
                    (Some(b'\n'), true) => {
                        ends.add(false);
                        end + 1
                    }
                    (Some(b'\r'), true) if bytes.get(end + 1) == Some(&b'\n') => {
                        ends.add(true);
                        end + 2
                    }
                    (None, true) => end,
                    _ => return None,
                };
            }
            let length = (start - first) as u64;
            if length > RECORD_BYTES {
                return None;
            }
            weights.push(Window::weight(length, builders.len()));
        }
        let rows = finish_rows(&mut builders, weights.len()).ok()?;
        let rows = rows.unwrap_or(Rows {
            count: 0,
            columns: Vec::new(),
        });
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        Some(TextRows {
            rows,
            weights,
            lines,
            ends,
        })
    }
}

/// Finds where the records of a file end, from what is between quotes.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// True if the quotes so far leave a cell open.
    is_quoted: bool,
}

impl Boundary {
    /// Return the offset behind the last record that ends in these bytes, which follow those of the calls before.
    ///
    /// A well-formed cell has its quotes in pairs, so a line feed behind an even number of them ends a record. In a file
    /// that is not well-formed this holds up to the first mistake.
    pub(super) fn last(&mut self, bytes: &[u8], quote: Option<u8>) -> Option<usize> {
        let Some(quote) = quote else {
            return memchr::memrchr(b'\n', bytes).map(|at| at + 1);
        };
        let is_odd = |bytes: &[u8]| memchr::memchr_iter(quote, bytes).count() % 2 == 1;
        let at_end = self.is_quoted ^ is_odd(bytes);
        let mut is_quoted = at_end;
        let mut end = bytes.len();
        let last = loop {
            let Some(at) = memchr::memrchr(b'\n', &bytes[..end]) else {
                break None;
            };
            is_quoted ^= is_odd(&bytes[at..end]);
            if !is_quoted {
                break Some(at + 1);
            }
            end = at;
        };
        self.is_quoted = if last.is_some() { false } else { at_end };
        last
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{RowReader, Schema};
    use super::super::{Dialect, Reader};
    use super::*;
    use crate::error::FormatError;
    use crate::pieces::{Compression, Pieces};
    use arrow_array::ArrayRef;
    use bytes::Bytes;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// The values of all columns, how the lines end, and the line behind the last.
    type Whole = (usize, Vec<ArrayRef>, LineEnds, u64);

    fn open(
        text: &str,
        dialect: Dialect,
        schema: Option<&Schema>,
        piece: usize,
    ) -> Result<Reader, FormatError> {
        let input = Arc::new(Bytes::from(text.to_owned()));
        Reader::open(Pieces::new(input, Compression::Plain, piece)?, dialect, schema)
    }

    fn whole(reader: &Reader, rows: &[Rows]) -> Whole {
        let columns = (0..reader.columns().len()).map(|column| {
            let arrays: Vec<_> = rows.iter().filter(|rows| rows.count > 0).collect();
            let arrays: Vec<_> = arrays.iter().map(|rows| rows.columns[column].as_ref()).collect();
            if arrays.is_empty() {
                return arrow_array::new_null_array(&arrow_schema::DataType::Null, 0);
            }
            arrow_select::concat::concat(&arrays).expect("arrays of one type")
        });
        let count = rows.iter().map(|rows| rows.count).sum();
        (count, columns.collect(), reader.records.ends, reader.records.line)
    }

    /// Read a file in order: the slow way, which reads every byte on its own.
    fn in_order(mut reader: Reader) -> Result<Whole, FormatError> {
        let mut rows = Vec::new();
        while let Some(next) = reader.next_rows()? {
            rows.push(next);
        }
        Ok(whole(&reader, &rows))
    }

    /// Read a file in parts, some of which are read in order.
    fn in_parts(mut reader: Reader, unread: impl Fn(usize) -> bool) -> Result<Whole, FormatError> {
        let mut rows = Vec::new();
        loop {
            let mut parts = Vec::new();
            while parts.len() < 3
                && let Some(mut part) = reader.next_part()?
            {
                if !unread(parts.len()) {
                    part.read();
                }
                parts.push(part);
            }
            if parts.is_empty() {
                break;
            }
            for part in parts {
                rows.push(reader.add_part(part)?);
            }
        }
        assert!(reader.next_rows()?.is_none(), "an end is an end");
        Ok(whole(&reader, &rows))
    }

    fn reported(result: Result<Whole, FormatError>) -> Result<Whole, String> {
        result.map_err(|error| format!("{error} {:?} {:?}", error.expected, error.received))
    }

    fn compare(text: &str, dialect: Dialect, schema: Option<&Schema>, piece: usize) -> bool {
        let Ok(reader) = open(text, dialect, schema, piece) else {
            return false;
        };
        let expected = reported(in_order(reader));
        for unread in [0, 1, 2] {
            let reader = open(text, dialect, schema, piece).expect("it was opened before");
            let received = reported(in_parts(reader, |part| {
                unread == 2 || (unread == 1 && part % 2 == 1)
            }));
            assert_eq!(received, expected, "{text:?} in pieces of {piece}");
        }
        expected.is_ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_text_is_read_in_parts_as_in_order(
            text in "(a|b,c)(\r?\n)([a1é,;\"\r\n]|\"\"|\r\n|,\"a\n\"\n){0,40}",
            piece in 1_usize..24,
        ) {
            compare(&text, Dialect::CSV, None, piece);
        }

        #[test]
        fn well_formed_text_is_read_in_parts_as_in_order(
            rows in prop::collection::vec(("-?[0-9]{0,3}|\"[0-9]{0,2}\"", "[aé ]{0,9}|\"([aé,\n\r]|\"\"){0,9}\""), 0..30),
            end in "\r?\n",
            is_ended: bool,
            piece in 1_usize..48,
        ) {
            let mut text = format!("a,b{end}");
            for (a, b) in &rows {
                text.extend([a.as_str(), ",", b.as_str(), end.as_str()]);
            }
            if !is_ended {
                text.truncate(text.len() - end.len());
            }
            prop_assert!(rows.is_empty() || compare(&text, Dialect::CSV, None, piece));
            let spelled = |name: &str, spelling: &str| (name.to_owned(), spelling.to_owned());
            let schema = [spelled("a", "int16"), spelled("b", "utf8")];
            compare(&text, Dialect::CSV, Some(&schema), piece);
            let unquoted = Dialect { quote: None, ..Dialect::CSV };
            compare(&text, unquoted, None, piece);
            compare(&text.replace(',', "\t"), Dialect::TSV, None, piece);
        }
    }

    #[test]
    fn error_in_a_later_part_names_its_line_and_row() {
        let schema = [("a".to_owned(), "int32".to_owned())];
        let text = format!("a\n{}x\n", "1\n".repeat(100));
        let reader = open(&text, Dialect::CSV, Some(&schema), 16).expect("a header");
        let error = in_parts(reader, |_| false).expect_err("x is no number");
        assert!(error.message.contains("row 100"), "{error}");
        let text = format!("a\n{}\"1\n2\"3\n", "1\n".repeat(100));
        let error = in_parts(open(&text, Dialect::CSV, None, 16).expect("a header"), |_| false);
        let error = error.expect_err("text behind a quote");
        assert!(error.message.starts_with("line 103: "), "{error}");
    }

    #[test]
    fn table_of_very_many_columns_is_not_divided() {
        for (columns, is_divided) in [(1024, true), (1025, false)] {
            let row = vec!["1"; columns].join(",");
            let text = format!("{row}\n{row}\n{row}\n");
            let mut reader = open(&text, Dialect::CSV, None, 100).expect("a header");
            assert_eq!(reader.next_part().expect("read").is_some(), is_divided);
            let reader = open(&text, Dialect::CSV, None, 100).expect("a header");
            let (count, ..) = in_order(reader).expect("read");
            assert_eq!(count, 2);
        }
    }

    #[test]
    fn usual_text_is_not_left_to_the_reader() {
        let text = b"1,\"a\"\"b\n\"\r\n,\n\xc3\xa9,\"\"";
        let column = Column::new("a", &arrow_schema::DataType::LargeUtf8).expect("a column");
        let columns = [column.clone(), column];
        let reader = PartReader::new(&columns, false, Dialect::CSV);
        let read = reader.read(text).expect("read");
        assert_eq!((read.rows.count, read.lines), (3, 3));
        assert_eq!((read.ends.without_return, read.ends.with_return), (1, 1));
    }
}
