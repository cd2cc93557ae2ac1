//! Parquet files of writers that the crate's own is not: their types, their faults, and values that do not fit.

use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{block, parquet::Parts};
use parquet::arrow::encode_arrow_schema;
use parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type, Int96,
    Int96Type,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// Writes one column: values, definition levels, repetition levels.
type Fill<'a> = &'a dyn Fn(&mut SerializedColumnWriter<'_>);

struct Written<'a> {
    schema: &'a str,
    created_by: &'a str,
    stored: Option<Fields>,
}

impl Written<'_> {
    const fn new(schema: &str) -> Written<'_> {
        Written {
            schema,
            created_by: "a test",
            stored: None,
        }
    }

    fn file(&self, columns: &[Fill<'_>]) -> Vec<u8> {
        let stored = self.stored.as_ref().map(|fields| {
            let schema = Schema::new(fields.clone());
            vec![KeyValue::new(
                "ARROW:schema".to_owned(),
                encode_arrow_schema(&schema),
            )]
        });
        let properties = WriterProperties::builder()
            .set_created_by(self.created_by.to_owned())
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_key_value_metadata(stored)
            .build();
        let schema = Arc::new(parse_message_type(self.schema).expect("a schema"));
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        for fill in columns {
            let mut column = group.next_column().expect("a column").expect("one more");
            fill(&mut column);
            column.close().expect("closed");
        }
        group.close().expect("closed");
        writer.into_inner().expect("closed")
    }
}

fn open(bytes: Vec<u8>) -> Result<Parts, FormatError> {
    Parts::open([Arc::new(Bytes::from(bytes)) as Arc<dyn Input>])
}

/// Return the type and the arrays of a column.
fn column(bytes: Vec<u8>, index: usize) -> Result<(String, Vec<ArrayRef>), FormatError> {
    let table = open(bytes)?;
    let mut reader = table.read(index, 0..table.blocks());
    let mut arrays = Vec::new();
    while let Some(pieces) = reader.next_block()? {
        block::write(&pieces, &mut |_| {})?;
        arrays.extend(pieces);
    }
    Ok((table.columns()[index].spelling.clone(), arrays))
}

fn block_of(bytes: Vec<u8>) -> (String, Vec<u8>) {
    let (spelling, arrays) = column(bytes, 0).expect("read");
    let mut block = Vec::new();
    block::write(&arrays, &mut |bytes| block.extend_from_slice(bytes)).expect("written");
    (spelling, block)
}

fn int32(values: &[i32]) -> impl Fn(&mut SerializedColumnWriter<'_>) + '_ {
    move |column| {
        let column = column.typed::<Int32Type>();
        column.write_batch(values, None, None).expect("written");
    }
}

fn int64(values: &[i64]) -> impl Fn(&mut SerializedColumnWriter<'_>) + '_ {
    move |column| {
        let column = column.typed::<Int64Type>();
        column.write_batch(values, None, None).expect("written");
    }
}

fn int96(days: &[(i32, i64)]) -> impl Fn(&mut SerializedColumnWriter<'_>) + '_ {
    move |column| {
        let values: Vec<Int96> = days
            .iter()
            .map(|(day, rest)| {
                let bytes = rest.to_le_bytes();
                let (low, high) = bytes.split_at(4);
                let number = |part: &[u8]| u32::from_le_bytes(part.try_into().expect("four bytes"));
                let mut value = Int96::new();
                value.set_data(number(low), number(high), (day + 2_440_588).cast_unsigned());
                value
            })
            .collect();
        let column = column.typed::<Int96Type>();
        column.write_batch(&values, None, None).expect("written");
    }
}

const DAY: i64 = 86_400_000_000_000;

/// Return the block of valid values of 8 bytes.
fn longs(values: &[i64]) -> Vec<u8> {
    let mut block = (values.len() as u64).to_le_bytes().to_vec();
    block.extend((0..values.len().div_ceil(8)).map(|index| {
        let remaining = values.len() - index * 8;
        if remaining >= 8 {
            0xff
        } else {
            (1_u8 << remaining) - 1
        }
    }));
    block.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    block
}

#[test]
fn int96_is_nanoseconds_and_never_wraps() {
    let schema = Written::new("message m { required int96 t; }");
    let days = [
        (0, 0),
        (1, 5),
        (-1, DAY - 1),
        (106_751, 85_636_854_775_807),
        (-106_752, 763_145_224_192),
    ];
    let (spelling, block) = block_of(schema.file(&[&int96(&days)]));
    assert_eq!(spelling, "timestamp(ns)");
    assert_eq!(block, longs(&[0, DAY + 5, -1, i64::MAX, i64::MIN]));
    // 9999-12-31, and the time to which it wraps.
    let late = schema.file(&[&int96(&[(0, 0), (2_932_896, 0)])]);
    let error = column(late, 0).expect_err("refused");
    assert!(!error.unsupported && !error.is_internal);
    assert!(error.message.starts_with("column \"t\", row 1: "), "{error}");
}

#[test]
fn zone_of_int96_is_stored() {
    let zone = |zone: &str| Written {
        stored: Some(
            vec![Field::new(
                "t",
                DataType::Timestamp(TimeUnit::Second, Some(zone.into())),
                false,
            )]
            .into(),
        ),
        ..Written::new("message m { required int96 t; }")
    };
    let of = |name| block_of(zone(name).file(&[&int96(&[(1, 5)])]));
    assert_eq!(
        of("Asia/Tokyo"),
        ("timestamp(ns,Asia/Tokyo)".into(), longs(&[DAY + 5]))
    );
    assert_ne!(of("Asia/Tokyo"), of("Europe/Berlin"));
}

#[test]
fn unit_is_that_of_the_file() {
    for (annotation, unit) in [("MILLIS", "ms"), ("MICROS", "us"), ("NANOS", "ns")] {
        for (adjusted, zone, spelling) in [
            (
                "true",
                Some("Asia/Tokyo"),
                format!("timestamp({unit},Asia/Tokyo)"),
            ),
            ("true", None, format!("timestamp({unit},UTC)")),
            ("false", Some("Asia/Tokyo"), format!("timestamp({unit})")),
            ("false", None, format!("timestamp({unit})")),
        ] {
            for stored in [
                TimeUnit::Second,
                TimeUnit::Millisecond,
                TimeUnit::Microsecond,
                TimeUnit::Nanosecond,
            ] {
                let schema =
                    format!("message m {{ required int64 t (TIMESTAMP({annotation},{adjusted})); }}");
                let written = Written {
                    stored: Some(
                        vec![Field::new(
                            "t",
                            DataType::Timestamp(stored, zone.map(Into::into)),
                            false,
                        )]
                        .into(),
                    ),
                    ..Written::new(&schema)
                };
                let column = block_of(written.file(&[&int64(&[1_000_000_001])]));
                assert_eq!(
                    column,
                    (spelling.clone(), longs(&[1_000_000_001])),
                    "{annotation} {stored:?}"
                );
            }
        }
    }
}

#[test]
fn stored_types_fit_or_are_ignored() {
    let written = |schema: &'static str, stored: DataType| Written {
        stored: Some(vec![Field::new("a", stored, false)].into()),
        ..Written::new(schema)
    };
    let integers = "message m { required int64 a; }";
    for (stored, spelling) in [
        (DataType::Duration(TimeUnit::Second), "duration(s)"),
        (DataType::Timestamp(TimeUnit::Second, None), "timestamp(s)"),
        (DataType::Timestamp(TimeUnit::Nanosecond, None), "int64"),
        (DataType::Date64, "date64"),
        (DataType::UInt64, "int64"),
        (DataType::Utf8, "int64"),
    ] {
        let column = block_of(written(integers, stored).file(&[&int64(&[7, 8])]));
        assert_eq!(column, (spelling.to_owned(), longs(&[7, 8])));
    }
    // A scale that is not that of the file would be other numbers, and fewer digits would cut them.
    let decimal = "message m { required int64 a (DECIMAL(12,2)); }";
    for (stored, spelling) in [
        (DataType::Decimal128(18, 2), "decimal(18,2)"),
        (DataType::Decimal256(50, 2), "decimal(50,2)"),
        (DataType::Decimal128(18, 3), "decimal(12,2)"),
        (DataType::Decimal32(9, 2), "decimal(12,2)"),
    ] {
        let (received, block) = block_of(written(decimal, stored).file(&[&int64(&[-123_456_789_012])]));
        assert_eq!(received, spelling);
        assert_eq!(block[9..17], (-123_456_789_012_i64).to_le_bytes());
    }
    let dates = "message m { required int32 a (DATE); }";
    let column = block_of(written(dates, DataType::Date64).file(&[&int32(&[i32::MIN, -1, i32::MAX])]));
    let milliseconds = [i32::MIN, -1, i32::MAX].map(|day| i64::from(day) * 86_400_000);
    assert_eq!(column, ("date64".to_owned(), longs(&milliseconds)));
    // Another number of columns fits nothing.
    let other = Written {
        stored: Some(
            vec![
                Field::new("a", DataType::Date64, false),
                Field::new("b", DataType::Int8, true),
            ]
            .into(),
        ),
        ..Written::new(integers)
    };
    assert_eq!(block_of(other.file(&[&int64(&[7])])).0, "int64");
}

#[test]
fn float16_is_stored_or_annotated() {
    let halves = |column: &mut SerializedColumnWriter<'_>| {
        let values: Vec<FixedLenByteArray> = [[0, 0x3c], [0, 0x80]]
            .iter()
            .map(|bytes| ByteArray::from(bytes.to_vec()).into())
            .collect();
        let column = column.typed::<FixedLenByteArrayType>();
        column.write_batch(&values, None, None).expect("written");
    };
    let annotated = Written::new("message m { required fixed_len_byte_array(2) a (FLOAT16); }");
    let unannotated = Written::new("message m { required fixed_len_byte_array(2) a; }");
    let stored = Written {
        stored: Some(vec![Field::new("a", DataType::Float16, false)].into()),
        ..Written::new("message m { required fixed_len_byte_array(2) a; }")
    };
    let wanted = block_of(annotated.file(&[&halves]));
    assert_eq!(wanted.0, "float16");
    assert_eq!(block_of(stored.file(&[&halves])), wanted);
    assert_eq!(
        block_of(unannotated.file(&[&halves])),
        ("fixed_binary(2)".to_owned(), wanted.1)
    );
}

#[test]
fn narrow_integers_are_checked() {
    for (annotation, spelling, fits, wrong) in [
        ("INTEGER(8,true)", "int8", -128, 128),
        ("INTEGER(16,true)", "int16", 32_767, -32_769),
        ("INTEGER(8,false)", "uint8", 255, -1),
        ("INTEGER(16,false)", "uint16", 65_535, 65_536),
        ("INT_8", "int8", 127, 256),
        ("UINT_16", "uint16", 0, i32::MIN),
    ] {
        let schema = format!("message m {{ required int32 n ({annotation}); }}");
        let written = Written::new(&schema);
        assert_eq!(block_of(written.file(&[&int32(&[0, fits])])).0, spelling);
        let error = column(written.file(&[&int32(&[0, 1, wrong])]), 0).expect_err("refused");
        assert!(error.message.starts_with("column \"n\", row 2: "), "{error}");
    }
}

#[test]
fn row_of_a_misfit_in_a_list_is_named() {
    let schema =
        "message m { required group a (LIST) { repeated group list { required int32 element (INT_8); } } }";
    let values = |values: &'static [i32]| {
        move |column: &mut SerializedColumnWriter<'_>| {
            // [[0, 1], [2], [3, 4]]
            let column = column.typed::<Int32Type>();
            column
                .write_batch(values, Some(&[1, 1, 1, 1, 1]), Some(&[0, 1, 0, 0, 1]))
                .expect("written");
        }
    };
    let written = Written::new(schema);
    let (spelling, _) = block_of(written.file(&[&values(&[0, 1, 2, 3, 4])]));
    assert_eq!(spelling, "list<int8>");
    let error = column(written.file(&[&values(&[0, 1, 2, 3, 400])]), 0).expect_err("refused");
    assert!(error.message.starts_with("column \"a\", row 2: "), "{error}");
}

#[test]
fn intervals_are_twelve_bytes() {
    let bytes = |column: &mut SerializedColumnWriter<'_>| {
        let value: FixedLenByteArray = ByteArray::from((1..=12).collect::<Vec<u8>>()).into();
        let column = column.typed::<FixedLenByteArrayType>();
        column.write_batch(&[value], None, None).expect("written");
    };
    let interval = block_of(
        Written::new("message m { required fixed_len_byte_array(12) a (INTERVAL); }").file(&[&bytes]),
    );
    let unannotated =
        block_of(Written::new("message m { required fixed_len_byte_array(12) a; }").file(&[&bytes]));
    assert_eq!(interval, unannotated);
    assert_eq!(interval.0, "fixed_binary(12)");
}

const LIST: &str =
    "message m { optional group a (LIST) { repeated group list { optional int32 element; } } }";

fn levels(
    definition: &'static [i16],
    repetition: &'static [i16],
) -> impl Fn(&mut SerializedColumnWriter<'_>) {
    move |column| {
        let values: Vec<i32> = definition
            .iter()
            .filter(|level| **level == 3)
            .map(|_| 7)
            .collect();
        let column = column.typed::<Int32Type>();
        column
            .write_batch(&values, Some(definition), Some(repetition))
            .expect("written");
    }
}

#[test]
fn levels_that_form_no_lists_are_refused() {
    let written = Written::new(LIST);
    let sound = written.file(&[&levels(&[3, 2, 0, 1, 3], &[0, 1, 0, 0, 0])]);
    assert_eq!(column(sound, 0).expect("read").0, "list<int32>");
    for (definition, repetition) in [
        // An element behind a null list, behind an empty one, and an empty list within another.
        (&[0, 3][..], &[0, 1][..]),
        (&[1, 3], &[0, 1]),
        (&[3, 1], &[0, 1]),
        (&[3, 0], &[0, 1]),
    ] {
        let error = column(written.file(&[&levels(definition, repetition)]), 0).expect_err("refused");
        assert_eq!(
            error.message, "levels that do not form lists",
            "{definition:?} {repetition:?}"
        );
    }
}

#[test]
fn values_of_the_type_null_are_refused() {
    let schema = "message m { optional int32 n (UNKNOWN); }";
    let fill = |definition: &'static [i16], values: &'static [i32]| {
        move |column: &mut SerializedColumnWriter<'_>| {
            let column = column.typed::<Int32Type>();
            column
                .write_batch(values, Some(definition), None)
                .expect("written");
        }
    };
    let written = Written::new(schema);
    assert_eq!(
        column(written.file(&[&fill(&[0, 0], &[])]), 0).expect("read").0,
        "null"
    );
    column(written.file(&[&fill(&[0, 1], &[5])]), 0).expect_err("refused");
}

/// Replace the zigzag number behind a field of the footer.
fn patched(mut bytes: Vec<u8>, field: &[u8], with: &[u8]) -> Vec<u8> {
    let footer = bytes.len() - 8 - footer_length(&bytes);
    let position = bytes[footer..]
        .windows(field.len())
        .rposition(|some| some == field)
        .expect("it is there");
    let start = footer + position;
    bytes.splice(start..start + field.len(), with.iter().copied());
    let length = u32::try_from(footer_length(&bytes) + with.len() - field.len()).expect("short");
    let end = bytes.len() - 8;
    bytes[end..end + 4].copy_from_slice(&length.to_le_bytes());
    bytes
}

fn footer_length(bytes: &[u8]) -> usize {
    let tail = bytes[bytes.len() - 8..].first_chunk::<4>().expect("four bytes");
    usize::try_from(u32::from_le_bytes(*tail)).expect("short")
}

#[test]
fn repeated_columns_without_an_annotation_are_lists() {
    let schema = "message user { required int32 id; optional group phones { repeated group phone { required int64 number; optional binary kind (STRING); } } }";
    let numbers = |column: &mut SerializedColumnWriter<'_>| {
        let column = column.typed::<Int64Type>();
        column
            .write_batch(&[5, 6, 7], Some(&[0, 1, 2, 2, 2]), Some(&[0, 0, 0, 0, 1]))
            .expect("written");
    };
    let kinds = |column: &mut SerializedColumnWriter<'_>| {
        let column = column.typed::<ByteArrayType>();
        column
            .write_batch(
                &[ByteArray::from("home")],
                Some(&[0, 1, 2, 3, 2]),
                Some(&[0, 0, 0, 0, 1]),
            )
            .expect("written");
    };
    let written = Written {
        created_by: "parquet-rs version 0.3.0 (build b45ce7cb)",
        ..Written::new(schema)
    };
    let file = written.file(&[&int32(&[1, 2, 3, 4]), &numbers, &kinds]);
    let sound = open(file.clone()).expect("opened");
    // The footer states 4 rows: field 3 behind the schema, before the row groups. That writer stated 0.
    let file = patched(file, &[0x16, 8, 0x19, 0x1c], &[0x16, 0, 0x19, 0x1c]);
    let table = open(file.clone()).expect("opened");
    assert_eq!((table.rows(), sound.rows()), (4, 4));
    let (spelling, arrays) = column(file.clone(), 1).expect("read");
    assert_eq!(spelling, "struct<phone:list<struct<number:int64,kind:utf8>>>");
    assert_eq!(arrays.iter().map(arrow_array::Array::len).sum::<usize>(), 4);
    assert!(arrays[0].is_null(0) && arrays[0].is_valid(1));
    // Of any other writer it is a lie.
    let position = file
        .windows(10)
        .position(|some| some == b"parquet-rs")
        .expect("its name");
    let mut other = file;
    other[position] = b'q';
    open(other).err().expect("refused");
}

#[test]
fn fields_of_another_type_are_passed_over() {
    let file = Written::new("message m { required int32 n; }").file(&[&int32(&[1, 2])]);
    let wanted = block_of(file.clone());
    // Field 9 of the chunk is the offset of its data, 4. Behind it comes a list as field 15, which is an integer in the
    // format.
    let forked = patched(file, &[0x26, 8], &[0x26, 8, 0x69, 0x1c, 0x15, 0, 0]);
    assert_eq!(block_of(forked), wanted);
}

#[test]
fn chunks_without_the_dictionary_header_are_read() {
    let properties = |created_by: &str| {
        let properties = WriterProperties::builder()
            .set_created_by(created_by.to_owned())
            .set_statistics_enabled(EnabledStatistics::None);
        let schema = Arc::new(
            parse_message_type("message m { required int32 n; required int32 o; }").expect("a schema"),
        );
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        for _ in 0..2 {
            let mut column = group.next_column().expect("a column").expect("one more");
            int32(&[5, 6, 5, 6])(&mut column);
            column.close().expect("closed");
        }
        let metadata = group.close().expect("closed");
        let length = u8::try_from(metadata.column(0).compressed_size()).expect("short");
        let file = writer.into_inner().expect("closed");
        // Field 7 of the first chunk, its compressed length.
        let before = [0x16, length * 2];
        let footer = file.len() - 8 - footer_length(&file);
        let position = footer
            + file[footer..]
                .windows(4)
                .position(|some| some == [before, before].concat())
                .expect("there")
            + 2;
        let mut short = file.clone();
        short[position + 1] = (length - 10) * 2;
        (file, short)
    };
    let (whole, short) = properties("parquet-mr version 1.2.8");
    assert_eq!(block_of(short), block_of(whole));
    let (_, short) = properties("parquet-mr version 1.2.9");
    column(short, 0).expect_err("refused");
}

#[test]
fn lists_of_a_fixed_length_of_zero_are_read() {
    let item = Arc::new(Field::new("element", DataType::Int32, true));
    let written = Written {
        stored: Some(vec![Field::new("a", DataType::FixedSizeList(item, 0), true)].into()),
        ..Written::new(LIST)
    };
    let (spelling, block) = block_of(written.file(&[&levels(&[1, 0, 1], &[0, 0, 0])]));
    assert_eq!(spelling, "fixed_list<0,int32>");
    let mut wanted = 3_u64.to_le_bytes().to_vec();
    wanted.push(0b101);
    // Two lists of nothing, and a block of no elements.
    wanted.extend([0; 8 * 3]);
    assert_eq!(block, wanted);
    column(written.file(&[&levels(&[1, 3], &[0, 0])]), 0).expect_err("a list of one");
}

#[test]
fn two_stored_schemas_are_refused() {
    let schema = Schema::new(vec![Field::new("n", DataType::Int32, false)]);
    let entry = KeyValue::new("ARROW:schema".to_owned(), encode_arrow_schema(&schema));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![entry.clone(), entry]));
    let parsed = Arc::new(parse_message_type("message m { required int32 n; }").expect("a schema"));
    let mut writer =
        SerializedFileWriter::new(Vec::new(), parsed, Arc::new(properties.build())).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let mut column = group.next_column().expect("a column").expect("one more");
    int32(&[1])(&mut column);
    column.close().expect("closed");
    group.close().expect("closed");
    open(writer.into_inner().expect("closed")).err().expect("refused");
}
