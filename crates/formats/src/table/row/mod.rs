//! Rows across columns: their bytes, the rows in which two blocks of one column differ, and their text.
//!
//! Two rows have equal bytes if and only if all their cells are equal, as [`block`](super::block) defines it: the bits
//! of a value count, a null is equal to a null, and the form in which Arrow holds a value does not count.

mod bytes;
mod cells;
mod difference;
mod text;

pub use bytes::append;
pub use cells::{Cell, each_cell};
pub use difference::mark_different;
pub use text::cell_text;

use super::block::Part;
use crate::error::FormatError;
use arrow_array::{Array as _, ArrayRef};

/// Return an array without dictionaries and runs: each row holds its own value.
pub fn expanded(array: &ArrayRef) -> Result<ArrayRef, FormatError> {
    Part::new(array.clone(), None).map(|part| part.array)
}

/// Return whether a row of a part holds a value.
fn is_valid(part: &Part, row: usize) -> bool {
    *part.array.data_type() != arrow_schema::DataType::Null
        && part.valid.as_ref().is_none_or(|nulls| nulls.is_valid(row))
}
