//! Bytes that are already in memory.

use crate::digest::range::subtrees::SUBTREE;
use crate::schedule::fork_join::{self, Helpers};
use lineaprint_digest::subtree::{CHUNK, Piece, Pieces, merge};
use lineaprint_digest::{Algorithms, Digests, Hasher};

/// From this length on several threads are faster than one; below it waking them costs more than it gains.
pub const PARALLEL_FROM: usize = 256 << 10;

/// The least bytes that are worth waking another thread for.
const PER_THREAD: usize = 128 << 10;

/// Hash `bytes` on this thread and its helpers. SHA-256 alone is one stream, and stays on this thread.
pub fn hash(bytes: &[u8], algorithms: Algorithms, helpers: Helpers) -> Digests {
    let length = bytes.len() as u64;
    if !algorithms.blake3 || bytes.len() < PARALLEL_FROM {
        return Digests::of(bytes, algorithms);
    }
    let mut in_order = Digests::default();
    let mut pieces = pieces_of(bytes, 0, length, helpers, || {
        if algorithms.sha256 {
            in_order = Digests::of(bytes, Algorithms::SHA256);
        }
    });
    Digests {
        blake3: merge(&mut pieces, length),
        ..in_order
    }
}

/// Hash `part`, which starts at byte `start` of an input of `input_length` bytes, into pieces. This thread runs
/// `first`, and then takes units like its helpers.
fn pieces_of(
    part: &[u8],
    start: u64,
    input_length: u64,
    helpers: Helpers,
    first: impl FnOnce(),
) -> Vec<Piece> {
    let threads = helpers.threads().min(part.len() / PER_THREAD).max(1);
    // A few units per thread even out the cores; a unit is a power of two so that each is one tree node.
    let unit = (part.len() / (threads * 4))
        .next_power_of_two()
        .clamp(64 << 10, usize::try_from(SUBTREE).unwrap_or(usize::MAX));
    let pieces = fork_join::run(helpers, threads, part.len().div_ceil(unit), first, |index| {
        let bytes = &part[index * unit..part.len().min((index + 1) * unit)];
        let from = start + (index * unit) as u64;
        let mut pieces = Pieces::new(from, from + bytes.len() as u64, input_length);
        pieces.update(bytes);
        pieces.finish()
    });
    pieces.into_iter().flatten().collect()
}

/// Hashes a long buffer slice by slice, each on all threads, so that a caller can do other work in between.
pub struct Sliced {
    length: u64,
    position: u64,
    sha256: Option<Hasher>,
    pieces: Option<Vec<Piece>>,
}

impl Sliced {
    /// Create the hasher of a buffer of `length` bytes, longer than one slice.
    pub fn new(algorithms: Algorithms, length: u64) -> Self {
        Self {
            length,
            position: 0,
            sha256: algorithms.sha256.then(|| Hasher::new(Algorithms::SHA256)),
            pieces: algorithms.blake3.then(Vec::new),
        }
    }

    /// Hash the next slice, on this thread and its helpers. A slice is shorter than the whole; all but the last have a
    /// multiple of 1024 bytes.
    pub fn update(&mut self, slice: &[u8], helpers: Helpers) -> Option<()> {
        let end = self.position + slice.len() as u64;
        let aligned = end.is_multiple_of(CHUNK) || end == self.length;
        if slice.is_empty() || end > self.length || slice.len() as u64 == self.length || !aligned {
            return None;
        }
        let (position, length) = (self.position, self.length);
        self.position = end;
        let hasher = &mut self.sha256;
        let mut stream = || {
            if let Some(hasher) = hasher {
                hasher.update(slice);
            }
        };
        match &mut self.pieces {
            Some(pieces) => pieces.extend(pieces_of(slice, position, length, helpers, stream)),
            // One stream alone needs no other thread.
            None => stream(),
        }
        Some(())
    }

    /// Return the digests; `None` if slices are missing.
    pub fn finish(mut self) -> Option<Digests> {
        if self.position != self.length {
            return None;
        }
        let blake3 = match &mut self.pieces {
            Some(pieces) => Some(merge(pieces, self.length)?),
            None => None,
        };
        Some(Digests {
            blake3,
            sha256: self.sha256.and_then(|hasher| hasher.finish().sha256),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_have_the_digest_of_the_whole() {
        let bytes: Vec<u8> = (0..5_000_123_u32).map(|i| (i % 251) as u8).collect();
        for slice in [1024, 65_536, 1 << 20, 3_000 * 1024] {
            let mut sliced = Sliced::new(Algorithms::BOTH, bytes.len() as u64);
            for part in bytes.chunks(slice) {
                sliced.update(part, Helpers::None).expect("fits");
            }
            assert_eq!(sliced.finish(), Some(Digests::of(&bytes, Algorithms::BOTH)));
            let mut alone = Sliced::new(Algorithms::SHA256, bytes.len() as u64);
            for part in bytes.chunks(slice) {
                alone.update(part, Helpers::None).expect("fits");
            }
            assert_eq!(alone.finish(), Some(Digests::of(&bytes, Algorithms::SHA256)));
        }
        let mut short = Sliced::new(Algorithms::BLAKE3, 4096);
        short.update(&bytes[..1024], Helpers::None).expect("fits");
        assert_eq!(short.update(&bytes[..1000], Helpers::None), None);
        assert_eq!(short.finish(), None);
    }

    #[test]
    fn digest_is_independent_of_threads() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        for threads in [1, 2, 3, 8] {
            let pool = crate::schedule::pool::create(threads).expect("a pool");
            for length in [
                0, 1, 1023, 1024, 1025, 262_143, 262_144, 262_145, 1_000_001, 3_000_000,
            ] {
                let part = &bytes[..length];
                let whole = Digests::of(part, Algorithms::BOTH);
                let helped = hash(part, Algorithms::BOTH, Helpers::Of(&pool));
                assert_eq!(helped, whole, "{length} bytes with {threads} helpers");
                let inside = pool.install(|| hash(part, Algorithms::BOTH, Helpers::Current));
                assert_eq!(inside, whole, "{length} bytes on {threads} threads");
            }
        }
    }
}
