//! Counts that a page states, held against its bytes where the crate would reserve memory by them.

use super::header::{DataHeader, PageHeader, implausible, stated};
use super::thrift::{Fault, Reader};
use crate::error::FormatError;
use parquet::basic::Type;
use parquet::schema::types::ColumnDescriptor;

/// Check the counts of a page of `column` against its bytes. In a page of version 2 the first `levels` bytes are
/// levels.
pub fn check(
    column: &ColumnDescriptor,
    header: &PageHeader,
    buffer: &[u8],
    levels: usize,
) -> Result<(), FormatError> {
    let count = stated(header.values())?;
    if count > PAGE_VALUES {
        return Err(implausible().with_expected(format!("at most {PAGE_VALUES} values"), count));
    }
    match header {
        PageHeader::Dictionary(_) => check_dictionary(column, count, buffer),
        PageHeader::Data(data) if is_delta(data.encoding) => {
            let start = levels_end(column, data, buffer)?;
            check_deltas(data.encoding, count, buffer, start)
        }
        PageHeader::DataV2(data) if is_delta(data.encoding) => {
            check_deltas(data.encoding, count, buffer, levels)
        }
        PageHeader::Data(_) | PageHeader::DataV2(_) | PageHeader::Index | PageHeader::Unknown(_) => Ok(()),
    }
}

fn check_dictionary(column: &ColumnDescriptor, count: usize, buffer: &[u8]) -> Result<(), FormatError> {
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
        return Err(
            FormatError::new("a dictionary page is too short for its number of values")
                .with_expected(format!("at most {most} values"), count),
        );
    }
    Ok(())
}

/// Byte strings with delta-encoded lengths.
const DELTA_LENGTH: i64 = 6;

/// Byte strings with delta-encoded lengths of what they share with the one before, and of the rest.
const DELTA_STRINGS: i64 = 7;

const fn is_delta(encoding: i64) -> bool {
    matches!(encoding, DELTA_LENGTH | DELTA_STRINGS)
}

fn check_deltas(encoding: i64, count: usize, buffer: &[u8], start: usize) -> Result<(), FormatError> {
    let values = buffer.get(start..).ok_or_else(implausible)?;
    let suffixes = delta_values(values, count)?;
    // The lengths of the suffixes follow those of the shared prefixes.
    if encoding == DELTA_STRINGS {
        delta_values(values.get(suffixes..).ok_or_else(implausible)?, count)?;
    }
    Ok(())
}

/// Return the offset of the values in a data page of version 1: behind its levels.
fn levels_end(column: &ColumnDescriptor, header: &DataHeader, buffer: &[u8]) -> Result<usize, FormatError> {
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
            (stated::<u64>(header.values)? * bits).div_ceil(8)
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

/// Skip delta-encoded integers, at most `most` of them, and return the offset behind them. Source of the rules: the
/// section on delta encoding of `Encodings.md` of Apache Parquet.
fn delta_values(bytes: &[u8], most: usize) -> Result<usize, FormatError> {
    let damaged = |_: Fault| FormatError::new("a delta-encoded page is damaged");
    let size = |number: u64| usize::try_from(number).map_err(|_| implausible());
    let mut reader = Reader::new(bytes);
    let block = size(reader.varint().map_err(damaged)?)?;
    let miniblocks = size(reader.varint().map_err(damaged)?)?;
    let mut left = size(reader.varint().map_err(damaged)?)?;
    reader.integer().map_err(damaged)?;
    if left > most.min(DELTA_VALUES) || miniblocks == 0 || !block.is_multiple_of(miniblocks) {
        return Err(FormatError::new("a delta-encoded page has impossible counts")
            .with_expected(format!("at most {} values", most.min(DELTA_VALUES)), left));
    }
    let each = block / miniblocks;
    if each == 0 {
        return Err(implausible());
    }
    // The first value is in the head.
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
    use super::super::header::{DataV2Header, DictionaryHeader};
    use super::*;
    use parquet::schema::types::{ColumnPath, Type as SchemaType};
    use std::sync::Arc;

    fn column(of: Type, levels: i16) -> ColumnDescriptor {
        let primitive = SchemaType::primitive_type_builder("a", of)
            .build()
            .expect("a type");
        ColumnDescriptor::new(Arc::new(primitive), levels, 0, ColumnPath::new(vec![]))
    }

    fn dictionary(values: i64) -> PageHeader {
        PageHeader::Dictionary(DictionaryHeader {
            values: Some(values),
            encoding: 0,
            is_sorted: false,
        })
    }

    fn data(values: i64, encoding: i64) -> PageHeader {
        PageHeader::Data(DataHeader {
            values: Some(values),
            encoding,
            definition_encoding: RLE,
            repetition_encoding: 0,
        })
    }

    #[test]
    fn dictionary_values_are_limited_by_its_bytes() {
        for (of, most) in [
            (Type::INT64, 2),
            (Type::INT32, 4),
            (Type::BYTE_ARRAY, 4),
            (Type::BOOLEAN, 128),
        ] {
            let check = |values| check(&column(of, 0), &dictionary(values), &[0; 16], 0);
            assert_eq!(check(most), Ok(()));
            assert!(check(most + 1).is_err(), "{of}");
            assert!(check(i64::MAX).is_err());
            assert!(check(-1).is_err());
        }
    }

    /// Return a head (blocks of 128 values in 4 miniblocks, `count` values, the first 0) and one block of equal steps.
    fn differences(count: u8) -> Vec<u8> {
        vec![0x80, 1, 4, count, 0, 2, 0, 0, 0, 0]
    }

    #[test]
    fn deltas_are_limited_by_the_page() {
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
    fn deltas_follow_the_levels() {
        let mut page = vec![2, 0, 0, 0, 0xaa, 0xaa];
        page.extend(differences(3));
        let lengths = data(3, DELTA_LENGTH);
        assert_eq!(check(&column(Type::BYTE_ARRAY, 1), &lengths, &page, 0), Ok(()));
        assert!(check(&column(Type::BYTE_ARRAY, 1), &data(2, DELTA_LENGTH), &page, 0).is_err());
        assert!(check(&column(Type::BYTE_ARRAY, 1), &lengths, &page[..3], 0).is_err());
        // Beginnings in common need a second list behind the first.
        assert!(check(&column(Type::BYTE_ARRAY, 1), &data(3, DELTA_STRINGS), &page, 0).is_err());
        page.extend(differences(3));
        let version_2 = PageHeader::DataV2(DataV2Header {
            values: Some(3),
            encoding: DELTA_STRINGS,
            nulls: 0,
            rows: None,
            definition_bytes: 0,
            repetition_bytes: 0,
            is_compressed: true,
        });
        assert_eq!(
            check(&column(Type::BYTE_ARRAY, 1), &data(3, DELTA_STRINGS), &page, 0),
            Ok(())
        );
        assert_eq!(check(&column(Type::BYTE_ARRAY, 1), &version_2, &page, 6), Ok(()));
    }
}
