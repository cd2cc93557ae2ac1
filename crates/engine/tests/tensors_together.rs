//! Digests and comparisons of one read, against those of a read each.

mod support;

use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::derivation::{
    Check, CheckDerivations, HashAndCheck, HashedAndChecked, Method, Outcome, Sources,
};
use lineaprint_engine::digest::model::{KnownFile, Rules, Wanted, read, read_knowing};
use lineaprint_engine::schedule::job::Job as _;
use lineaprint_engine::schedule::pool;
use lineaprint_engine::tensors::OpenTensors;
use lineaprint_engine::tensors::difference::{Compared, compare};
use lineaprint_engine::tensors::values::{HashAndCompare, HashedAndCompared};
use lineaprint_engine::{Code, Control};
use lineaprint_formats::derivation::float::Rounding;
use lineaprint_formats::derivation::layout::Part;
use lineaprint_formats::derivation::rule::Rule;
use std::fs;
use std::path::{Path, PathBuf};
use support::safetensors;

type Tensor<'a> = (&'a str, &'a str, &'a [u64], &'a [u8]);

fn written(folder: &Path, name: &str, tensors: &[Tensor<'_>]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, safetensors(tensors)).expect("written");
    path
}

/// Return numbers of moderate size out of a seed.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(state >> 8 & 0x007f_ffff | 0x3c00_0000 | state & 0x8000_0000)
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Return the upper halves of numbers, cut off.
fn brains(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| [value.to_le_bytes()[2], value.to_le_bytes()[3]])
        .collect()
}

/// Check the digests that a read has made against those of the bytes alone, and the shards that come of them.
fn assert_known(known: &[KnownFile], paths: &[&PathBuf]) {
    for file in known {
        let content = fs::read(&file.path).expect("reads");
        for (start, end, hash) in &file.spans {
            let range = usize::try_from(*start).expect("small")..usize::try_from(*end).expect("small");
            let expected = Digests::of(&content[range], Algorithms::BLAKE3).blake3;
            assert_eq!(Some(*hash), expected, "{} from {start}", file.path.display());
        }
    }
    let wanted = Wanted::Tensors(Algorithms::BLAKE3);
    for path in paths {
        let control = Control::new();
        let paths = [(*path).clone()];
        let alone = read(&paths, wanted, Rules::Strict, &control).expect("reads");
        let knowing = read_knowing(&paths, wanted, Rules::Strict, known, &control).expect("reads");
        assert_eq!(knowing[0].tensors, alone[0].tensors);
    }
}

fn compared(before: &Path, after: &Path, threads: usize) -> HashedAndCompared {
    let request = HashAndCompare {
        before: vec![before.to_owned()],
        after: vec![after.to_owned()],
        rules: Rules::Strict,
    };
    let pool = pool::create(threads).expect("a pool");
    pool.install(|| request.run(&Control::new())).expect("compares")
}

#[test]
fn values_of_one_read_are_those_of_two() {
    const LARGE: usize = 3_000_001;
    let folder = tempfile::tempdir().expect("a folder");
    let (large, middle) = (numbers(LARGE, 1), numbers(150_003, 2));
    // The same tiles come before the one that differs, in a part of its own and within one.
    let mut late = large.clone();
    late[1_500_000] += 1.;
    let mut special = middle.clone();
    special[0] = f32::NAN;
    special[149_999] = f32::INFINITY;
    let (large_bytes, middle_bytes) = (bytes(&large), bytes(&middle));
    let (large_codes, late_codes) = (brains(&large), brains(&late));
    let (late_bytes, special_bytes) = (bytes(&late), bytes(&special));
    let (cut, other) = (brains(&middle), bytes(&numbers(150_003, 3)));
    let length = [LARGE as u64];
    let short = [150_003];
    let before: [Tensor<'_>; 8] = [
        ("changed throughout", "F32", &short, &middle_bytes),
        ("cut", "F32", &short, &middle_bytes),
        ("large", "F32", &length, &large_bytes),
        ("late", "F32", &length, &large_bytes),
        ("late codes", "BF16", &length, &large_codes),
        ("only before", "F32", &short, &middle_bytes),
        ("small", "F32", &[2], &[1; 8]),
        ("special", "F32", &short, &middle_bytes),
    ];
    let after: [Tensor<'_>; 8] = [
        ("special", "F32", &short, &special_bytes),
        ("small", "F32", &[2], &[2; 8]),
        ("only after", "F32", &short, &middle_bytes),
        ("late", "F32", &length, &late_bytes),
        ("late codes", "BF16", &length, &late_codes),
        ("large", "F32", &length, &large_bytes),
        ("cut", "BF16", &short, &cut),
        ("changed throughout", "F32", &short, &other),
    ];
    let first = written(folder.path(), "a", &before);
    let second = written(folder.path(), "b", &after);
    let names = ["changed throughout", "cut", "late", "late codes", "special"];
    let pairs = names.map(|name| (name.to_owned(), name.to_owned()));
    let open = |path: &PathBuf| {
        OpenTensors::open(std::slice::from_ref(path), Rules::Strict, &Control::new()).expect("opens")
    };
    let expected = compare(&open(&first), &open(&second), &pairs, &Control::new()).expect("compares");
    let expected: Vec<Compared> = expected.into_iter().map(|pair| pair.values).collect();
    for threads in [1, 3] {
        let mut found = compared(&first, &second, threads);
        found.compared.sort_by(|a, b| a.0.cmp(&b.0));
        let (found_names, results): (Vec<String>, Vec<Compared>) = found.compared.into_iter().unzip();
        assert_eq!(found_names, names);
        // To the last bit, but for NaN, which is in none of them.
        assert_eq!(results, expected);
        assert_eq!(
            found
                .known
                .iter()
                .map(|file| file.spans.len())
                .collect::<Vec<_>>(),
            [6, 6]
        );
        assert_known(&found.known, &[&first, &second]);
    }
}

#[test]
fn known_digests_of_a_file_that_changed_do_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = bytes(&numbers(100_000, 1));
    let path = written(folder.path(), "a", &[("t", "F32", &[100_000], &values)]);
    let mut known = compared(&path, &path, 1).known;
    known.truncate(1);
    known[0].spans[0].2 = [7; 32];
    let wanted = Wanted::Tensors(Algorithms::BLAKE3);
    let digest = |known: &[KnownFile]| {
        let shards = read_knowing(
            std::slice::from_ref(&path),
            wanted,
            Rules::Strict,
            known,
            &Control::new(),
        );
        shards.expect("reads")[0].tensors.all().expect("hashed")[0].blake3
    };
    assert_eq!(
        digest(&known),
        Some([7; 32]),
        "it is used while the file is the same"
    );
    known[0].stamp.push('0');
    assert_eq!(digest(&known), Digests::of(&values, Algorithms::BLAKE3).blake3);
}

fn whole(name: &str, view: &[u64]) -> (String, Part) {
    let part = Part {
        view: view.to_vec(),
        slice: None,
        order: (0..view.len()).collect(),
    };
    (name.to_owned(), part)
}

fn check(target: &str, view: &[u64], parts: Vec<(String, Part)>, rule: Rule) -> Check {
    Check {
        target: target.to_owned(),
        sources: Sources {
            view: view.to_vec(),
            axis: 0,
            parts,
        },
        by: Method::Rule(rule),
    }
}

#[test]
fn checks_of_one_read_are_those_of_two() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = numbers(1024 * 1500, 4);
    let parts = [(256, 5), (64, 6), (64, 7)].map(|(rows, seed)| numbers(rows * 512, seed));
    let mut wrong = large.clone();
    wrong[1_400_000] = 0.25;
    let joined: Vec<u8> = parts.iter().flat_map(|part| bytes(part)).collect();
    let mut swapped = joined.clone();
    swapped.rotate_left(64 * 512 * 4);
    let [q, k, v] = parts.each_ref().map(|part| bytes(part));
    let (large_bytes, wrong_bytes, cut) = (bytes(&large), bytes(&wrong), brains(&large));
    let shape = [1500, 1024];
    let before: [Tensor<'_>; 7] = [
        ("cast", "BF16", &shape, &cut),
        ("copy", "F32", &shape, &large_bytes),
        ("copy of another", "F32", &shape, &large_bytes),
        ("k", "F32", &[64, 512], &k),
        ("other", "BF16", &shape, &cut),
        ("q", "F32", &[256, 512], &q),
        ("v", "F32", &[64, 512], &v),
    ];
    let widened: Vec<u8> = cut
        .as_chunks::<2>()
        .0
        .iter()
        .flat_map(|code| [0, 0, code[0], code[1]])
        .collect();
    let after: [Tensor<'_>; 5] = [
        ("cast", "F32", &shape, &widened),
        ("changed", "F32", &shape, &wrong_bytes),
        ("copy", "F32", &shape, &large_bytes),
        ("not the cast", "F32", &shape, &large_bytes),
        ("qkv", "F32", &[384, 512], &joined),
    ];
    let first = written(folder.path(), "a", &before);
    let second = written(folder.path(), "b", &after);
    let cast = Rule::Cast(Rounding::NearestEven);
    let heads = || {
        vec![
            whole("q", &[256, 512]),
            whole("k", &[64, 512]),
            whole("v", &[64, 512]),
        ]
    };
    let checks = vec![
        check("copy", &shape, vec![whole("copy", &shape)], Rule::Copy),
        check("cast", &shape, vec![whole("cast", &shape)], cast),
        check("qkv", &[384, 512], heads(), Rule::Copy),
        check(
            "changed",
            &shape,
            vec![whole("copy of another", &shape)],
            Rule::Copy,
        ),
        check("not the cast", &shape, vec![whole("other", &shape)], cast),
        // Its tensors are in checks before it.
        check("copy", &shape, vec![whole("copy of another", &shape)], Rule::Copy),
    ];
    let files = (vec![first.clone()], vec![second.clone()]);
    let slow = CheckDerivations {
        before: files.0.clone(),
        after: files.1.clone(),
        adapter: Vec::new(),
        rules: Rules::Strict,
        checks: checks.clone(),
    };
    let pool = pool::create(2).expect("a pool");
    let expected = pool.install(|| slow.run(&Control::new())).expect("checks");
    let run = |after: Vec<PathBuf>| -> HashedAndChecked {
        let request = HashAndCheck {
            before: files.0.clone(),
            after,
            rules: Rules::Strict,
            checks: checks.clone(),
        };
        pool.install(|| request.run(&Control::new())).expect("checks")
    };
    let checked = run(files.1.clone());
    for (index, expected) in expected.iter().enumerate().take(5) {
        let (Some(Outcome::Compared(found)), Outcome::Compared(expected)) =
            (&checked.outcomes[index], expected)
        else {
            panic!("check {index} was not made");
        };
        assert_eq!(found, expected);
    }
    assert!(checked.outcomes[5].is_none());
    let different = checked.outcomes.iter().flatten().map(|outcome| match outcome {
        Outcome::Compared(found) => found.different > 0,
        _ => false,
    });
    assert_eq!(different.collect::<Vec<_>>(), [false, false, false, true, true]);
    assert_known(&checked.known, &[&first, &second]);
    // Parts in another order are found in the same read.
    let mut faulty = after;
    faulty[4].3 = &swapped;
    let third = written(folder.path(), "c", &faulty);
    let checked = run(vec![third.clone()]);
    let Some(Outcome::Compared(joined)) = &checked.outcomes[2] else {
        panic!("the joined tensor was not checked");
    };
    assert!(joined.different > 0 && joined.first == Some(0));
    assert_known(&checked.known, &[&third]);
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = bytes(&numbers(100_000, 1));
    let path = written(folder.path(), "a", &[("t", "F32", &[100_000], &values)]);
    let content = fs::read(&path).expect("reads");
    let short = folder.path().join("b");
    fs::write(&short, &content[..content.len() - 1]).expect("written");
    let request = HashAndCompare {
        before: vec![path],
        after: vec![short],
        rules: Rules::Strict,
    };
    let pool = pool::create(1).expect("a pool");
    let error = pool
        .install(|| request.run(&Control::new()))
        .expect_err("it is short");
    assert_eq!(error.code, Code::Format);
}
