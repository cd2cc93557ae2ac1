//! The health of tensors in the read of their digests, against one number at a time.

mod support;

use lineaprint_digest::Algorithms;
use lineaprint_engine::Control;
use lineaprint_engine::digest::model::{Rules, Shard, Wanted, read, read_with_health};
use lineaprint_engine::tensors::health::Health;
use std::fs;
use support::safetensors;

/// Compute the health of 32-bit numbers.
fn slow(values: &[f32]) -> Health {
    let mut health = Health::default();
    for value in values.iter().copied().map(f64::from) {
        health.numbers += 1;
        health.nan += u64::from(value.is_nan());
        health.infinite += u64::from(value.is_infinite());
        health.zeros += u64::from(value == 0.);
        if value.is_finite() {
            health.minimum = health.minimum.min(value);
            health.maximum = health.maximum.max(value);
            health.sum += value;
            health.squares += value * value;
        }
    }
    health
}

fn healths(shards: &[Shard]) -> Vec<Option<Health>> {
    shards[0].health.clone().expect("wanted")
}

#[test]
fn health_comes_with_the_digests_and_does_not_change_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut values: Vec<f32> = (0_u16..3_000)
        .cycle()
        .take(3_000_001)
        .map(|number| f32::from(number) * 0.001 - 1.)
        .collect();
    values[7] = f32::NAN;
    values[2_999_999] = f32::NEG_INFINITY;
    values[1_500_000] = 0.;
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = safetensors(&[
        ("a", "F32", &[5], &[0; 20]),
        ("b", "F32", &[3_000_001], &bytes),
        ("c", "I64", &[2], &[0; 16]),
        ("d", "F64", &[0], &[]),
    ]);
    let path = folder.path().join("m.safetensors");
    fs::write(&path, file).expect("written");
    let control = Control::new();
    for algorithms in [Algorithms::BLAKE3, Algorithms::SHA256, Algorithms::BOTH] {
        for wanted in [
            Wanted::Tensors(algorithms),
            Wanted::Both {
                tensors: algorithms,
                files: algorithms,
            },
        ] {
            let paths = [path.clone()];
            let alone = read(&paths, wanted, Rules::Strict, &control).expect("reads");
            let shards = read_with_health(&paths, wanted, Rules::Strict, &control).expect("reads");
            assert_eq!(alone[0].tensors, shards[0].tensors);
            assert_eq!(alone[0].file, shards[0].file);
            assert!(alone[0].health.is_none());
            let result = healths(&shards);
            assert_eq!(result[0], Some(slow(&[0.; 5])));
            let large = result[1].expect("decoded");
            let expected = slow(&values);
            let counts = |health: &Health| (health.numbers, health.nan, health.infinite, health.zeros);
            assert_eq!(counts(&large), counts(&expected));
            assert_eq!(large.minimum.to_bits(), expected.minimum.to_bits());
            assert_eq!(large.maximum.to_bits(), expected.maximum.to_bits());
            assert!((large.sum - expected.sum).abs() < 1e-6 * expected.sum.abs());
            assert!((large.squares - expected.squares).abs() < 1e-9 * expected.squares);
            assert_eq!(result[2], None, "whole numbers");
            assert_eq!(result[3], Some(Health::default()));
        }
    }
}
