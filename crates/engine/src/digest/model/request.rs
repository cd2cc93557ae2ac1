//! The request for a model: its shards, and the digests of all of them together.

use super::{
    KnownFile, Rules, SampledTensor, Shard, TensorDigests, Wanted, check_index, graph, read_index,
    read_knowing, read_with_health,
};
use crate::control::Control;
use crate::digest::file::FileDigest;
use crate::digest::sample::{self, Extent};
use crate::digest::tree;
use crate::error::{Code, Error, Result};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_digest::description::{self, Tensor, TensorType};
use lineaprint_digest::sample::Plan;
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_formats::model::format::Format;
use lineaprint_formats::model::gguf;
use std::path::{Path, PathBuf};

/// A request for a model.
#[derive(Clone, Debug)]
pub struct ReadModel {
    /// The files that are its shards.
    pub paths: Vec<PathBuf>,
    /// Hash functions.
    pub algorithms: Algorithms,
    /// The rules that safetensors files are read by.
    pub rules: Rules,
    /// The bytes that are read.
    pub reading: Reading,
    /// True if the health of the tensors is computed, where all of their bytes are read.
    pub health: bool,
    /// Digests of tensors that another read of the same files has made; used where BLAKE3 of the tensors alone is wanted.
    pub known: Vec<KnownFile>,
    /// The canonical JSON of the meaningful configuration, if there is one.
    pub config: Option<Vec<u8>>,
    /// The shard index that named the files, if there was one: it must fit them.
    pub index: Option<IndexFile>,
    /// The folder whose `tree` digest is wanted. Shards in it that were hashed whole are not read again.
    pub tree: Option<PathBuf>,
}

/// The bytes of a model that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All bytes of the wanted parts.
    Full(Wanted),
    /// A sample of the tensors.
    Sample(Plan),
}

/// A shard index as it was read.
#[derive(Clone, Debug)]
pub struct IndexFile {
    /// Its path, for messages.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its shards.
    pub shards: Vec<Shard>,
    /// `architecture` digests.
    pub architecture: Digests,
    /// The digests of the weights.
    pub weights: Weights,
    /// `graph` digests of an ONNX file.
    pub graph: Option<Digests>,
    /// `tree` digests of the folder, where they were wanted.
    pub tree: Option<Digests>,
}

/// The digests of all tensors together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// The tensors were not read, or the size of one is not known.
    Listed,
    /// `weights` digests.
    Hashed(Digests),
    /// `sampled` digests; `weights` digests if the plan chose everything.
    Sampled(Digests, Extent),
}

impl Job for ReadModel {
    type Output = Model;

    fn access(&self) -> AccessPattern<'_> {
        let paths = self.paths.as_slice();
        match self.reading {
            Reading::Sample(_) => AccessPattern::Scattered { paths },
            Reading::Full(wanted) => {
                let wanted = [wanted.tensors(), wanted.files()].into_iter().flatten();
                let digests = wanted.flat_map(Algorithms::iter).count();
                AccessPattern::Sequential { paths, digests }
            }
        }
    }

    fn run(self, control: &Control) -> Result<Model> {
        let algorithms = self.algorithms;
        let (mut shards, weights) = match self.reading {
            Reading::Sample(plan) => {
                let sample = sample::model::sample(&self.paths, self.rules, &plan, algorithms, control)?;
                (sample.shards, Weights::Sampled(sample.weights, sample.extent))
            }
            Reading::Full(wanted) => {
                let shards = if self.health {
                    read_with_health(&self.paths, wanted, self.rules, control)?
                } else {
                    read_knowing(&self.paths, wanted, self.rules, &self.known, control)?
                };
                let complete = shards.iter().all(|shard| shard.contents.incomplete.is_none());
                let hashed = wanted.tensors().filter(|_| complete);
                let weights = hashed.map(|algorithms| weights(&shards, algorithms));
                (shards, weights.map_or(Weights::Listed, Weights::Hashed))
            }
        };
        match &self.index {
            Some(IndexFile { path, bytes }) => check_index(&read_index(bytes, path)?, &shards, path)?,
            None => check_names(&shards)?,
        }
        check_split(&shards)?;
        let tree = self.tree.map(|root| tree_of(&root, &shards, algorithms, control));
        let listed = matches!(self.reading, Reading::Full(Wanted::Headers));
        let graph = if listed {
            None
        } else {
            graph_of(&mut shards, algorithms, control)?
        };
        let config = self.config.map(|bytes| Digests::of(&bytes, algorithms));
        Ok(Model {
            architecture: architecture(&shards, algorithms, config.as_ref()),
            weights,
            graph,
            tree: tree.transpose()?,
            shards,
        })
    }
}

/// Check that no two tensors have one name: shards without an index come together here for the first time.
fn check_names(shards: &[Shard]) -> Result<()> {
    let tensors = shards.iter().flat_map(|shard| &shard.contents.tensors);
    let mut names: Vec<&str> = tensors.map(|tensor| tensor.name.as_str()).collect();
    #[expect(
        clippy::stable_sort_primitive,
        reason = "those of each shard are sorted, and this sort merges runs"
    )]
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::new(Code::Format, "two tensors have its name").of_tensor(pair[0])),
        None => Ok(()),
    }
}

/// Compute the `graph` digests of a model that is an ONNX file. Where it has none, a remark says why.
fn graph_of(shards: &mut [Shard], algorithms: Algorithms, control: &Control) -> Result<Option<Digests>> {
    let [shard] = shards else { return Ok(None) };
    if shard.contents.format != Format::Onnx {
        return Ok(None);
    }
    match graph::of_shard(shard, algorithms, control)? {
        Ok(digests) => Ok(Some(digests)),
        Err(reason) => {
            shard
                .contents
                .remarks
                .push(format!("its graph has no digest: {reason}"));
            Ok(None)
        }
    }
}

/// Check that the files of a divided GGUF model are all there, and nothing else with them.
fn check_split(shards: &[Shard]) -> Result<()> {
    let name = |shard: &Shard| {
        shard
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    for shard in shards
        .iter()
        .filter(|shard| shard.contents.format == Format::Gguf)
    {
        let own = name(shard);
        let split = gguf::split(&own, &shard.contents.metadata);
        let Some(split) = split.map_err(|error| Error::format(&shard.path, error))? else {
            continue;
        };
        let mut read: Vec<String> = shards.iter().map(name).collect();
        read.sort_unstable();
        if read != split.files {
            return Err(Error::new(
                Code::Format,
                "it is one part of a model, and the others are not read with it",
            )
            .with_expected(split.files.join(", "), read.join(", "))
            .at(&shard.path));
        }
        let tensors: usize = shards.iter().map(|shard| shard.contents.tensors.len()).sum();
        let complete = shards.iter().all(|shard| shard.contents.incomplete.is_none());
        if let Some(expected) = split.tensors
            && complete
            && expected != tensors as u64
        {
            return Err(Error::new(
                Code::Format,
                "the parts of the model hold another number of tensors than it states",
            )
            .with_expected(expected, tensors)
            .at(&shard.path));
        }
    }
    Ok(())
}

/// Compute the `tree` digest of the folder of a model, without reading the shards that were hashed whole again.
fn tree_of(root: &Path, shards: &[Shard], algorithms: Algorithms, control: &Control) -> Result<Digests> {
    let files = shards.iter().flat_map(|shard| {
        let siblings = shard.siblings.iter().map(|file| (file.stamp, file.digests));
        siblings.chain([(shard.stamp, shard.file)])
    });
    let known = files.filter_map(|(stamp, digests)| {
        let (size, digests) = (stamp.size, digests?);
        Some((stamp, FileDigest { size, digests }))
    });
    let options = tree::Options {
        algorithms,
        known: known.collect(),
        ..tree::Options::default()
    };
    tree::hash(root, &options, control).map(|tree| tree.digests)
}

fn architecture(shards: &[Shard], algorithms: Algorithms, config: Option<&Digests>) -> Digests {
    sample::each(algorithms, |algorithm| {
        let tensors = shards.iter().flat_map(|shard| &shard.contents.tensors);
        let mut types: Vec<TensorType<'_>> = tensors
            .map(|tensor| TensorType {
                name: &tensor.name,
                dtype: tensor.dtype.name(),
                shape: &tensor.shape,
            })
            .collect();
        let config = config.and_then(|digests| digests.get(algorithm));
        description::architecture(algorithm, &mut types, config.as_ref())
    })
}

fn weights(shards: &[Shard], algorithms: Algorithms) -> Digests {
    sample::each(algorithms, |algorithm| {
        let mut tensors: Vec<Tensor<'_>> = shards
            .iter()
            .flat_map(|shard| {
                let tensors = shard.contents.tensors.iter().enumerate();
                tensors.filter_map(move |(index, tensor)| {
                    Some(Tensor {
                        of: TensorType {
                            name: &tensor.name,
                            dtype: tensor.dtype.name(),
                            shape: &tensor.shape,
                        },
                        digest: shard.tensors.get(index)?.get(algorithm)?,
                    })
                })
            })
            .collect();
        description::weights(algorithm, &mut tensors)
    })
}

impl TensorDigests {
    /// Return the digests of all tensors; `None` if they were not read.
    pub fn all(&self) -> Option<Vec<Digests>> {
        match self {
            Self::Listed => None,
            Self::Hashed { digests, .. } => Some(digests.clone()),
            Self::Sampled(tensors) => Some(tensors.iter().map(SampledTensor::digests).collect()),
        }
    }

    /// Return the digests of the tensor numbered `index`.
    fn get(&self, index: usize) -> Option<Digests> {
        match self {
            Self::Listed => None,
            Self::Hashed { digests, .. } => digests.get(index).copied(),
            Self::Sampled(tensors) => tensors.get(index).map(SampledTensor::digests),
        }
    }
}
