//! A part of a file as a file of its own.

use super::{Move, Target, for_subtrees};
use crate::control::Control;
use crate::digest::range::subtrees::{SUBTREE, merge_or_internal};
use crate::error::{Code, Error, Result};
use crate::io::source::Source;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::subtree::{CHUNK, Piece, Pieces};
use lineaprint_digest::{Algorithms, Digests, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A request for a copy of a part of a file, with the digests of the copy.
#[derive(Clone, Debug)]
pub struct CopyPart {
    /// The file.
    pub source: PathBuf,
    /// Its length, which it must have.
    pub size: u64,
    /// First byte of the part: a multiple of [`CHUNK`].
    pub start: u64,
    /// One past its last byte: a multiple of [`CHUNK`], or the end of the file.
    pub end: u64,
    /// The file that is made; nothing may stand there. An error leaves it behind.
    pub target: PathBuf,
    /// Hash functions of the part.
    pub algorithms: Algorithms,
}

/// The copy of a part.
#[derive(Clone, Debug)]
pub struct CopiedPart {
    /// Its digests.
    pub digests: Digests,
    /// With BLAKE3, its pieces of the tree of the whole file; none if it is all of the file.
    pub pieces: Vec<Piece>,
    /// True if it shares its blocks with the file.
    pub is_shared: bool,
}

impl Job for CopyPart {
    type Output = CopiedPart;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Sequential {
            paths: std::slice::from_ref(&self.source),
            digests: 2 * self.algorithms.iter().count(),
        }
    }

    fn run(self, control: &Control) -> Result<CopiedPart> {
        copy_part(&self, control)
    }
}

/// Copy a part of a file on the threads of the current pool.
///
/// What is hashed is the copy: its shared blocks, which a write to the file does not change, or the bytes that were
/// written. An error if the file changed meanwhile, or does not have its length.
pub fn copy_part(request: &CopyPart, control: &Control) -> Result<CopiedPart> {
    let CopyPart { size, start, end, .. } = *request;
    let source = Source::open(&request.source)?;
    if source.size() != size {
        return Err(Error::new(Code::Changed, "it changed while it was copied")
            .with_expected(format!("{size} bytes"), format!("{} bytes", source.size()))
            .at(&request.source));
    }
    let ends_at_chunk = end.is_multiple_of(CHUNK) || end == size;
    let is_empty = start >= end && size > 0;
    if is_empty || end > size || !start.is_multiple_of(CHUNK) || !ends_at_chunk {
        return Err(Error::new(Code::Range, "it is not a part of the file")
            .with_expected(format!("chunks of {size} bytes"), format!("{start}..{end}"))
            .at(&request.source));
    }
    control.add_file(end - start);
    let target = Target::create(&request.target)?;
    let motion = Move {
        source: &source,
        range: start..end,
        target: &target,
        position: 0,
    };
    let is_shared = motion.share();
    let read = if is_shared {
        Read::Clone(target.to_source()?, start)
    } else {
        Read::Copy(motion)
    };
    let (digests, pieces) = hash(&read, start..end, size, request.algorithms, control)?;
    source.verify_unchanged()?;
    control.file_done();
    Ok(CopiedPart {
        digests,
        pieces,
        is_shared,
    })
}

/// The file from which the bytes of a part are read.
enum Read<'a> {
    /// In the copy, which begins at this byte of the file.
    Clone(Source, u64),
    /// In the file. They are written on the way.
    Copy(Move<'a>),
}

impl Read<'_> {
    /// Read a range of the file.
    fn read(&self, range: Range<u64>, control: &Control, take: impl FnMut(&[u8])) -> Result<()> {
        match self {
            Self::Clone(copy, base) => copy.read_range(range.start - base, range.end - base, control, take),
            Self::Copy(motion) => motion.copy(range.start, range.end, control, take),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Clone(copy, _) => copy.path(),
            Self::Copy(motion) => motion.source.path(),
        }
    }
}

/// Hash a part by itself, and as pieces of the file with `size` bytes.
fn hash(
    read: &Read<'_>,
    part: Range<u64>,
    size: u64,
    algorithms: Algorithms,
    control: &Control,
) -> Result<(Digests, Vec<Piece>)> {
    let length = part.end - part.start;
    let is_whole = length == size;
    if algorithms != Algorithms::BLAKE3 || length <= SUBTREE {
        // SHA-256 takes its input in order, and a short part is a single node of its tree.
        let mut hasher = Hasher::new(algorithms);
        let mut pieces = (algorithms.blake3 && !is_whole).then(|| Pieces::new(part.start, part.end, size));
        read.read(part, control, |block| {
            hasher.update(block);
            if let Some(pieces) = &mut pieces {
                pieces.update(block);
            }
        })?;
        return Ok((hasher.finish(), pieces.map(Pieces::finish).unwrap_or_default()));
    }
    let nodes = for_subtrees(length, |range| {
        let mut own = Pieces::new(range.start, range.end, length);
        let inside = part.start + range.start..part.start + range.end;
        let mut pieces = (!is_whole).then(|| Pieces::new(inside.start, inside.end, size));
        read.read(inside, control, |block| {
            own.update(block);
            if let Some(pieces) = &mut pieces {
                pieces.update(block);
            }
        })?;
        Ok((own.finish(), pieces.map(Pieces::finish).unwrap_or_default()))
    })?;
    let (own, pieces): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
    let mut own: Vec<Piece> = own.into_iter().flatten().collect();
    let digests = Digests {
        blake3: Some(merge_or_internal(&mut own, length, read.path())?),
        sha256: None,
    };
    Ok((digests, pieces.into_iter().flatten().collect()))
}
