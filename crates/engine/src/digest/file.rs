//! Plain digests of whole files.

use crate::cache::{self, Cache, CacheReport};
use crate::control::Control;
use crate::digest::range::subtrees::{self, SUBTREE};
use crate::error::{Code, Error, Result};
use crate::io::source::{Source, Stamp, retry_once};
use crate::schedule::job::Job;
use crate::schedule::multi_stream::{self, Span};
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::{Algorithms, Digests, Hasher};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The size and digests of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Length in bytes.
    pub size: u64,
    /// Plain digests.
    pub digests: Digests,
}

/// A request for the digests of files. Each file has its own result, in the order of the paths.
#[derive(Clone, Debug)]
pub struct HashFiles {
    /// The files.
    pub paths: Vec<PathBuf>,
    /// Hash functions.
    pub algorithms: Algorithms,
    /// The folder of a cache, if one is to be used.
    pub cache: Option<PathBuf>,
}

impl Job for HashFiles {
    type Output = (Vec<Result<FileDigest>>, Option<CacheReport>);

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: &self.paths,
            digests: self.algorithms.iter().count(),
        }
    }

    fn run(self, control: &Control) -> Result<Self::Output> {
        cache::with_cache(self.cache.as_deref(), control, |cache| {
            let files = match cache {
                Some(cache) => hash_all_cached(&self.paths, self.algorithms, cache, control),
                None => hash_all(&self.paths, self.algorithms, control),
            };
            control.check()?;
            Ok(files)
        })
    }
}

/// Hash each of `paths` on the threads of the current pool. One failure does not stop the others.
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

/// Hash each of `paths` unless `cache` knows it. One failure does not stop the others.
pub fn hash_all_cached(
    paths: &[PathBuf],
    algorithms: Algorithms,
    cache: &Cache,
    control: &Control,
) -> Vec<Result<FileDigest>> {
    let hash = |path: &Path| {
        // If the stat fails, opening the file gives the error.
        let stamp = Stamp::at(path).ok().flatten();
        if let Some((stamp, digests)) =
            stamp.and_then(|stamp| Some((stamp, cache.lookup(path, stamp, algorithms)?)))
        {
            let size = stamp.size;
            control.add_file(size);
            control.advance(size);
            control.file_done();
            return Ok(FileDigest { size, digests });
        }
        let started = cache.started();
        let source = Source::open(path)?;
        control.add_file(source.size());
        let file = hash_source(&source, algorithms, control)?;
        cache.admit(&source, &file.digests, started);
        Ok(file)
    };
    paths
        .par_iter()
        .with_max_len(1)
        .map(|path| retry_once(|| hash(path)))
        .collect()
}

/// Hash files as streams, several at once on each thread, the longest first.
fn hash_all_in_lanes(
    paths: &[PathBuf],
    algorithms: Algorithms,
    control: &Control,
) -> Vec<Result<FileDigest>> {
    let mut order: Vec<(u64, usize)> = paths
        .iter()
        .enumerate()
        // Only the order depends on this length. Opening a missing file gives the error.
        .map(|(index, path)| {
            (
                std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
                index,
            )
        })
        .collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let results: Vec<OnceLock<Result<FileDigest>>> = paths.iter().map(|_| OnceLock::new()).collect();
    let open = |rank: usize| {
        let source = Source::open(&paths[order[rank].1])?;
        control.add_file(source.size());
        let end = source.size();
        Ok(Span {
            source,
            start: 0,
            end,
        })
    };
    let done = |rank: usize, outcome: Result<(Source, Digests)>| {
        let index = order[rank].1;
        let checked = outcome.and_then(|(source, digests)| finish(&source, digests, control));
        let result = match checked {
            // As everywhere: a file that changed gets one more try.
            Err(error) if error.code == Code::Changed => {
                Source::open(&paths[index]).and_then(|source| hash_source(&source, algorithms, control))
            }
            other => other,
        };
        // Each file is done once. A second result would be a bug, and is not taken.
        results[index].get_or_init(|| result);
    };
    multi_stream::hash_all(paths.len(), algorithms, control, open, done);
    results
        .into_iter()
        .map(|result| {
            result
                .into_inner()
                .unwrap_or_else(|| Err(Error::new(Code::Internal, "a file was left out")))
        })
        .collect()
}

/// Hash one file by its path.
pub fn hash_path(path: &Path, algorithms: Algorithms, control: &Control) -> Result<FileDigest> {
    retry_once(|| {
        let source = Source::open(path)?;
        control.add_file(source.size());
        hash_source(&source, algorithms, control)
    })
}

/// Hash an open file, and check that it did not change meanwhile.
pub fn hash_source(source: &Source, algorithms: Algorithms, control: &Control) -> Result<FileDigest> {
    control.check()?;
    let size = source.size();
    let digests = if algorithms == Algorithms::BLAKE3 && size > SUBTREE {
        Digests {
            blake3: Some(subtrees::hash(source, 0, size, control)?),
            sha256: None,
        }
    } else {
        hash_in_order(source, 0, size, algorithms, control)?
    };
    finish(source, digests, control)
}

/// Check that a file did not change while it was hashed.
fn finish(source: &Source, digests: Digests, control: &Control) -> Result<FileDigest> {
    source.verify_unchanged()?;
    control.file_done();
    Ok(FileDigest {
        size: source.size(),
        digests,
    })
}

/// Hash `start..end` of a file on this thread.
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
