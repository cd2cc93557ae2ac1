//! Models: tensors of safetensors files, hashed in place.
//!
//! The shards of a model are one job. The unit of work depends on the request:
//!
//! - BLAKE3 of tensors, of files, or of both: tiles of the files, see [`tiles`].
//! - SHA-256 of tensors: whole tensors, several at once on each thread, see [`crate::schedule::multi_stream`].
//! - SHA-256 of tensors and files: whole files, from start to end, see [`in_order`].

mod booleans;
pub mod graph;
mod in_order;
mod request;
mod tiles;

pub use request::{IndexFile, Model, ReadModel, Reading, Weights};

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::source::{Source, Stamp, retry_once};
use crate::schedule::first_error::FirstError;
use crate::schedule::multi_stream::{self, Span};
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_formats::model::safetensors::shards;
use lineaprint_formats::model::safetensors::{self, Header, LENGTH_BYTES, Tensor};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The parts of a model that are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// None: only headers are read.
    Headers,
    /// The tensors.
    Tensors(Algorithms),
    /// The whole files.
    Files(Algorithms),
    /// The tensors and the whole files, in one read.
    Both {
        /// Hash functions for the tensors.
        tensors: Algorithms,
        /// Hash functions for the files.
        files: Algorithms,
    },
}

impl Wanted {
    /// Return the hash functions for the tensors, if they are hashed.
    pub const fn tensors(self) -> Option<Algorithms> {
        match self {
            Self::Tensors(tensors) | Self::Both { tensors, .. } => Some(tensors),
            Self::Headers | Self::Files(_) => None,
        }
    }

    /// Return the hash functions for the files, if they are hashed.
    pub const fn files(self) -> Option<Algorithms> {
        match self {
            Self::Files(files) | Self::Both { files, .. } => Some(files),
            Self::Headers | Self::Tensors(_) => None,
        }
    }
}

/// One shard of a model.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Its path.
    pub path: PathBuf,
    /// Its stamp, which did not change while it was read.
    pub stamp: Stamp,
    /// The validated header.
    pub header: Header,
    /// The digests of its tensors.
    pub tensors: TensorDigests,
    /// Digests of the whole file, where it was hashed.
    pub file: Option<Digests>,
}

/// The digests of the tensors of a shard, in the order of `header.tensors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorDigests {
    /// Only the header was read.
    Listed,
    /// All tensors were read.
    Hashed {
        /// The digest of each tensor.
        digests: Vec<Digests>,
        /// The indices of BOOL tensors with bytes other than 0 and 1.
        odd_booleans: Vec<usize>,
    },
    /// A sample of the tensors was read.
    Sampled(Vec<SampledTensor>),
}

/// The digest of a tensor of which a sample was to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampledTensor {
    /// The tensor was read whole: its digests are the plain ones.
    Whole(Digests),
    /// A part of it was read: its digests are `sampled` ones.
    Part(Digests),
}

impl SampledTensor {
    /// Return the digests of either kind.
    pub const fn digests(&self) -> Digests {
        match self {
            Self::Whole(digests) | Self::Part(digests) => *digests,
        }
    }
}

/// An open shard with its header.
pub(crate) struct OpenShard {
    pub source: Source,
    pub header: Header,
}

impl OpenShard {
    /// Open a shard and read its header.
    pub fn open(path: &Path) -> Result<Self> {
        let source = Source::open(path)?;
        let header = read_header(&source)?;
        Ok(Self { source, header })
    }

    /// Open all shards on the threads of the current pool.
    pub fn open_all(paths: &[PathBuf]) -> Result<Vec<Self>> {
        paths.par_iter().map(|path| Self::open(path)).collect()
    }

    /// Close the shard, and keep its digests.
    pub fn into_shard(self, tensors: TensorDigests, file: Option<Digests>) -> Shard {
        Shard {
            path: self.source.path().to_owned(),
            stamp: self.source.stamp(),
            header: self.header,
            tensors,
            file,
        }
    }
}

/// The digests of one shard that a read has computed.
struct ShardDigests {
    /// One for each tensor; none where they are not hashed.
    tensors: Vec<Digests>,
    file: Option<Digests>,
}

/// Read and validate the header of an open safetensors file.
pub fn read_header(source: &Source) -> Result<Header> {
    let size = source.size();
    if size < LENGTH_BYTES {
        return Err(Error::new(Code::Format, "it is too short for a safetensors file")
            .with_expected("at least 8 bytes", format!("{size} bytes"))
            .at(source.path()));
    }
    let mut first = [0; 8];
    source.read_exact_at(&mut first, 0)?;
    let length =
        safetensors::header_length(first, size).map_err(|error| Error::format(source.path(), error))?;
    let length = usize::try_from(length)
        .map_err(|_| Error::new(Code::Format, "its header does not fit into memory").at(source.path()))?;
    // At most HEADER_LIMIT, and at most the rest of the file.
    let mut header = vec![0; length];
    source.read_exact_at(&mut header, LENGTH_BYTES)?;
    safetensors::parse(&header, size).map_err(|error| Error::format(source.path(), error))
}

/// Parse a shard index: the file names of the shards, sorted. `path` is for messages.
pub fn read_index(json: &[u8], path: &Path) -> Result<shards::Index> {
    shards::parse(json).map_err(|error| Error::format(path, error))
}

/// Check that the shards hold what their index maps. `path` is for messages.
pub fn check_index(index: &shards::Index, shards: &[Shard], path: &Path) -> Result<()> {
    let names: Vec<_> = shards
        .iter()
        .map(|shard| shard.path.file_name().unwrap_or_default().to_string_lossy())
        .collect();
    let mut tensors: Vec<(&str, &str)> = shards
        .iter()
        .zip(&names)
        .flat_map(|(shard, name)| {
            let tensors = shard.header.tensors.iter();
            tensors.map(move |tensor| (tensor.name.as_str(), name.as_ref()))
        })
        .collect();
    shards::check(index, &mut tensors).map_err(|error| Error::format(path, error))
}

/// Read the shards of a model and hash the wanted parts, on the threads of the current pool.
pub fn read(paths: &[PathBuf], wanted: Wanted, control: &Control) -> Result<Vec<Shard>> {
    retry_once(|| read_once(paths, wanted, control))
}

fn read_once(paths: &[PathBuf], wanted: Wanted, control: &Control) -> Result<Vec<Shard>> {
    let opened = OpenShard::open_all(paths)?;
    for shard in &opened {
        control.add_file(shard.source.size());
    }
    let sha256 = [wanted.tensors(), wanted.files()]
        .into_iter()
        .flatten()
        .any(|algorithms| algorithms.sha256);
    let digests = match wanted {
        Wanted::Headers => opened
            .iter()
            .map(|_| ShardDigests {
                tensors: Vec::new(),
                file: None,
            })
            .collect(),
        wanted if !sha256 => tiles::hash(&opened, wanted, control)?,
        Wanted::Tensors(algorithms) => hash_tensor_streams(&opened, algorithms, control)?,
        Wanted::Files(files) => in_order::hash(&opened, None, files, control)?,
        Wanted::Both { tensors, files } => in_order::hash(&opened, Some(tensors), files, control)?,
    };
    let mut shards = Vec::with_capacity(opened.len());
    for (shard, ShardDigests { tensors, file }) in opened.into_iter().zip(digests) {
        let tensors = match wanted {
            Wanted::Headers | Wanted::Files(_) => TensorDigests::Listed,
            Wanted::Tensors(_) | Wanted::Both { .. } => TensorDigests::Hashed {
                digests: tensors,
                odd_booleans: booleans::odd(&shard, control)?,
            },
        };
        shard.source.verify_unchanged()?;
        control.file_done();
        shards.push(shard.into_shard(tensors, file));
    }
    Ok(shards)
}

const fn length(tensor: &Tensor) -> u64 {
    tensor.end - tensor.start
}

/// Hash whole tensors of all shards as streams, the longest first.
fn hash_tensor_streams(
    shards: &[OpenShard],
    algorithms: Algorithms,
    control: &Control,
) -> Result<Vec<ShardDigests>> {
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for (shard, OpenShard { header, .. }) in shards.iter().enumerate() {
        let tensors = header.tensors.iter().enumerate();
        order.extend(tensors.map(|(tensor, span)| (length(span), shard, tensor)));
    }
    order.sort_unstable_by(|a, b| b.cmp(a));
    let hashed = Mutex::new(Vec::with_capacity(order.len()));
    let failure = FirstError::default();
    let open = |rank: usize| {
        let (_, shard, tensor) = order[rank];
        let Tensor { start, end, .. } = shards[shard].header.tensors[tensor];
        Ok(Span {
            source: &shards[shard].source,
            start,
            end,
        })
    };
    let done = |rank: usize, outcome: Result<(&Source, Digests)>| match outcome {
        Ok((_, digests)) => {
            let (_, shard, tensor) = order[rank];
            let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
            hashed.push((shard, tensor, digests));
        }
        Err(error) => failure.set(error),
    };
    multi_stream::hash_all(order.len(), algorithms, control, open, done);
    failure.into_result()?;
    let mut hashed = hashed.into_inner().unwrap_or_else(PoisonError::into_inner);
    hashed.sort_unstable_by_key(|(shard, tensor, _)| (*shard, *tensor));
    let mut hashed = hashed.into_iter().map(|(_, _, digests)| digests);
    let digests = shards.iter().map(|shard| ShardDigests {
        tensors: hashed.by_ref().take(shard.header.tensors.len()).collect(),
        file: None,
    });
    Ok(digests.collect())
}
