//! The rows in which two blocks of one column differ.

use super::bytes::{self, fixed_width};
use super::is_valid;
use crate::error::FormatError;
use crate::table::block::Part;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, LargeBinaryType, LargeUtf8Type, StringViewType,
    Utf8Type,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_buffer::ArrowNativeType as _;
use arrow_schema::DataType;

/// Rows that are compared at once, before each is looked at.
const ROWS: usize = 256;

/// Set the flag of each row in which the column `a` differs from the column `b`. Flags that are set stay so.
///
/// Both have at least as many rows as there are flags, and one type in any of its forms.
pub fn mark_different(a: &[ArrayRef], b: &[ArrayRef], flags: &mut [bool]) -> Result<(), FormatError> {
    let (mut left, mut right) = (Segments::new(a), Segments::new(b));
    let mut start = 0;
    while start < flags.len() {
        let count = left.left().min(right.left()).min(flags.len() - start);
        if count == 0 {
            return Err(FormatError::internal(
                "a bug in lineaprint: columns of other lengths",
            ));
        }
        let (x, y) = (left.take(count), right.take(count));
        mark_segment(
            &Part::new(x, None)?,
            &Part::new(y, None)?,
            &mut flags[start..start + count],
        )?;
        start += count;
    }
    Ok(())
}

/// The arrays of a column, cut where those of another one are.
struct Segments<'a> {
    pieces: &'a [ArrayRef],
    offset: usize,
}

impl<'a> Segments<'a> {
    fn new(pieces: &'a [ArrayRef]) -> Self {
        let mut segments = Self { pieces, offset: 0 };
        segments.skip_empty();
        segments
    }

    fn skip_empty(&mut self) {
        while self
            .pieces
            .first()
            .is_some_and(|piece| piece.len() == self.offset)
        {
            self.pieces = &self.pieces[1..];
            self.offset = 0;
        }
    }

    /// Return how many rows of the current array are left.
    fn left(&self) -> usize {
        self.pieces.first().map_or(0, |piece| piece.len() - self.offset)
    }

    fn take(&mut self, count: usize) -> ArrayRef {
        let taken = self.pieces[0].slice(self.offset, count);
        self.offset += count;
        self.skip_empty();
        taken
    }
}

fn mark_segment(a: &Part, b: &Part, flags: &mut [bool]) -> Result<(), FormatError> {
    if a.array.data_type() != b.array.data_type() {
        return by_bytes(a, b, flags);
    }
    match a.array.data_type() {
        DataType::Null => {}
        DataType::Boolean => {
            let (x, y) = (a.array.as_boolean().values(), b.array.as_boolean().values());
            if a.valid != b.valid || x != y {
                by_row(a, b, 0, flags, |row| x.value(row) == y.value(row));
            }
        }
        DataType::Utf8 => byte_strings::<Utf8Type>(a, b, flags),
        DataType::LargeUtf8 => byte_strings::<LargeUtf8Type>(a, b, flags),
        DataType::Binary => byte_strings::<BinaryType>(a, b, flags),
        DataType::LargeBinary => byte_strings::<LargeBinaryType>(a, b, flags),
        DataType::Utf8View => views::<StringViewType>(a, b, flags),
        DataType::BinaryView => views::<BinaryViewType>(a, b, flags),
        other => match fixed_width(other) {
            Some(width) => fixed(a, b, flags, width),
            None => return by_bytes(a, b, flags),
        },
    }
    Ok(())
}

/// Compare row by row; `equal` compares the values of a row that is valid in both. `start` is the row of the first flag.
fn by_row(a: &Part, b: &Part, start: usize, flags: &mut [bool], equal: impl Fn(usize) -> bool) {
    for (row, flag) in (start..).zip(flags) {
        if *flag {
            continue;
        }
        let (x, y) = (is_valid(a, row), is_valid(b, row));
        *flag = x != y || (x && !equal(row));
    }
}

/// Compare some rows at once where the nulls of both are the same, and look at each row only where bytes differ.
fn in_chunks(
    a: &Part,
    b: &Part,
    flags: &mut [bool],
    all_equal: impl Fn(usize, usize) -> bool,
    equal: impl Fn(usize) -> bool,
) {
    let same_nulls = a.valid == b.valid;
    if same_nulls && all_equal(0, flags.len()) {
        return;
    }
    for (index, flags) in flags.chunks_mut(ROWS).enumerate() {
        let start = index * ROWS;
        if !(same_nulls && all_equal(start, start + flags.len())) {
            by_row(a, b, start, flags, &equal);
        }
    }
}

fn fixed(a: &Part, b: &Part, flags: &mut [bool], width: usize) {
    let (x, y) = (a.array.to_data(), b.array.to_data());
    let (Some(x_bytes), Some(y_bytes)) = (x.buffers().first(), y.buffers().first()) else {
        return;
    };
    let x = &x_bytes.as_slice()[x.offset() * width..];
    let y = &y_bytes.as_slice()[y.offset() * width..];
    in_chunks(
        a,
        b,
        flags,
        |start, end| x[start * width..end * width] == y[start * width..end * width],
        |row| x[row * width..][..width] == y[row * width..][..width],
    );
}

fn byte_strings<T: ByteArrayType>(a: &Part, b: &Part, flags: &mut [bool]) {
    let (x, y) = (a.array.as_bytes::<T>(), b.array.as_bytes::<T>());
    let (starts, others) = (x.value_offsets(), y.value_offsets());
    let value = |row: usize| -> (&[u8], &[u8]) {
        let (left, right): (&T::Native, &T::Native) = (x.value(row), y.value(row));
        (left.as_ref(), right.as_ref())
    };
    let all_equal = |start: usize, end: usize| {
        let (first, other) = (starts[start].as_usize(), others[start].as_usize());
        let lengths = starts[start..=end].iter().zip(&others[start..=end]);
        x.value_data()[first..starts[end].as_usize()] == y.value_data()[other..others[end].as_usize()]
            && lengths
                .into_iter()
                .all(|(x, y)| x.as_usize() - first == y.as_usize() - other)
    };
    in_chunks(a, b, flags, all_equal, |row| {
        let (x, y) = value(row);
        x == y
    });
}

fn views<T: ByteViewType>(a: &Part, b: &Part, flags: &mut [bool]) {
    let (x, y) = (a.array.as_byte_view::<T>(), b.array.as_byte_view::<T>());
    by_row(a, b, 0, flags, |row| {
        let (left, right): (&T::Native, &T::Native) = (x.value(row), y.value(row));
        let (left, right): (&[u8], &[u8]) = (left.as_ref(), right.as_ref());
        left == right
    });
}

/// Compare the bytes of rows, which the form of an array does not change.
fn by_bytes(a: &Part, b: &Part, flags: &mut [bool]) -> Result<(), FormatError> {
    for (index, flags) in flags.chunks_mut(ROWS).enumerate() {
        let rows: Vec<usize> = (index * ROWS..index * ROWS + flags.len()).collect();
        let mut x = vec![Vec::new(); rows.len()];
        let mut y = x.clone();
        bytes::append(std::slice::from_ref(&a.array), &rows, &mut x)?;
        bytes::append(std::slice::from_ref(&b.array), &rows, &mut y)?;
        for (flag, (x, y)) in flags.iter_mut().zip(x.iter().zip(&y)) {
            *flag |= x != y;
        }
    }
    Ok(())
}
