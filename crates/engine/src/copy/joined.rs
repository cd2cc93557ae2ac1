//! Files one after the other as one file.

use super::{Move, Target, for_subtrees};
use crate::control::Control;
use crate::digest::file::{FileDigest, hash_source};
use crate::digest::range::subtrees::{SUBTREE, merge_or_internal};
use crate::error::{Code, Error, Result};
use crate::io::source::Source;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::subtree::{Piece, Pieces};
use lineaprint_digest::{Algorithms, Digests, Hasher};
use std::path::PathBuf;

/// A request for a file that has the bytes of others, with its digests.
#[derive(Clone, Debug)]
pub struct JoinFiles {
    /// The files, in order.
    pub paths: Vec<PathBuf>,
    /// The length of each but the last, which may be shorter.
    pub part_size: u64,
    /// Length of the new file.
    pub size: u64,
    /// The file that is made; nothing may stand there. An error leaves it behind.
    pub target: PathBuf,
    /// Hash functions.
    pub algorithms: Algorithms,
}

impl Job for JoinFiles {
    type Output = FileDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: &self.paths,
            digests: self.algorithms.iter().count(),
        }
    }

    fn run(self, control: &Control) -> Result<FileDigest> {
        join(&self, control)
    }
}

/// Write the bytes of files into a new one, on the threads of the current pool. The digests are of what is written.
pub fn join(request: &JoinFiles, control: &Control) -> Result<FileDigest> {
    let JoinFiles { size, part_size, .. } = *request;
    let fits = part_size > 0
        && part_size.is_multiple_of(SUBTREE)
        && u64::try_from(request.paths.len()).is_ok_and(|count| count == size.div_ceil(part_size));
    if !fits {
        return Err(
            Error::new(Code::Range, "the parts do not make a file of this length")
                .with_expected(format!("{size} bytes"), format!("{} files", request.paths.len()))
                .at(&request.target),
        );
    }
    let target = Target::create(&request.target)?;
    if request.share(&target, control)? {
        let copy = target.to_source()?;
        control.add_file(size);
        return hash_source(&copy, request.algorithms, control);
    }
    control.add_file(size);
    let digests = request.copy(&target, control)?;
    control.file_done();
    Ok(FileDigest { size, digests })
}

impl JoinFiles {
    /// Open the file that has the byte `start` of the new one. Also return where it begins there.
    fn open(&self, start: u64) -> Result<(Source, u64)> {
        let index = usize::try_from(start / self.part_size).unwrap_or(usize::MAX);
        let path = self
            .paths
            .get(index)
            .ok_or_else(|| Error::new(Code::Internal, "there is no such part"))?;
        let source = Source::open(path)?;
        let base = start - start % self.part_size;
        let expected = self.part_size.min(self.size - base);
        if source.size() != expected {
            return Err(Error::new(Code::Changed, "it has another length")
                .with_expected(format!("{expected} bytes"), format!("{} bytes", source.size()))
                .at(path));
        }
        Ok((source, base))
    }

    /// Share the blocks of all files with the new one. False if one cannot be shared: all are copied then.
    fn share(&self, target: &Target<'_>, control: &Control) -> Result<bool> {
        let mut position = 0;
        while position < self.size {
            control.check()?;
            let (source, base) = self.open(position)?;
            let range = 0..source.size();
            let end = base + source.size();
            let motion = Move {
                source: &source,
                range,
                target,
                position: base,
            };
            if !motion.share() {
                return Ok(false);
            }
            position = end;
        }
        Ok(self.size > 0)
    }

    /// Copy all files into the new one.
    fn copy(&self, target: &Target<'_>, control: &Control) -> Result<Digests> {
        if self.algorithms == Algorithms::BLAKE3 && self.size > SUBTREE {
            let nodes = for_subtrees(self.size, |range| {
                let mut pieces = Pieces::new(range.start, range.end, self.size);
                self.copy_range(range.start, range.end, target, control, |block| {
                    pieces.update(block);
                })?;
                Ok(pieces.finish())
            })?;
            let mut nodes: Vec<Piece> = nodes.into_iter().flatten().collect();
            return Ok(Digests {
                blake3: Some(merge_or_internal(&mut nodes, self.size, target.path)?),
                sha256: None,
            });
        }
        // SHA-256 takes its input in order.
        let mut hasher = Hasher::new(self.algorithms);
        let mut start = 0;
        while start < self.size {
            let end = (start + self.part_size).min(self.size);
            self.copy_range(start, end, target, control, |block| hasher.update(block))?;
            start = end;
        }
        Ok(hasher.finish())
    }

    /// Copy a range of the new file, which lies in one of the files.
    fn copy_range(
        &self,
        start: u64,
        end: u64,
        target: &Target<'_>,
        control: &Control,
        take: impl FnMut(&[u8]),
    ) -> Result<()> {
        let (source, base) = self.open(start)?;
        let range = start - base..end - base;
        let motion = Move {
            source: &source,
            range: range.clone(),
            target,
            position: start,
        };
        motion.copy(range.start, range.end, control, take)
    }
}
