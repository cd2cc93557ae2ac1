//! Tests that data in memory is recognised, on the disk that the build writes to.
#![cfg(target_os = "linux")]

use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::file;
use lineaprint_engine::schedule::job::{self, Job};
use lineaprint_engine::schedule::page_cache::{Residency, probe};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::schedule::readers::AccessPattern;
use lineaprint_engine::{Control, Result};
use rustix::fs::Advice;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use tempfile::TempDir;

/// The number of tmpfs, which has no disk to wait for.
const TMPFS: i64 = 0x0102_1994;

fn folder() -> TempDir {
    // Not in the folder for temporary files, which is in memory on many systems.
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

fn write(folder: &Path, name: &str, bytes: usize) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, vec![7; bytes]).expect("written");
    path
}

/// Tell the system to forget the content of a file.
fn forget(path: &Path) {
    let file = File::open(path).expect("opened");
    file.sync_all().expect("written out");
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).expect("advised");
}

#[allow(clippy::useless_conversion, reason = "its width differs between processors")]
fn on_disk(folder: &TempDir) -> bool {
    let kind = rustix::fs::statfs(folder.path()).expect("there").f_type;
    i64::try_from(kind).is_ok_and(|kind| kind != TMPFS)
}

#[test]
fn evicted_large_files_are_on_disk() {
    let folder = folder();
    let paths = ["a", "b"].map(|name| write(folder.path(), name, 5 << 20));
    let in_memory = Residency {
        files_seen: 2,
        files_probed: 2,
        bytes: 10 << 20,
        pages_probed: 16,
        pages_absent: 0,
    };
    assert_eq!(probe(&paths), in_memory);
    assert!(!in_memory.is_on_disk());
    if !on_disk(&folder) {
        return;
    }
    for path in &paths {
        forget(path);
    }
    let forgotten = probe(&paths);
    assert_eq!(
        forgotten,
        Residency {
            pages_absent: 16,
            ..in_memory
        }
    );
    assert!(forgotten.is_on_disk());
    for path in &paths {
        fs::read(path).expect("read");
    }
    assert_eq!(probe(&paths), in_memory, "they are back");
}

#[test]
fn small_files_are_probed_at_any_depth() {
    let folder = folder();
    for name in 0..40 {
        let inner = folder.path().join(format!("{}/deep", name % 4));
        fs::create_dir_all(&inner).expect("made");
        let path = write(&inner, &name.to_string(), 5000);
        if on_disk(&folder) {
            forget(&path);
        }
    }
    let states = probe(&[folder.path().to_owned()]);
    assert_eq!((states.files_seen, states.mean_size()), (40, 5000));
    assert_eq!(states.pages_probed, states.files_probed);
    assert!((13..=16).contains(&states.files_probed), "{states:?}");
    assert_eq!(
        states.pages_absent,
        if on_disk(&folder) { states.pages_probed } else { 0 }
    );
    assert_eq!(states.is_on_disk(), on_disk(&folder));
}

/// Hashes a file, and counts the threads of its pool.
struct CountThreads(Vec<PathBuf>);

impl Job for CountThreads {
    type Output = (Digests, usize);

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: &self.0,
            digests: 1,
        }
    }

    fn run(self, control: &Control) -> Result<Self::Output> {
        let file = file::hash_path(&self.0[0], Algorithms::BLAKE3, control)?;
        Ok((file.digests, rayon::current_num_threads()))
    }
}

#[test]
fn file_on_disk_has_its_digest_on_any_number_of_threads() {
    let folder = folder();
    // Several stretches for several threads, the last one of odd length.
    let bytes: Vec<u8> = (0..=250).cycle().take((70 << 20) + 12_345).collect();
    let path = folder.path().join("file");
    fs::write(&path, &bytes).expect("written");
    let expected = Digests::of(&bytes, Algorithms::BLAKE3);
    for threads in [None, Some(1), Some(5)] {
        forget(&path);
        let control = Control::new();
        let (sender, receiver) = channel();
        job::spawn(
            CountThreads(vec![path.clone()]),
            threads,
            control.clone(),
            move || Some(move |outcome| sender.send(outcome).expect("the receiver is alive")),
            |output| output,
        )
        .expect("started");
        let (digests, used) = receiver.recv().expect("finished").expect("hashed");
        assert_eq!(digests, expected);
        assert_eq!(control.from_disk(), on_disk(&folder) && threads != Some(1));
        let cores = pool::default_threads();
        // More than 32 threads make no disk faster.
        let fitting = if on_disk(&folder) {
            cores.max((cores * 2).min(32))
        } else {
            cores
        };
        assert_eq!(used, threads.unwrap_or(fitting));
    }
}

#[test]
fn hole_is_not_on_disk() {
    let folder = folder();
    let path = folder.path().join("sparse");
    File::create(&path)
        .and_then(|file| file.set_len(1 << 30))
        .expect("made");
    let states = probe(&[path]);
    assert_eq!(
        (states.bytes, states.pages_probed, states.pages_absent),
        (1 << 30, 8, 0)
    );
}

#[test]
fn only_regular_files_are_probed() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("made");
    std::os::unix::fs::symlink("/etc", folder.path().join("link")).expect("linked");
    write(folder.path(), "empty", 0);
    let paths = [folder.path().to_owned(), fifo, folder.path().join("missing")];
    let outcome = probe(&paths);
    assert_eq!((outcome.bytes, outcome.pages_probed), (0, 0), "{outcome:?}");
    assert!(!outcome.is_on_disk());
}
