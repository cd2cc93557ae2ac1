//! Tensors of safetensors files, hashed where they lie.
//!
//! A model's shards are one job: small tensors that lie side by side are read together, large ones are cut
//! into subtrees, and the threads take the pieces of all shards from one list in the order of the disk.
//! With the files' own digests asked for as well, each shard is read once, in order, and its bytes go to
//! the digest of the file and to the digest of the tensor they belong to.

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::file::{SUBTREE, hash_in_order, hash_subtree, merge_or_internal};
use crate::source::{Source, Stamp, retry_once};
use lineaprint_digest::subtree::Piece;
use lineaprint_digest::{Algorithms, Digests, Hasher};
use lineaprint_formats::safetensors::{self, Header, LENGTH_BYTES, Tensor};
use lineaprint_formats::shards;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// How the tensors of a model are hashed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Hash functions for the tensors; `None` reads headers only.
    pub tensors: Option<Algorithms>,
    /// Hash functions for the whole files, if they are wanted too.
    pub files: Option<Algorithms>,
}

/// One shard: its header, the digests of its tensors in the header's order, and of itself if asked for.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Where it was found.
    pub path: PathBuf,
    /// What the system said of it; it did not change while it was read.
    pub stamp: Stamp,
    /// The validated header.
    pub header: Header,
    /// One per tensor, in the order of `header.tensors`; empty where only headers were asked for.
    pub digests: Vec<Digests>,
    /// Digests of the whole file, where asked for.
    pub file: Option<Digests>,
}

/// Reads and validates the header of an open safetensors file.
pub fn read_header(source: &Source) -> Result<Header> {
    let size = source.size();
    if size < LENGTH_BYTES {
        return Err(Error::new(Code::Format, "it is too short for a safetensors file")
            .but("at least 8 bytes", format!("{size} bytes"))
            .at(source.path()));
    }
    let mut first = [0; 8];
    source.read_exact_at(&mut first, 0)?;
    let length =
        safetensors::header_length(first, size).map_err(|error| Error::format(source.path(), error))?;
    let length = usize::try_from(length)
        .map_err(|_| Error::new(Code::Format, "its header does not fit into memory").at(source.path()))?;
    // At most HEADER_LIMIT, and at most what is left of the file.
    let mut header = vec![0; length];
    source.read_exact_at(&mut header, LENGTH_BYTES)?;
    safetensors::parse(&header, size).map_err(|error| Error::format(source.path(), error))
}

/// Reads the shards of a model and hashes what `options` asks for, on the threads of the current pool.
pub fn read(paths: &[PathBuf], options: Options, control: &Control) -> Result<Vec<Shard>> {
    retry_once(|| read_once(paths, options, control))
}

fn read_once(paths: &[PathBuf], options: Options, control: &Control) -> Result<Vec<Shard>> {
    let opened = paths
        .par_iter()
        .map(|path| open(path, control))
        .collect::<Result<Vec<_>>>()?;
    let (sources, mut shards): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    if let Some(files) = options.files {
        shards
            .par_iter_mut()
            .zip(&sources)
            .with_max_len(1)
            .try_for_each(|(shard, source)| {
                hash_in_one_read(shard, source, options.tensors, files, control)
            })?;
    } else if let Some(algorithms) = options.tensors {
        hash_tensors(&mut shards, &sources, algorithms, control)?;
    }
    for source in &sources {
        source.verify_unchanged()?;
        control.file_done();
    }
    Ok(shards)
}

fn open(path: &Path, control: &Control) -> Result<(Source, Shard)> {
    let source = Source::open(path)?;
    control.found(source.size());
    let header = read_header(&source)?;
    let shard = Shard {
        path: path.to_owned(),
        stamp: source.stamp(),
        header,
        digests: Vec::new(),
        file: None,
    };
    Ok((source, shard))
}

/// Reads a shard index: the plain file names of the shards, sorted. `path` is for messages.
pub fn read_index(json: &[u8], path: &Path) -> Result<shards::Index> {
    shards::parse(json).map_err(|error| Error::format(path, error))
}

/// Holds the shards against the index that named them. `path` is for messages.
pub fn check_index(index: &shards::Index, shards: &[Shard], path: &Path) -> Result<()> {
    let names: Vec<_> = shards
        .iter()
        .map(|shard| shard.path.file_name().unwrap_or_default().to_string_lossy())
        .collect();
    let mut found: Vec<(&str, &str)> = shards
        .iter()
        .zip(&names)
        .flat_map(|(shard, name)| {
            shard
                .header
                .tensors
                .iter()
                .map(move |tensor| (tensor.name.as_str(), name.as_ref()))
        })
        .collect();
    shards::check(index, &mut found).map_err(|error| Error::format(path, error))
}

/// A piece of work: either some whole tensors that lie side by side, or one subtree of a large one.
enum Unit {
    Tensors { shard: usize, first: usize, last: usize },
    Subtree { shard: usize, tensor: usize, index: u64 },
}

enum Done {
    Tensors {
        shard: usize,
        first: usize,
        digests: Vec<Digests>,
    },
    Pieces {
        shard: usize,
        tensor: usize,
        pieces: Vec<Piece>,
    },
}

fn length(tensor: &Tensor) -> u64 {
    tensor.end - tensor.start
}

fn units(shards: &[Shard], algorithms: Algorithms) -> Vec<Unit> {
    let mut units = Vec::new();
    for (shard, Shard { header, .. }) in shards.iter().enumerate() {
        let mut batch: Option<(usize, u64)> = None;
        for (index, tensor) in header.tensors.iter().enumerate() {
            if algorithms == Algorithms::BLAKE3 && length(tensor) > SUBTREE {
                if let Some((first, _)) = batch.take() {
                    units.push(Unit::Tensors {
                        shard,
                        first,
                        last: index,
                    });
                }
                let count = length(tensor).div_ceil(SUBTREE);
                units.extend((0..count).map(|index_of_tree| Unit::Subtree {
                    shard,
                    tensor: index,
                    index: index_of_tree,
                }));
                continue;
            }
            let (first, bytes) = batch.unwrap_or((index, 0));
            let bytes = bytes + length(tensor);
            batch = Some((first, bytes));
            if bytes >= SUBTREE {
                units.push(Unit::Tensors {
                    shard,
                    first,
                    last: index + 1,
                });
                batch = None;
            }
        }
        if let Some((first, _)) = batch {
            units.push(Unit::Tensors {
                shard,
                first,
                last: header.tensors.len(),
            });
        }
    }
    units
}

fn hash_tensors(
    shards: &mut [Shard],
    sources: &[Source],
    algorithms: Algorithms,
    control: &Control,
) -> Result<()> {
    let units = units(shards, algorithms);
    let view: &[Shard] = shards;
    let done = units
        .par_iter()
        .with_max_len(1)
        .map(|unit| match *unit {
            Unit::Tensors { shard, first, last } => {
                let tensors = &view[shard].header.tensors[first..last];
                let digests = tensors
                    .iter()
                    .map(|tensor| {
                        hash_in_order(&sources[shard], tensor.start, tensor.end, algorithms, control)
                    })
                    .collect::<Result<Vec<_>>>()?;
                Ok(Done::Tensors {
                    shard,
                    first,
                    digests,
                })
            }
            Unit::Subtree { shard, tensor, index } => {
                let span = &view[shard].header.tensors[tensor];
                let pieces = hash_subtree(&sources[shard], span.start, length(span), index, control)?;
                Ok(Done::Pieces {
                    shard,
                    tensor,
                    pieces,
                })
            }
        })
        .collect::<Result<Vec<_>>>()?;
    for shard in shards.iter_mut() {
        shard.digests = vec![Digests::default(); shard.header.tensors.len()];
    }
    let mut trees: std::collections::BTreeMap<(usize, usize), Vec<Piece>> = std::collections::BTreeMap::new();
    for unit in done {
        match unit {
            Done::Tensors {
                shard,
                first,
                digests,
            } => {
                shards[shard].digests[first..first + digests.len()].copy_from_slice(&digests);
            }
            Done::Pieces {
                shard,
                tensor,
                pieces,
            } => trees.entry((shard, tensor)).or_default().extend(pieces),
        }
    }
    for ((shard, tensor), mut pieces) in trees {
        let shard = &mut shards[shard];
        let length = length(&shard.header.tensors[tensor]);
        shard.digests[tensor].blake3 = Some(merge_or_internal(&mut pieces, length, &shard.path)?);
    }
    Ok(())
}

/// Reads a shard once, in order, for the digest of the file and those of its tensors.
fn hash_in_one_read(
    shard: &mut Shard,
    source: &Source,
    tensors: Option<Algorithms>,
    files: Algorithms,
    control: &Control,
) -> Result<()> {
    let mut whole = Hasher::new(files);
    let data_start = shard.header.data_start;
    source.read_range(0, data_start, control, |block| whole.update(block))?;
    let Some(algorithms) = tensors else {
        source.read_range(data_start, source.size(), control, |block| whole.update(block))?;
        shard.file = Some(whole.finish());
        return Ok(());
    };
    for tensor in &shard.header.tensors {
        let mut own = Hasher::new(algorithms);
        source.read_range(tensor.start, tensor.end, control, |block| {
            whole.update(block);
            own.update(block);
        })?;
        shard.digests.push(own.finish());
    }
    shard.file = Some(whole.finish());
    Ok(())
}
