//! Arrow streams that go on behind their end, intervals, and dictionaries of nested values.

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::{Int8Type, Int32Type, IntervalDayTime, IntervalMonthDayNano};
use arrow_array::{
    Array, ArrayRef, Decimal32Array, Decimal128Array, Decimal256Array, DictionaryArray, FixedSizeListArray,
    Int32Array, Int64Array, IntervalDayTimeArray, IntervalMonthDayNanoArray, IntervalYearMonthArray,
    RecordBatch, RunArray, StringArray, StructArray,
};
use arrow_buffer::i256;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{RowReader as _, arrow::Reader, block};
use std::sync::Arc;

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).expect("a writer");
    for batch in batches {
        writer.write(batch).expect("written");
    }
    writer.into_inner().expect("closed")
}

fn batch(column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([("a", column, true)]).expect("a batch")
}

fn open(bytes: Vec<u8>) -> Result<Reader, FormatError> {
    Reader::open(&(Arc::new(Bytes::from(bytes)) as Arc<dyn Input>))
}

/// Return how many rows a stream has.
fn rows(bytes: Vec<u8>) -> Result<usize, FormatError> {
    let mut reader = open(bytes)?;
    let mut rows = 0;
    while let Some(next) = reader.next_rows()? {
        rows += next.count;
    }
    assert!(reader.next_rows()?.is_none(), "an end is an end");
    Ok(rows)
}

const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

#[test]
fn stream_ends_at_its_marker() {
    let start = batch(Arc::new(Int64Array::from(vec![1, 2, 3])));
    let more = batch(Arc::new(Int64Array::from(vec![4, 5])));
    let first = stream(std::slice::from_ref(&start));
    let whole = stream(&[start, more]);
    assert_eq!(rows(first.clone()), Ok(3));
    assert_eq!(rows(whole.clone()), Ok(5));
    let cut = first.len() - END.len();
    assert_eq!(first[cut..], END);
    assert_eq!(whole[..cut], first[..cut]);
    // Without a marker the stream ends with its bytes.
    assert_eq!(rows(first[..cut].to_vec()), Ok(3));
    // The marker of versions before 0.15.
    assert_eq!(rows([&first[..cut], &[0; 4]].concat()), Ok(3));
    for behind in [&whole[cut..], &[0], &END, &first] {
        let error = rows([&first[..], behind].concat()).expect_err("refused");
        assert!(
            error.message.contains("bytes follow the end of the stream"),
            "{error}"
        );
    }
}

/// Return the spelling and the block of a column, as it comes out of a stream.
fn read(column: ArrayRef) -> (String, Vec<u8>) {
    let mut reader = open(stream(&[batch(column)])).expect("opened");
    let mut block = Vec::new();
    let mut pieces = Vec::new();
    while let Some(rows) = reader.next_rows().expect("read") {
        pieces.push(rows.columns[0].clone());
    }
    block::write(&pieces, &mut |bytes| block.extend_from_slice(bytes)).expect("written");
    (reader.columns()[0].spelling.clone(), block)
}

#[test]
fn intervals_have_the_bytes_of_their_parts() {
    let head = [2, 0, 0, 0, 0, 0, 0, 0, 0b01];
    let months = read(Arc::new(IntervalYearMonthArray::from(vec![Some(-14), None])));
    assert_eq!(months.0, "interval(year_month)");
    assert_eq!(months.1, [&head[..], &(-14_i32).to_le_bytes()].concat());
    let days = vec![Some(IntervalDayTime::new(3, -5)), None];
    let days = read(Arc::new(IntervalDayTimeArray::from(days)));
    assert_eq!(days.0, "interval(day_time)");
    assert_eq!(
        days.1,
        [&head[..], &3_i32.to_le_bytes(), &(-5_i32).to_le_bytes()].concat()
    );
    let parts = vec![Some(IntervalMonthDayNano::new(1, -2, 1 << 40)), None];
    let parts = read(Arc::new(IntervalMonthDayNanoArray::from(parts)));
    assert_eq!(parts.0, "interval(month_day_nano)");
    let wanted = [
        &head[..],
        &1_i32.to_le_bytes(),
        &(-2_i32).to_le_bytes(),
        &(1_i64 << 40).to_le_bytes(),
    ];
    assert_eq!(parts.1, wanted.concat());
}

#[test]
fn decimals_have_the_digits_of_their_type() {
    let refused = |array: ArrayRef| block::write(&[array], &mut |_| {}).is_err();
    for (value, is_wrong) in [
        (99_999, false),
        (-99_999, false),
        (100_000, true),
        (-100_000, true),
    ] {
        let narrow = Decimal32Array::from(vec![Some(0), None, Some(value)]);
        let narrow = narrow.with_precision_and_scale(5, 2).expect("a type");
        assert_eq!(refused(Arc::new(narrow)), is_wrong, "{value}");
        let usual = Decimal128Array::from(vec![Some(0), None, Some(value.into())]);
        let usual = usual.with_precision_and_scale(5, 2).expect("a type");
        assert_eq!(refused(Arc::new(usual)), is_wrong, "{value}");
        let wide = Decimal256Array::from(vec![Some(i256::from_i128(value.into())), None]);
        let wide = wide.with_precision_and_scale(5, 2).expect("a type");
        assert_eq!(refused(Arc::new(wide)), is_wrong, "{value}");
    }
    let most = i256::from_i128(10).wrapping_pow(76);
    for (value, is_wrong) in [
        (most, true),
        (most - i256::ONE, false),
        (-most, true),
        (i256::MIN, true),
    ] {
        let wide = Decimal256Array::from(vec![value])
            .with_precision_and_scale(76, 0)
            .expect("a type");
        assert_eq!(refused(Arc::new(wide)), is_wrong, "{value}");
    }
}

/// Return a dictionary of the values at these keys, and the same rows without a dictionary.
fn pair(values: &ArrayRef, keys: &[Option<i8>]) -> (ArrayRef, ArrayRef) {
    let dictionary = DictionaryArray::<Int8Type>::new(keys.to_vec().into(), Arc::clone(values));
    let indices: Int32Array = keys.iter().map(|key| key.map(i32::from)).collect();
    let decoded = arrow_select::take::take(values, &indices, None).expect("taken");
    (Arc::new(dictionary), decoded)
}

fn check(values: &ArrayRef) {
    let count = i8::try_from(values.len()).expect("few");
    let keys: Vec<Option<i8>> = (0..30)
        .map(|row| (row % 7 != 3).then_some(row % 25 * 5 % count))
        .collect();
    let (dictionary, decoded) = pair(values, &keys);
    assert_eq!(
        read(Arc::clone(&dictionary)),
        read(Arc::clone(&decoded)),
        "{}",
        values.data_type()
    );
    // A part of it, and none of it.
    for (start, length) in [(4, 11), (0, 0), (3, 1)] {
        assert_eq!(
            read(dictionary.slice(start, length)),
            read(decoded.slice(start, length))
        );
    }
    let nothing = pair(values, &[None, None]);
    assert_eq!(read(nothing.0), read(nothing.1));
}

fn lists() -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for (index, words) in [&["a", "bb"][..], &[], &["c"], &["dd", "e", "f"]]
        .iter()
        .enumerate()
    {
        words.iter().for_each(|word| lists.values().append_value(word));
        lists.append(index != 2);
    }
    Arc::new(lists.finish())
}

fn structures() -> ArrayRef {
    let numbers = Int32Array::from(vec![Some(1), None, Some(3), Some(4)]);
    let fields = vec![
        Field::new("n", DataType::Int32, true),
        Field::new("l", lists().data_type().clone(), true),
    ];
    let valid = vec![true, true, false, true].into();
    Arc::new(StructArray::new(
        fields.into(),
        vec![Arc::new(numbers), lists()],
        Some(valid),
    ))
}

#[test]
fn dictionaries_of_nested_values_are_their_values() {
    check(&lists());
    check(&structures());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in 0..4 {
        (0..row).for_each(|index| {
            maps.keys().append_value(format!("k{index}"));
            maps.values().append_value(row * 10 + index);
        });
        maps.append(row != 1).expect("a map");
    }
    check(&(Arc::new(maps.finish()) as ArrayRef));
    let numbers = Int32Array::from(
        (0..12)
            .map(|index| (index != 4).then_some(index))
            .collect::<Vec<_>>(),
    );
    let item = Arc::new(Field::new("item", DataType::Int32, true));
    let fixed = FixedSizeListArray::new(
        item,
        3,
        Arc::new(numbers),
        Some(vec![true, true, false, true].into()),
    );
    check(&(Arc::new(fixed) as ArrayRef));
    let ends = Int32Array::from(vec![1, 3, 4]);
    let runs = RunArray::<Int32Type>::try_new(&ends, &StringArray::from(vec![Some("x"), None, Some("z")]));
    let fields = vec![Field::new(
        "r",
        runs.as_ref().expect("runs").data_type().clone(),
        true,
    )];
    let structure = StructArray::new(fields.into(), vec![Arc::new(runs.expect("runs"))], None);
    check(&(Arc::new(structure) as ArrayRef));
}

#[test]
fn dictionaries_within_dictionaries_are_their_values() {
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("one"), None, Some("three")]));
    let inner =
        DictionaryArray::<Int8Type>::new(vec![Some(2), None, Some(0), Some(1), Some(2)].into(), words);
    let item = Arc::new(Field::new("item", inner.data_type().clone(), true));
    let offsets = arrow_buffer::OffsetBuffer::new(vec![0, 2, 2, 5].into());
    let lists = arrow_array::ListArray::new(item, offsets, Arc::new(inner), None);
    check(&(Arc::new(lists) as ArrayRef));
}
