//! Plain digests of whole files.

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::source::{Source, retry_once};
use crate::streams::{self, Span};
use lineaprint_digest::subtree::{Pieces, merge};
use lineaprint_digest::{Algorithms, Digests, Hash, Hasher};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

/// Bytes of one subtree: the unit of work that threads take from a large file. Large enough that taking and
/// merging cost nothing, small enough that the last one does not keep the other cores waiting.
pub const SUBTREE: u64 = 4 << 20;

/// What is known of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Length in bytes.
    pub size: u64,
    /// Plain digests.
    pub digests: Digests,
}

/// Hashes each of `paths` on the threads of the current pool. One failure does not stop the others.
pub fn hash_all(paths: &[PathBuf], algorithms: Algorithms, control: &Control) -> Vec<Result<FileDigest>> {
    if algorithms.sha256 && paths.len() > 1 {
        return hash_all_in_lanes(paths, algorithms, control);
    }
    paths
        .par_iter()
        .with_max_len(1)
        .map(|path| hash_path(path, algorithms, control))
        .collect()
}

/// Hashes files as streams, several at once on each thread, the longest first.
fn hash_all_in_lanes(
    paths: &[PathBuf],
    algorithms: Algorithms,
    control: &Control,
) -> Vec<Result<FileDigest>> {
    let mut order: Vec<(u64, usize)> = paths
        .iter()
        .enumerate()
        // Only the order depends on this length; a file that is not there says so when it is opened.
        .map(|(index, path)| {
            (
                std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
                index,
            )
        })
        .collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let results: Vec<OnceLock<Result<FileDigest>>> = paths.iter().map(|_| OnceLock::new()).collect();
    let open = |place: usize| {
        let source = Source::open(&paths[order[place].1])?;
        control.found(source.size());
        let end = source.size();
        Ok(Span {
            source,
            start: 0,
            end,
        })
    };
    let done = |place: usize, outcome: Result<(Source, Digests)>| {
        let index = order[place].1;
        let checked = outcome.and_then(|(source, digests)| finish(&source, digests, control));
        let result = match checked {
            // As everywhere: a file that changed gets one more try.
            Err(error) if error.code == Code::Changed => {
                Source::open(&paths[index]).and_then(|source| hash_source(&source, algorithms, control))
            }
            other => other,
        };
        // Each place is done once; a second value would be a bug and is not taken.
        results[index].get_or_init(|| result);
    };
    streams::hash_all(paths.len(), algorithms, control, open, done);
    results
        .into_iter()
        .map(|result| {
            result
                .into_inner()
                .unwrap_or_else(|| Err(Error::new(Code::Internal, "a file was left out")))
        })
        .collect()
}

/// Hashes one file by its path.
pub fn hash_path(path: &Path, algorithms: Algorithms, control: &Control) -> Result<FileDigest> {
    retry_once(|| {
        let source = Source::open(path)?;
        control.found(source.size());
        hash_source(&source, algorithms, control)
    })
}

/// Hashes an open file and makes sure that it did not change meanwhile.
pub fn hash_source(source: &Source, algorithms: Algorithms, control: &Control) -> Result<FileDigest> {
    control.check()?;
    let size = source.size();
    let digests = if algorithms == Algorithms::BLAKE3 && size > SUBTREE {
        Digests {
            blake3: Some(hash_subtrees(source, 0, size, control)?),
            sha256: None,
        }
    } else {
        hash_in_order(source, 0, size, algorithms, control)?
    };
    finish(source, digests, control)
}

/// Makes sure that a file did not change while it was hashed.
fn finish(source: &Source, digests: Digests, control: &Control) -> Result<FileDigest> {
    source.verify_unchanged()?;
    control.file_done();
    Ok(FileDigest {
        size: source.size(),
        digests,
    })
}

/// Hashes `start..end` of a file on this thread.
pub fn hash_in_order(
    source: &Source,
    start: u64,
    end: u64,
    algorithms: Algorithms,
    control: &Control,
) -> Result<Digests> {
    let mut hasher = Hasher::new(algorithms);
    source.read_range(start, end, control, |block| hasher.update(block))?;
    Ok(hasher.finish())
}

/// BLAKE3 of `start..start + length` of a file, longer than one [`SUBTREE`], on all threads of the pool.
///
/// Threads take subtrees from the front, so that a file that is not in memory is read in order.
fn hash_subtrees(source: &Source, start: u64, length: u64, control: &Control) -> Result<Hash> {
    let count = length.div_ceil(SUBTREE);
    let next = AtomicU64::new(0);
    let shared = Mutex::new((Vec::new(), None));
    let drain = || {
        let mut mine = Vec::new();
        let mut failure = None;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            match hash_subtree(source, start, length, index, control) {
                Ok(pieces) => mine.extend(pieces),
                Err(error) => {
                    // No other thread needs to start another subtree of a file that failed.
                    next.store(count, Ordering::Relaxed);
                    failure = Some(error);
                    break;
                }
            }
        }
        let mut shared = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.0.extend(mine);
        if shared.1.is_none() {
            shared.1 = failure;
        }
    };
    rayon::scope(|scope| {
        let helpers = (rayon::current_num_threads() as u64).min(count) - 1;
        for _ in 0..helpers {
            scope.spawn(|_| drain());
        }
        drain();
    });
    let (mut pieces, failure) = shared
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match failure {
        Some(error) => Err(error),
        None => merge_or_internal(&mut pieces, length, source.path()),
    }
}

/// The pieces of subtree `index` of a range that is longer than one subtree.
pub fn hash_subtree(
    source: &Source,
    start: u64,
    length: u64,
    index: u64,
    control: &Control,
) -> Result<Vec<lineaprint_digest::subtree::Piece>> {
    let from = index * SUBTREE;
    let to = (from + SUBTREE).min(length);
    let mut pieces = Pieces::new(from, to, length);
    source.read_range(start + from, start + to, control, |block| pieces.update(block))?;
    Ok(pieces.finish())
}

/// Merges pieces that must be complete; anything else is a bug of ours, and no digest.
pub fn merge_or_internal(
    pieces: &mut [lineaprint_digest::subtree::Piece],
    length: u64,
    path: &Path,
) -> Result<Hash> {
    merge(pieces, length)
        .ok_or_else(|| Error::new(Code::Internal, "the pieces of its hash do not fit together").at(path))
}
