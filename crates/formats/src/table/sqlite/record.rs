//! The values of a record.

use super::pages::{TextEncoding, varint};
use crate::error::FormatError;
use std::borrow::Cow;

/// A stored value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A float; never NaN.
    Real(f64),
    /// Text in the encoding of the database.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value<'_> {
    /// Return what it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a real number",
            Self::Text(_) => "text",
            Self::Blob(_) => "a blob",
        }
    }
}

/// Return the values of a record, of which there are at most `most`.
pub fn values(record: &[u8], most: usize) -> Result<Vec<Value<'_>>, FormatError> {
    let broken = || FormatError::new("a record of it is cut off");
    let (header_length, mut at) = varint(record).ok_or_else(broken)?;
    let header_length = usize::try_from(header_length).map_err(|_| broken())?;
    let header = record.get(..header_length).ok_or_else(broken)?;
    let mut body = &record[header_length..];
    let mut values = Vec::with_capacity(most.min(header_length));
    while at < header.len() {
        let (serial, bytes) = varint(&header[at..]).ok_or_else(broken)?;
        at += bytes;
        if values.len() == most {
            return Err(
                FormatError::new("a record has more values than the table has columns")
                    .with_expected(format!("at most {most}"), "more"),
            );
        }
        let length = match serial {
            0 | 8 | 9 => 0,
            1..=4 => serial,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => {
                return Err(FormatError::new(
                    "a record has a value of a kind that SQLite does not write",
                ));
            }
            _ => (serial - 12) / 2,
        };
        let length = usize::try_from(length).map_err(|_| broken())?;
        let (value, rest) = body.split_at_checked(length).ok_or_else(broken)?;
        body = rest;
        values.push(match serial {
            0 => Value::Null,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            1..=6 => Value::Integer(integer(value)),
            7 => Value::Real(f64::from_bits(integer(value).cast_unsigned())),
            _ if serial % 2 == 0 => Value::Blob(value),
            _ => Value::Text(value),
        });
    }
    Ok(values)
}

/// Read an integer of up to 8 bytes, highest byte first, in two's complement.
fn integer(bytes: &[u8]) -> i64 {
    let sign = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if sign { -1 } else { 0 }, |value, byte| {
        (value << 8) | i64::from(*byte)
    })
}

/// Decode text; nothing if it is not text of the encoding.
pub fn text(bytes: &[u8], encoding: TextEncoding) -> Option<Cow<'_, str>> {
    let unit = match encoding {
        TextEncoding::Utf8 => return std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        TextEncoding::Utf16Le => u16::from_le_bytes,
        TextEncoding::Utf16Be => u16::from_be_bytes,
    };
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let text: Result<String, _> = char::decode_utf16(pairs.iter().copied().map(unit)).collect();
    text.ok().map(Cow::Owned)
}
