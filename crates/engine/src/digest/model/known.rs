//! Digests of spans that another read of the same files has made: of tensors that were compared while they were hashed.

use super::open::{FileDigests, OpenFile, Span};
use crate::io::source::{Source, Stamp};
use lineaprint_digest::{Digests, Hash};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Digests that are known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its path as it was opened.
    pub path: PathBuf,
    /// Its stamp while it was read. A file with another one is hashed anew.
    pub stamp: String,
    /// First byte, one past the last byte, and BLAKE3 of each span.
    pub spans: Vec<(u64, u64, Hash)>,
}

impl Stamp {
    /// Return the stamp as text, for comparison alone.
    pub fn text(&self) -> String {
        let Self {
            size,
            device,
            inode,
            modified,
            changed,
        } = self;
        format!("{size} {device} {inode} {modified} {changed}")
    }
}

/// Digests of spans by their files. A file that both models have can be there twice.
pub(crate) struct Known<'k>(HashMap<&'k Path, Vec<&'k KnownFile>>);

impl<'k> Known<'k> {
    pub fn new(files: &'k [KnownFile]) -> Self {
        let mut by_path: HashMap<&Path, Vec<&KnownFile>> = HashMap::new();
        for file in files {
            by_path.entry(&file.path).or_default().push(file);
        }
        Self(by_path)
    }

    /// Return the known spans of a file, with their digests.
    fn of(&self, source: &Source) -> HashMap<Span, Hash> {
        let stamp = source.stamp().text();
        let files = self.0.get(source.path()).into_iter().flatten();
        let spans = files
            .filter(|file| file.stamp == stamp)
            .flat_map(|file| &file.spans);
        spans
            .map(|(start, end, hash)| {
                let (start, end) = (*start, *end);
                (Span { start, end }, *hash)
            })
            .collect()
    }

    /// Return the files with the spans that are left to hash, and the digests of the others by their index.
    pub fn split(&self, files: &[OpenFile]) -> (Vec<OpenFile>, Vec<Vec<Option<Hash>>>) {
        files
            .iter()
            .map(|file| {
                let known = self.of(&file.source);
                let hashes: Vec<Option<Hash>> =
                    file.spans.iter().map(|span| known.get(span).copied()).collect();
                let rest = OpenFile {
                    source: file.source.clone(),
                    spans: unknown(&file.spans, &hashes),
                    checked: file.checked.clone(),
                    // There are none where no health is wanted.
                    numbers: unknown(&file.numbers, &hashes),
                };
                (rest, hashes)
            })
            .unzip()
    }
}

/// Return what belongs to the spans whose digests are not known.
fn unknown<T: Copy>(of_spans: &[T], hashes: &[Option<Hash>]) -> Vec<T> {
    let pairs = of_spans.iter().zip(hashes);
    pairs
        .filter(|(_, hash)| hash.is_none())
        .map(|(value, _)| *value)
        .collect()
}

/// Put the digests of the spans that were left among those that are known.
pub(crate) fn join(hashed: Vec<FileDigests>, known: Vec<Vec<Option<Hash>>>) -> Vec<FileDigests> {
    hashed
        .into_iter()
        .zip(known)
        .map(|(mut file, known)| {
            let mut rest = std::mem::take(&mut file.spans).into_iter();
            let of = |hash| Digests {
                blake3: Some(hash),
                sha256: None,
            };
            file.spans = known
                .into_iter()
                .filter_map(|hash| hash.map(of).or_else(|| rest.next()))
                .collect();
            file
        })
        .collect()
}
