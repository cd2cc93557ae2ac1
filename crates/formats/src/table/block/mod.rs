//! The bytes of a block of one column: row count, validity, then the valid values alone.
//!
//! The arrays of a block come in any number of pieces and in any of Arrow's forms; what is written depends on the
//! values alone. Values are written from where they lie: nothing is gathered first but the validity bits of a block
//! and, for dictionaries and runs, one view or number for each row.

mod list;
pub(super) mod part;
mod twice;
mod value;
mod writer;

use super::statistics::Statistics;
use crate::error::FormatError;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    BinaryType, BinaryViewType, LargeBinaryType, LargeUtf8Type, StringViewType, Utf8Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, BooleanBufferBuilder};
use arrow_schema::DataType;
use list::{fixed_lists, list_views, lists, map_ranges, offsets};
pub(super) use part::Part;
pub use twice::{Take, write_twice};
use value::{booleans, byte_strings, check_digits, decimal_width, decimals, fixed, narrow_decimals, views};
use writer::Writer;

/// Write the block made of `pieces`, in order, to `take`; all pieces are arrays of one type.
pub fn write(pieces: &[ArrayRef], take: &mut dyn FnMut(&[u8])) -> Result<(), FormatError> {
    write_with(pieces, None, take)
}

/// Write the same, and add the values to the statistics of the column.
pub fn write_with(
    pieces: &[ArrayRef],
    statistics: Option<&mut Statistics>,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), FormatError> {
    let mut writer = Writer::new(take);
    let parts = pieces
        .iter()
        .map(|piece| Part::new(piece.clone(), None))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(statistics) = statistics {
        statistics.add_parts(&parts);
    }
    node(&parts, &mut writer)?;
    writer.flush();
    Ok(())
}

/// The most elements that the lists of one block hold. Nulls and empty structures take no bytes in a file, so that
/// its length bounds nothing; the bits of so many take 512 MiB.
const MAX_ELEMENTS: usize = 1 << 32;

/// Write a block of `parts`.
fn node(parts: &[Part], writer: &mut Writer<'_>) -> Result<(), FormatError> {
    let rows = parts
        .iter()
        .try_fold(0_usize, |sum, part| sum.checked_add(part.array.len()))
        .filter(|rows| *rows <= MAX_ELEMENTS)
        .ok_or_else(|| {
            FormatError::unsupported(format!(
                "the lists of 65,536 rows hold more than {MAX_ELEMENTS} elements"
            ))
        })?;
    writer.number(rows);
    validity(parts, writer);
    let Some(first) = parts.first() else {
        return Ok(());
    };
    match first.array.data_type().clone() {
        DataType::Null => {}
        DataType::Boolean => booleans(parts, writer),
        DataType::Utf8 => byte_strings::<Utf8Type>(parts, writer),
        DataType::LargeUtf8 => byte_strings::<LargeUtf8Type>(parts, writer),
        DataType::Binary => byte_strings::<BinaryType>(parts, writer),
        DataType::LargeBinary => byte_strings::<LargeBinaryType>(parts, writer),
        DataType::Utf8View => views::<StringViewType>(parts, writer),
        DataType::BinaryView => views::<BinaryViewType>(parts, writer),
        DataType::Decimal32(precision, _) => {
            check_digits(parts, precision, 4)?;
            decimals::<4>(parts, writer, 16);
        }
        DataType::Decimal64(precision, _) => {
            check_digits(parts, precision, 8)?;
            decimals::<8>(parts, writer, 16);
        }
        DataType::Decimal128(precision, _) => {
            check_digits(parts, precision, 16)?;
            decimals::<16>(parts, writer, decimal_width(precision));
        }
        DataType::Decimal256(precision, _) => {
            check_digits(parts, precision, 32)?;
            if decimal_width(precision) == 16 {
                narrow_decimals(parts, writer)?;
            } else {
                decimals::<32>(parts, writer, 32);
            }
        }
        DataType::FixedSizeBinary(width) => {
            fixed(parts, writer, width.as_usize());
        }
        DataType::Struct(fields) => {
            for index in 0..fields.len() {
                let children = parts
                    .iter()
                    .map(|part| Part::new(part.array.as_struct().column(index).clone(), part.valid.as_ref()))
                    .collect::<Result<Vec<_>, _>>()?;
                node(&children, writer)?;
            }
        }
        DataType::List(_) => lists(parts, writer, |array| offsets(array.as_list::<i32>()))?,
        DataType::LargeList(_) => lists(parts, writer, |array| offsets(array.as_list::<i64>()))?,
        DataType::ListView(_) => lists(parts, writer, |array| list_views(array.as_list_view::<i32>()))?,
        DataType::LargeListView(_) => lists(parts, writer, |array| list_views(array.as_list_view::<i64>()))?,
        DataType::Map(_, _) => lists(parts, writer, map_ranges)?,
        DataType::FixedSizeList(_, length) => fixed_lists(parts, writer, length.as_usize())?,
        other => {
            let width = other.primitive_width();
            let width = width
                .ok_or_else(|| FormatError::unsupported(format!("arrays of {other} are not supported")))?;
            fixed(parts, writer, width);
        }
    }
    Ok(())
}

/// Write one bit per row.
fn validity(parts: &[Part], writer: &mut Writer<'_>) {
    let mut bits = BooleanBufferBuilder::new(parts.iter().map(|part| part.array.len()).sum());
    for part in parts {
        append_validity(part, &mut bits);
    }
    write_bits(&bits.finish(), writer);
}

fn append_validity(part: &Part, bits: &mut BooleanBufferBuilder) {
    match &part.valid {
        // Its rows are null whether or not those of a structure around it are.
        _ if *part.array.data_type() == DataType::Null => bits.append_n(part.array.len(), false),
        None => bits.append_n(part.array.len(), true),
        Some(nulls) => bits.append_buffer(nulls.inner()),
    }
}

/// Write bits, the first one in the lowest bit of the first byte, with zeros behind the last.
fn write_bits(bits: &BooleanBuffer, writer: &mut Writer<'_>) {
    let length = bits.len();
    let bytes = &bits.inner().as_slice()[..length.div_ceil(8)];
    if length.is_multiple_of(8) {
        writer.bytes(bytes);
    } else {
        let (last, whole) = bytes.split_last().unwrap_or((&0, &[]));
        writer.bytes(whole);
        writer.bytes(&[last & ((1 << (length % 8)) - 1)]);
    }
}
