//! Values of Parquet that the type of their column may not hold. Each is checked: a value that does not fit is an error
//! that names its row, never other bits.

use crate::error::FormatError;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, TimestampNanosecondType, UInt8Type, UInt16Type,
};
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Float16Array, Int32Array, ListArray, MapArray, PrimitiveArray,
    StructArray,
};
use arrow_schema::{DataType, Field, Fields};
use std::sync::Arc;

/// Conversion of an array after the crate has decoded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Nothing.
    None,
    /// Twelve bytes each become nanoseconds, in a timestamp of this type.
    Int96(DataType),
    /// Integers of 32 bits become this type, which has fewer.
    Narrow(DataType),
    /// Two bytes each become floats of their bits.
    Float16,
    /// Of the elements of a list or map, or of each field of a structure.
    Children(Vec<Conversion>),
}

/// The row of an array that does not fit, and why.
pub struct Misfit {
    /// Counted from the start of the array.
    pub row: usize,
    /// The values that its type can hold.
    pub expected: String,
    /// The value in the file.
    pub received: String,
}

impl Conversion {
    /// Create the conversion of children, which is nothing if theirs all are.
    pub fn children(all: Vec<Self>) -> Self {
        if all.iter().all(|one| *one == Self::None) {
            Self::None
        } else {
            Self::Children(all)
        }
    }

    /// Convert an array.
    pub fn apply(&self, array: &ArrayRef) -> Result<ArrayRef, Failure> {
        match self {
            Self::None => Ok(Arc::clone(array)),
            Self::Int96(data_type) => int96(array.as_fixed_size_binary(), data_type),
            Self::Narrow(data_type) => {
                let array = array.as_primitive();
                match data_type {
                    DataType::Int8 => narrow::<Int8Type>(array),
                    DataType::Int16 => narrow::<Int16Type>(array),
                    DataType::UInt8 => narrow::<UInt8Type>(array),
                    _ => narrow::<UInt16Type>(array),
                }
            }
            Self::Float16 => {
                let array = array.as_fixed_size_binary();
                let floats = (0..array.len()).map(|row| {
                    let bits: [u8; 2] = array.value(row).try_into().unwrap_or_default();
                    array.is_valid(row).then(|| half::f16::from_le_bytes(bits))
                });
                Ok(Arc::new(floats.collect::<Float16Array>()))
            }
            Self::Children(children) => nested(array, children),
        }
    }
}

/// Why an array was not converted.
pub enum Failure {
    /// One of its values does not fit.
    Misfit(Misfit),
    /// It is not what it was converted for, which is a bug.
    Other(FormatError),
}

fn int96(array: &FixedSizeBinaryArray, data_type: &DataType) -> Result<ArrayRef, Failure> {
    let DataType::Timestamp(_, zone) = data_type else {
        return Err(unexpected(data_type));
    };
    let mut nanoseconds = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        if array.is_null(row) {
            nanoseconds.push(0);
            continue;
        }
        let bytes = array.value(row);
        let (Some(rest), Some(day)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<4>()) else {
            return Err(unexpected(array.data_type()));
        };
        let (rest, day) = (i64::from_le_bytes(*rest), i32::from_le_bytes(*day));
        let days = i64::from(day) - JULIAN_DAY_OF_1970;
        let exact = i128::from(days) * NANOSECONDS_OF_DAY + i128::from(rest);
        nanoseconds.push(i64::try_from(exact).map_err(|_| {
            Failure::Misfit(Misfit {
                row,
                expected: "a time from 1677-09-21 to 2262-04-11, which 64 bits of nanoseconds hold".into(),
                received: format!("day {days} since 1970 and {rest} ns"),
            })
        })?);
    }
    let array = PrimitiveArray::<TimestampNanosecondType>::new(nanoseconds.into(), array.nulls().cloned());
    Ok(Arc::new(array.with_timezone_opt(zone.clone())))
}

const JULIAN_DAY_OF_1970: i64 = 2_440_588;
const NANOSECONDS_OF_DAY: i128 = 86_400_000_000_000;

fn narrow<T: ArrowPrimitiveType>(array: &Int32Array) -> Result<ArrayRef, Failure>
where
    T::Native: TryFrom<i32>,
{
    let mut values = Vec::with_capacity(array.len());
    for (row, value) in array.values().iter().enumerate() {
        values.push(match T::Native::try_from(*value) {
            Ok(value) => value,
            Err(_) if array.is_null(row) => T::Native::default(),
            Err(_) => {
                return Err(Failure::Misfit(Misfit {
                    row,
                    expected: format!("a value of {}", T::DATA_TYPE),
                    received: value.to_string(),
                }));
            }
        });
    }
    Ok(Arc::new(PrimitiveArray::<T>::new(
        values.into(),
        array.nulls().cloned(),
    )))
}

fn nested(array: &ArrayRef, children: &[Conversion]) -> Result<ArrayRef, Failure> {
    let retyped = |field: &Field, array: &ArrayRef| {
        Arc::new(Field::new(
            field.name(),
            array.data_type().clone(),
            field.is_nullable(),
        ))
    };
    match (array.data_type(), children) {
        (DataType::Struct(fields), children) => {
            let array = array.as_struct();
            let columns = array
                .columns()
                .iter()
                .zip(children)
                .map(|(column, child)| child.apply(column))
                .collect::<Result<Vec<_>, _>>()?;
            let fields: Fields = fields
                .iter()
                .zip(&columns)
                .map(|(field, column)| retyped(field, column))
                .collect();
            let length = array.len();
            StructArray::try_new_with_length(fields, columns, array.nulls().cloned(), length)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| impossible(&error))
        }
        (DataType::List(field), [child]) => {
            let list = array.as_list::<i32>();
            let values = child
                .apply(list.values())
                .map_err(|failure| outside(failure, list.value_offsets()))?;
            let field = retyped(field, &values);
            ListArray::try_new(field, list.offsets().clone(), values, list.nulls().cloned())
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| impossible(&error))
        }
        (DataType::Map(field, sorted), [child]) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let entries = child
                .apply(&entries)
                .map_err(|failure| outside(failure, map.value_offsets()))?;
            let field = retyped(field, &entries);
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            MapArray::try_new(field, offsets, entries.as_struct().clone(), nulls, *sorted)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| impossible(&error))
        }
        (other, _) => Err(unexpected(other)),
    }
}

/// Return the failure of an element as one of the row whose list it is in.
fn outside(failure: Failure, offsets: &[i32]) -> Failure {
    match failure {
        Failure::Misfit(misfit) => {
            let index = i32::try_from(misfit.row).unwrap_or(i32::MAX);
            let row = offsets.partition_point(|start| *start <= index).saturating_sub(1);
            Failure::Misfit(Misfit { row, ..misfit })
        }
        other @ Failure::Other(_) => other,
    }
}

fn unexpected(data_type: &DataType) -> Failure {
    Failure::Other(FormatError::internal(format!(
        "a bug in lineaprint: an array of {data_type}"
    )))
}

fn impossible(error: &arrow_schema::ArrowError) -> Failure {
    Failure::Other(FormatError::internal(format!("a bug in lineaprint: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::builder::{FixedSizeBinaryBuilder, Int32Builder, ListBuilder};
    use arrow_array::types::TimestampNanosecondType;
    use arrow_schema::TimeUnit;

    fn times(values: &[Option<(i32, i64)>]) -> ArrayRef {
        let mut builder = FixedSizeBinaryBuilder::new(12);
        for value in values {
            match value {
                Some((day, rest)) => {
                    let bytes = [&rest.to_le_bytes()[..], &day.to_le_bytes()].concat();
                    builder.append_value(bytes).expect("12 bytes");
                }
                None => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    }

    fn misfit(outcome: Result<ArrayRef, Failure>) -> Option<usize> {
        match outcome {
            Err(Failure::Misfit(misfit)) => Some(misfit.row),
            _ => None,
        }
    }

    #[test]
    fn int96_reaches_to_the_limits_of_64_bits() {
        let conversion = Conversion::Int96(DataType::Timestamp(TimeUnit::Nanosecond, None));
        let first = (2_440_588 - 106_752, 763_145_224_192);
        let last = (2_440_588 + 106_751, 85_636_854_775_807);
        let array = conversion.apply(&times(&[Some(first), None, Some(last), Some((2_440_587, -1))]));
        let array = array.ok().expect("converted");
        let nanoseconds: Vec<_> = array.as_primitive::<TimestampNanosecondType>().iter().collect();
        assert_eq!(
            nanoseconds,
            [Some(i64::MIN), None, Some(i64::MAX), Some(-86_400_000_000_001)]
        );
        for wrong in [
            (first.0, first.1 - 1),
            (last.0, last.1 + 1),
            (i32::MAX, 0),
            (i32::MIN, i64::MIN),
            // 9999-12-31.
            (5_373_484, 0),
        ] {
            assert_eq!(
                misfit(conversion.apply(&times(&[Some(first), Some(wrong)]))),
                Some(1),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn narrow_integers_hold_their_range() {
        for (of, least, most) in [
            (DataType::Int8, -128, 127),
            (DataType::Int16, -32_768, 32_767),
            (DataType::UInt8, 0, 255),
            (DataType::UInt16, 0, 65_535),
        ] {
            let conversion = Conversion::Narrow(of.clone());
            let array = |values: Vec<Option<i32>>| Arc::new(Int32Array::from(values)) as ArrayRef;
            let fits = conversion.apply(&array(vec![Some(least), None, Some(most)]));
            assert_eq!(fits.ok().expect("converted").data_type(), &of);
            for wrong in [least - 1, most + 1, i32::MIN, i32::MAX] {
                let wrong = array(vec![None, Some(0), Some(wrong)]);
                assert_eq!(misfit(conversion.apply(&wrong)), Some(2));
            }
        }
    }

    #[test]
    fn misfit_in_a_list_names_the_row_of_the_list() {
        let mut lists = ListBuilder::new(Int32Builder::new());
        for row in [&[1, 2][..], &[], &[3], &[4, 500], &[6]] {
            lists.values().append_slice(row);
            lists.append(true);
        }
        let conversion = Conversion::children(vec![Conversion::Narrow(DataType::Int8)]);
        assert_eq!(
            misfit(conversion.apply(&(Arc::new(lists.finish()) as ArrayRef))),
            Some(3)
        );
    }
}
