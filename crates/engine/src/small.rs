//! Small files: read whole with one call each, and hashed several at once where the processor has lanes for it.

use crate::control::Control;
use crate::error::{Code, Result};
use crate::file::{FileDigest, hash_source};
use crate::source::{Source, Stamp};
use lineaprint_digest::{Algorithms, Digests, Hasher};

/// A file up to this length is small: reading it in blocks would cost more calls than it has bytes to hide.
pub const SMALL: u64 = 64 << 10;

/// Files that are hashed together: enough to fill sixteen lanes.
pub const BATCH: usize = 16;

/// Hashes at most [`BATCH`] files: `open(i)` opens file `i`, again if it changed while it was read. What `known`
/// answers for is not read.
pub fn hash_batch(
    count: usize,
    algorithms: Algorithms,
    known: impl Fn(Stamp) -> Option<FileDigest>,
    control: &Control,
    open: impl Fn(usize) -> Result<Source>,
) -> Result<Vec<FileDigest>> {
    let mut found: Vec<Option<FileDigest>> = vec![None; count];
    let mut contents: Vec<(usize, Vec<u8>)> = Vec::with_capacity(count);
    for (index, place) in found.iter_mut().enumerate() {
        control.check()?;
        let source = open(index)?;
        if let Some(digest) = known(source.stamp()) {
            *place = Some(digest);
            continue;
        }
        control.found(source.size());
        let read = if source.size() <= SMALL {
            source.read_small().map(|bytes| contents.push((index, bytes)))
        } else {
            hash_source(&source, algorithms, control).map(|digest| *place = Some(digest))
        };
        match read {
            Err(error) if error.code == Code::Changed => {
                *place = Some(hash_source(&open(index)?, algorithms, control)?);
            }
            other => other?,
        }
    }
    // Neighbours of like length keep the lanes busy to the end.
    contents.sort_unstable_by_key(|(_, bytes)| bytes.len());
    let views: Vec<&[u8]> = contents.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    for ((index, bytes), digests) in contents.iter().zip(hash_together(&views, algorithms)) {
        control.advance(bytes.len() as u64);
        control.file_done();
        found[*index] = Some(FileDigest {
            size: bytes.len() as u64,
            digests,
        });
    }
    Ok(found.into_iter().flatten().collect())
}

fn hash_together(inputs: &[&[u8]], algorithms: Algorithms) -> Vec<Digests> {
    let mut hashers = vec![Hasher::new(algorithms); inputs.len()];
    Hasher::update_many(&mut hashers.iter_mut().collect::<Vec<_>>(), inputs);
    hashers.iter().map(Hasher::finish).collect()
}
