//! The columns of a Parquet file, from its footer.

use super::thrift::{Fault, Kind, Reader};
use crate::error::FormatError;
use crate::table::MAX_DEPTH;
use arrow_array::cast::AsArray;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field};
use std::sync::Arc;

/// Check the schema of a footer against itself: its groups must have as many children as they state, and must not nest
/// deeper than [`MAX_DEPTH`]. The crate would reserve what they state, and follow any depth.
pub fn check(footer: &[u8]) -> Result<(), FormatError> {
    let mut groups = Vec::new();
    let read = Reader::new(footer).structure(|reader, number, kind| {
        if (number, kind) != (2, Kind::List) {
            return Ok(false);
        }
        let (count, Kind::Struct) = reader.list()? else {
            return Err(Fault::Broken);
        };
        for _ in 0..count {
            let mut children = 0;
            reader.structure(|reader, number, kind| {
                if (number, kind) != (5, Kind::Integer) {
                    return Ok(false);
                }
                children = reader.integer()?;
                Ok(true)
            })?;
            groups.push(children);
        }
        Ok(true)
    });
    read.map_err(|_| FormatError::new("its footer is damaged"))?;
    // For each group that is open, how many of its children are still to come.
    let mut open: Vec<u64> = Vec::new();
    for (index, children) in groups.iter().enumerate() {
        let remaining = (groups.len() - index - 1) as u64;
        let children = u64::try_from(*children)
            .ok()
            .filter(|children| *children <= remaining);
        let children =
            children.ok_or_else(|| FormatError::new("its schema counts more children than it has"))?;
        while open.last() == Some(&0) {
            open.pop();
        }
        match open.last_mut() {
            Some(missing) => *missing -= 1,
            None if index > 0 => return Err(FormatError::new("its schema has columns outside of its root")),
            None => {}
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > MAX_DEPTH {
            return Err(FormatError::unsupported(format!(
                "its schema nests more than {MAX_DEPTH} deep"
            )));
        }
    }
    Ok(())
}

/// The widest values of a fixed width. A null takes as much memory as a value, and nothing in a file.
const MAX_WIDTH: i32 = 1 << 14;

/// Refuse a type that would take memory by what it states alone.
pub fn check_type(data_type: &DataType) -> Result<(), FormatError> {
    match data_type {
        DataType::FixedSizeBinary(width) if *width > MAX_WIDTH => Err(FormatError::unsupported(format!(
            "fixed-width Parquet values over {MAX_WIDTH} bytes are not supported"
        ))),
        other => children(other)
            .iter()
            .try_for_each(|child| check_type(child.data_type())),
    }
}

/// Return whether a type contains lists of a fixed length.
pub fn has_fixed_lists(data_type: &DataType) -> bool {
    matches!(data_type, DataType::FixedSizeList(_, _))
        || children(data_type)
            .iter()
            .any(|child| has_fixed_lists(child.data_type()))
}

fn children(data_type: &DataType) -> Vec<Arc<Field>> {
    use DataType as T;
    match data_type {
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _)
        | T::Map(item, _) => vec![item.clone()],
        T::Struct(fields) => fields.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Check lists against the fixed lengths that their type states, which they were not read with.
pub fn check_lengths(array: &ArrayRef, data_type: &DataType) -> Result<(), FormatError> {
    if !has_fixed_lists(data_type) {
        return Ok(());
    }
    let wrong = || FormatError::new("a list has another length than its type");
    match (data_type, array.data_type()) {
        (DataType::FixedSizeList(item, length), DataType::List(_)) => {
            let list = array.as_list::<i32>();
            let lengths = list.offsets().lengths().enumerate();
            let length = usize::try_from(*length).map_err(|_| wrong())?;
            let fits = lengths
                .filter(|(row, _)| list.is_valid(*row))
                .all(|(_, found)| found == length);
            if fits {
                check_lengths(list.values(), item.data_type())
            } else {
                Err(wrong())
            }
        }
        (DataType::List(item), DataType::List(_)) => {
            check_lengths(array.as_list::<i32>().values(), item.data_type())
        }
        (DataType::LargeList(item), DataType::LargeList(_)) => {
            check_lengths(array.as_list::<i64>().values(), item.data_type())
        }
        (DataType::Struct(fields), DataType::Struct(_)) => {
            let columns = array.as_struct().columns().iter();
            columns
                .zip(fields)
                .try_for_each(|(column, field)| check_lengths(column, field.data_type()))
        }
        (DataType::Map(entries, _), DataType::Map(_, _)) => {
            let entries_array: ArrayRef = Arc::new(array.as_map().entries().clone());
            check_lengths(&entries_array, entries.data_type())
        }
        _ => Err(FormatError::unsupported(
            "fixed-length lists inside this type are not supported",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::thrift::put_varint as varint;
    use super::*;

    /// Return a footer with a schema of groups with so many children each.
    fn footer(children: &[i64]) -> Vec<u8> {
        let mut bytes = vec![0x29, 0xfc];
        varint(children.len() as u64, &mut bytes);
        for count in children {
            bytes.push(0x55);
            varint(((count << 1) ^ (count >> 63)).cast_unsigned(), &mut bytes);
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn consistent_schemas_pass() {
        for children in [&[0][..], &[2, 0, 0], &[2, 1, 0, 0], &[1, 2, 0, 1, 0]] {
            assert_eq!(check(&footer(children)), Ok(()), "{children:?}");
        }
    }

    #[test]
    fn inconsistent_schemas_are_refused() {
        let deep = [vec![1; 100_000], vec![0]].concat();
        for children in [
            &[3, 0, 0][..],
            &[i64::from(i32::MAX), 0],
            &[-1, 0],
            &[1, 0, 0],
            &deep,
        ] {
            assert!(check(&footer(children)).is_err(), "{} groups", children.len());
        }
        assert!(check(&[0x29]).is_err());
    }
}
