//! Ranges, and parts that merge into the standard digest.

mod support;

use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::range::hash_range;
use lineaprint_engine::digest::range::parts::{Part, hash_part, merge_parts};
use lineaprint_engine::{Code, Control};
use std::fs;
use support::paint;

#[test]
fn parts_merge_into_the_digest_of_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    for length in [0, 1, 1024, 1025, 5000, 4 << 20, (4 << 20) + 1, 30_000_000] {
        let bytes = paint(length);
        fs::write(&path, &bytes).expect("written");
        for count in [1, 2, 3, 7, 16] {
            let mut parts: Vec<Part> = (0..count)
                .map(|index| hash_part(&path, index, count, &Control::new()).expect("hashes"))
                .collect();
            parts.reverse();
            let merged = merge_parts(&parts).expect("merges");
            assert_eq!(merged.size, length as u64);
            assert_eq!(
                merged.digests,
                Digests::of(&bytes, Algorithms::BLAKE3),
                "{length} bytes in {count}"
            );
        }
    }
}

#[test]
fn mismatched_parts_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, paint(100_000)).expect("written");
    let part = |index| hash_part(&path, index, 3, &Control::new()).expect("hashes");
    let other = folder.path().join("other");
    fs::write(&other, paint(100_001)).expect("written");
    let foreign = hash_part(&other, 2, 3, &Control::new()).expect("hashes");
    for parts in [
        vec![],
        vec![part(0), part(1)],
        vec![part(0), part(1), part(1), part(2)],
        vec![part(0), part(1), foreign],
    ] {
        assert_eq!(merge_parts(&parts).expect_err("refused").code, Code::Range);
    }
}

#[test]
fn range_has_the_digest_of_its_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let bytes = paint(9_000_000);
    fs::write(&path, &bytes).expect("written");
    for (start, end) in [
        (0, 0),
        (0, 9_000_000),
        (1, 2),
        (777, 8_999_999),
        (9_000_000, 9_000_000),
    ] {
        for algorithms in [Algorithms::BLAKE3, Algorithms::BOTH] {
            let range = start as u64..end as u64;
            let hashed =
                hash_range(&path, range.start, Some(range.end), algorithms, &Control::new()).expect("hashes");
            assert_eq!(
                hashed.digests,
                Digests::of(&bytes[start..end], algorithms),
                "{range:?}"
            );
            assert_eq!(hashed.size, range.end - range.start);
        }
    }
    #[expect(clippy::reversed_empty_ranges, reason = "what a careless caller gives")]
    for range in [0..9_000_001, 5..4, u64::MAX..u64::MAX] {
        let error = hash_range(
            &path,
            range.start,
            Some(range.end),
            Algorithms::BLAKE3,
            &Control::new(),
        )
        .expect_err("refused");
        assert_eq!(error.code, Code::Range);
    }
}
