//! The top of a protobuf message: enough to recognise what a file is.

use crate::error::FormatError;
use crate::input::Input;

/// Encoding of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Varint,
    /// Bytes with a length before them.
    Bytes,
    /// Four or eight bytes.
    Fixed,
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number.
    pub number: u64,
    /// Its encoding.
    pub kind: Kind,
}

/// Return the first `limit` fields of the message that a file is; `None` if it is none.
pub fn fields(input: &dyn Input, limit: usize) -> Result<Option<Vec<Field>>, FormatError> {
    let mut fields = Vec::new();
    let mut position = 0;
    while position < input.length() && fields.len() < limit {
        let Some((tag, after)) = varint(input, position)? else {
            return Ok(None);
        };
        let (kind, end) = match tag & 7 {
            0 => (Kind::Varint, varint(input, after)?.map(|(_, end)| end)),
            1 => (Kind::Fixed, after.checked_add(8)),
            2 => {
                let length = varint(input, after)?;
                (
                    Kind::Bytes,
                    length.and_then(|(length, start)| start.checked_add(length)),
                )
            }
            5 => (Kind::Fixed, after.checked_add(4)),
            _ => return Ok(None),
        };
        match end {
            Some(end) if end <= input.length() && tag >> 3 > 0 => position = end,
            _ => return Ok(None),
        }
        fields.push(Field {
            number: tag >> 3,
            kind,
        });
    }
    Ok((!fields.is_empty()).then_some(fields))
}

/// Read an integer of at most ten bytes: the number, and the position after it.
fn varint(input: &dyn Input, position: u64) -> Result<Option<(u64, u64)>, FormatError> {
    let Some(rest) = input.length().checked_sub(position) else {
        return Ok(None);
    };
    let bytes = input.read(position, usize::try_from(rest.min(10)).unwrap_or_default())?;
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return Ok(None);
        }
        number |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((number, position + index as u64 + 1)));
        }
    }
    Ok(None)
}
