//! Files: the fast path against the slow one, and everything that is not a file.

mod support;

use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::file::{hash_all, hash_path};
use lineaprint_engine::digest::range::subtrees::SUBTREE;
use lineaprint_engine::io::source::{BLOCK, Source};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::{Code, Control};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use support::paint;

#[test]
fn edge_lengths_have_the_digest_of_their_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let subtree = usize::try_from(SUBTREE).expect("small");
    let edges = [0, 1, 1024, BLOCK, subtree, 2 * subtree, 3 * subtree + 12_345];
    for length in edges
        .iter()
        .flat_map(|edge| [edge.saturating_sub(1), *edge, edge + 1])
    {
        let bytes = paint(length);
        fs::write(&path, &bytes).expect("written");
        for threads in [1, 2, 5] {
            let pool = pool::create(threads).expect("a pool");
            for algorithms in [Algorithms::BLAKE3, Algorithms::SHA256, Algorithms::BOTH] {
                let hashed = pool
                    .install(|| hash_path(&path, algorithms, &Control::new()))
                    .expect("hashes");
                assert_eq!(hashed.size, length as u64);
                assert_eq!(hashed.digests, Digests::of(&bytes, algorithms), "{length} bytes");
            }
        }
    }
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good");
    fs::write(&good, b"x").expect("written");
    let missing = folder.path().join("missing");
    let outcomes = hash_all(&[good, missing.clone()], Algorithms::BLAKE3, &Control::new());
    assert!(outcomes[0].is_ok());
    let error = outcomes[1].as_ref().expect_err("missing");
    assert_eq!(error.code, Code::NotFound);
    assert_eq!(error.path.as_deref(), Some(missing.as_path()));
}

#[test]
fn files_in_lanes_have_the_digests_of_their_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let lengths = [
        0,
        1,
        55,
        64,
        1000,
        BLOCK - 1,
        BLOCK,
        BLOCK + 1,
        3 * BLOCK + 7,
        900_000,
        64,
        0,
        2_000_000,
    ];
    let mut paths: Vec<PathBuf> = Vec::new();
    for (index, length) in lengths.iter().enumerate() {
        paths.push(folder.path().join(index.to_string()));
        fs::write(&paths[index], paint(*length)).expect("written");
    }
    paths.insert(4, folder.path().join("missing"));
    for threads in [1, 2, 3, 30] {
        for algorithms in [Algorithms::SHA256, Algorithms::BOTH] {
            let mut outcomes = pool::create(threads)
                .expect("a pool")
                .install(|| hash_all(&paths, algorithms, &Control::new()));
            assert_eq!(outcomes.remove(4).expect_err("missing").code, Code::NotFound);
            for (outcome, length) in outcomes.into_iter().zip(lengths) {
                assert_eq!(
                    outcome.expect("hashes").digests,
                    Digests::of(&paint(length), algorithms),
                    "{length}"
                );
            }
        }
    }
}

#[test]
fn changed_length_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let control = Control::new();

    fs::write(&path, paint(1000)).expect("written");
    let source = Source::open(&path).expect("opens");
    OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(b"more"))
        .expect("grows");
    let error =
        lineaprint_engine::digest::file::hash_source(&source, Algorithms::BOTH, &control).expect_err("grown");
    assert_eq!(error.code, Code::Changed);

    fs::write(&path, paint(1000)).expect("written");
    let source = Source::open(&path).expect("opens");
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(10))
        .expect("shrinks");
    let error = lineaprint_engine::digest::file::hash_source(&source, Algorithms::BOTH, &control)
        .expect_err("cut short");
    assert_eq!(error.code, Code::Changed);
    assert!(error.expected.is_some() && error.received.is_some());
}

#[test]
fn cancelled_job_gives_no_digest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, paint(100)).expect("written");
    let control = Control::new();
    control.cancel();
    let error = hash_path(&path, Algorithms::BLAKE3, &control).expect_err("cancelled");
    assert_eq!(error.code, Code::Cancelled);
}

#[test]
fn progress_ends_at_the_total() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> = (0..5).map(|i| folder.path().join(i.to_string())).collect();
    for path in &paths {
        fs::write(path, paint(300_000)).expect("written");
    }
    let control = Control::new();
    hash_all(&paths, Algorithms::BOTH, &control);
    let progress = control.progress();
    assert_eq!(
        (progress.bytes_done, progress.bytes_total),
        (1_500_000, 1_500_000)
    );
    assert_eq!((progress.files_done, progress.files_total), (5, 5));
}

#[cfg(unix)]
#[test]
fn special_files_are_errors_without_waiting() {
    use std::process::Command;
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("runs")
            .success()
    );
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("binds");
    let cases = [
        (fifo, "a FIFO"),
        (socket, "a socket"),
        (PathBuf::from("/dev/zero"), "a device"),
        (folder.path().to_owned(), "a folder"),
    ];
    for (path, kind) in cases {
        let error = hash_path(&path, Algorithms::BLAKE3, &Control::new()).expect_err(kind);
        assert_eq!(error.code, Code::NotRegular, "{kind}: {error}");
        assert_eq!(error.received.as_deref(), Some(kind));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn content_beyond_the_length_is_an_error() {
    let error =
        hash_path("/proc/self/status".as_ref(), Algorithms::BLAKE3, &Control::new()).expect_err("lies");
    assert_eq!(error.code, Code::Changed);
}
