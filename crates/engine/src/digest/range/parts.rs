//! Parts of one digest that several machines compute.
//!
//! A part is the pieces of the BLAKE3 tree over a share of the file. Parts of one file, made anywhere and in any
//! order, merge into the standard digest of the whole.

use crate::control::Control;
use crate::digest::file::{FileDigest, hash_in_order};
use crate::digest::range::subtrees::{SUBTREE, hash, hash_pieces};
use crate::error::{Code, Error, Result};
use crate::io::source::{Source, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::subtree::{CHUNK, Piece, merge};
use lineaprint_digest::{Algorithms, Digests, Hash};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One part of a file's digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Length of the whole file in bytes.
    pub size: u64,
    /// The digests of its bytes.
    pub content: PartContent,
}

/// The digests of the bytes of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartContent {
    /// The part has no bytes.
    Empty,
    /// The part has all bytes of the file: its digest.
    Whole(Hash),
    /// The part has some bytes of the file: pieces of its tree.
    Pieces(Vec<Piece>),
}

/// Hash part `index` (from 0) of `count` of a file. Parts have similar lengths and end at chunks.
pub fn hash_part(path: &Path, index: u64, count: u64, control: &Control) -> Result<Part> {
    retry_once(|| {
        let source = Source::open(path)?;
        let size = source.size();
        let range = share(size, index, count);
        control.add_file(range.end - range.start);
        let content = if range == (0..size) && (index == 0 || size > 0) {
            // A tree of one node has no pieces to merge. An empty file is all in its first part.
            PartContent::Whole(if size > SUBTREE {
                hash(&source, 0, size, control)?
            } else {
                hash_in_order(&source, 0, size, Algorithms::BLAKE3, control)?
                    .blake3
                    .ok_or_else(|| Error::new(Code::Internal, "no digest was computed").at(path))?
            })
        } else if range.is_empty() {
            PartContent::Empty
        } else {
            PartContent::Pieces(hash_pieces(&source, 0, range, size, control)?)
        };
        source.verify_unchanged()?;
        control.file_done();
        Ok(Part { size, content })
    })
}

/// Return the byte range of one part: whole subtrees where the file has enough of them, else whole chunks.
fn share(size: u64, index: u64, count: u64) -> Range<u64> {
    let unit = if size / SUBTREE >= count * 4 {
        SUBTREE
    } else {
        CHUNK
    };
    let units = size.div_ceil(unit);
    // In 128 bits, since a count of parts times a count of units may not fit into 64.
    let at = |part: u64| {
        let units_before = u128::from(units) * u128::from(part) / u128::from(count);
        (u64::try_from(units_before)
            .unwrap_or(u64::MAX)
            .saturating_mul(unit))
        .min(size)
    };
    at(index)..at(index + 1)
}

/// Merge the parts of one file, in any order, into its digest.
pub fn merge_parts(parts: &[Part]) -> Result<FileDigest> {
    let wrong = |message: &str| Error::new(Code::Range, message);
    let size = parts.first().ok_or_else(|| wrong("no parts given"))?.size;
    if let Some(other) = parts.iter().find(|part| part.size != size) {
        return Err(wrong("the parts belong to files of different lengths")
            .with_expected(format!("{size} bytes"), format!("{} bytes", other.size)));
    }
    let mut pieces = Vec::new();
    let mut wholes = Vec::new();
    for part in parts {
        match &part.content {
            PartContent::Empty => {}
            PartContent::Whole(hash) => wholes.push(*hash),
            PartContent::Pieces(own) => pieces.extend_from_slice(own),
        }
    }
    let hash = match (wholes.as_slice(), pieces.is_empty()) {
        ([whole], true) => Some(*whole),
        ([], false) => merge(&mut pieces, size),
        _ => None,
    };
    let hash = hash.ok_or_else(|| {
        wrong("the parts do not cover the file exactly once: a part is missing or given twice")
    })?;
    Ok(FileDigest {
        size,
        digests: Digests {
            blake3: Some(hash),
            sha256: None,
        },
    })
}

/// A request for part `index` (from 0) of `count` of a file.
#[derive(Clone, Debug)]
pub struct HashPart {
    /// The file.
    pub path: PathBuf,
    /// Which part, below `count`.
    pub index: u64,
    /// Number of parts.
    pub count: u64,
}

impl Job for HashPart {
    type Output = Part;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: std::slice::from_ref(&self.path),
            digests: 1,
        }
    }

    fn run(self, control: &Control) -> Result<Part> {
        hash_part(&self.path, self.index, self.count, control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_cover_a_file_once(size in 0_u64..1 << 40, count in 1_u64..2000) {
            let mut position = 0;
            for index in 0..count {
                let range = share(size, index, count);
                prop_assert_eq!(range.start, position);
                prop_assert!(range.start.is_multiple_of(CHUNK) || range.start == size);
                position = range.end;
            }
            prop_assert_eq!(position, size);
        }
    }
}
