//! Ranges of a file.
//!
//! - [`parts`]: hash parts of one file on several machines, and merge them into its digest.
//! - [`subtrees`]: hash one large input on all threads.

pub mod parts;
pub mod subtrees;

use crate::control::Control;
use crate::digest::file::{FileDigest, hash_in_order};
use crate::error::{Code, Error, Result};
use crate::io::source::{Source, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::{Algorithms, Digests};
use std::path::{Path, PathBuf};

/// Hash a file from byte `start` to byte `end` (exclusive), or to where it ends.
pub fn hash_range(
    path: &Path,
    start: u64,
    end: Option<u64>,
    algorithms: Algorithms,
    control: &Control,
) -> Result<FileDigest> {
    retry_once(|| {
        let source = Source::open(path)?;
        let range = start..end.unwrap_or(source.size());
        if range.start > range.end || range.end > source.size() {
            return Err(Error::new(Code::Range, "the range is outside the file")
                .with_expected(format!("at most {} bytes", source.size()), format!("{range:?}"))
                .at(path));
        }
        let size = range.end - range.start;
        control.add_file(size);
        let digests = if algorithms == Algorithms::BLAKE3 && size > subtrees::SUBTREE {
            Digests {
                blake3: Some(subtrees::hash(&source, range.start, size, control)?),
                sha256: None,
            }
        } else {
            hash_in_order(&source, range.start, range.end, algorithms, control)?
        };
        source.verify_unchanged()?;
        control.file_done();
        Ok(FileDigest { size, digests })
    })
}

/// A request for the digests of a range of a file.
#[derive(Clone, Debug)]
pub struct HashRange {
    /// The file.
    pub path: PathBuf,
    /// First byte.
    pub start: u64,
    /// One past the last byte; the end of the file without it.
    pub end: Option<u64>,
    /// Hash functions.
    pub algorithms: Algorithms,
}

impl Job for HashRange {
    type Output = FileDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: std::slice::from_ref(&self.path),
            digests: self.algorithms.iter().count(),
        }
    }

    fn run(self, control: &Control) -> Result<FileDigest> {
        hash_range(&self.path, self.start, self.end, self.algorithms, control)
    }
}
