//! Models: the tensors of their files, hashed where they lie.
//!
//! The shards of a model are one job. The unit of work depends on the request:
//!
//! - BLAKE3 of tensors, of files, or of both: tiles of the files, see [`tiles`].
//! - SHA-256 of tensors: whole tensors, several at once on each thread, see [`crate::schedule::multi_stream`].
//! - SHA-256 of tensors and files: whole files, from start to end, see [`in_order`].
//!
//! What does not lie in one piece is hashed as a stream of its own, see [`streams`].

mod cbor;
mod cut;
pub mod graph;
mod in_order;
mod known;
mod list;
mod open;
mod request;
mod sibling;
mod streams;
mod sums;
mod tiles;

pub use known::KnownFile;
pub use request::{IndexFile, Model, ReadModel, Reading, Weights};

use crate::control::Control;
use crate::error::{Error, Result};
use crate::io::source::{Source, Stamp, retry_once};
use crate::schedule::first_error::FirstError;
use crate::schedule::multi_stream;
use crate::tensors::health::{self, Health};
use known::Known;
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_formats::Dtype;
use lineaprint_formats::model::format::Format;
use lineaprint_formats::model::listing::NotRead;
use lineaprint_formats::model::safetensors::shards;
use open::{FileDigests, OpenFile};
pub(crate) use open::{OpenModel, TensorElements};
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

/// The rules that a safetensors file is read by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// Rules of the format: two readers cannot read different models.
    #[default]
    Strict,
    /// Rules of the reference crate; each deviation is a remark.
    Lenient,
}

/// One shard of a model.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Its path.
    pub path: PathBuf,
    /// Its stamp, which did not change while it was read.
    pub stamp: Stamp,
    /// Files beside it that hold elements of its tensors.
    pub siblings: Vec<SideFile>,
    /// Contents of the file.
    pub contents: Contents,
    /// The digests of its tensors.
    pub tensors: TensorDigests,
    /// Digests of the whole file, where it was hashed.
    pub file: Option<Digests>,
    /// The health of its tensors where it was wanted, in the order of [`Contents::tensors`]; `None` for a tensor of
    /// whole numbers, and of a dtype that is not decoded.
    pub health: Option<Vec<Option<Health>>>,
}

/// A file beside a shard that holds elements of its tensors.
#[derive(Clone, Debug)]
pub struct SideFile {
    /// Its path.
    pub path: PathBuf,
    /// Its stamp, which did not change while it was read.
    pub stamp: Stamp,
    /// Digests of the whole file, where it was hashed.
    pub digests: Option<Digests>,
}

/// Contents of a shard.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The format that was found.
    pub format: Format,
    /// Its tensors, sorted by the UTF-8 bytes of their names.
    pub tensors: Vec<ShardTensor>,
    /// Text beside the tensors, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// Parts that are no tensors.
    pub not_read: Vec<NotRead>,
    /// Groups of names that share one storage.
    pub shared: Vec<Vec<String>>,
    /// Names of the tensors that are buffers, where the file says of each whether it is one or a parameter.
    pub buffers: Option<Vec<String>>,
    /// Why there are no `weights` digests, if there are none.
    pub incomplete: Option<String>,
    /// Sentences about what a reader should know.
    pub remarks: Vec<String>,
}

/// One tensor of a shard.
#[derive(Clone, Debug)]
pub struct ShardTensor {
    /// Its name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Elements per axis.
    pub shape: Vec<u64>,
    /// Bytes of all elements.
    pub bytes: u64,
    /// Location of its elements.
    pub location: Location,
}

/// Location of the elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In one piece of a file, in their final form.
    Range {
        /// Index in [`Shard::siblings`]; `None` for the shard itself.
        sibling: Option<usize>,
        /// First byte.
        start: u64,
        /// One past the last byte.
        end: u64,
    },
    /// In another form.
    Elsewhere,
}

/// The digests of the tensors of a shard, in the order of [`Contents::tensors`].
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
            let tensors = shard.contents.tensors.iter();
            tensors.map(move |tensor| (tensor.name.as_str(), name.as_ref()))
        })
        .collect();
    shards::check(index, &mut tensors).map_err(|error| Error::format(path, error))
}

/// Read the shards of a model and hash the wanted parts, on the threads of the current pool.
pub fn read(paths: &[PathBuf], wanted: Wanted, rules: Rules, control: &Control) -> Result<Vec<Shard>> {
    retry_once(|| read_once(paths, wanted, rules, false, &[], control))
}

/// Read the shards of a model like [`read`], and hash only what `known` does not have: the tensors of files that are still
/// as they were when the known digests were made.
pub fn read_knowing(
    paths: &[PathBuf],
    wanted: Wanted,
    rules: Rules,
    known: &[KnownFile],
    control: &Control,
) -> Result<Vec<Shard>> {
    retry_once(|| read_once(paths, wanted, rules, false, known, control))
}

/// Read the shards of a model like [`read`], and compute the health of its tensors, where these are hashed.
///
/// With BLAKE3 that is the same read. SHA-256 reads each tensor, or each file, from front to back; the health then takes
/// a read of its own.
pub fn read_with_health(
    paths: &[PathBuf],
    wanted: Wanted,
    rules: Rules,
    control: &Control,
) -> Result<Vec<Shard>> {
    retry_once(|| read_once(paths, wanted, rules, true, &[], control))
}

fn read_once(
    paths: &[PathBuf],
    wanted: Wanted,
    rules: Rules,
    health: bool,
    known: &[KnownFile],
    control: &Control,
) -> Result<Vec<Shard>> {
    let health = health && wanted.tensors().is_some();
    let mut model = OpenModel::open(paths, rules, health, control)?;
    let sha256 = [wanted.tensors(), wanted.files()]
        .into_iter()
        .flatten()
        .any(|algorithms| algorithms.sha256);
    for (index, file) in model.files.iter().enumerate() {
        let streams = model.streams.iter().filter(|stream| stream.file == index);
        control.add_file(match wanted {
            Wanted::Headers | Wanted::Files(_) => file.source.size(),
            // Streams that are decoded can be longer than the file.
            Wanted::Tensors(_) | Wanted::Both { .. } => streams
                .map(open::Stream::length)
                .chain(
                    file.checked
                        .iter()
                        .filter(|_| sha256)
                        .map(|part| part.end - part.start),
                )
                .fold(file.source.size(), u64::saturating_add),
        });
    }
    let extra = tiles::Extra {
        check: wanted.tensors().is_some(),
        health,
    };
    let mut files = match wanted {
        Wanted::Headers => Vec::new(),
        Wanted::Tensors(_) if !sha256 && !known.is_empty() => {
            let (rest, hashes) = Known::new(known).split(&model.files);
            known::join(tiles::hash(&rest, wanted, extra, control)?, hashes)
        }
        wanted if !sha256 => tiles::hash(&model.files, wanted, extra, control)?,
        Wanted::Tensors(algorithms) => hash_span_streams(&model.files, algorithms, control)?,
        Wanted::Files(files) => in_order::hash(&model.files, None, files, control)?,
        Wanted::Both { tensors, files } => in_order::hash(&model.files, Some(tensors), files, control)?,
    };
    if sha256 && wanted.tensors().is_some() {
        // SHA-256 takes several times as long, so a second read for the checksums costs little.
        let extra = tiles::Extra {
            check: true,
            health: false,
        };
        let sums = tiles::hash(&model.files, Wanted::Headers, extra, control)?;
        for (file, FileDigests { sums, .. }) in files.iter_mut().zip(sums) {
            file.sums = sums;
        }
    }
    if health && sha256 {
        count_spans(&model.files, &mut files, control)?;
    }
    let mut tensors = vec![TensorDigests::Listed; model.shards.len()];
    let mut healths = Vec::new();
    if let Some(algorithms) = wanted.tensors() {
        let streams = streams::hash(&model, algorithms, health, control)?;
        for (shard, tensors) in model.shards.iter().zip(&mut tensors) {
            *tensors = TensorDigests::Hashed {
                digests: shard.collect(algorithms, &files, &streams),
                odd_booleans: shard.odd_booleans(&model.files, &streams, control)?,
            };
            if health {
                healths.push(shard.collect_health(&files, &streams));
            }
        }
    }
    model.verify_unchanged()?;
    model.check_sums(&files)?;
    for _ in &model.files {
        control.file_done();
    }
    let mut shards = model.close(tensors, &files);
    for (shard, health) in shards.iter_mut().zip(healths) {
        shard.health = Some(health);
    }
    Ok(shards)
}

/// Compute the health of the spans of all files, each on one thread.
fn count_spans(files: &[OpenFile], digests: &mut [FileDigests], control: &Control) -> Result<()> {
    for (file, digests) in files.iter().zip(digests) {
        let spans = file.spans.par_iter().zip(&file.numbers).with_max_len(1);
        digests.health = spans
            .map(|(span, numbers)| {
                let Some(numbers) = numbers else { return Ok(None) };
                let mut bytes = health::Bytes::new(*numbers, 0);
                file.source
                    .read_range(span.start, span.end, control, |block| bytes.take(block))?;
                Ok(Some(bytes.finish()))
            })
            .collect::<Result<_>>()?;
    }
    Ok(())
}

/// Hash the spans of all files as streams, the longest first.
fn hash_span_streams(
    files: &[OpenFile],
    algorithms: Algorithms,
    control: &Control,
) -> Result<Vec<FileDigests>> {
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for (file, OpenFile { spans, .. }) in files.iter().enumerate() {
        let spans = spans.iter().enumerate();
        order.extend(spans.map(|(index, span)| (span.length(), file, index)));
    }
    order.sort_unstable_by(|a, b| b.cmp(a));
    let hashed = Mutex::new(Vec::with_capacity(order.len()));
    let failure = FirstError::default();
    let open = |rank: usize| {
        let (_, file, index) = order[rank];
        let span = files[file].spans[index];
        Ok(multi_stream::Span {
            source: files[file].source.as_ref(),
            start: span.start,
            end: span.end,
        })
    };
    let done = |rank: usize, outcome: Result<(&Source, Digests)>| match outcome {
        Ok((_, digests)) => {
            let (_, file, index) = order[rank];
            let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
            hashed.push((file, index, digests));
        }
        Err(error) => failure.set(error),
    };
    multi_stream::hash_all(order.len(), algorithms, control, open, done);
    failure.into_result()?;
    let mut hashed = hashed.into_inner().unwrap_or_else(PoisonError::into_inner);
    hashed.sort_unstable_by_key(|(file, index, _)| (*file, *index));
    let mut hashed = hashed.into_iter().map(|(_, _, digests)| digests);
    let digests = files.iter().map(|file| FileDigests {
        spans: hashed.by_ref().take(file.spans.len()).collect(),
        file: None,
        sums: Vec::new(),
        health: Vec::new(),
    });
    Ok(digests.collect())
}
