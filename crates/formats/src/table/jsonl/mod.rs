//! JSON lines under a declared schema: one object a line.
//!
//! The columns are those of the schema, in its order. A member that is not there is null, as `null` is; a member that
//! the schema does not name is an error, so that nothing of a file is left out of its digest unseen.

use super::cell::{Builder, finish_rows};
use super::csv::shortened;
use super::limit::{RECORD_BYTES, Window};
use super::{BLOCK_ROWS, Column, RowReader, Rows, Schema, types};
use crate::error::FormatError;
use crate::pieces::Pieces;
use crate::text::json::Members;
use crate::text::line_ends::MixedLineEnds;
use crate::text::lines::Lines;
use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Reads a file of JSON lines from its first row to its last.
pub struct Reader {
    lines: Lines,
    columns: Vec<Column>,
    builders: Vec<Builder>,
    row: u64,
}

impl Reader {
    /// Create a reader of the columns in `schema`: their names, and the spellings of their types.
    pub fn open(pieces: Pieces<'static>, schema: &Schema) -> Result<Self, FormatError> {
        let mut columns = Vec::new();
        let mut builders = Vec::new();
        for (name, spelling) in schema {
            let data_type = types::parse(spelling)?;
            builders.push(Builder::new(&data_type).map_err(|error| FormatError {
                message: format!("column {name:?}: {}", error.message),
                ..error
            })?);
            columns.push(Column::new(name, &data_type)?);
        }
        Ok(Self {
            lines: Lines::new(pieces, RECORD_BYTES),
            columns,
            builders,
            row: 0,
        })
    }

    fn add_row(&mut self, line: std::ops::Range<usize>) -> Result<(), FormatError> {
        let row = self.row;
        let wrong = |message: String| FormatError::new(format!("row {row}: {message}"));
        let text =
            std::str::from_utf8(self.lines.bytes(line)).map_err(|_| wrong("it is not UTF-8".into()))?;
        let text = text.strip_suffix('\r').unwrap_or(text);
        let names = self
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect::<Vec<_>>();
        if row == 0 && text.starts_with('\u{feff}') {
            return Err(wrong(
                "it begins with a byte order mark (expected UTF-8 without one)".into(),
            ));
        }
        add_members(text, &names, &mut self.builders).map_err(|(field, message)| {
            if field.is_empty() {
                wrong(message)
            } else {
                FormatError::new(format!("column {field:?}, row {row}: {message}"))
            }
        })?;
        self.row += 1;
        Ok(())
    }
}

/// The name of the field that is wrong, and what is wrong.
type Wrong = (String, String);

fn add_members(text: &str, names: &[String], builders: &mut [Builder]) -> Result<(), Wrong> {
    let about = |name: &str, message: String| (name.to_owned(), message);
    let members: Members<&RawValue> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| about("", format!("it is not JSON: {error}")))?
    } else if text.is_empty() {
        return Err(about("", "it is not an object: the line is empty".into()));
    } else {
        return Err(about("", format!("it is not an object: {}", shortened(text))));
    };
    if let Some(name) = members.duplicate() {
        return Err(about(name, "it appears twice".into()));
    }
    let mut unmatched: std::collections::HashMap<&str, &RawValue> = members
        .0
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    for (name, builder) in names.iter().zip(builders) {
        match unmatched.remove(name.as_str()) {
            None => builder
                .null()
                .map_err(|expected| about(name, format!("it is too long (expected {expected})")))?,
            Some(value) => add(value.get(), builder)
                .map_err(|(inner, message)| about(if inner.is_empty() { name } else { &inner }, message))?,
        }
    }
    match unmatched.keys().min() {
        Some(name) => Err(about(name, "it is not in the declared schema".into())),
        None => Ok(()),
    }
}

fn add(raw: &str, builder: &mut Builder) -> Result<(), Wrong> {
    let wrong = |expected: String| {
        (
            String::new(),
            format!(
                "it cannot be read (expected {expected}, received {})",
                shortened(raw)
            ),
        )
    };
    match raw.as_bytes().first() {
        Some(b'n') => builder.null().map_err(wrong)?,
        Some(b'"') => {
            // The parser has accepted the line, so only an escape can be wrong: half a surrogate pair.
            let text: String = serde_json::from_str(raw).map_err(|_| wrong("well-formed Unicode".into()))?;
            if builder.reads_numbers() {
                return Err(wrong("a number".into()));
            }
            builder.push(&text).map_err(wrong)?;
        }
        Some(b'[') => {
            let child = builder.child().ok_or_else(|| wrong("a single value".into()))?;
            let mut first_wrong = None;
            let elements = Elements {
                builder: child,
                wrong: &mut first_wrong,
            };
            let read = serde_json::Deserializer::from_str(raw).deserialize_seq(elements);
            if let Some(inner) = first_wrong {
                return Err(inner);
            }
            read.map_err(|error| wrong(error.to_string()))?;
            builder.close_list().map_err(wrong)?;
        }
        Some(b'{') => {
            let (names, fields) = builder.fields().ok_or_else(|| wrong("no object".into()))?;
            add_members(raw, &names, fields)?;
            builder.close_struct();
        }
        _ => {
            if builder.is_text() {
                return Err(wrong("text".into()));
            }
            builder.push(raw).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Adds the elements of a list one after the other, so that they are not all held at once.
struct Elements<'b> {
    builder: &'b mut Builder,
    /// Why one of them was refused.
    wrong: &'b mut Option<Wrong>,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            if let Err(wrong) = add(element.get(), self.builder) {
                *self.wrong = Some(wrong);
                return Err(serde::de::Error::custom("an element is wrong"));
            }
        }
        Ok(())
    }
}

impl RowReader for Reader {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn next_rows(&mut self) -> Result<Option<Rows>, FormatError> {
        let mut count = 0;
        let mut window = Window::default();
        while count < BLOCK_ROWS {
            let Some(line) = self.lines.next_line()? else {
                break;
            };
            window.add(self.row + 1, line.len() as u64, self.columns.len())?;
            self.add_row(line)?;
            count += 1;
        }
        finish_rows(&mut self.builders, count)
    }

    fn mixed_line_ends(&self) -> Option<MixedLineEnds> {
        MixedLineEnds::of(0, self.lines.ends())
    }
}
