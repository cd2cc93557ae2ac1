//! Arrays in plain form, with the validity that counts.

use crate::error::FormatError;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryViewArray, StringViewArray, UInt64Array};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;
use std::ops::Range;

/// The most rows that runs are written out to: their ends take no more bytes for more rows.
const MAX_RUN_ROWS: usize = 1 << 27;

/// A run of rows of one array, in plain form, with the validity that counts: its own joined with its parents'.
pub struct Part {
    /// In plain form.
    pub array: ArrayRef,
    /// Absent where no row is null.
    pub valid: Option<NullBuffer>,
}

impl Part {
    /// Create a part of all rows of an array, which are null where those of their parents are.
    pub fn new(array: ArrayRef, parent: Option<&NullBuffer>) -> Result<Self, FormatError> {
        let array = expanded(array)?;
        let valid = NullBuffer::union(array.nulls(), parent).filter(|nulls| nulls.null_count() > 0);
        Ok(Self { array, valid })
    }

    /// Return a range of its rows.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        let length = rows.end - rows.start;
        let valid = self.valid.as_ref().map(|nulls| nulls.slice(rows.start, length));
        Self {
            array: self.array.slice(rows.start, length),
            valid: valid.filter(|nulls| nulls.null_count() > 0),
        }
    }

    /// Return the ranges of rows that are valid, in order.
    pub fn runs(&self) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
        match &self.valid {
            None => Box::new(std::iter::once(0..self.array.len())),
            Some(nulls) => Box::new(nulls.valid_slices().map(|(start, end)| start..end)),
        }
    }
}

/// Expand dictionaries and runs to arrays of their values.
fn expanded(array: ArrayRef) -> Result<ArrayRef, FormatError> {
    let taken = match array.data_type() {
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            // As views, a value of a million bytes in every row costs 16 bytes a row.
            let values = small(viewed(dictionary.values().clone()), array.len())?;
            arrow_select::take::take(&values, dictionary.keys(), None)
        }
        DataType::RunEndEncoded(_, _) => {
            let (values, indices) = run_indices(&array)?;
            arrow_select::take::take(&small(viewed(values), array.len())?, &indices, None)
        }
        _ => return Ok(array),
    };
    // The values can be of such a form themselves.
    expanded(taken.map_err(|error| FormatError::new(format!("its dictionary is not valid: {error}")))?)
}

/// Refuse values of a fixed width that would take too much memory with one value per row.
fn small(values: ArrayRef, rows: usize) -> Result<ArrayRef, FormatError> {
    let width = match values.data_type() {
        DataType::FixedSizeBinary(width) => width.as_usize(),
        other if other.is_nested() => {
            return Err(FormatError::unsupported(format!(
                "dictionary and run-end arrays of {other} are not supported"
            )));
        }
        _ => 0,
    };
    if width.saturating_mul(rows) > MAX_TAKEN {
        return Err(FormatError::unsupported(format!(
            "dictionary or run-end columns with more than {MAX_TAKEN} bytes per block are not supported"
        )));
    }
    Ok(values)
}

/// Bytes of fixed width that the rows of a dictionary may hold, once each has its own.
const MAX_TAKEN: usize = 1 << 30;

/// Convert byte strings to views of the same bytes.
fn viewed(values: ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Utf8 => std::sync::Arc::new(StringViewArray::from(values.as_string::<i32>())),
        DataType::LargeUtf8 => std::sync::Arc::new(StringViewArray::from(values.as_string::<i64>())),
        DataType::Binary => std::sync::Arc::new(BinaryViewArray::from(values.as_binary::<i32>())),
        DataType::LargeBinary => std::sync::Arc::new(BinaryViewArray::from(values.as_binary::<i64>())),
        _ => values,
    }
}

/// Return the values of a run-end encoded array, and for each row the index of its value.
fn run_indices(array: &ArrayRef) -> Result<(ArrayRef, UInt64Array), FormatError> {
    fn indices<R: arrow_array::types::RunEndIndexType>(array: &ArrayRef) -> Option<(ArrayRef, UInt64Array)> {
        let runs = array.as_any().downcast_ref::<arrow_array::RunArray<R>>()?;
        if runs.len() > MAX_RUN_ROWS {
            return None;
        }
        let start = runs.offset();
        let mut rows = Vec::with_capacity(runs.len());
        for (index, end) in runs.run_ends().values().iter().enumerate() {
            let end = end.as_usize().saturating_sub(start).min(runs.len());
            while rows.len() < end {
                rows.push(index as u64);
            }
        }
        Some((runs.values().clone(), rows.into()))
    }
    use arrow_array::types::{Int16Type, Int32Type, Int64Type};
    indices::<Int32Type>(array)
        .or_else(|| indices::<Int16Type>(array))
        .or_else(|| indices::<Int64Type>(array))
        .filter(|(_, rows)| rows.len() == array.len())
        .ok_or_else(|| FormatError::new("its run ends do not cover its rows"))
}
