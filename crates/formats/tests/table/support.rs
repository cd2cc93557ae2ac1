//! Tables as array values, the arrays that hold them in every form of Arrow, and a slow writer of blocks.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "tests have few rows"
)]

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array, DictionaryArray,
    FixedSizeBinaryArray, FixedSizeListArray, Float64Array, Int16Array, Int32Array, LargeBinaryArray,
    LargeListArray, LargeStringArray, ListArray, ListViewArray, MapArray, NullArray, RunArray, StringArray,
    StringViewArray, StructArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;
use proptest::prelude::*;
use std::sync::Arc;

/// A type of a column.
#[derive(Clone, Debug)]
pub enum Type {
    Null,
    Bool,
    Int16,
    UInt64,
    Float64,
    Decimal,
    Text,
    Bytes,
    FixedBytes(usize),
    List(Box<Type>),
    FixedList(usize, Box<Type>),
    Struct(Vec<Type>),
    Map(Box<Type>),
}

/// A value of any type.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    /// Little-endian, of the width of the type.
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
    /// Of a map: pairs as structures.
    Items(Vec<Value>),
    Fields(Vec<Value>),
}

/// Generate any type, not very deep.
pub fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Null),
        Just(Type::Bool),
        Just(Type::Int16),
        Just(Type::UInt64),
        Just(Type::Float64),
        Just(Type::Decimal),
        Just(Type::Text),
        Just(Type::Bytes),
        (1..5_usize).prop_map(Type::FixedBytes),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Type::List(Box::new(item))),
            (0..3_usize, inner.clone()).prop_map(|(length, item)| Type::FixedList(length, Box::new(item))),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Type::Struct),
            inner.prop_map(|item| Type::Map(Box::new(item))),
        ]
    })
}

/// Generate any values of a type, with nulls.
pub fn any_values(of: &Type, count: usize) -> BoxedStrategy<Vec<Value>> {
    prop::collection::vec(any_value(of), count).boxed()
}

fn any_value(of: &Type) -> BoxedStrategy<Value> {
    let bytes = |width: usize| {
        prop::collection::vec(any::<u8>(), width)
            .prop_map(Value::Fixed)
            .boxed()
    };
    let valid = match of {
        Type::Null => return Just(Value::Null).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int16 => bytes(2),
        Type::UInt64 | Type::Float64 => bytes(8),
        Type::Decimal => any::<i64>()
            .prop_map(|number| Value::Fixed(i128::from(number).to_le_bytes().to_vec()))
            .boxed(),
        Type::Text => "[a-zé\u{1F600}]{0,20}"
            .prop_map(|text| Value::Bytes(text.into_bytes()))
            .boxed(),
        Type::Bytes => prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(Value::Bytes)
            .boxed(),
        Type::FixedBytes(width) => bytes(*width),
        Type::List(item) => prop::collection::vec(any_value(item), 0..4)
            .prop_map(Value::Items)
            .boxed(),
        Type::FixedList(length, item) => prop::collection::vec(any_value(item), *length)
            .prop_map(Value::Items)
            .boxed(),
        Type::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(any_value).collect();
            fields.prop_map(Value::Fields).boxed()
        }
        Type::Map(item) => {
            let key = any::<i32>().prop_map(|key| Value::Fixed(key.to_le_bytes().to_vec()));
            let pair = (key, any_value(item)).prop_map(|(key, value)| Value::Fields(vec![key, value]));
            prop::collection::vec(pair, 0..4).prop_map(Value::Items).boxed()
        }
    };
    prop_oneof![1 => Just(Value::Null), 4 => valid].boxed()
}

/// Return the bytes of a block, written one value after the other from `docs/format.md`.
pub fn slow_block(of: &Type, values: &[Value]) -> Vec<u8> {
    let mut block = (values.len() as u64).to_le_bytes().to_vec();
    let mut bits = vec![0_u8; values.len().div_ceil(8)];
    for (row, value) in values.iter().enumerate() {
        if !matches!(value, Value::Null) {
            bits[row / 8] |= 1 << (row % 8);
        }
    }
    block.extend(bits);
    let valid: Vec<&Value> = values
        .iter()
        .filter(|value| !matches!(value, Value::Null))
        .collect();
    match of {
        Type::Struct(fields) => {
            for (index, field) in fields.iter().enumerate() {
                let child: Vec<Value> = values
                    .iter()
                    .map(|value| match value {
                        Value::Fields(fields) => fields[index].clone(),
                        _ => Value::Null,
                    })
                    .collect();
                block.extend(slow_block(field, &child));
            }
        }
        Type::List(_) | Type::FixedList(_, _) | Type::Map(_) => {
            let items: Vec<Value> = valid
                .iter()
                .flat_map(|value| match value {
                    Value::Items(items) => items.clone(),
                    _ => Vec::new(),
                })
                .collect();
            for value in &valid {
                if let Value::Items(items) = value {
                    block.extend((items.len() as u64).to_le_bytes());
                }
            }
            let item = match of {
                Type::List(item) | Type::FixedList(_, item) => (**item).clone(),
                // Only the width of a key counts here.
                Type::Map(item) => Type::Struct(vec![Type::Int16, (**item).clone()]),
                _ => Type::Null,
            };
            block.extend(slow_block(&item, &items));
        }
        _ => {
            for value in &valid {
                if let Value::Bytes(bytes) = value {
                    block.extend((bytes.len() as u64).to_le_bytes());
                }
            }
            for value in &valid {
                match value {
                    Value::Bool(flag) => block.push(u8::from(*flag)),
                    Value::Fixed(bytes) | Value::Bytes(bytes) => block.extend(bytes),
                    _ => {}
                }
            }
        }
    }
    block
}

/// Draws which of several forms an array takes.
pub struct Forms {
    state: u64,
    /// Only those that a Parquet file can be written of.
    pub without_runs: bool,
}

impl Forms {
    pub const fn new(seed: u64, without_runs: bool) -> Self {
        Self {
            state: seed,
            without_runs,
        }
    }

    fn draw(&mut self, count: u64) -> u64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % count
    }
}

fn nulls(values: &[Value]) -> NullBuffer {
    values
        .iter()
        .map(|value| !matches!(value, Value::Null))
        .collect::<Vec<bool>>()
        .into()
}

fn fixed<const N: usize>(values: &[Value]) -> Vec<[u8; N]> {
    values
        .iter()
        .map(|value| match value {
            Value::Fixed(bytes) => bytes.as_slice().try_into().expect("the width of the type"),
            // Values below a null do not count.
            _ => [0xa5; N],
        })
        .collect()
}

fn bytes(values: &[Value]) -> Vec<Option<&[u8]>> {
    values
        .iter()
        .map(|value| match value {
            Value::Bytes(bytes) => Some(bytes.as_slice()),
            _ => None,
        })
        .collect()
}

fn texts(values: &[Value]) -> Vec<Option<&str>> {
    bytes(values)
        .into_iter()
        .map(|bytes| bytes.map(|bytes| std::str::from_utf8(bytes).expect("text")))
        .collect()
}

/// Return an array of the values, in a form that `forms` draws. With the same seed it is of the same type.
pub fn array(of: &Type, values: &[Value], forms: &mut Forms) -> ArrayRef {
    match of {
        Type::Null => Arc::new(NullArray::new(values.len())),
        Type::Bool => {
            let flags: Vec<bool> = values
                .iter()
                .map(|value| matches!(value, Value::Bool(true)))
                .collect();
            Arc::new(BooleanArray::new(flags.into(), Some(nulls(values))))
        }
        Type::Int16 => {
            let numbers: Vec<i16> = fixed(values).into_iter().map(i16::from_le_bytes).collect();
            Arc::new(Int16Array::new(numbers.into(), Some(nulls(values))))
        }
        Type::UInt64 => {
            let numbers: Vec<u64> = fixed(values).into_iter().map(u64::from_le_bytes).collect();
            encoded(
                Arc::new(UInt64Array::new(numbers.into(), Some(nulls(values)))),
                forms,
            )
        }
        Type::Float64 => {
            let numbers: Vec<f64> = fixed(values).into_iter().map(f64::from_le_bytes).collect();
            Arc::new(Float64Array::new(numbers.into(), Some(nulls(values))))
        }
        Type::Decimal => {
            let numbers: Vec<i128> = fixed(values).into_iter().map(i128::from_le_bytes).collect();
            let array = Decimal128Array::new(numbers.into(), Some(nulls(values)));
            Arc::new(array.with_precision_and_scale(38, 4).expect("a precision"))
        }
        Type::Text => text_array(texts(values), forms),
        Type::Bytes => byte_array(bytes(values), forms),
        Type::FixedBytes(width) => {
            let all: Vec<u8> = values
                .iter()
                .flat_map(|value| match value {
                    Value::Fixed(bytes) => bytes.clone(),
                    _ => vec![0x5a; *width],
                })
                .collect();
            let width = i32::try_from(*width).expect("short");
            Arc::new(FixedSizeBinaryArray::new(width, all.into(), Some(nulls(values))))
        }
        Type::List(item) => list(item, values, forms),
        Type::FixedList(length, item) => {
            let items: Vec<Value> = values
                .iter()
                .flat_map(|value| match value {
                    Value::Items(items) => items.clone(),
                    _ => vec![Value::Null; *length],
                })
                .collect();
            let child = array(item, &items, forms);
            let field = Arc::new(Field::new("item", child.data_type().clone(), true));
            let length = i32::try_from(*length).expect("short");
            Arc::new(
                FixedSizeListArray::try_new_with_length(
                    field,
                    length,
                    child,
                    Some(nulls(values)),
                    values.len(),
                )
                .expect("a list"),
            )
        }
        Type::Struct(fields) => {
            let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = fields
                .iter()
                .enumerate()
                .map(|(index, field)| {
                    let below: Vec<Value> = values
                        .iter()
                        .map(|value| match value {
                            Value::Fields(fields) => fields[index].clone(),
                            _ => filler(field),
                        })
                        .collect();
                    let child = array(field, &below, forms);
                    (
                        Field::new(format!("f{index}"), child.data_type().clone(), true),
                        child,
                    )
                })
                .unzip();
            Arc::new(StructArray::new(fields.into(), columns, Some(nulls(values))))
        }
        Type::Map(item) => map(item, values, forms),
    }
}

fn text_array(texts: Vec<Option<&str>>, forms: &mut Forms) -> ArrayRef {
    match forms.draw(4) {
        0 => Arc::new(StringArray::from(texts)),
        1 => Arc::new(LargeStringArray::from(texts)),
        2 => encoded(Arc::new(StringArray::from(texts)), forms),
        _ => Arc::new(texts.into_iter().collect::<StringViewArray>()),
    }
}

fn byte_array(bytes: Vec<Option<&[u8]>>, forms: &mut Forms) -> ArrayRef {
    match forms.draw(3) {
        0 => Arc::new(BinaryArray::from(bytes)),
        1 => Arc::new(LargeBinaryArray::from(bytes)),
        _ => Arc::new(bytes.into_iter().collect::<BinaryViewArray>()),
    }
}

/// Return a value below a null structure, which does not count.
fn filler(of: &Type) -> Value {
    match of {
        Type::Bool => Value::Bool(true),
        Type::Text | Type::Bytes => Value::Bytes(b"below".to_vec()),
        Type::Int16 => Value::Fixed(vec![1; 2]),
        Type::List(item) => Value::Items(vec![filler(item), Value::Null]),
        _ => Value::Null,
    }
}

/// Return a dictionary, or runs, or the array as it is.
fn encoded(array: ArrayRef, forms: &mut Forms) -> ArrayRef {
    match forms.draw(3) {
        0 => {
            // The values backwards with one that is not used in front, so that keys are no bounds.
            let order: Int32Array = (0..array.len()).rev().map(|index| index as i32).collect();
            let values = arrow_select::take::take(&array, &order, None).expect("taken");
            let keys: Vec<Option<i32>> = (0..array.len())
                .map(|row| (row % 3 != 2 || array.is_valid(row)).then(|| (array.len() - 1 - row) as i32))
                .collect();
            Arc::new(DictionaryArray::<Int32Type>::new(keys.into(), values))
        }
        1 if !forms.without_runs && !array.is_empty() => {
            let ends: Int32Array = (1..=array.len()).map(|end| end as i32).collect();
            Arc::new(RunArray::<Int32Type>::try_new(&ends, &array).expect("runs"))
        }
        _ => array,
    }
}

/// Return the offsets of lists; those that are null may have elements.
fn offsets(values: &[Value], item: &Type, forms: &mut Forms) -> (Vec<i32>, Vec<Value>) {
    let mut ends = vec![0];
    let mut items = Vec::new();
    for value in values {
        match value {
            Value::Items(some) => items.extend(some.iter().cloned()),
            // A Parquet file has no index for what does not count, but the writer passes over it.
            _ => (0..forms.draw(3)).for_each(|_| items.push(filler(item))),
        }
        ends.push(items.len() as i32);
    }
    (ends, items)
}

fn list(item: &Type, values: &[Value], forms: &mut Forms) -> ArrayRef {
    let form = forms.draw(if forms.without_runs { 2 } else { 3 });
    let mut junk = Forms::new(values.len() as u64, true);
    let (ends, items) = offsets(values, item, &mut junk);
    let child = array(item, &items, forms);
    let field = Arc::new(Field::new("item", child.data_type().clone(), true));
    match form {
        0 => Arc::new(ListArray::new(
            field,
            OffsetBuffer::new(ends.into()),
            child,
            Some(nulls(values)),
        )),
        1 => {
            let ends: Vec<i64> = ends.into_iter().map(i64::from).collect();
            Arc::new(LargeListArray::new(
                field,
                OffsetBuffer::new(ends.into()),
                child,
                Some(nulls(values)),
            ))
        }
        _ => {
            let starts: ScalarBuffer<i32> = ends[..values.len()].to_vec().into();
            let sizes: ScalarBuffer<i32> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
            Arc::new(ListViewArray::new(
                field,
                starts,
                sizes,
                child,
                Some(nulls(values)),
            ))
        }
    }
}

fn map(item: &Type, values: &[Value], forms: &mut Forms) -> ArrayRef {
    let mut ends = vec![0];
    let (mut keys, mut below) = (Vec::new(), Vec::new());
    for value in values {
        if let Value::Items(pairs) = value {
            for pair in pairs {
                if let Value::Fields(pair) = pair {
                    keys.push(pair[0].clone());
                    below.push(pair[1].clone());
                }
            }
        }
        ends.push(keys.len() as i32);
    }
    let numbers: Vec<i32> = fixed(&keys).into_iter().map(i32::from_le_bytes).collect();
    let keys: ArrayRef = Arc::new(Int32Array::from(numbers));
    let items = array(item, &below, forms);
    let fields = vec![
        Field::new("key", keys.data_type().clone(), false),
        Field::new("value", items.data_type().clone(), true),
    ];
    let entries = StructArray::new(fields.into(), vec![keys, items], None);
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Arc::new(MapArray::new(
        field,
        OffsetBuffer::new(ends.into()),
        entries,
        Some(nulls(values)),
        false,
    ))
}

/// Return the pieces that values are cut into.
pub fn pieces<'a>(values: &'a [Value], cuts: &[usize]) -> Vec<&'a [Value]> {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut % (values.len() + 1)).collect();
    bounds.extend([0, values.len()]);
    bounds.sort_unstable();
    bounds.windows(2).map(|pair| &values[pair[0]..pair[1]]).collect()
}
