//! One large input on all cores: BLAKE3 subtrees of equal size, taken from the front.

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::source::Source;
use lineaprint_digest::Hash;
use lineaprint_digest::subtree::{Piece, Pieces, merge};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes of one subtree: the unit of work that threads take from a large file. Large enough that taking and
/// merging cost nothing, small enough that the last one does not keep the other cores waiting.
pub const SUBTREE: u64 = 4 << 20;

/// BLAKE3 of the `length` bytes of a file from `base`, more than one [`SUBTREE`], on all threads of the pool.
pub fn hash(source: &Source, base: u64, length: u64, control: &Control) -> Result<Hash> {
    let mut pieces = hash_pieces(source, base, 0..length, length, control)?;
    merge_or_internal(&mut pieces, length, source.path())
}

/// The pieces of `range` of an input that is the `length` bytes of a file from `base`.
///
/// The range must not be empty nor all of a single subtree's input; it starts and ends at chunks, or at the end.
/// Threads take subtrees from the front, so that a file that is not in memory is read in order.
pub fn hash_pieces(
    source: &Source,
    base: u64,
    range: Range<u64>,
    length: u64,
    control: &Control,
) -> Result<Vec<Piece>> {
    // Subtrees are counted from the start of the input, so that each is one node of its tree.
    let first = range.start / SUBTREE;
    let count = range.end.div_ceil(SUBTREE);
    let next = AtomicU64::new(first);
    let shared = Mutex::new((Vec::new(), None));
    let drain = || {
        let mut mine = Vec::new();
        let mut failure = None;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            let from = (index * SUBTREE).max(range.start);
            let to = ((index + 1) * SUBTREE).min(range.end);
            let mut pieces = Pieces::new(from, to, length);
            match source.read_range(base + from, base + to, control, |block| pieces.update(block)) {
                Ok(()) => mine.extend(pieces.finish()),
                Err(error) => {
                    // No other thread needs to start another subtree of a file that failed.
                    next.store(count, Ordering::Relaxed);
                    failure = Some(error);
                    break;
                }
            }
        }
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.0.extend(mine);
        if shared.1.is_none() {
            shared.1 = failure;
        }
    };
    rayon::scope(|scope| {
        let helpers = (rayon::current_num_threads() as u64).min(count - first) - 1;
        for _ in 0..helpers {
            scope.spawn(|_| drain());
        }
        drain();
    });
    let (pieces, failure) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(pieces), Err)
}

/// Merges pieces that must be complete; anything else is a bug of ours, and no digest.
pub fn merge_or_internal(pieces: &mut [Piece], length: u64, path: &Path) -> Result<Hash> {
    merge(pieces, length)
        .ok_or_else(|| Error::new(Code::Internal, "the pieces of its hash do not fit together").at(path))
}
