//! Values that hold no others.

use super::part::Part;
use super::writer::Writer;
use crate::error::FormatError;
use arrow_array::cast::AsArray;
use arrow_array::types::{ByteArrayType, ByteViewType};
use arrow_array::{Array, GenericByteArray, GenericByteViewArray};
use arrow_buffer::{ArrowNativeType, i256};
use std::ops::Range;

/// Write booleans as one byte each.
pub fn booleans(parts: &[Part], writer: &mut Writer<'_>) {
    for part in parts {
        let values = part.array.as_boolean().values();
        for run in part.runs() {
            for row in run {
                writer.bytes(&[u8::from(values.value(row))]);
            }
        }
    }
}

/// Write values of `width` bytes each, little-endian as Arrow holds them.
pub fn fixed(parts: &[Part], writer: &mut Writer<'_>, width: usize) {
    for part in parts {
        let data = part.array.to_data();
        let Some(buffer) = data.buffers().first() else {
            continue;
        };
        let values = &buffer.as_slice()[data.offset() * width..];
        for run in part.runs() {
            writer.bytes(&values[run.start * width..run.end * width]);
        }
    }
}

/// Return the bytes of a decimal of that many digits.
pub const fn decimal_width(precision: u8) -> usize {
    if precision <= 38 { 16 } else { 32 }
}

/// Refuse decimals of more digits than their type has: their bits would fit, and other readers refuse them.
pub fn check_digits(parts: &[Part], precision: u8, width: usize) -> Result<(), FormatError> {
    let too_many = |value: &dyn std::fmt::Display| {
        FormatError::new("a decimal has more digits than its type")
            .with_expected(format!("at most {precision}"), value)
    };
    let limit = i256::from_i128(10).wrapping_pow(u32::from(precision));
    // Numbers of 128 bits are compared as such, which is faster.
    let narrow = limit.to_i128().unwrap_or(i128::MAX);
    let check = |value: i128| (value >= narrow || value <= -narrow).then(|| too_many(&value));
    match width {
        4 => first_decimal(parts, |bytes| check(i32::from_le_bytes(*bytes).into())),
        8 => first_decimal(parts, |bytes| check(i64::from_le_bytes(*bytes).into())),
        16 => first_decimal(parts, |bytes| check(i128::from_le_bytes(*bytes))),
        _ => first_decimal(parts, |bytes| {
            let value = i256::from_le_bytes(*bytes);
            (value >= limit || value <= -limit).then(|| too_many(&value))
        }),
    }
}

/// Return the first error that `wrong` has about a value.
fn first_decimal<const N: usize>(
    parts: &[Part],
    wrong: impl Fn(&[u8; N]) -> Option<FormatError>,
) -> Result<(), FormatError> {
    for part in parts {
        let data = part.array.to_data();
        let Some(buffer) = data.buffers().first() else {
            continue;
        };
        let values = &buffer.as_slice()[data.offset() * N..];
        for run in part.runs() {
            let (values, _) = values[run.start * N..run.end * N].as_chunks::<N>();
            if let Some(error) = values.iter().find_map(&wrong) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Write decimals of `N` bytes, extended to `width`. The width in the array does not count.
pub fn decimals<const N: usize>(parts: &[Part], writer: &mut Writer<'_>, width: usize) {
    if N == width {
        return fixed(parts, writer, width);
    }
    each_decimal::<N>(parts, |value| {
        let sign = if value[N - 1] & 0x80 == 0 { 0 } else { 0xff };
        writer.bytes(value);
        writer.bytes(&[sign; 32][..width - N]);
    });
}

/// Write decimals of 32 bytes as 16, which their precision fits into.
pub fn narrow_decimals(parts: &[Part], writer: &mut Writer<'_>) -> Result<(), FormatError> {
    let mut fits = true;
    each_decimal::<32>(parts, |value| {
        let sign = if value[15] & 0x80 == 0 { 0 } else { 0xff };
        fits &= value[16..].iter().all(|byte| *byte == sign);
        writer.bytes(&value[..16]);
    });
    if fits {
        Ok(())
    } else {
        Err(FormatError::new("a decimal has more digits than its type"))
    }
}

fn each_decimal<const N: usize>(parts: &[Part], mut take: impl FnMut(&[u8; N])) {
    for part in parts {
        let data = part.array.to_data();
        let Some(buffer) = data.buffers().first() else {
            continue;
        };
        let values = &buffer.as_slice()[data.offset() * N..];
        for run in part.runs() {
            let (values, _) = values[run.start * N..run.end * N].as_chunks::<N>();
            values.iter().for_each(&mut take);
        }
    }
}

/// Write all lengths, then all bytes.
pub fn byte_strings<T: ByteArrayType>(parts: &[Part], writer: &mut Writer<'_>) {
    let arrays = || parts.iter().map(|part| (part, part.array.as_bytes::<T>()));
    for (part, array) in arrays() {
        for run in part.runs() {
            for row in run {
                let offsets = array.value_offsets();
                writer.number(offsets[row + 1].as_usize() - offsets[row].as_usize());
            }
        }
    }
    for (part, array) in arrays() {
        for run in part.runs() {
            writer.bytes(span::<T>(array, &run));
        }
    }
}

fn span<'a, T: ByteArrayType>(array: &'a GenericByteArray<T>, rows: &Range<usize>) -> &'a [u8] {
    let offsets = array.value_offsets();
    &array.value_data()[offsets[rows.start].as_usize()..offsets[rows.end].as_usize()]
}

/// Write the lengths and bytes of views in the same form.
pub fn views<T: ByteViewType>(parts: &[Part], writer: &mut Writer<'_>) {
    fn each<T: ByteViewType>(parts: &[Part]) -> impl Iterator<Item = (&GenericByteViewArray<T>, usize)> {
        parts.iter().flat_map(|part| {
            let array = part.array.as_byte_view::<T>();
            part.runs().flatten().map(move |row| (array, row))
        })
    }
    for (array, row) in each::<T>(parts) {
        // The length of a view is its lowest 32 bits.
        #[expect(clippy::cast_possible_truncation, reason = "the lowest 32 bits are meant")]
        writer.number((array.views()[row] as u32) as usize);
    }
    for (array, row) in each::<T>(parts) {
        let value: &T::Native = array.value(row);
        writer.bytes(value.as_ref());
    }
}
