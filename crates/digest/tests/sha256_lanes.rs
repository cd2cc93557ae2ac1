//! Every way of hashing several SHA-256 streams at once, against the `sha2` crate.
//!
//! One test: the choice of lanes belongs to the process, and tests of one file run side by side.

use lineaprint_digest::sha256::{Lanes, Sha256, finish_many, force_lanes, hash_all, lanes, update_many};
use sha2::Digest as _;

fn paint(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from((i + seed) % 251).expect("below 251"))
        .collect()
}

fn expected(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// Return lengths around every edge of a block and of the padding.
fn lengths() -> Vec<usize> {
    let mut lengths: Vec<usize> = (0..=200).collect();
    for blocks in [4, 7, 8, 16, 33, 100] {
        for extra in [0, 1, 8, 9, 55, 56, 57, 63] {
            lengths.push(blocks * 64 + extra);
        }
    }
    lengths
}

#[test]
fn lanes_agree_with_sha2() {
    let best = lanes();
    let mut tried = Vec::new();
    for path in [Lanes::One, Lanes::ShaExtensions, Lanes::Avx512, Lanes::Armv8] {
        if !force_lanes(path) {
            continue;
        }
        tried.push(path);
        pairs_agree(path);
        pieces_agree(path);
        many_agree(path);
    }
    assert!(tried.contains(&Lanes::One) && tried.contains(&best));
    println!("tried {tried:?}, best is {best:?}");
}

fn pairs_agree(path: Lanes) {
    for x in lengths() {
        for y in [0, 1, 55, 56, 63, 64, 65, x, x + 1, 1000] {
            let (first, second) = (paint(x, 0), paint(y, 7));
            let (mut a, mut b) = (Sha256::new(), Sha256::new());
            update_many(&mut [&mut a, &mut b], &[&first, &second]);
            assert_eq!(
                finish_many(vec![a, b]),
                [expected(&first), expected(&second)],
                "{path:?}: {x} and {y} bytes"
            );
        }
    }
}

fn pieces_agree(path: Lanes) {
    let (first, second) = (paint(5000, 1), paint(7777, 2));
    for step in [1, 3, 63, 64, 65, 100, 129, 1000] {
        let (mut a, mut b) = (Sha256::new(), Sha256::new());
        let mut parts = second.chunks(step * 2);
        for part in first.chunks(step) {
            update_many(&mut [&mut a, &mut b], &[part, parts.next().unwrap_or_default()]);
        }
        for part in parts {
            b.update(part);
        }
        assert_eq!(a.finish(), expected(&first), "{path:?}: step {step}");
        assert_eq!(b.finish(), expected(&second), "{path:?}: step {step}");
    }
}

fn many_agree(path: Lanes) {
    let lengths = lengths();
    for count in [0, 1, 2, 3, 15, 16, 17, 33, lengths.len()] {
        let inputs: Vec<Vec<u8>> = lengths
            .iter()
            .take(count)
            .map(|length| paint(*length, count))
            .collect();
        let views: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let hashes: Vec<[u8; 32]> = views.iter().map(|input| expected(input)).collect();
        assert_eq!(hash_all(&views), hashes, "{path:?}: {count} inputs");
    }
}
