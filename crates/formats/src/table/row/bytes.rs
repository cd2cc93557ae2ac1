//! The bytes of rows. For each cell: 0 for a null, else 1 and the value. A value of variable length comes after its
//! length, so that no two different rows have the same bytes.

use super::is_valid;
use crate::error::FormatError;
use crate::table::block::{self, Part};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, LargeBinaryType, LargeUtf8Type, StringViewType,
    Utf8Type,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_buffer::ArrowNativeType as _;
use arrow_schema::DataType;

/// Append the cells of one column to the bytes of some rows.
///
/// `rows` are indices into the block that consists of `pieces`, in ascending order; `bytes` has one buffer for each.
pub fn append(pieces: &[ArrayRef], rows: &[usize], bytes: &mut [Vec<u8>]) -> Result<(), FormatError> {
    let mut first = 0;
    let mut done = 0;
    for piece in pieces {
        let end = first + piece.len();
        let count = rows[done..].partition_point(|row| *row < end);
        if let [from, .., to] | [from @ to] = &rows[done..done + count] {
            // Only the rows in question are expanded, if the array is a dictionary.
            let slice = piece.slice(from - first, to + 1 - from);
            append_part(
                &Part::new(slice, None)?,
                *from,
                &rows[done..done + count],
                &mut bytes[done..done + count],
            )?;
        }
        done += count;
        first = end;
    }
    Ok(())
}

/// Append the cells of a part whose first row is the row `first` of the block.
fn append_part(part: &Part, first: usize, rows: &[usize], bytes: &mut [Vec<u8>]) -> Result<(), FormatError> {
    let cells = rows.iter().map(|row| row - first).zip(bytes);
    match part.array.data_type() {
        DataType::Null => cells.for_each(|(_, bytes)| bytes.push(0)),
        DataType::Boolean => {
            let values = part.array.as_boolean().values();
            each(part, cells, |row, bytes| bytes.push(u8::from(values.value(row))));
        }
        DataType::Utf8 => byte_strings::<Utf8Type>(part, cells),
        DataType::LargeUtf8 => byte_strings::<LargeUtf8Type>(part, cells),
        DataType::Binary => byte_strings::<BinaryType>(part, cells),
        DataType::LargeBinary => byte_strings::<LargeBinaryType>(part, cells),
        DataType::Utf8View => views::<StringViewType>(part, cells),
        DataType::BinaryView => views::<BinaryViewType>(part, cells),
        other => match fixed_width(other) {
            Some(1) => fixed::<1>(part, cells),
            Some(2) => fixed::<2>(part, cells),
            Some(4) => fixed::<4>(part, cells),
            Some(8) => fixed::<8>(part, cells),
            Some(width) => fixed_binary(part, cells, width),
            None => return as_blocks(part, cells),
        },
    }
    Ok(())
}

/// Return the width of values that have one, in every form of their type.
///
/// Decimals of one type come in arrays of several widths.
pub(super) fn fixed_width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => None,
        DataType::FixedSizeBinary(width) => Some(width.as_usize()),
        other => other.primitive_width(),
    }
}

fn each<'a>(
    part: &Part,
    cells: impl Iterator<Item = (usize, &'a mut Vec<u8>)>,
    append: impl Fn(usize, &mut Vec<u8>),
) {
    if part.valid.is_none() {
        for (row, bytes) in cells {
            bytes.push(1);
            append(row, bytes);
        }
        return;
    }
    for (row, bytes) in cells {
        let valid = is_valid(part, row);
        bytes.push(u8::from(valid));
        if valid {
            append(row, bytes);
        }
    }
}

fn byte_strings<'a, T: ByteArrayType>(part: &Part, cells: impl Iterator<Item = (usize, &'a mut Vec<u8>)>) {
    let array = part.array.as_bytes::<T>();
    each(part, cells, |row, bytes| {
        let value: &T::Native = array.value(row);
        with_length(bytes, value.as_ref());
    });
}

fn views<'a, T: ByteViewType>(part: &Part, cells: impl Iterator<Item = (usize, &'a mut Vec<u8>)>) {
    let array = part.array.as_byte_view::<T>();
    each(part, cells, |row, bytes| {
        let value: &T::Native = array.value(row);
        with_length(bytes, value.as_ref());
    });
}

fn with_length(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    bytes.extend_from_slice(value);
}

fn fixed<'a, const N: usize>(part: &Part, cells: impl Iterator<Item = (usize, &'a mut Vec<u8>)>) {
    let data = part.array.to_data();
    let Some(buffer) = data.buffers().first() else {
        return;
    };
    let (values, _) = buffer.as_slice()[data.offset() * N..].as_chunks::<N>();
    each(part, cells, |row, bytes| bytes.extend_from_slice(&values[row]));
}

fn fixed_binary<'a>(part: &Part, cells: impl Iterator<Item = (usize, &'a mut Vec<u8>)>, width: usize) {
    let data = part.array.to_data();
    let Some(buffer) = data.buffers().first() else {
        return;
    };
    let values = &buffer.as_slice()[data.offset() * width..];
    each(part, cells, |row, bytes| {
        bytes.extend_from_slice(&values[row * width..][..width]);
    });
}

/// Append values of every other type as their one-row blocks, which the form of an array does not change.
pub(super) fn as_blocks<'a>(
    part: &Part,
    cells: impl Iterator<Item = (usize, &'a mut Vec<u8>)>,
) -> Result<(), FormatError> {
    let mut value = Vec::new();
    for (row, bytes) in cells {
        value.clear();
        block::write(&[part.array.slice(row, 1)], &mut |written| {
            value.extend_from_slice(written);
        })?;
        bytes.push(1);
        with_length(bytes, &value);
    }
    Ok(())
}
