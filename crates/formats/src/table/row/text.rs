//! The text of a cell, for people.

use super::expanded;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use std::fmt::Write as _;

/// The most characters of the text of a cell. What is longer ends with the number of bytes that are left out.
const MOST: usize = 1000;

/// Return the text of a cell; `None` for a null.
///
/// Numbers have the digits that distinguish them from others of their type. Times are those of ISO 8601, and bytes are
/// hexadecimal. Values of other types are as Arrow prints them.
pub fn cell_text(array: &ArrayRef, row: usize) -> Option<String> {
    let Ok(array) = expanded(&array.slice(row, 1)) else {
        return Some("(not readable)".to_owned());
    };
    if array.is_null(0) || *array.data_type() == DataType::Null {
        return None;
    }
    let mut text = value_text(&array);
    if text.len() > MOST {
        let end = (0..=MOST)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or_default();
        let rest = text.len() - end;
        text.truncate(end);
        let _ = write!(text, "… ({rest} more bytes)");
    }
    Some(text)
}

/// Return the text of the first value of an array, which is no null.
fn value_text(array: &ArrayRef) -> String {
    macro_rules! number {
        ($kind:ty) => {
            array.as_primitive::<$kind>().value(0).to_string()
        };
    }
    // The short form, with an exponent where one is shorter.
    macro_rules! float {
        ($kind:ty) => {
            format!("{:?}", array.as_primitive::<$kind>().value(0))
        };
    }
    macro_rules! time {
        ($kind:ty, $value:ident) => {
            array
                .as_primitive::<$kind>()
                .$value(0)
                .map_or_else(|| format!("{:?}", array), |time| format!("{time:?}"))
        };
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(0).to_string(),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => float!(Float16Type),
        DataType::Float32 => float!(Float32Type),
        DataType::Float64 => float!(Float64Type),
        DataType::Utf8 => array.as_string::<i32>().value(0).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(0).to_owned(),
        DataType::Utf8View => array.as_string_view().value(0).to_owned(),
        DataType::Binary => hexadecimal(array.as_binary::<i32>().value(0)),
        DataType::LargeBinary => hexadecimal(array.as_binary::<i64>().value(0)),
        DataType::BinaryView => hexadecimal(array.as_binary_view().value(0)),
        DataType::FixedSizeBinary(_) => hexadecimal(array.as_fixed_size_binary().value(0)),
        DataType::Decimal32(..) => array.as_primitive::<Decimal32Type>().value_as_string(0),
        DataType::Decimal64(..) => array.as_primitive::<Decimal64Type>().value_as_string(0),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(0),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(0),
        DataType::Date32 => time!(Date32Type, value_as_date),
        DataType::Date64 => time!(Date64Type, value_as_datetime),
        DataType::Time32(TimeUnit::Second) => time!(Time32SecondType, value_as_time),
        DataType::Time32(_) => time!(Time32MillisecondType, value_as_time),
        DataType::Time64(TimeUnit::Microsecond) => time!(Time64MicrosecondType, value_as_time),
        DataType::Time64(_) => time!(Time64NanosecondType, value_as_time),
        DataType::Timestamp(TimeUnit::Second, _) => time!(TimestampSecondType, value_as_datetime),
        DataType::Timestamp(TimeUnit::Millisecond, _) => time!(TimestampMillisecondType, value_as_datetime),
        DataType::Timestamp(TimeUnit::Microsecond, _) => time!(TimestampMicrosecondType, value_as_datetime),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => time!(TimestampNanosecondType, value_as_datetime),
        DataType::List(_) => elements(&array.as_list::<i32>().value(0)),
        DataType::LargeList(_) => elements(&array.as_list::<i64>().value(0)),
        DataType::ListView(_) => elements(&array.as_list_view::<i32>().value(0)),
        DataType::LargeListView(_) => elements(&array.as_list_view::<i64>().value(0)),
        DataType::FixedSizeList(..) => elements(&array.as_fixed_size_list().value(0)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let parts: Vec<String> = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| format!("{}: {}", field.name(), nested(column, 0)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        DataType::Map(..) => {
            let entries: ArrayRef = std::sync::Arc::new(array.as_map().value(0));
            elements(&entries)
        }
        _ => format!("{array:?}"),
    }
}

fn nested(array: &ArrayRef, row: usize) -> String {
    cell_text(array, row).unwrap_or_else(|| "null".to_owned())
}

/// Return the text of the elements of a list, as many as may be shown.
fn elements(values: &ArrayRef) -> String {
    let mut text = String::from("[");
    for row in 0..values.len() {
        if row > 0 {
            text.push_str(", ");
        }
        if text.len() > MOST {
            let _ = write!(text, "… {} more", values.len() - row);
            break;
        }
        text.push_str(&nested(values, row));
    }
    text.push(']');
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().min(MOST) * 2 + 2);
    for byte in bytes.iter().take(MOST) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > MOST {
        let _ = write!(text, "… ({} more bytes)", bytes.len() - MOST);
    }
    text
}
