//! Tensors read and compared, against one element at a time.

#![expect(clippy::float_cmp, reason = "elements are equal or they are not")]

mod support;

use lineaprint_engine::digest::model::Rules;
use lineaprint_engine::schedule::pool;
use lineaprint_engine::tensors::OpenTensors;
use lineaprint_engine::tensors::difference::{Compared, Difference, compare};
use lineaprint_engine::tensors::pairs::{Fold, Pair, Tile, fold};
use lineaprint_engine::{Code, Control, Result};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use support::{paint, safetensors};

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn open(path: &Path) -> OpenTensors {
    OpenTensors::open(&[path.to_owned()], Rules::Strict, &Control::new()).expect("opens")
}

/// Return the bytes of an npy file in Fortran order: it is gathered while it is read.
fn fortran(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({rows}, {columns}), }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    bytes.extend(header.as_bytes());
    for column in 0..columns {
        for row in 0..rows {
            bytes.extend(values[row * columns + column].to_le_bytes());
        }
    }
    bytes
}

#[test]
fn ranges_of_tensors_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = paint(3_000_001);
    let values: Vec<f32> = (0..600_000_u32).map(|value| f32::from_bits(value + 7)).collect();
    let file = safetensors(&[("a", "U8", &[3], &[1, 2, 3]), ("b", "U8", &[3_000_001], &large)]);
    let compact = open(&written(folder.path(), "m.safetensors", &file));
    let strided = open(&written(folder.path(), "m.npy", &fortran(300, 2000, &values)));
    let expected: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let control = Control::new();
    for (tensor, expected) in [
        (&compact.tensors()[compact.find("b").expect("there")], &large),
        (&strided.tensors()[0], &expected),
    ] {
        assert_eq!(tensor.bytes, expected.len() as u64);
        for (offset, length) in [
            (0, 7),
            (1_000_003, 900_001),
            (expected.len() - 5, 5),
            (expected.len(), 0),
        ] {
            let mut bytes = vec![0; length];
            tensor
                .read_at(offset as u64, &mut bytes, &control)
                .expect("reads");
            assert_eq!(bytes, expected[offset..offset + length]);
        }
        let pieces = tensor.with_reader(11, &control, |reader| {
            let mut bytes = vec![0; expected.len() - 11];
            for piece in bytes.chunks_mut(333_333) {
                reader.read(piece)?;
            }
            Ok(bytes)
        });
        assert_eq!(pieces.expect("reads"), expected[11..]);
        let beyond = tensor.read_at(tensor.bytes - 1, &mut [0; 2], &control);
        assert_eq!(beyond.expect_err("outside").code, Code::Range);
    }
    assert!(strided.tensors()[0].is_sequential());
    assert!(compact.index_of("c").is_err());
}

/// The number of elements that differ, and the elements of every tile.
struct Count;

impl Fold for Count {
    type Sum = (u64, Vec<u64>);

    fn begin(&self, _: usize) -> Self::Sum {
        (0, Vec::new())
    }

    fn add(&self, (changed, firsts): &mut Self::Sum, tile: &Tile<'_>) -> Result<()> {
        let (before, _) = tile.before.as_chunks::<4>();
        let (after, _) = tile.after.as_chunks::<4>();
        assert_eq!((before.len(), after.len()), (tile.elements, tile.elements));
        *changed += before
            .iter()
            .zip(after)
            .filter(|(before, after)| before != after)
            .count() as u64;
        firsts.push(tile.first);
        Ok(())
    }

    fn merge(&self, sum: &mut Self::Sum, next: Self::Sum) {
        sum.0 += next.0;
        sum.1.extend(next.1);
    }
}

#[test]
fn parts_of_tensors_are_paired() {
    let folder = tempfile::tempdir().expect("a folder");
    let values: Vec<u32> = (0..3_000_000).collect();
    let bytes = |values: &[u32]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let fused = safetensors(&[("qkv", "I32", &[3_000_000], &bytes(&values))]);
    let mut key = values[1_000_000..].to_vec();
    key[77] += 1;
    let split = safetensors(&[
        ("q", "I32", &[1_000_000], &bytes(&values[..1_000_000])),
        ("kv", "I32", &[2_000_000], &bytes(&key)),
    ]);
    let fused = open(&written(folder.path(), "fused.safetensors", &fused));
    let split = open(&written(folder.path(), "split.safetensors", &split));
    let pairs = [
        Pair {
            before: (0, 0),
            after: (split.find("q").expect("there"), 0),
            elements: 1_000_000,
        },
        Pair {
            before: (0, 1_000_000),
            after: (split.find("kv").expect("there"), 0),
            elements: 2_000_000,
        },
    ];
    for threads in [1, 3] {
        let pool = pool::create(threads).expect("a pool");
        let sums = pool.install(|| fold(&fused, &split, &pairs, &Count, &Control::new()));
        let sums = sums.expect("folds");
        assert_eq!((sums[0].0, sums[1].0), (0, 1));
        for (_, firsts) in &sums {
            assert!(firsts.len() > 3 && firsts.is_sorted());
        }
    }
    let outside = [Pair {
        elements: 1_000_001,
        ..pairs[0]
    }];
    let refused = fold(&fused, &split, &outside, &Count, &Control::new());
    assert!(matches!(refused, Err(error) if error.code == Code::Range));
}

/// Compute the difference one element at a time, in the plainest way.
fn slow(before: &[f64], after: &[f64]) -> Difference {
    let mut sum = Difference::default();
    for (before, after) in before.iter().copied().zip(after.iter().copied()) {
        sum.elements += 1;
        for (side, value) in [before, after].into_iter().enumerate() {
            sum.nan[side] += u64::from(value.is_nan());
            sum.infinite[side] += u64::from(value.is_infinite());
        }
        if before.is_nan() != after.is_nan() || (!before.is_nan() && before != after) {
            sum.changed += 1;
            if !(before.is_nan() || after.is_nan()) {
                sum.distant += 1;
                sum.largest_absolute = sum.largest_absolute.max((after - before).abs());
            }
        }
        if before.is_finite() && after.is_finite() {
            sum.norms[0] += before * before;
            sum.norms[1] += after * after;
            sum.squares += (after - before).powi(2);
            if before != after {
                let relative = (after - before).abs() / before.abs().max(after.abs());
                sum.largest_relative = sum.largest_relative.max(relative);
            }
        }
    }
    sum
}

fn assert_near(result: &Difference, expected: &Difference) {
    let counts = |sum: &Difference| (sum.elements, sum.changed, sum.distant, sum.nan, sum.infinite);
    assert_eq!(counts(result), counts(expected));
    let numbers = |sum: &Difference| {
        [
            sum.largest_absolute,
            sum.largest_relative,
            sum.squares,
            sum.norms[0],
            sum.norms[1],
        ]
    };
    let magnitude = expected.norms[0] + expected.norms[1];
    let off = (result.products() - expected.products()).abs();
    assert!(off.is_nan() || off <= 1e-9 * magnitude, "{off}");
    for (result, expected) in numbers(result).into_iter().zip(numbers(expected)) {
        let scale = expected.abs().max(1e-300);
        assert!(
            result == expected || (result - expected).abs() / scale < 1e-9,
            "{result} {expected}"
        );
    }
}

fn difference(folder: &Path, dtype: &str, shape: &[u64], before: &[u8], after: &[u8]) -> Difference {
    let file = |name: &str, bytes: &[u8]| {
        open(&written(
            folder,
            name,
            &safetensors(&[("t", dtype, shape, bytes)]),
        ))
    };
    let (before, after) = (file("before", before), file("after", after));
    let names = [("t".to_owned(), "t".to_owned())];
    match compare(&before, &after, &names, &Control::new())
        .expect("compares")
        .remove(0)
        .values
    {
        Compared::Values(difference) => difference,
        Compared::Not(reason) => panic!("{reason}"),
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => -4.0..4.0_f64,
        2 => Just(0.),
        1 => Just(-0.),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(1e-310),
        1 => (-400..400_i16).prop_map(|units| f64::from(units) * 1.401_298_464_324_817e-45),
        1 => Just(1e200),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn differences_are_those_of_one_element_at_a_time(
        before in prop::collection::vec(value(), 1..3000),
        seed in any::<u64>(),
        compact in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let before: Vec<f64> = before.into_iter().map(|value| {
            if compact && !(value.abs() < 10. && value.abs() > 1e-9) { 0.5 } else { value }
        }).collect();
        let mut state = seed;
        let after: Vec<f64> = before.iter().map(|value| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match state >> 61 {
                0 => value * 1.25,
                1 => -value,
                2 if !compact => f64::NAN,
                _ => *value,
            }
        }).collect();
        let length = [before.len() as u64];
        let wide = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let result = difference(folder.path(), "F64", &length, &wide(&before), &wide(&after));
        assert_near(&result, &slow(&before, &after));
        #[allow(clippy::cast_possible_truncation, reason = "values of f32 are what is tested")]
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let widened = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let (before, after) = (narrow(&before), narrow(&after));
        let result = difference(folder.path(), "F32", &length, &bytes(&before), &bytes(&after));
        assert_near(&result, &slow(&widened(&before), &widened(&after)));
        let cut = |values: &[f32]| -> Vec<f32> {
            values.iter().map(|value| f32::from_bits(value.to_bits() & 0xffff_0000)).collect()
        };
        let codes = |values: &[f32]| -> Vec<u8> {
            values.iter().flat_map(|value| [value.to_le_bytes()[2], value.to_le_bytes()[3]]).collect()
        };
        let (before, after) = (cut(&before), cut(&after));
        let result = difference(folder.path(), "BF16", &length, &codes(&before), &codes(&after));
        assert_near(&result, &slow(&widened(&before), &widened(&after)));
        let result = difference(folder.path(), "BF16", &length, &codes(&before), &codes(&before));
        assert_near(&result, &slow(&widened(&before), &widened(&before)));
    }
}

#[test]
fn bytes_are_the_same_whatever_they_stand_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let zeros = vec![0; 300_000];
    let (mut last, mut negative) = (zeros.clone(), zeros.clone());
    last[299_999] = 1;
    // The zeros of another sign are equal as numbers.
    negative[1] = 0x80;
    let tensors = [
        ("equal", "F16", &[150_000][..], &zeros),
        ("last", "F16", &[150_000], &zeros),
        ("sign", "F16", &[150_000], &zeros),
        ("reshaped", "F16", &[2, 75_000], &zeros),
        ("retyped", "F16", &[150_000], &zeros),
        ("rewritten", "F16", &[150_000], &zeros),
        ("longer", "F16", &[150_000], &zeros),
        ("wider", "F16", &[150_000], &zeros),
        ("empty", "F16", &[0, 3], &Vec::new()),
    ];
    let longer = vec![0; 300_002];
    let wide = vec![0; 600_000];
    let changed = [
        ("equal", "F16", &[150_000][..], &zeros, true),
        ("last", "F16", &[150_000], &last, false),
        ("sign", "F16", &[150_000], &negative, false),
        ("reshaped", "F16", &[150_000], &zeros, true),
        ("retyped", "BF16", &[150_000], &zeros, true),
        ("rewritten", "F32", &[75_000], &zeros, true),
        ("longer", "F16", &[150_001], &longer, false),
        ("wider", "F32", &[150_000], &wide, false),
        ("empty", "F16", &[3, 0], &Vec::new(), true),
    ];
    let write = |name: &str, tensors: &[(&str, &str, &[u64], &[u8])]| {
        let path = folder.path().join(name);
        fs::write(&path, safetensors(tensors)).expect("written");
        OpenTensors::open(&[path], Rules::Strict, &Control::new()).expect("opens")
    };
    let before = write(
        "a",
        &tensors.map(|(name, dtype, shape, bytes)| (name, dtype, shape, &bytes[..])),
    );
    let sides = changed.map(|(name, dtype, shape, bytes, _)| (name, dtype, shape, &bytes[..]));
    let after = write("b", &sides);
    let names = changed.map(|(name, ..)| (name.to_owned(), name.to_owned()));
    for threads in [1, 3] {
        let pool = pool::create(threads).expect("a pool");
        let results = pool.install(|| compare(&before, &after, &names, &Control::new()).expect("compares"));
        for ((name, .., same), result) in changed.iter().zip(results) {
            assert_eq!(result.same, *same, "{name}");
            if let Compared::Values(difference) = result.values {
                assert_eq!(difference.changed, u64::from(*name == "last"), "{name}");
            }
        }
    }
}

#[test]
fn large_tensors_have_the_same_difference_on_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = 5_000_001_usize;
    let bits = |seed: u32| -> Vec<u8> {
        let mut state = seed;
        (0..count)
            .flat_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Any sign and mantissa, and one of 16 exponents around one.
                u16::try_from(state >> 16 & 0x87ff | 0x3c00)
                    .expect("16 bits")
                    .to_le_bytes()
            })
            .collect()
    };
    let (before, after) = (bits(1), bits(2));
    let result = [1, 3].map(|threads| {
        let pool = pool::create(threads).expect("a pool");
        pool.install(|| difference(folder.path(), "BF16", &[count as u64], &before, &after))
    });
    assert_eq!(result[0], result[1]);
    let decode = |bytes: &[u8]| -> Vec<f64> {
        let (numbers, _) = bytes.as_chunks::<2>();
        let bits = numbers
            .iter()
            .map(|number| u32::from(u16::from_le_bytes(*number)) << 16);
        bits.map(|bits| f64::from(f32::from_bits(bits))).collect()
    };
    assert_near(&result[0], &slow(&decode(&before), &decode(&after)));
}

#[test]
fn integers_of_64_bits_are_compared_to_their_last_digit() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = |values: [i64; 3]| values.map(i64::to_le_bytes).concat();
    let before = bytes([i64::MAX, -1, 7]);
    let after = bytes([i64::MAX - 1, -1, i64::MIN]);
    let result = difference(folder.path(), "I64", &[3], &before, &after);
    assert_eq!((result.changed, result.distant), (2, 2));
    assert!((result.largest_absolute - 2_f64.powi(63)).abs() < 1e4);
}

#[test]
fn products_follow_from_the_other_sums() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = |values: [f32; 3]| values.map(f32::to_le_bytes).concat();
    for (before, after, expected) in [
        ([1., 2., 3.], [2., 4., 6.], 28.),
        ([1., 0., 0.], [0., 1., 0.], 0.),
        ([1., 2., 0.], [-1., -2., 0.], -5.),
    ] {
        let result = difference(folder.path(), "F32", &[3], &bytes(before), &bytes(after));
        assert!((result.products() - expected).abs() < 1e-12);
    }
}

#[test]
fn complex_numbers_differ_in_the_plane() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = |values: [f32; 6]| values.map(f32::to_le_bytes).concat();
    let before = bytes([0., 0., 1., 1., f32::NAN, 0.]);
    let after = bytes([3., 4., 1., 1., f32::NAN, 2.]);
    let result = difference(folder.path(), "C64", &[3], &before, &after);
    assert_eq!((result.elements, result.changed, result.nan), (3, 1, [1, 1]));
    assert_eq!(
        (result.largest_absolute, result.largest_relative, result.squares),
        (5., 1., 25.)
    );
}

#[test]
fn tensors_that_cannot_be_compared_have_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = safetensors(&[("t", "I64", &[2], &[0; 16]), ("u", "F32", &[2], &[0; 8])]);
    let after = safetensors(&[("t", "F64", &[2], &[0; 16]), ("u", "F32", &[1, 2], &[0; 8])]);
    let before = open(&written(folder.path(), "before", &before));
    let after = open(&written(folder.path(), "after", &after));
    let names = ["t", "u"].map(|name| (name.to_owned(), name.to_owned()));
    let compared = compare(&before, &after, &names, &Control::new()).expect("compares");
    let reasons = ["I64 and F64 cannot be compared exactly", "the shapes differ"];
    let values: Vec<Compared> = compared.into_iter().map(|pair| pair.values).collect();
    assert_eq!(values, reasons.map(|reason| Compared::Not(reason.to_owned())));
    let missing = compare(
        &before,
        &after,
        &[("x".to_owned(), "t".to_owned())],
        &Control::new(),
    );
    assert_eq!(missing.expect_err("not there").tensor.as_deref(), Some("x"));
}
