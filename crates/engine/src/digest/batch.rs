//! Small files, hashed several at once where the processor has lanes for it.

use crate::cache::Cache;
use crate::control::Control;
use crate::digest::file::{FileDigest, hash_source};
use crate::error::{Code, Result};
use crate::io::folder::Folder;
use crate::io::small_files::{SMALL, SmallFiles};
use crate::io::source::{Source, Stamp};
use lineaprint_digest::{Algorithms, Digests, Hasher};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::RandomState;

/// Files that are hashed together: enough to fill sixteen lanes.
pub const BATCH: usize = 16;

/// One file of a batch.
pub struct BatchFile<'a> {
    /// The folder it is in.
    pub folder: &'a Folder,
    /// Its name there.
    pub name: &'a OsStr,
    /// True if the file is reached through a link.
    pub follow: bool,
}

/// The options and the state that the batches of a job share.
pub struct Context<'a> {
    /// Hash functions.
    pub algorithms: Algorithms,
    /// Files that this job has hashed already.
    pub known: &'a HashMap<Stamp, FileDigest, RandomState>,
    /// Files that an earlier job has hashed.
    pub cache: Option<&'a Cache>,
    /// Cancel and progress.
    pub control: &'a Control,
}

/// Hash at most [`BATCH`] files, in order.
pub fn hash_batch(files: &[BatchFile<'_>], context: &Context<'_>) -> Result<Vec<FileDigest>> {
    let Context {
        algorithms, control, ..
    } = *context;
    let mut digests: Vec<Option<FileDigest>> = files.iter().map(|file| context.cached(file)).collect();
    let started = context.cache.map_or(0, Cache::started);
    let mut contents = SmallFiles::with_capacity(files.len());
    // Index of the file, the open file, and its index in `contents`.
    let mut read: Vec<(usize, Source, usize)> = Vec::with_capacity(files.len());
    for (file, (index, slot)) in files.iter().zip(digests.iter_mut().enumerate()) {
        if slot.is_some() {
            continue;
        }
        control.check()?;
        let source = file.open()?;
        if let Some(digest) = context.known.get(&source.stamp()) {
            *slot = Some(*digest);
            continue;
        }
        control.add_file(source.size());
        let outcome = if source.size() <= SMALL as u64 {
            contents
                .read(&source)
                .map(|content| read.push((index, source, content)))
        } else {
            hash_source(&source, algorithms, control).map(|digest| {
                context.admit(&source, &digest, started);
                *slot = Some(digest);
            })
        };
        match outcome {
            Err(error) if error.code == Code::Changed => {
                *slot = Some(hash_source(&file.open()?, algorithms, control)?);
            }
            other => other?,
        }
    }
    // Neighbours of similar length keep the lanes busy to the end.
    read.sort_unstable_by_key(|(_, source, _)| source.size());
    let inputs: Vec<&[u8]> = read
        .iter()
        .map(|(_, _, content)| contents.content(*content))
        .collect();
    for ((index, source, _), digests_of_file) in read.iter().zip(hash_together(&inputs, algorithms)) {
        control.advance(source.size());
        control.file_done();
        let digest = FileDigest {
            size: source.size(),
            digests: digests_of_file,
        };
        context.admit(source, &digest, started);
        digests[*index] = Some(digest);
    }
    Ok(digests.into_iter().flatten().collect())
}

impl BatchFile<'_> {
    fn open(&self) -> Result<Source> {
        self.folder.open_file(self.name, self.follow)
    }
}

impl Context<'_> {
    /// Return the digests that the cache has for a file, without opening the file.
    #[cfg(unix)]
    fn cached(&self, file: &BatchFile<'_>) -> Option<FileDigest> {
        let cache = self.cache?;
        // If the stat fails, opening the file gives the error.
        let stamp = file.folder.stamp(file.name, file.follow).ok()??;
        let digests = cache.lookup(stamp, self.algorithms)?;
        self.control.add_file(stamp.size);
        self.control.advance(stamp.size);
        self.control.file_done();
        Some(FileDigest {
            size: stamp.size,
            digests,
        })
    }

    /// Return nothing: nothing is cached on this platform.
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
