//! Counts that a page states, held against its bytes where the crate would reserve memory by them.

use super::header::{DATA_V2, DICTIONARY, Header, implausible};
use super::thrift::{Fault, Reader};
use crate::error::FormatError;
use parquet::basic::Type;
use parquet::schema::types::ColumnDescriptor;

/// Holds the counts of a page of `column` against its bytes, of which the first `levels` are levels in a page of
/// version 2.
pub fn check(
    column: &ColumnDescriptor,
    header: &Header,
    buffer: &[u8],
    levels: usize,
) -> Result<(), FormatError> {
    let count = usize::try_from(header.values).map_err(|_| implausible())?;
    if count > PAGE_VALUES {
        return Err(implausible().with_expected(format!("at most {PAGE_VALUES} values"), count));
    }
    if header.page_type == DICTIONARY {
        // The bits of the narrowest value; one of no width is one value.
        let bits = match column.physical_type() {
            Type::BOOLEAN => 1,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 32,
            Type::INT64 | Type::DOUBLE => 64,
            Type::INT96 => 96,
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).unwrap_or(0) * 8,
        };
        let most = (buffer.len() * 8).checked_div(bits).unwrap_or(1);
        if count > most {
            return Err(FormatError::new("a dictionary is too short for its values")
                .with_expected(format!("at most {most} values"), count));
        }
    }
    if header.page_type != DICTIONARY && matches!(header.encoding, 6 | 7) {
        let start = if header.page_type == DATA_V2 {
            levels
        } else {
            levels_end(column, header, buffer)?
        };
        let values = buffer.get(start..).ok_or_else(implausible)?;
        let suffixes = delta_values(values, count)?;
        // Behind the lengths of shared beginnings come those of what is not shared.
        if header.encoding == 7 {
            delta_values(values.get(suffixes..).ok_or_else(implausible)?, count)?;
        }
    }
    Ok(())
}

/// Where the values of a data page of version 1 begin: behind its levels.
fn levels_end(column: &ColumnDescriptor, header: &Header, buffer: &[u8]) -> Result<usize, FormatError> {
    let mut position = 0_usize;
    let levels = [
        (column.max_rep_level(), header.repetition_encoding),
        (column.max_def_level(), header.definition_encoding),
    ];
    for (most, encoding) in levels {
        if most <= 0 {
            continue;
        }
        let length = if encoding == RLE {
            let head = buffer.get(position..).and_then(|rest| rest.first_chunk::<4>());
            4 + u64::from(u32::from_le_bytes(*head.ok_or_else(implausible)?))
        } else {
            let bits = u64::from(16 - most.leading_zeros());
            (header.values.unsigned_abs() * bits).div_ceil(8)
        };
        let length = usize::try_from(length).map_err(|_| implausible())?;
        position = position.checked_add(length).ok_or_else(implausible)?;
    }
    Ok(position)
}

const RLE: i64 = 3;

/// The most values that a page may state: the crate keeps two bytes of level for each of those it decodes.
const PAGE_VALUES: usize = 1 << 28;

/// The most values of a page of byte strings by differences: the crate keeps four bytes for each at once.
const DELTA_VALUES: usize = 1 << 26;

/// Passes over integers that are written as differences, of which there must be at most `most`, and gives the place
/// behind them. Source of the rules: the section on delta encoding of `Encodings.md` of Apache Parquet.
fn delta_values(bytes: &[u8], most: usize) -> Result<usize, FormatError> {
    let damaged = |_: Fault| FormatError::new("a page of differences is damaged");
    let size = |number: u64| usize::try_from(number).map_err(|_| implausible());
    let mut reader = Reader::new(bytes);
    let block = size(reader.varint().map_err(damaged)?)?;
    let miniblocks = size(reader.varint().map_err(damaged)?)?;
    let mut left = size(reader.varint().map_err(damaged)?)?;
    reader.integer().map_err(damaged)?;
    if left > most.min(DELTA_VALUES) || miniblocks == 0 || !block.is_multiple_of(miniblocks) {
        return Err(FormatError::new("a page of differences states what cannot be")
            .with_expected(format!("at most {} values", most.min(DELTA_VALUES)), left));
    }
    let each = block / miniblocks;
    if each == 0 {
        return Err(implausible());
    }
    // The first value stands in the head.
    left = left.saturating_sub(1);
    while left > 0 {
        reader.integer().map_err(damaged)?;
        let widths = reader.take(miniblocks).map_err(damaged)?;
        for width in widths {
            if left == 0 {
                break;
            }
            let length = each.checked_mul(usize::from(*width)).ok_or_else(implausible)?;
            reader.take(length.div_ceil(8)).map_err(damaged)?;
            left = left.saturating_sub(each);
        }
    }
    Ok(reader.position())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::types::{ColumnPath, Type as SchemaType};
    use std::sync::Arc;

    fn column(of: Type, levels: i16) -> ColumnDescriptor {
        let primitive = SchemaType::primitive_type_builder("a", of)
            .build()
            .expect("a type");
        ColumnDescriptor::new(Arc::new(primitive), levels, 0, ColumnPath::new(vec![]))
    }

    fn header(page_type: i64, values: i64, encoding: i64) -> Header {
        Header {
            page_type,
            values,
            encoding,
            definition_encoding: RLE,
            ..Header::default()
        }
    }

    #[test]
    fn a_dictionary_holds_no_more_values_than_its_bytes() {
        for (of, most) in [
            (Type::INT64, 2),
            (Type::INT32, 4),
            (Type::BYTE_ARRAY, 4),
            (Type::BOOLEAN, 128),
        ] {
            let check = |values| check(&column(of, 0), &header(DICTIONARY, values, 0), &[0; 16], 0);
            assert_eq!(check(most), Ok(()));
            assert!(check(most + 1).is_err(), "{of}");
            assert!(check(i64::MAX).is_err());
            assert!(check(-1).is_err());
        }
    }

    /// Head: blocks of 128 values in 4 miniblocks, so many values, the first 0. Then one block of equal steps.
    fn differences(count: u8) -> Vec<u8> {
        vec![0x80, 1, 4, count, 0, 2, 0, 0, 0, 0]
    }

    #[test]
    fn differences_are_no_more_than_the_page_states() {
        assert_eq!(delta_values(&differences(100), 100), Ok(10));
        assert_eq!(delta_values(&differences(1), 100), Ok(5));
        assert!(delta_values(&differences(100), 99).is_err());
        // 2^60 values.
        let lie = [
            0x80, 1, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0,
        ];
        assert!(delta_values(&lie, usize::MAX).is_err());
        for broken in [
            &[0x80, 1, 0, 1, 0][..],
            &[0x80, 1, 3, 1, 0],
            &[0, 1, 1, 0],
            &[0x80],
            &differences(127)[..8],
        ] {
            assert!(delta_values(broken, 1000).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn differences_lie_behind_the_levels() {
        let mut page = vec![2, 0, 0, 0, 0xaa, 0xaa];
        page.extend(differences(3));
        let lengths = header(0, 3, 6);
        assert_eq!(check(&column(Type::BYTE_ARRAY, 1), &lengths, &page, 0), Ok(()));
        assert!(check(&column(Type::BYTE_ARRAY, 1), &header(0, 2, 6), &page, 0).is_err());
        assert!(check(&column(Type::BYTE_ARRAY, 1), &lengths, &page[..3], 0).is_err());
        // Beginnings in common need a second list behind the first.
        assert!(check(&column(Type::BYTE_ARRAY, 1), &header(0, 3, 7), &page, 0).is_err());
        page.extend(differences(3));
        assert_eq!(
            check(&column(Type::BYTE_ARRAY, 1), &header(0, 3, 7), &page, 0),
            Ok(())
        );
        assert_eq!(
            check(&column(Type::BYTE_ARRAY, 1), &header(DATA_V2, 3, 7), &page, 6),
            Ok(())
        );
    }
}
