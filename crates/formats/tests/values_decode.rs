//! Elements decoded into numbers, against slow references and against digests of what numpy, `ml_dtypes` and `gguf` decode.

#![expect(
    clippy::float_cmp,
    clippy::cast_lossless,
    clippy::cast_precision_loss,
    reason = "numbers are equal or they are not, and one macro converts all types as Rust does"
)]

use half::{bf16, f16};
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_formats::model::dtype::{DTYPES, Dtype, OTHER_DTYPES};
use lineaprint_formats::values::blocks::NOT_DECODED;
use lineaprint_formats::values::{Decoder, Kind};
use proptest::prelude::*;
use serde_json::Value;
use std::fmt::Write as _;

const VECTORS: &str = include_str!("values/vectors.json");
const BLOCKS: usize = 256;

fn dtype(name: &str) -> Dtype {
    let all = DTYPES.into_iter().chain(OTHER_DTYPES);
    let mut all = all.chain(lineaprint_formats::model::gguf::block_dtypes());
    all.find(|dtype| dtype.name() == name).expect("a known dtype")
}

fn decoder(name: &str) -> Decoder {
    Decoder::of(dtype(name)).expect("a decoder")
}

fn decode(name: &str, bytes: &[u8]) -> Vec<f32> {
    let decoder = decoder(name);
    let unit = decoder.unit();
    let mut values = vec![0.; bytes.len() / unit.bytes * unit.values];
    assert_eq!(decoder.decode_f32(bytes, &mut values), values.len());
    let mut wide = vec![0.; values.len()];
    assert_eq!(decoder.decode_f64(bytes, &mut wide), values.len());
    if decoder.fits_f32() {
        for (value, wide) in values.iter().zip(&wide) {
            assert_eq!(f64::from(*value).to_bits(), wide.to_bits());
        }
    }
    values
}

/// Return the SHA-256 of values, with one bit pattern for NaN.
fn sha256(values: &[f32]) -> String {
    let bytes: Vec<u8> = values
        .iter()
        .map(|value| if value.is_nan() { f32::NAN } else { *value })
        .flat_map(f32::to_le_bytes)
        .collect();
    let hash = Digests::of(&bytes, Algorithms::SHA256).sha256.expect("asked for");
    hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

fn generate(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        })
        .collect()
}

#[test]
fn blocks_are_decoded_as_gguf_decodes_them() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let blocks = vectors["blocks"].as_object().expect("an object");
    assert_eq!(blocks.len(), 23);
    for (name, vector) in blocks {
        let size = usize::try_from(vector["bytes"].as_u64().expect("a number")).expect("small");
        let mut data = generate(size * BLOCKS);
        for block in data.chunks_exact_mut(size) {
            for at in vector["scales"].as_array().expect("an array") {
                block[usize::try_from(at.as_u64().expect("a number")).expect("small")] &= 0xbf;
            }
        }
        assert_eq!(
            sha256(&decode(name, &data)),
            vector["sha256"].as_str().expect("text"),
            "{name}"
        );
    }
}

#[test]
fn every_code_of_a_small_float_has_the_value_of_the_reference() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let tables = vectors["tables"].as_object().expect("an object");
    assert_eq!(tables.len(), 10);
    for (name, digest) in tables {
        let bytes: Vec<u8> = match name.as_str() {
            "F16" | "BF16" => (0..=u16::MAX).flat_map(u16::to_le_bytes).collect(),
            // Codes 0 to 63 in six bits each, and 0 to 15 in four.
            "F6_E2M3" | "F6_E3M2" => pack(6, 64),
            "F4" => pack(4, 16),
            _ => (0..=255).collect(),
        };
        assert_eq!(
            sha256(&decode(name, &bytes)),
            digest.as_str().expect("text"),
            "{name}"
        );
    }
}

/// Pack the codes below `count` into `bits` bits each, the lowest bits first.
fn pack(bits: usize, count: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; bits * count / 8];
    for code in 0..count {
        for bit in 0..bits {
            let at = code * bits + bit;
            bytes[at / 8] |= u8::from(code >> bit & 1 == 1) << (at % 8);
        }
    }
    bytes
}

#[test]
fn halves_have_the_values_of_another_implementation() {
    for bits in 0..=u16::MAX {
        let bytes = bits.to_le_bytes();
        for (value, expected) in [
            (decode("F16", &bytes)[0], f16::from_bits(bits).to_f32()),
            (decode("BF16", &bytes)[0], bf16::from_bits(bits).to_f32()),
        ] {
            let same = value.to_bits() == expected.to_bits() || (value.is_nan() && expected.is_nan());
            assert!(same, "{bits:#06x}: {value} and {expected}");
        }
    }
}

/// Decode Q8_1 and Q8_K, for which the reference has no decoder, one element at a time.
#[test]
fn blocks_of_bytes_are_scaled() {
    let mut block = generate(36);
    block[1] &= 0xbf;
    let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
    for (at, value) in decode("GGML_Q8_1", &block).into_iter().enumerate() {
        let code = f32::from(block[4 + at].cast_signed());
        assert_eq!(value.to_bits(), (scale * code).to_bits());
    }
    let mut block = generate(292);
    block[..4].copy_from_slice(&0.37_f32.to_le_bytes());
    for (at, value) in decode("GGML_Q8_K", &block).into_iter().enumerate() {
        let code = f32::from(block[4 + at].cast_signed());
        assert_eq!(value.to_bits(), (0.37 * code).to_bits());
    }
}

proptest! {
    #[test]
    fn numbers_are_read_as_rust_reads_them(bytes in prop::collection::vec(any::<u8>(), 16..200)) {
        macro_rules! check {
            ($name:literal, $type:ty) => {
                let mut wide = vec![0.; bytes.len() / size_of::<$type>()];
                prop_assert_eq!(decoder($name).decode_f64(&bytes, &mut wide), wide.len());
                for (own, wide) in bytes.chunks_exact(size_of::<$type>()).zip(wide) {
                    let expected = <$type>::from_le_bytes(own.try_into().expect("its width")) as f64;
                    prop_assert!(wide == expected || (wide.is_nan() && expected.is_nan()));
                }
            };
        }
        check!("F64", f64);
        check!("F32", f32);
        check!("C64", f32);
        check!("C128", f64);
        check!("U64", u64);
        check!("I64", i64);
        check!("U32", u32);
        check!("I32", i32);
        check!("U16", u16);
        check!("I16", i16);
        check!("U8", u8);
        check!("BOOL", u8);
        check!("I8", i8);
    }

    #[test]
    fn packed_integers_are_read_from_the_lowest_bits(bytes in prop::collection::vec(any::<u8>(), 1..50)) {
        for (name, bits, signed) in [("U4", 4, false), ("I4", 4, true), ("U2", 2, false), ("I2", 2, true)] {
            for (at, value) in decode(name, &bytes).into_iter().enumerate() {
                let code = i32::from(bytes[at * bits / 8] >> (at * bits % 8)) & ((1 << bits) - 1);
                let top = 1 << (bits - 1);
                let expected = if signed && code >= top { code - 2 * top } else { code };
                prop_assert_eq!(f64::from(value), f64::from(expected));
            }
        }
    }
}

#[test]
fn only_named_dtypes_have_no_decoder() {
    let all = DTYPES.into_iter().chain(OTHER_DTYPES);
    let all = all.chain(lineaprint_formats::model::gguf::block_dtypes());
    let mut without: Vec<String> = all
        .filter(|dtype| Decoder::of(*dtype).is_none())
        .map(|dtype| dtype.name().to_owned())
        .collect();
    without.sort_unstable();
    let mut named = NOT_DECODED.map(str::to_owned);
    named.sort_unstable();
    assert_eq!(without, named);
    assert!(Decoder::of(Dtype::opaque(4)).is_none());
}

#[test]
fn units_fit_the_table_of_dtypes() {
    for dtype in DTYPES
        .into_iter()
        .chain(OTHER_DTYPES)
        .chain(lineaprint_formats::model::gguf::block_dtypes())
    {
        let Some(decoder) = Decoder::of(dtype) else {
            continue;
        };
        let unit = decoder.unit();
        let elements = unit.values / decoder.values_per_element();
        assert_eq!(
            dtype.bytes_of(elements as u64),
            Some(unit.bytes as u64),
            "{dtype:?}"
        );
        assert_eq!(1024 % unit.values, 0, "{dtype:?}");
    }
}

#[test]
fn kinds_are_distinguished() {
    for (name, kind) in [
        ("F4", Kind::Float),
        ("U4", Kind::Integer),
        ("C64", Kind::Complex),
        ("F32", Kind::Float),
        ("BOOL", Kind::Integer),
        ("GGML_Q4_0", Kind::Block),
    ] {
        assert_eq!(decoder(name).kind(), kind, "{name}");
    }
    assert_eq!(decoder("C128").values_per_element(), 2);
    assert_eq!(decoder("I64").wide(&(-5_i64).to_le_bytes()), Some(-5));
    assert_eq!(
        decoder("U64").wide(&u64::MAX.to_le_bytes()),
        Some(i128::from(u64::MAX))
    );
    assert_eq!(decoder("F64").wide(&[0; 8]), None);
}

#[test]
fn too_few_bytes_decode_what_is_there() {
    let mut values = [7.; 40];
    assert_eq!(decoder("F32").decode_f32(&[0; 9], &mut values), 2);
    assert_eq!(decoder("GGML_Q4_0").decode_f32(&[0; 35], &mut values), 32);
    assert_eq!(decoder("F4").decode_f32(&[0x21], &mut values[..1]), 1);
    assert_eq!(decoder("F6_E2M3").decode_f32(&[0xff; 2], &mut values), 2);
    assert_eq!(decoder("U2").decode_f32(&[], &mut values), 0);
}
