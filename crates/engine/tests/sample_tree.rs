//! Samples of folders: the walk by descriptors against plain recursion.

#![cfg(unix)]

mod support;

use lineaprint_digest::sample::description::{self, Entry, Whole};
use lineaprint_digest::sample::{Amount, Plan, Strategy};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use lineaprint_engine::digest::sample::Extent;
use lineaprint_engine::digest::sample::tree::sample;
use lineaprint_engine::digest::tree::{self, Content, Links, Options, Tree};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::{Code, Control};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use support::paint;

const STRATEGIES: [Strategy; 3] = [Strategy::Strided, Strategy::Random { seed: 5 }, Strategy::Blocks];

/// Return every file below a folder with its relative path, sorted by the bytes of the paths.
fn files_of(root: &Path, folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.ends_with(".git") {
            continue;
        }
        if path.is_dir() {
            found.extend(files_of(root, &path));
        } else {
            let relative = path.strip_prefix(root).expect("below").to_owned();
            found.push((relative, fs::read(&path).expect("reads")));
        }
    }
    found.sort_by(|a, b| a.0.as_os_str().as_bytes().cmp(b.0.as_os_str().as_bytes()));
    found
}

/// Compute the digest of a sample by recursion, and the paths that it reads.
fn slowly(root: &Path, plan: &Plan, algorithm: Algorithm) -> (Hash, Vec<Vec<u8>>) {
    let files = files_of(root, root);
    let units = files.len() as u64;
    let selection = plan.select(units).expect("a sample");
    let chosen: Vec<usize> = (0..selection.count())
        .map(|rank| usize::try_from(selection.index(rank)).expect("small"))
        .collect();
    let mut entries: Vec<Entry<'_>> = files
        .iter()
        .enumerate()
        .map(|(unit, (path, bytes))| Entry::File {
            path: path.as_os_str().as_bytes(),
            size: bytes.len() as u64,
            digest: chosen
                .contains(&unit)
                .then(|| Digests::of(bytes, Algorithms::BOTH).get(algorithm).expect("both")),
        })
        .collect();
    let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let paths = chosen
        .iter()
        .map(|unit| files[*unit].0.as_os_str().as_bytes().to_vec());
    let paths = paths.collect();
    let digest = description::tree(algorithm, plan, Whole { units, bytes }, &mut entries);
    (digest, paths)
}

fn make() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    // `a/x` sorts between `a-b` and `a0`: the order of paths is not that of the entries of one folder.
    for folder in ["a", "deep/er/est", "empty/at all", ".git"] {
        fs::create_dir_all(root.path().join(folder)).expect("made");
    }
    for (index, name) in ["a-b", "a/x", "a/y", "a0", ".git/HEAD", "deep/1", "deep/er/2", "z"]
        .iter()
        .enumerate()
    {
        fs::write(root.path().join(name), paint(index * 1000)).expect("written");
    }
    for index in 0..40 {
        let path = root.path().join("deep/er/est").join(format!("{index:02}"));
        fs::write(path, paint(index * 7)).expect("written");
    }
    // One file of the batch is large.
    fs::write(root.path().join("deep/er/est/17"), paint(300_000)).expect("written");
    root
}

fn count(strategy: Strategy, count: u64) -> Plan {
    Plan::new(strategy, Amount::Count(count), 0).expect("a plan")
}

fn both() -> Options {
    Options {
        algorithms: Algorithms::BOTH,
        list: true,
        ..Options::default()
    }
}

fn run(root: &Path, plan: &Plan, options: &Options, threads: usize) -> (Tree, Extent) {
    pool::create(threads)
        .expect("a pool")
        .install(|| sample(root, plan, options, &Control::new()))
        .expect("samples")
}

#[test]
fn sampled_trees_equal_the_reference() {
    let root = make();
    for strategy in STRATEGIES {
        for wanted in [1, 3, 7, 20, 46] {
            let plan = count(strategy, wanted);
            for threads in [1, 2, 5] {
                let (tree, extent) = run(root.path(), &plan, &both(), threads);
                for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
                    let (digest, paths) = slowly(root.path(), &plan, algorithm);
                    assert_eq!(tree.digests.get(algorithm), Some(digest), "{plan:?}");
                    let read: Vec<_> = tree
                        .listing
                        .entries
                        .iter()
                        .filter(|entry| match &entry.content {
                            Content::File(file) => file.digests.get(algorithm).is_some(),
                            Content::Unread { .. } | Content::Link(_) => false,
                        })
                        .map(|entry| entry.path.clone())
                        .collect();
                    assert_eq!(read, paths);
                    assert_eq!(extent.units_read, paths.len() as u64);
                }
                assert_eq!(
                    (extent.units, tree.listing.files, tree.listing.entries.len()),
                    (47, 47, 47)
                );
                assert_eq!(extent.bytes, tree.listing.bytes);
            }
        }
    }
}

#[test]
fn names_and_lengths_always_count() {
    let plan = count(Strategy::Strided, 5);
    let root = make();
    let digest = || run(root.path(), &plan, &both(), 2).0.digests;
    let before = digest();
    let (_, read) = slowly(root.path(), &plan, Algorithm::Blake3);
    for (relative, bytes) in files_of(root.path(), root.path()) {
        let path = root.path().join(&relative);
        if bytes.is_empty() {
            continue;
        }
        let mut changed = bytes.clone();
        changed[0] ^= 1;
        fs::write(&path, &changed).expect("written");
        let is_read = read.iter().any(|path| path == relative.as_os_str().as_bytes());
        assert_eq!(digest() != before, is_read, "{}", relative.display());
        fs::write(&path, &bytes[1..]).expect("written");
        assert_ne!(digest(), before, "the length of {}", relative.display());
        fs::write(&path, &bytes).expect("written");
        let renamed = path.with_file_name(format!("{}!", relative.file_name().expect("a name").display()));
        fs::rename(&path, &renamed).expect("renamed");
        assert_ne!(digest(), before, "the name of {}", relative.display());
        fs::rename(&renamed, &path).expect("renamed");
    }
    assert_eq!(digest(), before);
}

#[test]
fn links_are_treated_as_in_a_full_pass() {
    let root = make();
    let plan = count(Strategy::Strided, 6);
    let with = |links| Options { links, ..both() };
    let without = run(root.path(), &plan, &both(), 2).0;
    symlink("deep/er", root.path().join("zz")).expect("linked");
    let (tree, _) = run(root.path(), &plan, &with(Links::Follow), 2);
    let (expected, _) = slowly(root.path(), &plan, Algorithm::Blake3);
    assert_eq!(tree.digests.blake3, Some(expected));
    let recorded = run(root.path(), &plan, &with(Links::Record), 2).0;
    assert_eq!((recorded.listing.files, recorded.listing.links), (47, 1));
    assert_ne!(recorded.digests, without.digests);
    fs::remove_file(root.path().join("zz")).expect("removed");
    symlink("deep/er/.", root.path().join("zz")).expect("linked");
    let other = run(root.path(), &plan, &with(Links::Record), 2).0;
    assert_ne!(other.digests, recorded.digests, "the target counts");
    let refused = sample(root.path(), &plan, &with(Links::Refuse), &Control::new());
    assert_eq!(refused.expect_err("refused").code, Code::Link);
}

#[test]
fn plan_of_everything_gives_the_ordinary_digest() {
    let root = make();
    let full = tree::hash(root.path(), &both(), &Control::new()).expect("hashes");
    let above = Plan::new(Strategy::Strided, Amount::Count(2), 47).expect("a plan");
    for plan in [above, count(Strategy::Blocks, 47)] {
        let (tree, extent) = run(root.path(), &plan, &both(), 2);
        assert_eq!(tree, full);
        assert!(!extent.sampled && extent.units_read == 47 && extent.bytes_read == full.listing.bytes);
    }
}

#[test]
fn progress_counts_read_bytes_and_cancel_stops() {
    let root = make();
    let plan = count(Strategy::Strided, 5);
    let control = Control::new();
    let (_, extent) = sample(root.path(), &plan, &both(), &control).expect("samples");
    let progress = control.progress();
    assert_eq!(progress.bytes_done, extent.bytes_read);
    assert_eq!((progress.files_done, progress.files_total), (5, 5));
    control.cancel();
    let error = sample(root.path(), &plan, &both(), &control).expect_err("cancelled");
    assert_eq!(error.code, Code::Cancelled);
}
