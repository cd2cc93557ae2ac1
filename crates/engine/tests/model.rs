//! Models: tensors hashed where they lie, alone and together with their files.

mod support;

use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::model::{
    Location, Rules, Shard, ShardTensor, TensorDigests, Wanted, check_index, read, read_index,
};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::{Code, Control};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use support::{paint, safetensors};

fn wanted(tensors: Algorithms, files: Option<Algorithms>) -> Wanted {
    match files {
        None => Wanted::Tensors(tensors),
        Some(files) => Wanted::Both { tensors, files },
    }
}

fn digests(shard: &Shard) -> &[Digests] {
    match &shard.tensors {
        TensorDigests::Hashed { digests, .. } => digests,
        other => panic!("not hashed: {other:?}"),
    }
}

/// Return where a tensor lies in its file.
fn range(tensor: &ShardTensor) -> Range<usize> {
    match tensor.location {
        Location::Range {
            sibling: None,
            start,
            end,
        } => usize::try_from(start).expect("small")..usize::try_from(end).expect("small"),
        other => panic!("not in the file: {other:?}"),
    }
}

/// Return a shard with small, empty and large tensors, the large ones longer than a subtree and of odd lengths.
fn shard(folder: &Path, name: &str, seed: usize) -> (PathBuf, Vec<u8>) {
    let large = paint(9_000_001 + seed);
    let edge = paint(4 << 20);
    let over = paint((4 << 20) + 1);
    let bytes = safetensors(&[
        ("small", "U8", &[3], &[1, 2, 3]),
        ("none", "F32", &[0], &[]),
        ("large", "U8", &[large.len() as u64], &large),
        ("edge", "U8", &[edge.len() as u64], &edge),
        ("scalar", "F32", &[], &[0, 0, 128, 63]),
        ("over", "U8", &[over.len() as u64], &over),
        ("last", "F64", &[1], &[0; 8]),
    ]);
    let path = folder.join(name);
    fs::write(&path, &bytes).expect("written");
    (path, bytes)
}

#[test]
fn all_ways_of_reading_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    let shards = [shard(folder.path(), "1", 0), shard(folder.path(), "2", 7)];
    let paths: Vec<PathBuf> = shards.iter().map(|(path, _)| path.clone()).collect();
    for threads in [1, 2, 4] {
        let pool = pool::create(threads).expect("a pool");
        for algorithms in [Algorithms::BLAKE3, Algorithms::SHA256, Algorithms::BOTH] {
            for files in [None, Some(algorithms)] {
                let read = pool
                    .install(|| read(&paths, wanted(algorithms, files), Rules::Strict, &Control::new()))
                    .expect("reads");
                for (shard, (_, bytes)) in read.iter().zip(&shards) {
                    assert_eq!(shard.contents.tensors.len(), 7);
                    for (tensor, digests) in shard.contents.tensors.iter().zip(digests(shard)) {
                        let range = range(tensor);
                        assert_eq!(
                            *digests,
                            Digests::of(&bytes[range], algorithms),
                            "{}",
                            tensor.name
                        );
                    }
                    assert_eq!(shard.file, files.map(|algorithms| Digests::of(bytes, algorithms)));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Read tensors of any length at any offset, small ones and ones that span subtrees.
    #[test]
    fn tensors_of_any_length_have_the_digests_of_their_bytes(
        lengths in proptest::collection::vec(prop_oneof![0_usize..3000, 4_190_000..4_200_000_usize, Just(1024), Just(0)], 0..9),
        padding in 0_usize..1100,
        threads in 1_usize..4,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let painted: Vec<(String, Vec<u8>, [u64; 1])> = lengths
            .iter()
            .enumerate()
            .map(|(index, length)| (format!("t{index}"), paint(*length), [*length as u64]))
            .collect();
        let long_name = "n".repeat(padding);
        let mut tensors: Vec<(&str, &str, &[u64], &[u8])> = painted
            .iter()
            .map(|(name, bytes, shape)| (name.as_str(), "U8", shape.as_slice(), bytes.as_slice()))
            .collect();
        tensors.push((&long_name, "U8", &[1], &[7]));
        let bytes = safetensors(&tensors);
        let path = folder.path().join("shard");
        fs::write(&path, &bytes).expect("written");
        for (tensors, files) in [(Algorithms::BLAKE3, None), (Algorithms::BLAKE3, Some(Algorithms::BLAKE3)), (Algorithms::SHA256, None), (Algorithms::BLAKE3, Some(Algorithms::BOTH))] {
            let read = pool::create(threads)
                .expect("a pool")
                .install(|| read(std::slice::from_ref(&path), wanted(tensors, files), Rules::Strict, &Control::new()))
                .expect("reads");
            for (tensor, digests) in read[0].contents.tensors.iter().zip(digests(&read[0])) {
                prop_assert_eq!(*digests, Digests::of(&bytes[range(tensor)], tensors));
            }
            prop_assert_eq!(read[0].file, files.map(|algorithms| Digests::of(&bytes, algorithms)));
        }
    }
}

/// Return the files of the vectors that hold the same weights in every format.
fn table() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/models/table");
    let entries = fs::read_dir(folder).expect("the vectors");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        path.is_file() && !matches!(extension, Some("json" | "data"))
    });
    paths.sort();
    paths
}

#[test]
fn formats_agree_in_all_ways_of_reading() {
    let paths = table();
    assert!(paths.len() > 15, "{paths:?}");
    let mut formats = BTreeMap::new();
    for path in &paths {
        for threads in [1, 3] {
            let pool = pool::create(threads).expect("a pool");
            for algorithms in [Algorithms::BLAKE3, Algorithms::SHA256, Algorithms::BOTH] {
                for files in [None, Some(algorithms)] {
                    let shards = pool
                        .install(|| {
                            let wanted = wanted(algorithms, files);
                            read(std::slice::from_ref(path), wanted, Rules::Strict, &Control::new())
                        })
                        .expect("reads");
                    let shard = &shards[0];
                    let mut tensors: Vec<(&str, Digests)> = shard
                        .contents
                        .tensors
                        .iter()
                        .map(|tensor| tensor.name.as_str())
                        .zip(digests(shard).iter().copied())
                        .collect();
                    tensors.sort_by_key(|(name, _)| *name);
                    for (name, of) in tensors {
                        let known = formats.entry((name.to_owned(), algorithms.blake3, algorithms.sha256));
                        assert_eq!(*known.or_insert(of), of, "{name} of {}", path.display());
                    }
                    let bytes = fs::read(path).expect("reads");
                    assert_eq!(
                        shard.file,
                        files.map(|algorithms| Digests::of(&bytes, algorithms))
                    );
                }
            }
        }
    }
    // Three tensors, each with one digest for every choice of hash functions.
    assert_eq!(formats.len(), 9);
}

#[test]
fn malformed_files_are_errors_with_the_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.safetensors");
    let good = safetensors(&[("a", "U8", &[4], &[0; 4])]);
    let huge = [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat();
    let cases: [&[u8]; 6] = [
        b"",
        b"1234567",
        &good[..20],
        &good[..good.len() - 1],
        &huge,
        &[good.as_slice(), b"x"].concat(),
    ];
    for bytes in cases {
        fs::write(&path, bytes).expect("written");
        let error = read(
            std::slice::from_ref(&path),
            wanted(Algorithms::BLAKE3, None),
            Rules::Strict,
            &Control::new(),
        )
        .expect_err("refused");
        assert_eq!(error.code, Code::Format, "{error}");
        assert_eq!(error.path.as_deref(), Some(path.as_path()));
    }
}

#[test]
fn shards_are_checked_against_their_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("1.safetensors");
    fs::write(
        &path,
        safetensors(&[("a", "U8", &[1], &[0]), ("b", "U8", &[1], &[1])]),
    )
    .expect("written");
    let shards = read(
        std::slice::from_ref(&path),
        wanted(Algorithms::BLAKE3, None),
        Rules::Strict,
        &Control::new(),
    )
    .expect("reads");
    let index = |json: &str| read_index(json.as_bytes(), Path::new("index")).expect("reads");
    check_index(
        &index(r#"{"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}"#),
        &shards,
        &path,
    )
    .expect("fits");
    let error = check_index(&index(r#"{"weight_map":{"a":"1.safetensors"}}"#), &shards, &path)
        .expect_err("b is extra");
    assert_eq!(error.tensor.as_deref(), Some("b"));
}
