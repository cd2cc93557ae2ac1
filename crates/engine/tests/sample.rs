//! Samples of files and arrays: the fast path against plain gathering.

mod support;

use lineaprint_digest::sample::description::{self, Whole};
use lineaprint_digest::sample::{Amount, FILE_UNIT, Plan, Strategy as How};
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::sample::array::ArraySample;
use lineaprint_engine::digest::sample::file::{FileSample, sample_all, sample_path};
use lineaprint_engine::digest::sample::{Extent, describe};
use lineaprint_engine::schedule::fork_join::Helpers;
use lineaprint_engine::schedule::pool;
use lineaprint_engine::{Code, Control};
use proptest::prelude::*;
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use support::{chosen_bytes, paint};

const ALL: [Algorithms; 3] = [Algorithms::BLAKE3, Algorithms::SHA256, Algorithms::BOTH];
const STRATEGIES: [How; 3] = [How::Strided, How::Random { seed: 5 }, How::Blocks];

fn share(how: How, numerator: u64, denominator: u64) -> Plan {
    let amount = Amount::Share {
        numerator,
        denominator,
    };
    Plan::new(how, amount, 0).expect("a plan")
}

fn count(how: How, count: u64) -> Plan {
    Plan::new(how, Amount::Count(count), 0).expect("a plan")
}

/// Compute the digests of a file of these bytes in a slow and obvious way.
fn slowly(bytes: &[u8], plan: &Plan, algorithms: Algorithms) -> Digests {
    let (stream, sampled) = chosen_bytes(bytes, plan, FILE_UNIT);
    let digests = Digests::of(&stream, algorithms);
    if !sampled {
        return digests;
    }
    let bytes = bytes.len() as u64;
    let units = bytes.div_ceil(FILE_UNIT);
    describe(&digests, |algorithm, hash| {
        description::file(algorithm, plan, Whole { units, bytes }, hash)
    })
}

fn sample(path: &Path, plan: &Plan, algorithms: Algorithms, threads: usize) -> FileSample {
    pool::create(threads)
        .expect("a pool")
        .install(|| sample_path(path, plan, algorithms, &Control::new()))
        .expect("samples")
}

#[test]
fn windows_are_independent_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let bytes = paint(8_000_000);
    fs::write(&path, &bytes).expect("written");
    for plan in STRATEGIES.map(|how| share(how, 3, 7)) {
        for algorithms in ALL {
            let expected = slowly(&bytes, &plan, algorithms);
            for threads in [1, 2, 3, 9] {
                let sampled = sample(&path, &plan, algorithms, threads);
                assert_eq!(sampled.digests, expected, "{plan:?} on {threads} threads");
            }
        }
    }
}

#[test]
fn plan_of_everything_gives_the_ordinary_digest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    for length in [0, 1, 16_384, 16_385, 32_768, 100_000] {
        let bytes = paint(length);
        fs::write(&path, &bytes).expect("written");
        let units = (length as u64).div_ceil(FILE_UNIT);
        let above = Plan::new(How::Strided, Amount::Count(2), units).expect("a plan");
        for plan in [above, count(How::Blocks, 7), share(How::Strided, 1, 1)] {
            let outcome = sample(&path, &plan, Algorithms::BOTH, 2);
            assert_eq!(outcome.digests, Digests::of(&bytes, Algorithms::BOTH));
            let all = Extent {
                sampled: false,
                units,
                units_read: units,
                bytes: length as u64,
                bytes_read: length as u64,
            };
            assert_eq!((outcome.size, outcome.extent), (length as u64, all));
        }
    }
}

#[test]
fn only_chosen_bytes_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let bytes = paint(50 * 16_384 + 3);
    let units = (bytes.len() as u64).div_ceil(FILE_UNIT);
    for plan in STRATEGIES.map(|how| count(how, 9)) {
        let selection = plan.select(units).expect("a sample");
        let chosen: Vec<u64> = (0..selection.count()).map(|rank| selection.index(rank)).collect();
        fs::write(&path, &bytes).expect("written");
        let before = sample(&path, &plan, Algorithms::BLAKE3, 2);
        for unit in 0..units {
            let first = usize::try_from(unit * FILE_UNIT).expect("small");
            let last = (first + 16_383).min(bytes.len() - 1);
            for at in [first, last] {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                fs::write(&path, &changed).expect("written");
                let after = sample(&path, &plan, Algorithms::BLAKE3, 2);
                assert_eq!(
                    after.digests != before.digests,
                    chosen.contains(&unit),
                    "byte {at} with {plan:?}"
                );
            }
        }
        // One byte more in the last unit is another size and another unit.
        fs::write(&path, [bytes.as_slice(), b"x"].concat()).expect("written");
        assert_ne!(
            sample(&path, &plan, Algorithms::BLAKE3, 2).digests,
            before.digests
        );
    }
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good");
    fs::write(&good, paint(10 * 16_384)).expect("written");
    let paths = [good, folder.path().join("missing")];
    let control = Control::new();
    let outcome = sample_all(&paths, &count(How::Strided, 3), Algorithms::BLAKE3, &control);
    assert_eq!(
        outcome[0].as_ref().expect("samples").extent.bytes_read,
        3 * 16_384
    );
    assert_eq!(outcome[1].as_ref().expect_err("missing").code, Code::NotFound);
    let progress = control.progress();
    assert_eq!((progress.bytes_done, progress.bytes_total), (49_152, 49_152));
    assert_eq!((progress.files_done, progress.files_total), (1, 1));
    control.cancel();
    let outcome = sample_all(&paths[..1], &count(How::Strided, 3), Algorithms::BLAKE3, &control);
    assert_eq!(outcome[0].as_ref().expect_err("cancelled").code, Code::Cancelled);
}

/// Print the time (`cargo test -- --nocapture`) without a limit, because machines differ.
#[test]
fn sparse_file_of_100_gb_is_sampled() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sparse");
    let mut file = fs::File::create(&path).expect("made");
    file.set_len(100_000_000_000).expect("a sparse file");
    for how in STRATEGIES {
        let plan = share(how, 1, 1000);
        let started = std::time::Instant::now();
        let before = sample(&path, &plan, Algorithms::BLAKE3, pool::default_threads());
        let Extent {
            units_read,
            units,
            bytes_read,
            ..
        } = before.extent;
        let (name, time) = (how.name(), started.elapsed());
        println!("{name}: {units_read} of {units} units, {bytes_read} bytes, in {time:?}");
        assert!(units_read.abs_diff(6104) < 64 && units == 6_103_516);
        // The last byte is always read.
        file.seek(SeekFrom::Start(99_999_999_999)).expect("there");
        file.write_all(b"x").expect("written");
        let after = sample(&path, &plan, Algorithms::BLAKE3, 2);
        assert_ne!(after.digests, before.digests);
        file.seek(SeekFrom::Start(99_999_999_999)).expect("there");
        file.write_all(b"\0").expect("written");
    }
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let how = prop_oneof![
        Just(How::Strided),
        any::<u64>().prop_map(|seed| How::Random { seed }),
        Just(How::Blocks),
    ];
    let amount = prop_oneof![
        (1_u64..300).prop_map(Amount::Count),
        (1_u64..20, 1_u64..400).prop_map(|(numerator, more)| Amount::Share {
            numerator,
            denominator: numerator + more,
        }),
    ];
    (how, amount, 0_u64..20).prop_map(|(how, amount, above)| Plan::new(how, amount, above).expect("a plan"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sampled_files_equal_the_reference(plan in any_plan(), length in 0_usize..2_000_000) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let bytes = paint(length);
        fs::write(&path, &bytes).expect("written");
        let outcome = sample(&path, &plan, Algorithms::BOTH, 2);
        prop_assert_eq!(outcome.digests, slowly(&bytes, &plan, Algorithms::BOTH));
        let (stream, sampled) = chosen_bytes(&bytes, &plan, FILE_UNIT);
        prop_assert_eq!((outcome.extent.sampled, outcome.extent.bytes_read), (sampled, stream.len() as u64));
    }

    #[test]
    fn sampled_arrays_equal_the_reference(
        plan in any_plan(),
        elements in 0_usize..600_000,
        width in prop_oneof![Just(1_u64), Just(2), Just(4), Just(8)],
    ) {
        let bytes = paint(elements * usize::try_from(width).expect("small"));
        let (stream, sampled) = chosen_bytes(&bytes, &plan, width);
        let Some(mut array) = ArraySample::new(plan, Algorithms::BOTH, bytes.len() as u64, width) else {
            prop_assert!(!sampled);
            return Ok(());
        };
        prop_assert_eq!(array.step(&bytes[1..], Helpers::None), None);
        while array.step(&bytes, pool::helper_pool()).expect("the same length") < stream.len() as u64 {}
        let whole = Whole { units: elements as u64, bytes: bytes.len() as u64 };
        let shape = [elements as u64];
        let expected = describe(&Digests::of(&stream, Algorithms::BOTH), |algorithm, hash| {
            description::tensor(algorithm, &plan, whole, ("F32", &shape), hash)
        });
        prop_assert_eq!(array.finish("F32", &shape), Some(expected));
    }
}
