//! Spellings of column types in digests.
//!
//! Forms of one meaning have one spelling: large, view, dictionary and run-end forms are their plain type, decimals
//! of any width are `decimal(precision,scale)`, and the names of a list's element and of a map's entries do not count.

use super::MAX_DEPTH;
use crate::error::FormatError;
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

mod parse;

pub use parse::parse;

/// Return the spelling of a type; an error names a type that digests do not hold.
pub fn spell(data_type: &DataType) -> Result<String, FormatError> {
    spelled(data_type, 0)
}

fn spelled(data_type: &DataType, depth: usize) -> Result<String, FormatError> {
    use DataType as T;
    if depth > MAX_DEPTH {
        return Err(FormatError::unsupported(format!(
            "its type nests more than {MAX_DEPTH} deep"
        )));
    }
    let inner = |data_type: &DataType| spelled(data_type, depth + 1);
    Ok(match data_type {
        T::Utf8 | T::LargeUtf8 | T::Utf8View => "utf8".into(),
        T::Binary | T::LargeBinary | T::BinaryView => "binary".into(),
        T::FixedSizeBinary(width) => format!("fixed_binary({width})"),
        T::Decimal32(precision, scale)
        | T::Decimal64(precision, scale)
        | T::Decimal128(precision, scale)
        | T::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        T::Time32(unit) => format!("time32({})", unit_name(*unit)),
        T::Time64(unit) => format!("time64({})", unit_name(*unit)),
        T::Timestamp(unit, None) => format!("timestamp({})", unit_name(*unit)),
        T::Timestamp(unit, Some(zone)) => format!("timestamp({},{})", unit_name(*unit), quoted(zone)),
        T::Duration(unit) => format!("duration({})", unit_name(*unit)),
        T::Interval(unit) => format!("interval({})", interval_name(*unit)),
        T::List(item) | T::LargeList(item) | T::ListView(item) | T::LargeListView(item) => {
            format!("list<{}>", inner(item.data_type())?)
        }
        T::FixedSizeList(item, length) => format!("fixed_list<{length},{}>", inner(item.data_type())?),
        T::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| Ok(format!("{}:{}", quoted(field.name()), inner(field.data_type())?)))
                .collect::<Result<Vec<_>, FormatError>>()?;
            format!("struct<{}>", fields.join(","))
        }
        T::Map(entries, _) => {
            let T::Struct(fields) = entries.data_type() else {
                return Err(FormatError::new("its map has entries that are not structs"));
            };
            let [key, value] = fields.as_ref() else {
                return Err(FormatError::new(
                    "its map has entries that are not key-value pairs",
                ));
            };
            format!("map<{},{}>", inner(key.data_type())?, inner(value.data_type())?)
        }
        T::Dictionary(_, value) => inner(value)?,
        T::RunEndEncoded(_, values) => inner(values.data_type())?,
        other => match WORDS.iter().find(|(_, data_type)| data_type == other) {
            Some((name, _)) => (*name).to_owned(),
            None => {
                return Err(FormatError::unsupported(format!(
                    "columns of the type {other} are not supported in a table digest"
                )));
            }
        },
    })
}

/// Types that are one word, which no other form shares.
const WORDS: [(&str, DataType); 15] = [
    ("null", DataType::Null),
    ("bool", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float16", DataType::Float16),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("date32", DataType::Date32),
    ("date64", DataType::Date64),
];

const fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

const fn interval_name(unit: IntervalUnit) -> &'static str {
    match unit {
        IntervalUnit::YearMonth => "year_month",
        IntervalUnit::DayTime => "day_time",
        IntervalUnit::MonthDayNano => "month_day_nano",
    }
}

/// Return a name or zone: as it is where no character of it could be taken for the spelling's own, else in quotes.
fn quoted(name: &str) -> String {
    let needs_no_quotes = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '.');
    if !name.is_empty() && name.chars().all(needs_no_quotes) {
        return name.to_owned();
    }
    let mut text = String::from('"');
    for character in name.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{Field, UnionMode};
    use std::sync::Arc;

    #[test]
    fn spellings_round_trip() {
        for spelling in [
            "null",
            "bool",
            "int8",
            "uint64",
            "float16",
            "utf8",
            "binary",
            "fixed_binary(16)",
            "decimal(38,10)",
            "decimal(76,-2)",
            "date32",
            "date64",
            "time32(ms)",
            "time64(ns)",
            "timestamp(s)",
            "timestamp(us,UTC)",
            "timestamp(us,Europe/Berlin)",
            "timestamp(ns,\"+02:00\")",
            "duration(us)",
            "interval(year_month)",
            "interval(day_time)",
            "interval(month_day_nano)",
            "list<list<int8>>",
            "fixed_list<3,float32>",
            "struct<>",
            "struct<a:int32,b_1:list<utf8>>",
            "struct<\"a:int32,b\":int32>",
            "struct<\"\":int32,\"say \\\"no\\\" \\\\\":utf8>",
            "map<utf8,struct<x:float64>>",
        ] {
            let data_type = parse(spelling).expect(spelling);
            assert_eq!(spell(&data_type).as_deref(), Ok(spelling));
        }
    }

    #[test]
    fn other_spellings_of_a_type_are_refused() {
        for spelling in [
            "",
            "int",
            "Int32",
            "int32 ",
            " int32",
            "list<int32",
            "list<int32>>",
            "list< int32>",
            "decimal(038,1)",
            "decimal(77,1)",
            "decimal(0,0)",
            "time32(us)",
            "time64(s)",
            "timestamp(us,)",
            "timestamp(us,\"UTC\")",
            "struct<a:int32,>",
            "struct<a b:int32>",
            "struct<\"a\":int32>",
            "struct<\"a:int32>",
            "fixed_list<-1,int8>",
            "duration(us,UTC)",
            "interval(s)",
            "interval",
        ] {
            assert!(parse(spelling).is_err(), "{spelling}");
        }
        let deep = format!("{}int8{}", "list<".repeat(1000), ">".repeat(1000));
        assert!(parse(&deep).is_err());
    }

    #[test]
    fn equivalent_types_have_one_spelling() {
        let dictionary = |value| DataType::Dictionary(Box::new(DataType::Int8), Box::new(value));
        for form in [
            DataType::Utf8,
            DataType::LargeUtf8,
            DataType::Utf8View,
            dictionary(DataType::LargeUtf8),
        ] {
            assert_eq!(spell(&form).as_deref(), Ok("utf8"));
        }
        assert_eq!(
            spell(&DataType::Decimal32(9, 2)),
            spell(&DataType::Decimal256(9, 2))
        );
        let fields = [(0, Arc::new(Field::new("a", DataType::Int8, true)))];
        let union = DataType::Union(fields.into_iter().collect(), UnionMode::Sparse);
        assert!(spell(&union).expect_err("refused").unsupported);
    }
}
