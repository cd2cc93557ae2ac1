//! Pieces of one BLAKE3 tree.
//!
//! BLAKE3 cuts its input into chunks of 1024 bytes and merges them as a binary tree whose left side is
//! always the largest possible power of two. An aligned power-of-two run of chunks is therefore a node of
//! the tree whatever surrounds it, so it can be hashed alone, on any thread, in any order. [`Pieces`]
//! hashes one contiguous range as the fewest such runs; [`merge`] joins the pieces of an input into the
//! standard digest. The rules come from the documentation of the `blake3::hazmat` module, whose own
//! checks are partial: the tests compare every shape with `blake3::hash`.

use crate::hasher::Hash;
use blake3::hazmat::{self, HasherExt as _, Mode};

/// Bytes in a BLAKE3 chunk.
pub const CHUNK: u64 = blake3::CHUNK_LEN as u64;

/// One node of the tree: the chaining value of `input[start..end]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First byte, a multiple of [`CHUNK`].
    pub start: u64,
    /// One past the last byte; a multiple of [`CHUNK`] except at the end of the input.
    pub end: u64,
    /// The chaining value (not a digest: the root is finished in another way).
    pub value: Hash,
}

/// Hashes one contiguous range of a larger input, fed in order, into pieces.
///
/// The input must be longer than the range: an input that is a single piece has no chaining value to
/// merge, so hash it with [`crate::Hasher`] instead.
#[derive(Clone)]
pub struct Pieces {
    position: u64,
    end: u64,
    input_length: u64,
    current: Option<(u64, u64, blake3::Hasher)>,
    done: Vec<Piece>,
}

impl Pieces {
    /// Create the hasher of `input[start..end]` of an input of `input_length` bytes.
    ///
    /// `start` must be a multiple of [`CHUNK`], and so must `end` unless it is the end of the input.
    ///
    /// # Panics
    /// If the range is empty, unaligned or beyond the input: a wrong range would give a wrong digest.
    pub fn new(start: u64, end: u64, input_length: u64) -> Self {
        assert!(
            start < end && end <= input_length,
            "empty range or range beyond the input"
        );
        assert!(start.is_multiple_of(CHUNK), "a piece starts at a chunk boundary");
        assert!(
            end.is_multiple_of(CHUNK) || end == input_length,
            "a piece ends at a chunk boundary"
        );
        Self {
            position: start,
            end,
            input_length,
            current: None,
            done: Vec::new(),
        }
    }

    /// Return the end of the largest tree node that starts at `start` and lies within `limit`.
    fn node_end(&self, start: u64) -> u64 {
        let chunks_left = if self.end == self.input_length {
            // At the right edge a node may be cut short by the end of the input.
            (self.end - start).div_ceil(CHUNK).next_power_of_two()
        } else {
            let chunks = (self.end - start) / CHUNK;
            1 << chunks.ilog2()
        };
        let chunk = start / CHUNK;
        let aligned = if chunk == 0 {
            chunks_left
        } else {
            1 << chunk.trailing_zeros()
        };
        (start + chunks_left.min(aligned) * CHUNK).min(self.end)
    }

    /// Add the next bytes of the range.
    ///
    /// # Panics
    /// If more bytes come than the range has.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            assert!(self.position < self.end, "more bytes than the range has");
            if self.current.is_none() {
                let mut hasher = blake3::Hasher::new();
                hasher.set_input_offset(self.position);
                self.current = Some((self.position, self.node_end(self.position), hasher));
            }
            let Some((start, end, hasher)) = &mut self.current else {
                unreachable!("the current node was made above")
            };
            let (start, end) = (*start, *end);
            let left = usize::try_from(end - self.position).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(left.min(bytes.len()));
            hasher.update(now);
            self.position += now.len() as u64;
            if self.position == end {
                self.done.push(Piece {
                    start,
                    end,
                    value: hasher.finalize_non_root(),
                });
                self.current = None;
            }
            bytes = later;
        }
    }

    /// Return the pieces, in order.
    ///
    /// # Panics
    /// If the range was not filled.
    pub fn finish(self) -> Vec<Piece> {
        assert!(
            self.position == self.end && self.current.is_none(),
            "the range was not filled"
        );
        self.done
    }
}

/// Join pieces that together cover `0..input_length` into the standard BLAKE3 digest.
///
/// `pieces` may come in any order and is sorted. Returns `None` if they leave a gap, overlap, are not nodes
/// of this input's tree, or are a single piece (see [`Pieces`]).
pub fn merge(pieces: &mut [Piece], input_length: u64) -> Option<Hash> {
    pieces.sort_unstable_by_key(|piece| piece.start);
    if pieces.len() < 2 || input_length <= CHUNK {
        return None;
    }
    let middle = hazmat::left_subtree_len(input_length);
    let mut rest = pieces.iter().peekable();
    let left = node(&mut rest, 0, middle)?;
    let right = node(&mut rest, middle, input_length)?;
    if rest.next().is_some() {
        return None;
    }
    Some(*hazmat::merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
}

fn node<'a>(
    pieces: &mut std::iter::Peekable<impl Iterator<Item = &'a Piece>>,
    start: u64,
    end: u64,
) -> Option<Hash> {
    let next = pieces.peek()?;
    if next.start != start || next.end > end {
        return None;
    }
    if next.end == end {
        return pieces.next().map(|piece| piece.value);
    }
    if end - start <= CHUNK {
        return None;
    }
    let middle = start + hazmat::left_subtree_len(end - start);
    let left = node(pieces, start, middle)?;
    let right = node(pieces, middle, end)?;
    Some(hazmat::merge_subtrees_non_root(&left, &right, Mode::Hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Return bytes with a period (251) that shares no factor with a chunk, so that swapped chunks change the hash.
    fn paint(length: usize) -> Vec<u8> {
        (0..length)
            .map(|i| u8::try_from(i % 251).expect("below 251"))
            .collect()
    }

    /// Hash `input` in ranges cut at `cuts` (chunk numbers), each fed `step` bytes at a time, last range first.
    fn in_ranges(input: &[u8], cuts: &[u64], step: usize) -> Option<Hash> {
        let length = input.len() as u64;
        let mut bounds: Vec<u64> = cuts
            .iter()
            .map(|cut| cut * CHUNK)
            .filter(|cut| *cut > 0 && *cut < length)
            .collect();
        bounds.extend([0, length]);
        bounds.sort_unstable();
        bounds.dedup();
        let mut all = Vec::new();
        for pair in bounds.windows(2).rev() {
            let mut pieces = Pieces::new(pair[0], pair[1], length);
            let range = usize::try_from(pair[0]).expect("small")..usize::try_from(pair[1]).expect("small");
            for part in input[range].chunks(step) {
                pieces.update(part);
            }
            all.extend(pieces.finish());
        }
        merge(&mut all, length)
    }

    #[test]
    fn edge_lengths_agree_with_the_crate() {
        for chunks in [1_usize, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100] {
            for extra in [-1_isize, 0, 1] {
                let length = (chunks * 1024).checked_add_signed(extra).expect("small");
                let input = paint(length);
                for cut in 1..=(length as u64 / CHUNK) {
                    if cut * CHUNK >= length as u64 {
                        continue;
                    }
                    assert_eq!(
                        in_ranges(&input, &[cut], 1000),
                        Some(*blake3::hash(&input).as_bytes()),
                        "length {length} cut at chunk {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn missing_or_duplicate_piece_gives_no_digest() {
        let input = paint(8 * 1024);
        let mut left = Pieces::new(0, 4096, 8192);
        left.update(&input[..4096]);
        let left = left.finish();
        assert_eq!(merge(&mut left.clone(), 8192), None);
        let mut doubled = [left.clone(), left].concat();
        assert_eq!(merge(&mut doubled, 8192), None);
    }

    proptest! {
        #[test]
        fn ranges_merge_into_the_standard_digest(
            length in 2049_usize..200_000,
            cuts in proptest::collection::vec(1_u64..200, 1..12),
            step in 1_usize..70_000,
        ) {
            let input = paint(length);
            let whole = cuts.iter().all(|cut| cut * CHUNK >= length as u64);
            prop_assume!(!whole);
            prop_assert_eq!(in_ranges(&input, &cuts, step), Some(*blake3::hash(&input).as_bytes()));
        }
    }
}
