//! Statistics of columns against a slow reference, which keeps all values and calculates with whole numbers.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the whole numbers of the tests fit, and what is rounded is meant to be"
)]

use arrow_array::cast::AsArray;
use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float16Array, Float32Array,
    Float64Array, Int8Array, Int64Array, ListArray, NullArray, StringArray, StringViewArray, UInt64Array,
};
use half::f16;
use lineaprint_formats::table::statistics::{Histogram, Special, Statistics, Summary};
use proptest::prelude::*;
use std::sync::Arc;

fn summary(pieces: &[ArrayRef]) -> Summary {
    let mut statistics = Statistics::new(pieces[0].data_type());
    statistics.add(pieces).expect("added");
    statistics.summary()
}

fn of(array: impl Array + 'static) -> Summary {
    summary(&[Arc::new(array)])
}

/// The histogram by its definition: the narrowest bins of which 32 are enough.
fn reference_histogram(values: &[i128]) -> Option<Histogram> {
    let (least, most) = (values.iter().min()?, values.iter().max()?);
    let exponent = (0..128).find(|exponent| (most >> exponent) - (least >> exponent) < 32)?;
    let bins = (least >> exponent)..=(most >> exponent);
    let count = |bin: i128| values.iter().filter(|value| *value >> exponent == bin).count() as u64;
    Some(Histogram {
        from: (bins.start() << exponent).to_string(),
        width: (1_i128 << exponent).to_string(),
        counts: bins.map(count).collect(),
    })
}

/// The double nearest to a quotient, found among the neighbours of a first guess.
fn nearest(numerator: i128, denominator: i128) -> f64 {
    let guess = numerator as f64 / denominator as f64;
    // At most 1 and, unless it is 0, at least 2^-29: times 2^90 they and their distances are whole numbers.
    let scaled = |value: f64| (value * 2_f64.powi(90)) as i128;
    let distance = |value: f64| ((numerator << 90) - scaled(value) * denominator).abs();
    [guess.next_down(), guess, guess.next_up()]
        .into_iter()
        .min_by_key(|value| (distance(*value), value.to_bits() & 1))
        .expect("three")
}

fn integers() -> impl Strategy<Value = Vec<Option<i64>>> {
    let value = prop_oneof![
        any::<i64>(),
        -5..5_i64,
        0..1000_i64,
        Just(i64::MIN),
        Just(i64::MAX),
    ];
    prop::collection::vec(prop::option::weighted(0.9, value), 0..300)
}

/// Floats that are multiples of 2^-20 and at most 1.
fn floats() -> impl Strategy<Value = Vec<f64>> {
    (0..20_u32).prop_flat_map(|bits| {
        let bound = 1_i64 << bits;
        prop::collection::vec(
            (-bound..=bound).prop_map(|value| value as f64 / 1_048_576.0),
            1..300,
        )
    })
}

proptest! {
    #[test]
    fn integers_are_those_of_the_reference(values in integers(), cut in 0..300_usize) {
        let present: Vec<i128> = values.iter().flatten().map(|value| i128::from(*value)).collect();
        let all: ArrayRef = Arc::new(Int64Array::from(values.clone()));
        let own = summary(std::slice::from_ref(&all));
        prop_assert_eq!(own.nulls, (values.len() - present.len()) as u64);
        prop_assert_eq!(own.minimum.clone(), present.iter().min().map(ToString::to_string));
        prop_assert_eq!(own.maximum.clone(), present.iter().max().map(ToString::to_string));
        prop_assert_eq!(&own.histogram, &reference_histogram(&present));
        // However it is cut, and in whatever order the parts are joined.
        let cut = cut.min(values.len());
        let mut last = Statistics::new(all.data_type());
        last.add(&[all.slice(cut, values.len() - cut)]).expect("added");
        let mut first = Statistics::new(all.data_type());
        first.add(&[all.slice(0, cut)]).expect("added");
        last.merge(&first);
        prop_assert_eq!(last.summary(), own);
    }

    #[test]
    fn means_of_integers_are_rounded_once(values in prop::collection::vec(-1000..1000_i64, 1..300)) {
        let sum: i128 = values.iter().map(|value| i128::from(*value)).sum();
        let count = values.len() as i128;
        // With few digits before the point, a division of doubles rounds once as well.
        let expected = sum as f64 / count as f64;
        prop_assert_eq!(of(Int64Array::from(values)).mean, Some(expected));
    }

    #[test]
    fn floats_are_those_of_the_reference(values in floats(), cut in 0..300_usize) {
        let units: Vec<i128> = values.iter().map(|value| (value * 1_048_576.0) as i128).collect();
        let all: ArrayRef = Arc::new(Float64Array::from(values.clone()));
        let own = summary(std::slice::from_ref(&all));
        let exact = nearest(units.iter().sum(), (values.len() as i128) << 20);
        prop_assert_eq!(own.mean, Some(exact));
        let histogram = own.histogram.clone().expect("a histogram");
        let (from, width): (f64, f64) =
            (histogram.from.parse().expect("a number"), histogram.width.parse().expect("a number"));
        for (bin, count) in histogram.counts.iter().enumerate() {
            let (low, high) = (from + bin as f64 * width, from + (bin + 1) as f64 * width);
            prop_assert_eq!(values.iter().filter(|value| **value >= low && **value < high).count() as u64, *count);
        }
        // Narrower bins are too many, or narrower than the last bit of the largest value.
        let (least, most) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max));
        let half = width / 2.0;
        let largest = least.abs().max(most.abs());
        prop_assert!((most / half).floor() - (least / half).floor() >= 32.0 || half < largest.next_up() - largest);
        let cut = cut.min(values.len());
        let mut last = Statistics::new(all.data_type());
        last.add(&[all.slice(cut, values.len() - cut)]).expect("added");
        let mut first = Statistics::new(all.data_type());
        first.add(&[all.slice(0, cut)]).expect("added");
        last.merge(&first);
        prop_assert_eq!(last.summary(), own);
    }

    #[test]
    fn any_floats_have_statistics(bits in prop::collection::vec(any::<u64>(), 0..100), cut in 0..100_usize) {
        let values: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
        let own = of(Float64Array::from(values.clone()));
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let counted = own.histogram.as_ref().map(|histogram| histogram.counts.iter().sum::<u64>());
        prop_assert!(counted.is_none_or(|counted| counted == finite.len() as u64));
        let special = own.special.expect("floats");
        prop_assert_eq!(special.nan + special.infinity + special.negative_infinity, (values.len() - finite.len()) as u64);
        let mut turned = values.clone();
        turned.rotate_left(cut.min(values.len()));
        prop_assert_eq!(of(Float64Array::from(turned)), own);
    }
}

#[test]
fn sums_lose_nothing() {
    let mean = |values: &[f64]| of(Float64Array::from(values.to_vec())).mean;
    assert_eq!(mean(&[1e308, 1e308, -1e308, -1e308, 3.0]), Some(0.6));
    assert_eq!(mean(&[f64::MAX; 7]), Some(f64::MAX));
    assert_eq!(mean(&[f64::MIN; 7]), Some(f64::MIN));
    assert_eq!(mean(&[1e16, 1.0, -1e16, 1.0]), Some(0.5));
    let tiny = f64::from_bits(1);
    assert_eq!(mean(&[tiny, tiny]), Some(tiny));
    // A half is rounded to the even one of both, and more than a half up.
    assert_eq!(mean(&[tiny, 0.0]), Some(0.0));
    assert_eq!(mean(&[tiny * 3.0, 0.0]), Some(tiny * 2.0));
    assert_eq!(mean(&[tiny, tiny, 0.0]), Some(tiny));
    assert_eq!(mean(&[-tiny, -tiny, 0.0]), Some(-tiny));
    assert_eq!(mean(&[-0.0, -0.0]).map(f64::to_bits), Some(0));
    assert_eq!(mean(&vec![0.1; 1_000_000]), Some(0.1));
}

#[test]
fn integers_beyond_doubles_are_exact() {
    let own = of(UInt64Array::from(vec![u64::MAX, u64::MAX, u64::MAX]));
    assert_eq!(own.minimum.as_deref(), Some("18446744073709551615"));
    assert_eq!(own.mean, Some(2_f64.powi(64)));
    let histogram = own.histogram.expect("a histogram");
    assert_eq!(
        (histogram.from.as_str(), histogram.width.as_str()),
        ("18446744073709551615", "1")
    );
    let own = of(UInt64Array::from(vec![0, u64::MAX]));
    let histogram = own.histogram.expect("a histogram");
    assert_eq!(
        (histogram.width.as_str(), histogram.counts.len()),
        ("576460752303423488", 32)
    );
    let own = of(Int64Array::from(vec![i64::MIN, i64::MAX]));
    assert_eq!(own.mean, Some(-0.5));
    assert_eq!(own.histogram.expect("a histogram").from, "-9223372036854775808");
}

#[test]
fn floats_that_are_not_finite_are_counted_apart() {
    let values = vec![f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY, -f64::NAN, 3.0];
    let own = of(Float64Array::from(values));
    assert_eq!(
        own.special,
        Some(Special {
            nan: 2,
            infinity: 1,
            negative_infinity: 1
        })
    );
    assert_eq!(
        (own.minimum.as_deref(), own.maximum.as_deref(), own.mean),
        (Some("1.0"), Some("3.0"), Some(2.0))
    );
    let none = of(Float64Array::from(vec![f64::NAN]));
    assert_eq!((none.minimum, none.mean, none.histogram), (None, None, None));
}

#[test]
fn range_without_edges_has_no_histogram() {
    let own = of(Float64Array::from(vec![f64::MIN, f64::MAX]));
    assert_eq!((own.histogram, own.mean), (None, Some(0.0)));
    let own = of(Float64Array::from(vec![0.0, 0.0]));
    assert_eq!(own.histogram.expect("a histogram").counts, [2]);
}

#[test]
fn narrower_floats_are_as_wide_ones() {
    let wide = of(Float64Array::from(vec![0.5, -1.25, 3.0]));
    assert_eq!(
        of(Float16Array::from(vec![
            f16::from_f32(0.5),
            f16::from_f32(-1.25),
            f16::from_f32(3.0)
        ])),
        wide
    );
    assert_eq!(of(Float32Array::from(vec![0.5, -1.25, 3.0])), wide);
}

#[test]
fn other_types_have_what_fits_them() {
    let nulls = of(NullArray::new(3));
    assert_eq!(
        nulls,
        Summary {
            nulls: 3,
            ..Summary::default()
        }
    );
    let booleans = of(BooleanArray::from(vec![
        Some(true),
        None,
        Some(false),
        Some(true),
    ]));
    assert_eq!((booleans.nulls, booleans.trues), (1, Some(2)));
    for texts in [
        of(StringArray::from(vec![Some("ab"), None, Some("äö"), Some("")])),
        of(StringViewArray::from(vec![
            Some("ab"),
            None,
            Some("äö"),
            Some(""),
        ])),
    ] {
        assert_eq!(
            (texts.nulls, texts.shortest, texts.longest),
            (1, Some(0), Some(4))
        );
    }
    let lists =
        ListArray::from_iter_primitive::<Int8Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    assert_eq!((lists.null_count(), of(lists).longest), (1, Some(2)));
    let dates = of(Date32Array::from(vec![10, -3]));
    assert_eq!(
        (dates.minimum.as_deref(), dates.mean, dates.histogram),
        (Some("-3"), None, None)
    );
    let decimals = Decimal128Array::from(vec![-5, 12345])
        .with_precision_and_scale(10, 2)
        .expect("a decimal");
    let decimals = of(decimals);
    assert_eq!(
        (decimals.minimum.as_deref(), decimals.maximum.as_deref()),
        (Some("-0.05"), Some("123.45"))
    );
}

#[test]
fn dictionaries_are_their_values() {
    let dictionary: DictionaryArray<Int8Type> =
        [Some("a"), None, Some("abc"), Some("a")].into_iter().collect();
    let own = of(dictionary);
    assert_eq!((own.nulls, own.shortest, own.longest), (1, Some(1), Some(3)));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![7, 90]));
    let keys = Int8Array::from(vec![Some(0), Some(0), None]);
    let numbers = DictionaryArray::new(keys, values);
    assert_eq!(
        numbers
            .values()
            .as_primitive::<arrow_array::types::Int64Type>()
            .len(),
        2
    );
    // A value that no row has does not count.
    let own = of(numbers);
    assert_eq!((own.maximum.as_deref(), own.nulls), (Some("7"), 1));
}
