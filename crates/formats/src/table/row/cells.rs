//! The cells of rows, each in the shortest form in which only equal cells are the same.

use super::bytes::{as_blocks, fixed_width};
use super::is_valid;
use crate::error::FormatError;
use crate::table::block::Part;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, LargeBinaryType, LargeUtf8Type, StringViewType,
    Utf8Type,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::DataType;

/// A cell. All cells of a column that are no null have one form, and two of them are the same if their bits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A null.
    Null,
    /// A value of at most 8 bytes.
    Word(u64),
    /// Any other value.
    Bytes(&'a [u8]),
}

/// Hand the cells of some rows of one column to `take`, each with its rank among `rows`.
///
/// `rows` are indices into the block that consists of `pieces`, in ascending order.
pub fn each_cell(
    pieces: &[ArrayRef],
    rows: &[usize],
    take: &mut impl FnMut(usize, Cell<'_>),
) -> Result<(), FormatError> {
    let mut first = 0;
    let mut done = 0;
    for piece in pieces {
        let end = first + piece.len();
        let count = rows[done..].partition_point(|row| *row < end);
        if let [from, .., to] | [from @ to] = &rows[done..done + count] {
            // Only the rows in question are expanded, if the array is a dictionary.
            let part = Part::new(piece.slice(from - first, to + 1 - from), None)?;
            let own = Selected {
                part: &part,
                first: *from,
                rows: &rows[done..done + count],
                rank: done,
            };
            own.each(take)?;
        }
        done += count;
        first = end;
    }
    Ok(())
}

/// Some rows of a part.
struct Selected<'a> {
    part: &'a Part,
    /// The row of the block that is the first of the part.
    first: usize,
    /// Rows of the block.
    rows: &'a [usize],
    /// The rank of the first of them.
    rank: usize,
}

impl Selected<'_> {
    fn each(&self, take: &mut impl FnMut(usize, Cell<'_>)) -> Result<(), FormatError> {
        let array = &self.part.array;
        match array.data_type() {
            DataType::Null => (self.rank..)
                .zip(self.rows)
                .for_each(|(rank, _)| take(rank, Cell::Null)),
            DataType::Boolean => {
                let values = array.as_boolean().values();
                self.valid(take, |row, rank, take| {
                    take(rank, Cell::Word(u64::from(values.value(row))));
                });
            }
            DataType::Utf8 => self.byte_strings::<Utf8Type>(take),
            DataType::LargeUtf8 => self.byte_strings::<LargeUtf8Type>(take),
            DataType::Binary => self.byte_strings::<BinaryType>(take),
            DataType::LargeBinary => self.byte_strings::<LargeBinaryType>(take),
            DataType::Utf8View => self.views::<StringViewType>(take),
            DataType::BinaryView => self.views::<BinaryViewType>(take),
            other => match fixed_width(other) {
                Some(1) => self.words::<1>(take),
                Some(2) => self.words::<2>(take),
                Some(4) => self.words::<4>(take),
                Some(8) => self.words::<8>(take),
                Some(width) => self.fixed(take, width),
                None => {
                    let mut bytes = vec![Vec::new(); self.rows.len()];
                    let cells = self.rows.iter().map(|row| row - self.first).zip(&mut bytes);
                    as_blocks(self.part, cells)?;
                    for (rank, bytes) in (self.rank..).zip(&bytes) {
                        take(rank, Cell::Bytes(bytes));
                    }
                }
            },
        }
        Ok(())
    }

    /// Hand nulls to `take`, and call `value` with every other row.
    fn valid<T: FnMut(usize, Cell<'_>)>(&self, take: &mut T, value: impl Fn(usize, usize, &mut T)) {
        let rows = (self.rank..).zip(self.rows.iter().map(|row| row - self.first));
        if self.part.valid.is_none() {
            rows.for_each(|(rank, row)| value(row, rank, take));
            return;
        }
        for (rank, row) in rows {
            if is_valid(self.part, row) {
                value(row, rank, take);
            } else {
                take(rank, Cell::Null);
            }
        }
    }

    fn byte_strings<T: ByteArrayType>(&self, take: &mut impl FnMut(usize, Cell<'_>)) {
        let array = self.part.array.as_bytes::<T>();
        self.valid(take, |row, rank, take| {
            let value: &T::Native = array.value(row);
            take(rank, Cell::Bytes(value.as_ref()));
        });
    }

    fn views<T: ByteViewType>(&self, take: &mut impl FnMut(usize, Cell<'_>)) {
        let array = self.part.array.as_byte_view::<T>();
        self.valid(take, |row, rank, take| {
            let value: &T::Native = array.value(row);
            take(rank, Cell::Bytes(value.as_ref()));
        });
    }

    fn words<const N: usize>(&self, take: &mut impl FnMut(usize, Cell<'_>)) {
        let data = self.part.array.to_data();
        let Some(buffer) = data.buffers().first() else {
            return;
        };
        let (values, _) = buffer.as_slice()[data.offset() * N..].as_chunks::<N>();
        self.valid(take, |row, rank, take| {
            let mut word = [0; 8];
            word[..N].copy_from_slice(&values[row]);
            take(rank, Cell::Word(u64::from_le_bytes(word)));
        });
    }

    fn fixed(&self, take: &mut impl FnMut(usize, Cell<'_>), width: usize) {
        let data = self.part.array.to_data();
        let Some(buffer) = data.buffers().first() else {
            return;
        };
        let values = &buffer.as_slice()[data.offset() * width..];
        self.valid(take, |row, rank, take| {
            take(rank, Cell::Bytes(&values[row * width..][..width]));
        });
    }
}
