//! The footer, with only those fields that are needed here.
//!
//! Other readers skip a field whose type is not the one that the format gives it. The crate reads it all the same, and
//! with it everything behind at wrong positions. So it is handed a footer without such fields.

use super::thrift::{Fault, Kind, Reader, put_varint};
use crate::error::FormatError;

/// A field that is kept: its number, its kind, and what is kept of it.
type Field = (i64, Kind, Inside);

/// What is kept of the value of a field.
#[derive(Clone, Copy)]
enum Inside {
    /// The value as it is.
    Whole,
    /// The fields of a structure.
    Fields(&'static [Field]),
    /// The fields of each structure in a list.
    Items(&'static [Field]),
}

use Inside::{Fields, Items, Whole};
use Kind::{Binary, Integer, List, Struct};

/// `FileMetaData`. Source of all numbers: `parquet.thrift` of Apache Parquet.
const FILE: &[Field] = &[
    (1, Integer, Whole),
    (2, List, Items(SCHEMA_ELEMENT)),
    (3, Integer, Whole),
    (4, List, Items(ROW_GROUP)),
    (5, List, Items(KEY_VALUE)),
    (6, Binary, Whole),
];

const SCHEMA_ELEMENT: &[Field] = &[
    (1, Integer, Whole),
    (2, Integer, Whole),
    (3, Integer, Whole),
    (4, Binary, Whole),
    (5, Integer, Whole),
    (6, Integer, Whole),
    (7, Integer, Whole),
    (8, Integer, Whole),
    (9, Integer, Whole),
    (10, Struct, Whole),
];

const KEY_VALUE: &[Field] = &[(1, Binary, Whole), (2, Binary, Whole)];

/// Not its sorting columns, nor the numbers that readers of single groups need.
const ROW_GROUP: &[Field] = &[
    (1, List, Items(COLUMN_CHUNK)),
    (2, Integer, Whole),
    (3, Integer, Whole),
];

/// Not the indices of its pages.
const COLUMN_CHUNK: &[Field] = &[
    (1, Binary, Whole),
    (2, Integer, Whole),
    (3, Struct, Fields(COLUMN_META_DATA)),
];

/// The numbers of the fields of a chunk whose columns are encrypted.
const ENCRYPTION: [i64; 2] = [8, 9];

/// Not its statistics, nor its Bloom filter.
const COLUMN_META_DATA: &[Field] = &[
    (1, Integer, Whole),
    (2, List, Whole),
    (3, List, Whole),
    (4, Integer, Whole),
    (5, Integer, Whole),
    (6, Integer, Whole),
    (7, Integer, Whole),
    (9, Integer, Whole),
    (11, Integer, Whole),
];

/// Return the footer with only the fields that are needed, each of the type that the format gives it.
pub fn needed(footer: &[u8]) -> Result<Vec<u8>, FormatError> {
    let mut output = Vec::with_capacity(footer.len());
    let mut encrypted = false;
    structure(&mut Reader::new(footer), footer, FILE, &mut output, &mut encrypted)
        .map_err(|_| FormatError::new("its footer is damaged"))?;
    if encrypted {
        return Err(FormatError::unsupported("encrypted Parquet is not supported"));
    }
    Ok(output)
}

fn structure(
    reader: &mut Reader<'_>,
    bytes: &[u8],
    fields: &'static [Field],
    output: &mut Vec<u8>,
    encrypted: &mut bool,
) -> Result<(), Fault> {
    let mut before = 0_i64;
    reader.structure(|reader, number, kind| {
        *encrypted |= std::ptr::eq(fields, COLUMN_CHUNK) && ENCRYPTION.contains(&number);
        let Some((_, _, inside)) = fields
            .iter()
            .find(|(kept, of, _)| (*kept, *of) == (number, kind))
        else {
            return Ok(false);
        };
        let code = match kind {
            Integer => 6,
            Binary => 8,
            List => 9,
            _ => 12,
        };
        match u8::try_from(number - before) {
            Ok(step @ 1..=15) => output.push(step << 4 | code),
            _ => {
                output.push(code);
                put_varint(((number << 1) ^ (number >> 63)).cast_unsigned(), output);
            }
        }
        before = number;
        match inside {
            Whole => {
                let start = reader.position();
                reader.pass_value(kind)?;
                output.extend_from_slice(&bytes[start..reader.position()]);
            }
            Fields(inner) => structure(reader, bytes, inner, output, encrypted)?,
            Items(inner) => {
                let (count, Struct) = reader.list()? else {
                    return Err(Fault::Broken);
                };
                output.push(0xf0 | 12);
                put_varint(count as u64, output);
                for _ in 0..count {
                    structure(reader, bytes, inner, output, encrypted)?;
                }
            }
        }
        Ok(true)
    })?;
    output.push(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_another_type_are_left_out() {
        // 1: 1; 2: no elements; 3: 39; 4: a binary where a list should be; 6: "me"; 200: a structure.
        let footer = [
            0x15, 2, 0x19, 0x0c, 0x16, 78, 0x18, 1, b'x', 0x28, 2, b'm', b'e', 0x0c, 0x90, 0x03, 0, 0,
        ];
        let kept = needed(&footer).expect("read");
        assert_eq!(kept, [0x16, 2, 0x19, 0xfc, 0, 0x16, 78, 0x38, 2, b'm', b'e', 0]);
        for end in 0..footer.len() - 1 {
            assert!(needed(&footer[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn encrypted_columns_are_refused() {
        // A row group of one chunk, whose field 8 is a structure.
        let footer = [0x49, 0x1c, 0x19, 0x1c, 0x8c, 0, 0, 0, 0];
        assert!(needed(&footer).expect_err("refused").unsupported);
    }
}
