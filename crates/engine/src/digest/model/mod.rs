//! Tensors of safetensors files, hashed where they lie.
//!
//! A model's shards are one job. What its threads take from one list depends on what is asked for:
//!
//! - BLAKE3 of tensors, of files, or of both: tiles of the files, see [`tiles`].
//! - SHA-256 of tensors: whole tensors, several at once on each thread, see [`crate::schedule::multi_stream`].
//! - SHA-256 of tensors and files: whole files, from the front to the back, see [`in_order`].

mod booleans;
mod in_order;
mod tiles;

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::source::{Source, Stamp, retry_once};
use crate::schedule::multi_stream::{self, Span};
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_formats::model::safetensors::shards;
use lineaprint_formats::model::safetensors::{self, Header, LENGTH_BYTES, Tensor};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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
    /// The places in `header.tensors` of BOOL tensors with bytes other than 0 and 1, where tensors were hashed.
    pub odd_booleans: Vec<usize>,
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
            let tensors = shard.header.tensors.iter();
            tensors.map(move |tensor| (tensor.name.as_str(), name.as_ref()))
        })
        .collect();
    shards::check(index, &mut found).map_err(|error| Error::format(path, error))
}

/// Reads the shards of a model and hashes what `options` asks for, on the threads of the current pool.
pub fn read(paths: &[PathBuf], options: Options, control: &Control) -> Result<Vec<Shard>> {
    retry_once(|| read_once(paths, options, control))
}

fn read_once(paths: &[PathBuf], options: Options, control: &Control) -> Result<Vec<Shard>> {
    let opened = paths
        .par_iter()
        .map(|path| open(path))
        .collect::<Result<Vec<_>>>()?;
    let (sources, mut shards): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    for source in &sources {
        control.add_file(source.size());
    }
    let sha256 = [options.tensors, options.files]
        .into_iter()
        .flatten()
        .any(|algorithms| algorithms.sha256);
    match (options.tensors, options.files) {
        (None, None) => {}
        (tensors, files) if !sha256 => {
            tiles::hash(&mut shards, &sources, tensors.is_some(), files.is_some(), control)?;
        }
        (Some(algorithms), None) => hash_tensor_streams(&mut shards, &sources, algorithms, control)?,
        (tensors, Some(files)) => in_order::hash(&mut shards, &sources, tensors, files, control)?,
    }
    for (source, shard) in sources.iter().zip(&mut shards) {
        if options.tensors.is_some() {
            shard.odd_booleans = booleans::odd(shard, source, control)?;
        }
        source.verify_unchanged()?;
        control.file_done();
    }
    Ok(shards)
}

/// Opens a shard and reads its header.
pub(crate) fn open(path: &Path) -> Result<(Source, Shard)> {
    let source = Source::open(path)?;
    let header = read_header(&source)?;
    let shard = Shard {
        path: path.to_owned(),
        stamp: source.stamp(),
        header,
        digests: Vec::new(),
        file: None,
        odd_booleans: Vec::new(),
    };
    Ok((source, shard))
}

const fn length(tensor: &Tensor) -> u64 {
    tensor.end - tensor.start
}

/// Hashes whole tensors of all shards as streams, the longest first.
fn hash_tensor_streams(
    shards: &mut [Shard],
    sources: &[Source],
    algorithms: Algorithms,
    control: &Control,
) -> Result<()> {
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for (shard, Shard { header, digests, .. }) in shards.iter_mut().enumerate() {
        digests.resize(header.tensors.len(), Digests::default());
        let tensors = header.tensors.iter().enumerate();
        order.extend(tensors.map(|(tensor, span)| (length(span), shard, tensor)));
    }
    order.sort_unstable_by(|a, b| b.cmp(a));
    let view: &[Shard] = shards;
    let found = Mutex::new((Vec::with_capacity(order.len()), None));
    let open = |place: usize| {
        let (_, shard, tensor) = order[place];
        let Tensor { start, end, .. } = view[shard].header.tensors[tensor];
        Ok(Span {
            source: &sources[shard],
            start,
            end,
        })
    };
    let done = |place: usize, outcome: Result<(&Source, Digests)>| {
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok((_, digests)) => found.0.push((place, digests)),
            Err(error) => {
                found.1.get_or_insert(error);
            }
        }
    };
    multi_stream::hash_all(order.len(), algorithms, control, open, done);
    let (found, failure) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (place, digests) in found {
        let (_, shard, tensor) = order[place];
        shards[shard].digests[tensor] = digests;
    }
    failure.map_or(Ok(()), Err)
}
