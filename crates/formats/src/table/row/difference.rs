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
use std::ops::Range;

/// Rows that are compared at once, before each is looked at.
const ROWS: usize = 256;

/// Set the flag of each row in which the column `a` differs from the column `b`. Flags that are set stay so.
///
/// Both have at least as many rows as there are flags, and one type in any of its forms. Return whether the columns differ
/// in any of these rows, also in one whose flag was set before.
pub fn mark_different(a: &[ArrayRef], b: &[ArrayRef], flags: &mut [bool]) -> Result<bool, FormatError> {
    let (mut left, mut right) = (Segments::new(a), Segments::new(b));
    let mut start = 0;
    let mut differs = false;
    while start < flags.len() {
        let count = left.left().min(right.left()).min(flags.len() - start);
        if count == 0 {
            return Err(FormatError::internal(
                "a bug in lineaprint: columns of other lengths",
            ));
        }
        let (x, y) = (left.take(count), right.take(count));
        let flags = &mut flags[start..start + count];
        let mut marks = Marks {
            flags,
            differs: &mut differs,
        };
        mark_segment(&Part::new(x, None)?, &Part::new(y, None)?, &mut marks)?;
        start += count;
    }
    Ok(differs)
}

/// The flags of some rows, and whether the columns differ in any row.
struct Marks<'a> {
    flags: &'a mut [bool],
    differs: &'a mut bool,
}

impl Marks<'_> {
    /// Compare the rows from `start` up to `end` that may tell something new.
    fn each(&mut self, start: usize, end: usize, is_different: impl Fn(usize) -> bool) {
        for (row, flag) in (start..end).zip(&mut self.flags[start..end]) {
            if *flag && *self.differs {
                continue;
            }
            if is_different(row) {
                *flag = true;
                *self.differs = true;
            }
        }
    }
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

fn mark_segment(a: &Part, b: &Part, marks: &mut Marks<'_>) -> Result<(), FormatError> {
    if a.array.data_type() != b.array.data_type() {
        return by_bytes(a, b, marks);
    }
    match a.array.data_type() {
        DataType::Null => {}
        DataType::Boolean => {
            let (x, y) = (a.array.as_boolean().values(), b.array.as_boolean().values());
            if a.valid != b.valid || x != y {
                by_row(a, b, 0..marks.flags.len(), marks, |row| {
                    x.value(row) == y.value(row)
                });
            }
        }
        DataType::Utf8 => byte_strings::<Utf8Type>(a, b, marks),
        DataType::LargeUtf8 => byte_strings::<LargeUtf8Type>(a, b, marks),
        DataType::Binary => byte_strings::<BinaryType>(a, b, marks),
        DataType::LargeBinary => byte_strings::<LargeBinaryType>(a, b, marks),
        DataType::Utf8View => views::<StringViewType>(a, b, marks),
        DataType::BinaryView => views::<BinaryViewType>(a, b, marks),
        other => match fixed_width(other) {
            Some(width) => fixed(a, b, marks, width),
            None => return by_bytes(a, b, marks),
        },
    }
    Ok(())
}

/// Compare some rows one by one; `equal` compares the values of a row that is valid in both.
fn by_row(a: &Part, b: &Part, rows: Range<usize>, marks: &mut Marks<'_>, equal: impl Fn(usize) -> bool) {
    marks.each(rows.start, rows.end, |row| {
        let (x, y) = (is_valid(a, row), is_valid(b, row));
        x != y || (x && !equal(row))
    });
}

/// Compare some rows at once where the nulls of both are the same, and look at each row only where bytes differ.
fn in_chunks(
    a: &Part,
    b: &Part,
    marks: &mut Marks<'_>,
    all_equal: impl Fn(usize, usize) -> bool,
    equal: impl Fn(usize) -> bool,
) {
    let same_nulls = a.valid == b.valid;
    let count = marks.flags.len();
    if same_nulls && all_equal(0, count) {
        return;
    }
    for start in (0..count).step_by(ROWS) {
        let end = (start + ROWS).min(count);
        if !(same_nulls && all_equal(start, end)) {
            by_row(a, b, start..end, marks, &equal);
        }
    }
}

fn fixed(a: &Part, b: &Part, marks: &mut Marks<'_>, width: usize) {
    let (x, y) = (a.array.to_data(), b.array.to_data());
    let (Some(x_bytes), Some(y_bytes)) = (x.buffers().first(), y.buffers().first()) else {
        return;
    };
    let x = &x_bytes.as_slice()[x.offset() * width..];
    let y = &y_bytes.as_slice()[y.offset() * width..];
    in_chunks(
        a,
        b,
        marks,
        |start, end| x[start * width..end * width] == y[start * width..end * width],
        |row| x[row * width..][..width] == y[row * width..][..width],
    );
}

fn byte_strings<T: ByteArrayType>(a: &Part, b: &Part, marks: &mut Marks<'_>) {
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
    in_chunks(a, b, marks, all_equal, |row| {
        let (x, y) = value(row);
        x == y
    });
}

fn views<T: ByteViewType>(a: &Part, b: &Part, marks: &mut Marks<'_>) {
    let (x, y) = (a.array.as_byte_view::<T>(), b.array.as_byte_view::<T>());
    by_row(a, b, 0..marks.flags.len(), marks, |row| {
        let (left, right): (&T::Native, &T::Native) = (x.value(row), y.value(row));
        let (left, right): (&[u8], &[u8]) = (left.as_ref(), right.as_ref());
        left == right
    });
}

/// Compare the bytes of rows, which the form of an array does not change.
fn by_bytes(a: &Part, b: &Part, marks: &mut Marks<'_>) -> Result<(), FormatError> {
    let count = marks.flags.len();
    for start in (0..count).step_by(ROWS) {
        let end = (start + ROWS).min(count);
        let rows: Vec<usize> = (start..end).collect();
        let mut x = vec![Vec::new(); rows.len()];
        let mut y = x.clone();
        bytes::append(std::slice::from_ref(&a.array), &rows, &mut x)?;
        bytes::append(std::slice::from_ref(&b.array), &rows, &mut y)?;
        marks.each(start, end, |row| x[row - start] != y[row - start]);
    }
    Ok(())
}
