//! The Arrow schema that some writers store in a Parquet file, and the types that its columns have with it.
//!
//! The file itself decides: its physical types, units and annotations. The stored schema adds what the file cannot say
//! and never another value. What a column is read as differs from its type where a conversion of the crate would lose
//! something: those are made in [`super::convert`], with checks.

use super::convert::Conversion;
use crate::error::FormatError;
use crate::table::foreign::foreign;
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use base64::Engine as _;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};
use std::sync::Arc;

/// The key of the schema in the metadata of a file.
const KEY: &str = "ARROW:schema";

/// Return the fields of the schema that is stored in the metadata of a file, if there is one.
pub fn fields(metadata: Option<&Vec<KeyValue>>) -> Result<Option<Fields>, FormatError> {
    let mut entries = metadata.into_iter().flatten().filter(|entry| entry.key == KEY);
    let Some(text) = entries.next().and_then(|entry| entry.value.as_deref()) else {
        return Ok(None);
    };
    if entries.next().is_some() {
        return Err(FormatError::new("two Arrow schemas are stored in its metadata"));
    }
    let damaged = |error: &dyn std::fmt::Display| {
        FormatError::new(format!("the Arrow schema in its metadata is damaged: {error}"))
    };
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| damaged(&error))?;
    // A marker and a length, as before the messages of a stream; old writers left them out.
    let start = if bytes.starts_with(&[0xff; 4]) { 8 } else { 0 };
    let bytes = bytes.get(start..).unwrap_or_default();
    let schema = foreign(|| {
        let message = arrow_ipc::root_as_message(bytes).map_err(|error| damaged(&error))?;
        let schema = message
            .header_as_schema()
            .ok_or_else(|| damaged(&"it is another message"))?;
        arrow_ipc::convert::try_fb_to_schema(schema).map_err(|error| damaged(&error))
    })??;
    Ok(Some(schema.fields))
}

/// Return the schema that columns are read with: that of the file, without the annotations by which the crate would
/// cut values to fewer bits.
pub fn as_read(schema: &SchemaDescriptor) -> Result<SchemaDescriptor, ParquetError> {
    Ok(SchemaDescriptor::new(group_as_read(
        &schema.root_schema_ptr(),
        true,
    )?))
}

fn group_as_read(group: &TypePtr, is_root: bool) -> Result<TypePtr, ParquetError> {
    let fields = group.get_fields();
    let read = fields
        .iter()
        .map(|field| {
            if field.is_primitive() {
                leaf_as_read(field)
            } else {
                group_as_read(field, false)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    if read
        .iter()
        .zip(fields)
        .all(|(one, other)| Arc::ptr_eq(one, other))
    {
        return Ok(Arc::clone(group));
    }
    let info = group.get_basic_info();
    let mut builder = Type::group_type_builder(group.name())
        .with_fields(read)
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned());
    if !is_root && info.has_repetition() {
        builder = builder.with_repetition(info.repetition());
    }
    Ok(Arc::new(builder.build()?))
}

fn leaf_as_read(leaf: &TypePtr) -> Result<TypePtr, ParquetError> {
    let info = leaf.get_basic_info();
    let (physical, length) = match leaf.get_physical_type() {
        // The crate computes with its 96 bits and cuts the result to 64.
        Physical::INT96 => (Physical::FIXED_LEN_BYTE_ARRAY, INT96_BYTES),
        Physical::INT32 if is_narrow(info.logical_type_ref(), info.converted_type()) => (Physical::INT32, -1),
        Physical::FIXED_LEN_BYTE_ARRAY if info.converted_type() == ConvertedType::INTERVAL => {
            (Physical::FIXED_LEN_BYTE_ARRAY, 12)
        }
        _ => return Ok(Arc::clone(leaf)),
    };
    // Null in every row, whatever its physical type.
    if info.logical_type_ref() == Some(&LogicalType::Unknown) {
        return Ok(Arc::clone(leaf));
    }
    let mut builder = Type::primitive_type_builder(leaf.name(), physical).with_length(length);
    if info.has_repetition() {
        builder = builder.with_repetition(info.repetition());
    }
    Ok(Arc::new(builder.build()?))
}

/// The bytes of a value of the physical type `INT96`.
pub const INT96_BYTES: i32 = 12;

/// Return whether a type has fewer bits than the 32 that its values are stored in.
fn is_narrow(logical: Option<&LogicalType>, converted: ConvertedType) -> bool {
    use ConvertedType as C;
    match logical {
        Some(LogicalType::Integer(integer)) => integer.bit_width < 32,
        Some(_) => false,
        None => matches!(converted, C::INT_8 | C::INT_16 | C::UINT_8 | C::UINT_16),
    }
}

/// Types with which a column is read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The type of the column.
    pub data_type: DataType,
    /// The type that the crate is asked for.
    pub hint: DataType,
    /// The conversion of arrays of that type.
    pub conversion: Conversion,
}

/// Combine the type of a column as it is read, its type in the file, and the one in the stored schema.
pub fn reading(read: &DataType, file: &DataType, stored: Option<&DataType>) -> Reading {
    use DataType as T;
    // The encodings of Arrow are no part of a type.
    match stored {
        Some(T::Dictionary(_, value)) => return reading(read, file, Some(value)),
        Some(T::RunEndEncoded(_, values)) => return reading(read, file, Some(values.data_type())),
        _ => {}
    }
    match (read, file) {
        (T::Struct(read_fields), T::Struct(file_fields)) => {
            let stored_fields = match stored {
                // By their positions, as other readers do: programs rename columns and keep the stored schema.
                Some(T::Struct(stored)) if stored.len() == file_fields.len() => Some(stored),
                _ => None,
            };
            structure(read_fields, file_fields, stored_fields)
        }
        (T::List(read_item), T::List(file_item)) => {
            let (stored_item, length) = match stored {
                Some(T::List(item) | T::LargeList(item) | T::ListView(item) | T::LargeListView(item)) => {
                    (Some(item.data_type()), None)
                }
                Some(T::FixedSizeList(item, length)) => (Some(item.data_type()), Some(*length)),
                _ => (None, None),
            };
            let item = reading(read_item.data_type(), file_item.data_type(), stored_item);
            let typed = Arc::new(field(file_item, item.data_type));
            Reading {
                data_type: match length {
                    Some(length) => T::FixedSizeList(typed, length),
                    None => T::List(typed),
                },
                // A null of a fixed length would be as long as the rest, however long that is.
                hint: T::List(Arc::new(field(read_item, item.hint))),
                conversion: Conversion::children(vec![item.conversion]),
            }
        }
        (T::Map(read_entries, sorted), T::Map(file_entries, _)) => {
            let stored_fields = match stored {
                Some(T::Map(entries, _)) => match entries.data_type() {
                    T::Struct(fields) if fields.len() == 2 => Some(fields),
                    _ => None,
                },
                _ => None,
            };
            let (T::Struct(read_fields), T::Struct(file_fields)) =
                (read_entries.data_type(), file_entries.data_type())
            else {
                return leaf(read, file, None);
            };
            let entries = structure(read_fields, file_fields, stored_fields);
            Reading {
                data_type: T::Map(Arc::new(field(file_entries, entries.data_type)), *sorted),
                hint: T::Map(Arc::new(field(read_entries, entries.hint)), *sorted),
                conversion: Conversion::children(vec![entries.conversion]),
            }
        }
        _ => leaf(read, file, stored),
    }
}

fn structure(read: &Fields, file: &Fields, stored: Option<&Fields>) -> Reading {
    let children: Vec<Reading> = read
        .iter()
        .zip(file)
        .enumerate()
        .map(|(index, (read, file))| {
            let stored = stored.and_then(|stored| stored.get(index));
            reading(
                read.data_type(),
                file.data_type(),
                stored.map(|field| field.data_type()),
            )
        })
        .collect();
    let of = |fields: &Fields, type_of: fn(&Reading) -> &DataType| -> DataType {
        let typed = fields.iter().zip(&children);
        DataType::Struct(
            typed
                .map(|(one, child)| field(one, type_of(child).clone()))
                .collect(),
        )
    };
    Reading {
        data_type: of(file, |child| &child.data_type),
        hint: of(read, |child| &child.hint),
        conversion: Conversion::children(children.into_iter().map(|child| child.conversion).collect()),
    }
}

/// Return the same field of another type. Metadata would name extension types, which the reader need not know.
fn field(of: &Field, data_type: DataType) -> Field {
    Field::new(of.name(), data_type, of.is_nullable())
}

fn leaf(read: &DataType, file: &DataType, stored: Option<&DataType>) -> Reading {
    use DataType as T;
    let is_int96 = matches!(file, T::Timestamp(_, _)) && matches!(read, T::FixedSizeBinary(_));
    let data_type = match (file, stored) {
        // Of its two parts the unit is in the file, and the zone is not.
        (T::Timestamp(unit, zone), Some(T::Timestamp(_, Some(stored)))) if zone.is_some() || is_int96 => {
            T::Timestamp(*unit, Some(Arc::clone(stored)))
        }
        // Parquet has no seconds, no durations, and no dates in milliseconds.
        (T::Int64, Some(T::Duration(_) | T::Date64 | T::Timestamp(TimeUnit::Second, _)))
        | (T::Int32, Some(T::Time32(TimeUnit::Second)))
        | (T::Date32, Some(T::Date64))
        | (T::FixedSizeBinary(2), Some(T::Float16)) => stored.unwrap_or(file).clone(),
        (
            T::Decimal128(precision, scale) | T::Decimal256(precision, scale),
            Some(
                T::Decimal32(wider, same)
                | T::Decimal64(wider, same)
                | T::Decimal128(wider, same)
                | T::Decimal256(wider, same),
            ),
        ) if same == scale && wider > precision => decimal(*wider, *scale),
        // Twelve bytes, whatever they mean.
        (T::Interval(_), _) => read.clone(),
        _ => file.clone(),
    };
    let hint = match (read, &data_type) {
        // Byte strings are views of the pages that they lie in.
        (T::Utf8 | T::LargeUtf8, _) => T::Utf8View,
        (T::Binary | T::LargeBinary, _) => T::BinaryView,
        (T::Date32, T::Date64) | (T::Decimal128(_, _), T::Decimal256(_, _)) => data_type.clone(),
        _ => read.clone(),
    };
    let conversion = match (read, &data_type) {
        (T::FixedSizeBinary(_), T::Timestamp(_, _)) => Conversion::Int96(data_type.clone()),
        (T::Int32, T::Int8 | T::Int16 | T::UInt8 | T::UInt16) => Conversion::Narrow(data_type.clone()),
        (T::FixedSizeBinary(_), T::Float16) => Conversion::Float16,
        _ => Conversion::None,
    };
    Reading {
        data_type,
        hint,
        conversion,
    }
}

fn decimal(precision: u8, scale: i8) -> DataType {
    if precision <= 38 {
        DataType::Decimal128(precision, scale)
    } else {
        DataType::Decimal256(precision, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DataType as T;
    use TimeUnit::{Millisecond, Nanosecond, Second};

    fn typed(file: &DataType, stored: &DataType) -> DataType {
        reading(file, file, Some(stored)).data_type
    }

    #[test]
    fn stored_schema_adds_what_the_file_cannot_say() {
        let berlin: Option<Arc<str>> = Some("Europe/Berlin".into());
        let utc: Option<Arc<str>> = Some("UTC".into());
        for unit in [Second, Millisecond, Nanosecond] {
            let stored = T::Timestamp(unit, berlin.clone());
            let wanted = T::Timestamp(Millisecond, berlin.clone());
            assert_eq!(
                typed(&T::Timestamp(Millisecond, utc.clone()), &stored),
                wanted,
                "{unit:?}"
            );
        }
        let dictionary = T::Dictionary(Box::new(T::Int8), Box::new(T::Duration(Nanosecond)));
        let zoned = T::List(Arc::new(Field::new(
            "x",
            T::Timestamp(Second, berlin.clone()),
            true,
        )));
        let list = |item, length: Option<i32>| {
            let item = Arc::new(Field::new("item", item, true));
            length.map_or_else(
                || T::List(Arc::clone(&item)),
                |length| T::FixedSizeList(Arc::clone(&item), length),
            )
        };
        for (file, stored, wanted) in [
            (T::Int64, T::Duration(Second), T::Duration(Second)),
            (T::Int64, dictionary, T::Duration(Nanosecond)),
            (T::Int64, T::Timestamp(Second, None), T::Timestamp(Second, None)),
            (T::Int32, T::Time32(Second), T::Time32(Second)),
            (T::Date32, T::Date64, T::Date64),
            (T::FixedSizeBinary(2), T::Float16, T::Float16),
            (T::Decimal128(9, 2), T::Decimal128(12, 2), T::Decimal128(12, 2)),
            (T::Decimal128(9, 2), T::Decimal256(50, 2), T::Decimal256(50, 2)),
            (
                list(T::Timestamp(Nanosecond, utc), None),
                zoned,
                list(T::Timestamp(Nanosecond, berlin), None),
            ),
            (
                list(T::Int8, None),
                list(T::Int8, Some(3)),
                list(T::Int8, Some(3)),
            ),
        ] {
            assert_eq!(typed(&file, &stored), wanted, "{file} and {stored}");
        }
    }

    #[test]
    fn stored_schema_never_changes_values() {
        let utc: Option<Arc<str>> = Some("UTC".into());
        let seconds = |name| Field::new(name, T::Duration(Second), true);
        let two = T::Struct(vec![seconds("a"), seconds("b")].into());
        for (file, stored) in [
            (T::Timestamp(Nanosecond, None), T::Timestamp(Second, None)),
            (
                T::Timestamp(Nanosecond, None),
                T::Timestamp(Nanosecond, utc.clone()),
            ),
            (T::Timestamp(Nanosecond, utc), T::Timestamp(Nanosecond, None)),
            (T::Int64, T::Timestamp(Millisecond, None)),
            (T::Int64, T::Time64(Nanosecond)),
            (T::Int64, T::UInt64),
            (T::Int32, T::Timestamp(Second, None)),
            (T::Int32, T::Date32),
            (T::Int64, T::Float64),
            (T::Binary, T::Utf8),
            (T::Decimal128(9, 2), T::Decimal128(12, 3)),
            (T::Decimal128(9, 2), T::Decimal32(8, 2)),
            (T::FixedSizeBinary(3), T::Float16),
            (T::Struct(vec![Field::new("a", T::Int64, true)].into()), two),
        ] {
            assert_eq!(typed(&file, &stored), file, "{file} and {stored}");
        }
    }
}
