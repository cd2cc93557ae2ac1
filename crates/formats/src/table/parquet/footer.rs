//! The footer, with only those fields that are needed here.
//!
//! Other readers skip a field whose type is not the one that the format gives it. The crate reads it all the same, and
//! with it everything behind at wrong positions. So it is handed a footer without such fields.

use super::thrift::{Fault, Kind, Reader, put_varint};
use crate::error::FormatError;

/// A field that is kept: its number, its kind, and the part that is kept.
type Field = (i64, Kind, Inside);

/// The part of the value of a field that is kept.
#[derive(Clone, Copy)]
enum Inside {
    /// The value as it is.
    Whole,
    /// The fields of a structure.
    Fields(&'static [Field]),
    /// The fields of each structure in a list.
    Items(&'static [Field]),
    /// The same of column chunks, whose encryption shows.
    Chunks(&'static [Field]),
}

use Inside::{Chunks, Fields, Items, Whole};
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
    (1, List, Chunks(COLUMN_CHUNK)),
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
    let mut copy = Copy {
        footer,
        reader: Reader::new(footer),
        output: Vec::with_capacity(footer.len()),
        is_encrypted: false,
    };
    copy.structure(FILE, false)
        .map_err(|_| FormatError::new("its footer is damaged"))?;
    if copy.is_encrypted {
        return Err(FormatError::unsupported("encrypted Parquet is not supported"));
    }
    Ok(copy.output)
}

struct Copy<'a> {
    footer: &'a [u8],
    reader: Reader<'a>,
    output: Vec<u8>,
    /// True if a chunk is encrypted.
    is_encrypted: bool,
}

impl Copy<'_> {
    fn structure(&mut self, fields: &'static [Field], is_chunk: bool) -> Result<(), Fault> {
        let mut before = 0_i64;
        let mut number = 0_i64;
        while let Some(kind) = self.reader.field(&mut number)? {
            self.is_encrypted |= is_chunk && ENCRYPTION.contains(&number);
            let kept = fields.iter().find(|(kept, of, _)| (*kept, *of) == (number, kind));
            let Some((_, _, inside)) = kept else {
                self.reader.pass_value(kind)?;
                continue;
            };
            self.head(number - before, number, kind);
            before = number;
            match inside {
                Whole => {
                    let start = self.reader.position();
                    self.reader.pass_value(kind)?;
                    self.output
                        .extend_from_slice(&self.footer[start..self.reader.position()]);
                }
                Fields(inner) => self.structure(inner, false)?,
                Items(inner) | Chunks(inner) => {
                    let (count, Struct) = self.reader.list()? else {
                        return Err(Fault::Broken);
                    };
                    self.output.push(0xf0 | STRUCT);
                    put_varint(count as u64, &mut self.output);
                    for _ in 0..count {
                        self.structure(inner, matches!(inside, Chunks(_)))?;
                    }
                }
            }
        }
        self.output.push(0);
        Ok(())
    }

    /// Write the head of a field.
    fn head(&mut self, step: i64, number: i64, kind: Kind) {
        let code = match kind {
            Integer => 6,
            Binary => 8,
            List => 9,
            _ => STRUCT,
        };
        if let Ok(step @ 1..=15) = u8::try_from(step) {
            self.output.push(step << 4 | code);
        } else {
            self.output.push(code);
            put_varint(((number << 1) ^ (number >> 63)).cast_unsigned(), &mut self.output);
        }
    }
}

/// The number of structures among the types of the protocol.
const STRUCT: u8 = 12;

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
