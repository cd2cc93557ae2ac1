//! Arrays in plain form, with the validity that counts.

use super::list::{ListRanges, list_views, map_ranges, offsets};
use crate::error::FormatError;
use crate::table::foreign::foreign;
use arrow_array::cast::AsArray;
use arrow_array::{
    AnyDictionaryArray, Array, ArrayRef, BinaryViewArray, LargeListViewArray, StringViewArray, StructArray,
    UInt64Array,
};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use std::ops::Range;
use std::sync::Arc;

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
            if dictionary.values().data_type().is_nested() {
                taken(dictionary.values(), &foreign(|| row_indices(dictionary))?)?
            } else {
                let values = small(viewed(Arc::clone(dictionary.values())), array.len())?;
                foreign(|| arrow_select::take::take(&values, dictionary.keys(), None))?
                    .map_err(|error| invalid(&error))?
            }
        }
        DataType::RunEndEncoded(_, _) => {
            let (values, indices) = run_indices(&array)?;
            taken(&values, &indices)?
        }
        _ => return Ok(array),
    };
    // The values can be of such a form themselves.
    expanded(taken)
}

/// Return for each row of a dictionary the index of its value; null where the key is.
fn row_indices(dictionary: &dyn AnyDictionaryArray) -> UInt64Array {
    let indices: Vec<u64> = if dictionary.values().is_empty() {
        vec![0; dictionary.len()]
    } else {
        let keys = dictionary.normalized_keys();
        keys.into_iter().map(|key| key as u64).collect()
    };
    UInt64Array::new(indices.into(), dictionary.keys().nulls().cloned())
}

/// Take a value for each index. Lists stay where they are: a row costs two numbers, however long its list is.
fn taken(values: &ArrayRef, indices: &UInt64Array) -> Result<ArrayRef, FormatError> {
    match values.data_type() {
        DataType::Struct(_) => {
            let structure = values.as_struct();
            let columns = structure
                .columns()
                .iter()
                .map(|column| taken(column, indices))
                .collect::<Result<Vec<_>, _>>()?;
            let fields: Fields = structure
                .fields()
                .iter()
                .zip(&columns)
                .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
                .collect();
            let nulls = taken_nulls(values, indices);
            let array = StructArray::try_new_with_length(fields, columns, nulls, indices.len());
            Ok(Arc::new(array.map_err(|error| invalid(&error))?))
        }
        DataType::List(_) => taken_lists(values, offsets(values.as_list::<i32>()), indices),
        DataType::LargeList(_) => taken_lists(values, offsets(values.as_list::<i64>()), indices),
        DataType::ListView(_) => taken_lists(values, list_views(values.as_list_view::<i32>()), indices),
        DataType::LargeListView(_) => taken_lists(values, list_views(values.as_list_view::<i64>()), indices),
        DataType::Map(_, _) => taken_lists(values, map_ranges(values), indices),
        DataType::RunEndEncoded(_, _) => taken(&expanded(Arc::clone(values))?, indices),
        DataType::FixedSizeList(_, length) => {
            let (list, length) = (values.as_fixed_size_list(), length.as_usize());
            let ranges = (0..list.len())
                .map(|row| list.value_offset_at(row)..list.value_offset_at(row) + length)
                .collect();
            taken_lists(values, (Arc::clone(list.values()), ranges), indices)
        }
        _ => {
            // As views, a value of a million bytes in every row costs 16 bytes a row.
            let values = small(viewed(Arc::clone(values)), indices.len())?;
            foreign(|| arrow_select::take::take(&values, indices, None))?.map_err(|error| invalid(&error))
        }
    }
}

/// Return the lists at some indices as views of the elements of all.
fn taken_lists(
    values: &ArrayRef,
    (elements, ranges): ListRanges,
    indices: &UInt64Array,
) -> Result<ArrayRef, FormatError> {
    let nulls = taken_nulls(values, indices);
    let (mut starts, mut sizes) = (
        Vec::with_capacity(indices.len()),
        Vec::with_capacity(indices.len()),
    );
    for (row, index) in indices.values().iter().enumerate() {
        let is_valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let range = usize::try_from(*index)
            .ok()
            .and_then(|index| ranges.get(index))
            .cloned();
        let range = range.filter(|_| is_valid).unwrap_or_default();
        starts.push(range.start.cast_signed() as i64);
        sizes.push(range.len().cast_signed() as i64);
    }
    let field = Arc::new(Field::new("item", elements.data_type().clone(), true));
    let lists = LargeListViewArray::try_new(field, starts.into(), sizes.into(), elements, nulls);
    Ok(Arc::new(lists.map_err(|error| invalid(&error))?))
}

/// Return which rows are valid: those whose index is, and its value.
fn taken_nulls(values: &ArrayRef, indices: &UInt64Array) -> Option<NullBuffer> {
    let of_values = values.nulls().map(|nulls| {
        let valid = indices.values().iter().map(|index| {
            let index = usize::try_from(*index).unwrap_or(usize::MAX);
            index < nulls.len() && nulls.is_valid(index)
        });
        valid.collect::<NullBuffer>()
    });
    NullBuffer::union(of_values.as_ref(), indices.nulls())
}

fn invalid(error: &ArrowError) -> FormatError {
    FormatError::new(format!("its dictionary is not valid: {error}"))
}

/// Refuse values of a fixed width that would take too much memory with one value per row.
fn small(values: ArrayRef, rows: usize) -> Result<ArrayRef, FormatError> {
    let width = match values.data_type() {
        DataType::FixedSizeBinary(width) => width.as_usize(),
        other @ DataType::Union(_, _) => {
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
        DataType::Utf8 => Arc::new(StringViewArray::from(values.as_string::<i32>())),
        DataType::LargeUtf8 => Arc::new(StringViewArray::from(values.as_string::<i64>())),
        DataType::Binary => Arc::new(BinaryViewArray::from(values.as_binary::<i32>())),
        DataType::LargeBinary => Arc::new(BinaryViewArray::from(values.as_binary::<i64>())),
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
