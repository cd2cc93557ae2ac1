//! Samples of models: the fast path against plain gathering.

mod support;

use lineaprint_digest::description::{Tensor, TensorType};
use lineaprint_digest::sample::description::{self, Whole};
use lineaprint_digest::sample::{Amount, Plan, Strategy as How};
use lineaprint_digest::{Algorithm, Algorithms, Digests};
use lineaprint_engine::Control;
use lineaprint_engine::digest::model::{Rules, SampledTensor, Shard, TensorDigests, Wanted, read};
use lineaprint_engine::digest::sample::describe;
use lineaprint_engine::digest::sample::model::{ModelSample, sample};
use lineaprint_engine::schedule::pool;
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use support::{chosen_bytes, paint, safetensors};

/// Name, dtype, width in bytes and elements.
type Made = (&'static str, &'static str, u64, u64);

/// Tensors whose chosen elements lie close together and far apart, on both sides of what is read with one call.
const TENSORS: [Made; 7] = [
    ("large", "F32", 4, 700_000),
    ("wide", "F64", 8, 90_000),
    ("bytes", "U8", 1, 65_000),
    ("halves", "F16", 2, 20_001),
    ("few", "I64", 8, 3),
    ("one", "F32", 4, 1),
    ("none", "F32", 4, 0),
];

fn bytes_of(tensor: &Made) -> Vec<u8> {
    let (name, _, width, elements) = tensor;
    let mut bytes = paint(usize::try_from(width * elements).expect("small"));
    // Tensors of one length differ.
    for byte in &mut bytes {
        *byte ^= name.as_bytes()[0];
    }
    bytes
}

/// Write the tensors to two files.
fn write(folder: &tempfile::TempDir, tensors: &[Made]) -> Vec<PathBuf> {
    let shards = [&tensors[..2], &tensors[2..]];
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    for (path, shard) in paths.iter().zip(shards) {
        let bytes: Vec<_> = shard.iter().map(bytes_of).collect();
        let shapes: Vec<_> = shard.iter().map(|tensor| [tensor.3]).collect();
        let given: Vec<_> = shard
            .iter()
            .zip(shapes.iter().zip(&bytes))
            .map(|((name, dtype, ..), (shape, bytes))| (*name, *dtype, shape.as_slice(), bytes.as_slice()))
            .collect();
        fs::write(path, safetensors(&given)).expect("written");
    }
    paths.to_vec()
}

/// Compute the digests of the weights in a slow and obvious way.
fn slowly(tensors: &[Made], plan: &Plan, algorithm: Algorithm) -> lineaprint_digest::Hash {
    let shapes: Vec<_> = tensors.iter().map(|tensor| [tensor.3]).collect();
    let mut bytes = 0;
    let mut described: Vec<_> = tensors
        .iter()
        .zip(&shapes)
        .map(|(tensor, shape)| {
            let data = bytes_of(tensor);
            bytes += data.len() as u64;
            let (stream, sampled) = chosen_bytes(&data, plan, tensor.2);
            let digest = Digests::of(&stream, Algorithms::BOTH)
                .get(algorithm)
                .expect("both");
            let (name, dtype, ..) = *tensor;
            (
                Tensor {
                    of: TensorType { name, dtype, shape },
                    digest,
                },
                sampled,
            )
        })
        .collect();
    if described.iter().any(|(_, sampled)| *sampled) {
        return description::weights(algorithm, plan, bytes, &mut described);
    }
    let mut full: Vec<_> = described.into_iter().map(|(tensor, _)| tensor).collect();
    lineaprint_digest::description::weights(algorithm, &mut full)
}

fn check(paths: &[PathBuf], tensors: &[Made], plan: &Plan, threads: usize) -> ModelSample {
    let outcome = pool::create(threads)
        .expect("a pool")
        .install(|| sample(paths, Rules::Strict, plan, Algorithms::BOTH, &Control::new()))
        .expect("samples");
    for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
        let expected = slowly(tensors, plan, algorithm);
        assert_eq!(
            outcome.weights.get(algorithm),
            Some(expected),
            "{plan:?} on {threads} threads"
        );
    }
    outcome
}

fn sampled(shard: &Shard) -> &[SampledTensor] {
    match &shard.tensors {
        TensorDigests::Sampled(tensors) => tensors,
        other => panic!("not sampled: {other:?}"),
    }
}

#[test]
fn each_tensor_has_its_own_digest() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = write(&folder, &TENSORS);
    let plan = Plan::new(How::Blocks, Amount::Count(1000), 70_000).expect("a plan");
    let outcome = check(&paths, &TENSORS, &plan, 2);
    let all: Vec<_> = outcome.shards.iter().flat_map(sampled).collect();
    // A shard lists its tensors by their names.
    let mut tensors = TENSORS;
    tensors[..2].sort_unstable();
    tensors[2..].sort_unstable();
    assert_eq!(all.len(), tensors.len());
    for (tensor, outcome) in tensors.iter().zip(all) {
        let data = bytes_of(tensor);
        let (stream, sampled) = chosen_bytes(&data, &plan, tensor.2);
        let digests = Digests::of(&stream, Algorithms::BOTH);
        let whole = Whole {
            units: tensor.3,
            bytes: data.len() as u64,
        };
        let alone = describe(&digests, |algorithm, hash| {
            description::tensor(algorithm, &plan, whole, (tensor.1, &[tensor.3]), hash)
        });
        let expected = if sampled {
            SampledTensor::Part(alone)
        } else {
            SampledTensor::Whole(digests)
        };
        assert_eq!(*outcome, expected, "{}", tensor.0);
    }
    let read: u64 = 960 * 4 + 960 * 8 + 65_000 + 2 * 20_001 + 8 * 3 + 4;
    assert_eq!(
        (outcome.extent.bytes_read, outcome.extent.bytes),
        (read, read + 699_040 * 4 + 89_040 * 8)
    );
}

#[test]
fn plan_of_everything_gives_the_weights_digest() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = write(&folder, &TENSORS);
    let plan = Plan::new(How::Strided, Amount::Count(2), 700_000).expect("a plan");
    let outcome = check(&paths, &TENSORS, &plan, 3);
    assert!(!outcome.extent.sampled && outcome.extent.units == outcome.extent.units_read);
    let full = read(
        &paths,
        Wanted::Tensors(Algorithms::BOTH),
        Rules::Strict,
        &Control::new(),
    )
    .expect("reads");
    for (sample, full) in outcome.shards.iter().zip(&full) {
        assert!(
            sampled(sample)
                .iter()
                .all(|tensor| matches!(tensor, SampledTensor::Whole(_)))
        );
        assert_eq!(sample.tensors.all(), full.tensors.all());
    }
}

#[test]
fn progress_counts_read_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = write(&folder, &TENSORS);
    let plan = Plan::new(How::Strided, Amount::Count(5), 0).expect("a plan");
    let control = Control::new();
    let outcome = sample(&paths, Rules::Strict, &plan, Algorithms::BLAKE3, &control).expect("samples");
    let progress = control.progress();
    assert_eq!(progress.bytes_done, outcome.extent.bytes_read);
    assert_eq!(progress.bytes_total, outcome.extent.bytes_read);
    assert_eq!((progress.files_done, progress.files_total), (2, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sampled_models_equal_the_reference(
        how in prop_oneof![
            Just(How::Strided),
            any::<u64>().prop_map(|seed| How::Random { seed }),
            Just(How::Blocks),
        ],
        denominator in prop_oneof![2_u64..20, 20_u64..3000],
        above in prop_oneof![Just(0_u64), 0_u64..100_000],
        threads in 1_usize..6,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = write(&folder, &TENSORS);
        let plan = Plan::new(how, Amount::Share { numerator: 1, denominator }, above).expect("a plan");
        check(&paths, &TENSORS, &plan, threads);
    }
}
