//! Small files: read whole with one call each, and hashed several at once where the processor has lanes for it.

use crate::aligned::{Buffer, next_line};
use crate::cache::Cache;
use crate::control::Control;
use crate::error::{Code, Result};
use crate::file::{FileDigest, hash_source};
use crate::folder::Folder;
use crate::source::{Source, Stamp};
use lineaprint_digest::{Algorithms, Digests, Hasher};
use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::RandomState;
use std::ops::Range;

/// A file up to this length is small: reading it in blocks would cost more calls than it has bytes to hide.
const SMALL: usize = 64 << 10;

/// Files that are hashed together: enough to fill sixteen lanes.
pub const BATCH: usize = 16;

thread_local! {
    /// Where the files of a batch lie, each at the start of a cache line.
    static ROOM: Cell<Buffer> = Cell::default();
}

/// The most that one file takes of it: its bytes, one more, and the way to the next line.
const ROOM_PER_FILE: usize = next_line(SMALL + 1);

/// One file of a batch.
pub struct BatchFile<'a> {
    /// The folder it is in.
    pub folder: &'a Folder,
    /// Its name there.
    pub name: &'a OsStr,
    /// Whether it is reached through a link.
    pub follow: bool,
}

/// What the batches of a job share.
pub struct Context<'a> {
    /// Hash functions.
    pub algorithms: Algorithms,
    /// Files that this job has hashed already.
    pub known: &'a HashMap<Stamp, FileDigest, RandomState>,
    /// Files that an earlier job has hashed.
    pub cache: Option<&'a Cache>,
    /// How the job is stopped.
    pub control: &'a Control,
}

/// Hashes at most [`BATCH`] files, in order.
pub fn hash_batch(files: &[BatchFile<'_>], context: &Context<'_>) -> Result<Vec<FileDigest>> {
    let Context {
        algorithms, control, ..
    } = *context;
    let mut found: Vec<Option<FileDigest>> = files.iter().map(|file| context.cached(file)).collect();
    let started = context.cache.map_or(0, Cache::started);
    let mut read: Vec<(usize, Source, Range<usize>)> = Vec::with_capacity(files.len());
    // Taken and not borrowed: a large file is read on all threads, and this one may get another batch meanwhile.
    let mut room = ROOM.take();
    room.reserve(files.len() * ROOM_PER_FILE);
    let mut position = 0;
    for (file, (index, place)) in files.iter().zip(found.iter_mut().enumerate()) {
        if place.is_some() {
            continue;
        }
        control.check()?;
        let source = file.open()?;
        if let Some(digest) = context.known.get(&source.stamp()) {
            *place = Some(*digest);
            continue;
        }
        control.found(source.size());
        let outcome = if source.size() <= SMALL as u64 {
            let bytes = position..position + usize::try_from(source.size()).unwrap_or(usize::MAX);
            position = next_line(bytes.end + 1);
            source
                .read_small_into(&mut room.bytes_mut()[bytes.start..=bytes.end])
                .map(|()| read.push((index, source, bytes)))
        } else {
            hash_source(&source, algorithms, control).map(|digest| {
                context.admit(&source, &digest, started);
                *place = Some(digest);
            })
        };
        match outcome {
            Err(error) if error.code == Code::Changed => {
                *place = Some(hash_source(&file.open()?, algorithms, control)?);
            }
            other => other?,
        }
    }
    // Neighbours of like length keep the lanes busy to the end.
    read.sort_unstable_by_key(|(_, _, bytes)| bytes.len());
    let views: Vec<&[u8]> = read
        .iter()
        .map(|(_, _, bytes)| &room.bytes()[bytes.clone()])
        .collect();
    for ((index, source, bytes), digests) in read.iter().zip(hash_together(&views, algorithms)) {
        control.advance(bytes.len() as u64);
        control.file_done();
        let digest = FileDigest {
            size: bytes.len() as u64,
            digests,
        };
        context.admit(source, &digest, started);
        found[*index] = Some(digest);
    }
    ROOM.set(room);
    Ok(found.into_iter().flatten().collect())
}

impl BatchFile<'_> {
    fn open(&self) -> Result<Source> {
        self.folder.open_file(self.name, self.follow)
    }
}

impl Context<'_> {
    /// What the cache knows of a file that it need not open.
    #[cfg(unix)]
    fn cached(&self, file: &BatchFile<'_>) -> Option<FileDigest> {
        let cache = self.cache?;
        // A file that cannot be looked at says so when it is opened.
        let stamp = file.folder.stamp(file.name, file.follow).ok()??;
        let digests = cache.lookup(stamp, self.algorithms)?;
        self.control.found(stamp.size);
        self.control.advance(stamp.size);
        self.control.file_done();
        Some(FileDigest {
            size: stamp.size,
            digests,
        })
    }

    /// Nothing is cached there.
    #[cfg(not(unix))]
    fn cached(&self, _: &BatchFile<'_>) -> Option<FileDigest> {
        None
    }

    fn admit(&self, source: &Source, digest: &FileDigest, started: i128) {
        if let Some(cache) = self.cache {
            cache.admit(source, &digest.digests, started);
        }
    }
}

fn hash_together(inputs: &[&[u8]], algorithms: Algorithms) -> Vec<Digests> {
    let mut hashers = vec![Hasher::new(algorithms); inputs.len()];
    Hasher::update_many(&mut hashers.iter_mut().collect::<Vec<_>>(), inputs);
    hashers.iter().map(Hasher::finish).collect()
}
