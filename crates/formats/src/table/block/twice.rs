//! Blocks of long byte strings, whose pieces are read twice so that memory holds a few rows of them at a time: once
//! for their lengths, which come first, and once for their bytes.

use super::part::Part;
use super::writer::Writer;
use super::{append_validity, write_bits};
use crate::error::FormatError;
use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{BinaryViewType, ByteViewType, StringViewType};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::DataType;

/// Takes the pieces of a block.
pub type Take<'a> = &'a mut dyn FnMut(ArrayRef) -> Result<(), FormatError>;

/// Write the block whose pieces `read` hands out, from the first to the last each time it is called.
pub fn write_twice(
    mut read: impl FnMut(Take<'_>) -> Result<(), FormatError>,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), FormatError> {
    let mut bits = BooleanBufferBuilder::new(0);
    let mut lengths = Vec::new();
    read(&mut |piece| {
        let part = Part::new(piece, None)?;
        append_validity(&part, &mut bits);
        each_value(&part, |value| lengths.push(value.len()))
    })?;
    let mut writer = Writer::new(take);
    writer.number(bits.len());
    write_bits(&bits.finish(), &mut writer);
    for length in &lengths {
        writer.number(*length);
    }
    let mut lengths = lengths.into_iter();
    let mut same = true;
    read(&mut |piece| {
        let part = Part::new(piece, None)?;
        each_value(&part, |value| {
            same &= lengths.next() == Some(value.len());
            writer.bytes(value);
        })
    })?;
    writer.flush();
    if same && lengths.next().is_none() {
        Ok(())
    } else {
        Err(FormatError::new("its values changed between two reads"))
    }
}

fn each_value(part: &Part, mut take: impl FnMut(&[u8])) -> Result<(), FormatError> {
    fn views<T: ByteViewType>(part: &Part, take: &mut impl FnMut(&[u8])) {
        let array = part.array.as_byte_view::<T>();
        for row in part.runs().flatten() {
            let value: &T::Native = array.value(row);
            take(value.as_ref());
        }
    }
    match part.array.data_type() {
        DataType::Utf8View => views::<StringViewType>(part, &mut take),
        DataType::BinaryView => views::<BinaryViewType>(part, &mut take),
        other => {
            return Err(FormatError::unsupported(format!(
                "arrays of {other} are not read twice"
            )));
        }
    }
    Ok(())
}
