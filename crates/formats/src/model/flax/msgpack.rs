//! MessagePack: the head of one value at a time.
//!
//! The crate `rmp` reads from a stream and returns values; here the position of a value in the file is what is wanted,
//! and its bytes stay where they are.

use super::cursor::Cursor;
use crate::error::FormatError;
use crate::text::utf8;

/// The head of a value; what follows it in the file is not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// nil, a boolean or a float, complete.
    Scalar,
    /// An integer, complete; `None` if it is negative.
    Integer(Option<u64>),
    /// Text of so many bytes.
    Text(u64),
    /// A byte string of so many bytes.
    Binary(u64),
    /// So many values.
    Array(u64),
    /// So many pairs of values.
    Map(u64),
    /// A type of the application, and so many bytes.
    Extension(i8, u64),
}

const WHAT: &str = "a value";

/// Read the head of the next value.
pub(super) fn head(cursor: &mut Cursor<'_>) -> Result<Head, FormatError> {
    let at = cursor.position();
    let byte = cursor.number::<1>(WHAT)?;
    Ok(match byte {
        0x00..=0x7f => Head::Integer(Some(byte)),
        0x80..=0x8f => Head::Map(byte & 0x0f),
        0x90..=0x9f => Head::Array(byte & 0x0f),
        0xa0..=0xbf => Head::Text(byte & 0x1f),
        0xc0 | 0xc2 | 0xc3 => Head::Scalar,
        0xc4 | 0xd9 => sized(byte, cursor.number::<1>(WHAT)?),
        0xc5 | 0xda | 0xdc | 0xde => sized(byte, cursor.number::<2>(WHAT)?),
        0xc6 | 0xdb | 0xdd | 0xdf => sized(byte, cursor.number::<4>(WHAT)?),
        0xc7 => extension(cursor, |cursor| cursor.number::<1>(WHAT))?,
        0xc8 => extension(cursor, |cursor| cursor.number::<2>(WHAT))?,
        0xc9 => extension(cursor, |cursor| cursor.number::<4>(WHAT))?,
        0xca => scalar(cursor, 4)?,
        0xcb => scalar(cursor, 8)?,
        0xcc => Head::Integer(Some(cursor.number::<1>(WHAT)?)),
        0xcd => Head::Integer(Some(cursor.number::<2>(WHAT)?)),
        0xce => Head::Integer(Some(cursor.number::<4>(WHAT)?)),
        0xcf => Head::Integer(Some(cursor.number::<8>(WHAT)?)),
        0xd0 => signed(cursor.number::<1>(WHAT)?, 8),
        0xd1 => signed(cursor.number::<2>(WHAT)?, 16),
        0xd2 => signed(cursor.number::<4>(WHAT)?, 32),
        0xd3 => signed(cursor.number::<8>(WHAT)?, 64),
        0xd4..=0xd8 => extension(cursor, |_| Ok(1 << (byte - 0xd4)))?,
        0xe0..=0xff => Head::Integer(None),
        _ => {
            return Err(FormatError::new(format!("byte {at} begins no MessagePack value"))
                .with_expected("a type byte", format!("{byte:#04x}")));
        }
    })
}

fn sized(byte: u64, length: u64) -> Head {
    match byte {
        0xc4..=0xc6 => Head::Binary(length),
        0xd9..=0xdb => Head::Text(length),
        0xdc | 0xdd => Head::Array(length),
        _ => Head::Map(length),
    }
}

fn extension(
    cursor: &mut Cursor<'_>,
    length: impl FnOnce(&mut Cursor<'_>) -> Result<u64, FormatError>,
) -> Result<Head, FormatError> {
    let length = length(cursor)?;
    let kind = cursor.take(1, WHAT)?[0];
    Ok(Head::Extension(i8::from_ne_bytes([kind]), length))
}

fn scalar(cursor: &mut Cursor<'_>, length: u64) -> Result<Head, FormatError> {
    cursor.skip(length, WHAT)?;
    Ok(Head::Scalar)
}

fn signed(value: u64, bits: u32) -> Head {
    Head::Integer((value >> (bits - 1) == 0).then_some(value))
}

/// Read a text that was announced by [`Head::Text`] or [`Head::Binary`].
pub(super) fn text(
    cursor: &mut Cursor<'_>,
    length: u64,
    limit: u64,
    what: &str,
) -> Result<String, FormatError> {
    cursor.check(length, what)?;
    if length > limit {
        return Err(FormatError::new(format!("{what} is too long"))
            .with_expected(format!("at most {limit} bytes"), format!("{length} bytes")));
    }
    let length = usize::try_from(length).map_err(|_| FormatError::new(format!("{what} is too long")))?;
    let bytes = cursor.take(length, what)?;
    utf8(&bytes, what)
}
