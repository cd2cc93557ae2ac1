//! One large input on all cores: BLAKE3 subtrees of equal size.

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::source::Source;
use crate::schedule::work_stealing;
use lineaprint_digest::Hash;
use lineaprint_digest::subtree::{Piece, Pieces, merge};
use std::ops::Range;
use std::path::Path;

/// Bytes of one subtree: the unit of work that threads take from a large file. Large enough that taking and
/// merging cost nothing, small enough that the last one does not keep the other cores waiting.
pub const SUBTREE: u64 = 4 << 20;

/// Compute BLAKE3 of the `length` bytes of a file from `base`, more than one [`SUBTREE`], on all threads of the pool.
pub fn hash(source: &Source, base: u64, length: u64, control: &Control) -> Result<Hash> {
    let mut pieces = hash_pieces(source, base, 0..length, length, control)?;
    merge_or_internal(&mut pieces, length, source.path())
}

/// Subtrees that a thread keeps from being stolen while it reads from a disk: 32 MiB, several times the read-ahead.
const LEAST_FROM_DISK: usize = 8;

/// Return the fewest subtrees, or tiles of that size, that two threads share.
pub fn least_shared(control: &Control) -> usize {
    if control.from_disk() { LEAST_FROM_DISK } else { 1 }
}

/// Hash `range` of an input into pieces. The input is the `length` bytes of a file from `base`.
///
/// The range must not be empty nor all of a single subtree's input; it starts and ends at chunks, or at the end.
pub fn hash_pieces(
    source: &Source,
    base: u64,
    range: Range<u64>,
    length: u64,
    control: &Control,
) -> Result<Vec<Piece>> {
    // Subtrees are counted from the start of the input, so that each is one node of its tree.
    let first = range.start / SUBTREE;
    let count = range.end.div_ceil(SUBTREE) - first;
    let count = usize::try_from(count)
        .map_err(|_| Error::new(Code::Internal, "a file of more parts than fit into memory"))?;
    let pieces = work_stealing::run(count, least_shared(control), |unit| {
        let index = first + unit as u64;
        let from = (index * SUBTREE).max(range.start);
        let to = ((index + 1) * SUBTREE).min(range.end);
        let mut pieces = Pieces::new(from, to, length);
        source.read_range(base + from, base + to, control, |block| pieces.update(block))?;
        Ok(pieces.finish())
    })?;
    Ok(pieces.into_iter().flatten().collect())
}

/// Merge pieces that must be complete. Incomplete pieces are a bug, and give no digest.
pub fn merge_or_internal(pieces: &mut [Piece], length: u64, path: &Path) -> Result<Hash> {
    merge(pieces, length)
        .ok_or_else(|| Error::new(Code::Internal, "the pieces of its hash do not fit together").at(path))
}
