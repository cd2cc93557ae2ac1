//! Models made of safetensors files.

use crate::digests::{NativeDigests, algorithms, columns, number};
use crate::failure::{NativeFailure, caught};
use crate::job::{NativeJob, start};
use crate::sample::{NativeExtent, NativePlan, plan};
use lineaprint_digest::description::{self, Tensor};
use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::digest::file::FileDigest;
use lineaprint_engine::digest::model::{self, Options, Shard};
use lineaprint_engine::digest::{sample, tree};
use lineaprint_engine::schedule::readers::Place;
use lineaprint_engine::{Control, Result};
use napi::Env;
use napi::bindgen_prelude::{Either, Object, Uint8Array};
use napi_derive::napi;
use std::path::{Path, PathBuf};

/// What is hashed; TypeScript has filled in every default.
#[napi(object, object_to_js = false)]
pub struct NativeModelOptions {
    pub algorithm: String,
    /// Whether the tensors are hashed; without it only the headers are read.
    pub tensors: bool,
    /// Whether the files are hashed as well, in the same read.
    pub files: bool,
    /// The canonical JSON of the meaningful configuration, if there is one.
    pub config: Option<Uint8Array>,
    /// The shard index that named the files, if there was one: it must fit them.
    pub index: Option<NativeIndexFile>,
    /// The folder whose `tree` digest is wanted; the weights in it are not read again.
    pub tree: Option<String>,
    /// The plan of a sample of the tensors, instead of all of them.
    pub sample: Option<NativePlan>,
}

/// A shard index as it was read.
#[napi(object, object_to_js = false)]
pub struct NativeIndexFile {
    pub path: String,
    pub bytes: Uint8Array,
}

/// What a shard index says.
#[napi(object, object_from_js = false)]
pub struct NativeIndex {
    /// Plain file names, sorted.
    pub shards: Vec<String>,
}

/// Reads a shard index. `path` is for messages.
#[napi(catch_unwind)]
pub fn read_shard_index(bytes: &[u8], path: String) -> Either<NativeIndex, NativeFailure> {
    match caught(|| model::read_index(bytes, Path::new(&path))) {
        Ok(index) => Either::A(NativeIndex {
            shards: index.shards().into_iter().map(str::to_owned).collect(),
        }),
        Err(error) => Either::B(error.into()),
    }
}

/// The tensors of one file, one array per field, in the order of their bytes.
#[napi(object, object_from_js = false)]
pub struct NativeShard {
    pub path: String,
    pub size: i64,
    pub names: Vec<String>,
    pub dtypes: Vec<String>,
    pub shapes: Vec<Vec<i64>>,
    /// First byte in the file.
    pub starts: Vec<i64>,
    /// One past the last byte in the file.
    pub ends: Vec<i64>,
    /// Keys and values of `__metadata__`, in turn.
    pub metadata: Vec<String>,
    /// 32 bytes per tensor, where asked for.
    pub digests: Option<NativeDigests>,
    /// 1 per tensor whose digest is that of a sample, where a sample was asked for.
    pub sampled: Option<Uint8Array>,
    /// Digests of the whole file, where asked for.
    pub file: Option<NativeDigests>,
    /// Places of the BOOL tensors that hold other bytes than 0 and 1.
    pub odd_booleans: Vec<i64>,
}

/// A model: its shards, and what follows from all of them together.
#[napi(object, object_from_js = false)]
pub struct NativeModel {
    pub shards: Vec<NativeShard>,
    pub architecture: NativeDigests,
    pub weights: Option<NativeDigests>,
    pub tree: Option<NativeDigests>,
    /// How much of the tensors was read, where a sample was asked for.
    pub extent: Option<NativeExtent>,
}

/// Reads safetensors files as the shards of one model.
#[napi(ts_return_type = "Promise<NativeModel | NativeFailure>")]
pub fn read_model<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    options: NativeModelOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let algorithms = algorithms(&options.algorithm)?;
    let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    let config = options.config.map(|bytes| Digests::of(&bytes, algorithms));
    let wanted = Options {
        tensors: options.tensors.then_some(algorithms),
        files: options.files.then_some(algorithms),
    };
    let index = options
        .index
        .map(|index| (PathBuf::from(index.path), index.bytes.to_vec()));
    let root = options.tree.map(PathBuf::from);
    let plan = options.sample.map(plan).transpose()?;
    let place = Some(if plan.is_some() {
        Place::blocks(&paths)
    } else {
        let wanted = [wanted.tensors, wanted.files].into_iter().flatten();
        Place::bytes(&paths, wanted.flat_map(Algorithms::iter).count())
    });
    start(env, threads, job, place, move |control: &Control| {
        let mut sampled = plan
            .map(|plan| sample::model::sample(&paths, &plan, algorithms, control))
            .transpose()?;
        let shards = match &mut sampled {
            Some(sampled) => std::mem::take(&mut sampled.shards),
            None => model::read(&paths, wanted, control)?,
        };
        if let Some((path, bytes)) = &index {
            model::check_index(&model::read_index(bytes, path)?, &shards, path)?;
        }
        let tree = root
            .map(|root| tree_beside(&root, &shards, algorithms, control))
            .transpose()?;
        Ok(NativeModel {
            architecture: structured(algorithms, &shards, |algorithm, tensors| {
                let config = config.and_then(|digests| digests.get(algorithm));
                description::architecture(algorithm, tensors, config.as_ref())
            }),
            tree: tree.map(NativeDigests::from),
            weights: match &sampled {
                Some(sampled) => Some(sampled.weights.into()),
                None => wanted
                    .tensors
                    .map(|_| structured(algorithms, &shards, description::weights)),
            },
            extent: sampled.as_ref().map(|sampled| sampled.extent.into()),
            shards: shards
                .iter()
                .enumerate()
                .map(|(index, shard)| NativeShard {
                    sampled: sampled.as_ref().and_then(|sampled| {
                        let flags = sampled.sampled.get(index)?;
                        Some(flags.iter().copied().map(u8::from).collect::<Vec<_>>().into())
                    }),
                    ..native_shard(shard, wanted.tensors)
                })
                .collect(),
        })
    })
}

/// The `tree` digest of the model's folder, without reading again the shards that were hashed whole.
fn tree_beside(root: &Path, shards: &[Shard], algorithms: Algorithms, control: &Control) -> Result<Digests> {
    let known = shards
        .iter()
        .filter_map(|shard| {
            let digests = shard.file?;
            Some((
                shard.stamp,
                FileDigest {
                    size: shard.stamp.size,
                    digests,
                },
            ))
        })
        .collect();
    let options = tree::Options {
        algorithms,
        known,
        ..tree::Options::default()
    };
    tree::hash(root, &options, control).map(|tree| tree.digests)
}

fn structured(
    algorithms: Algorithms,
    shards: &[Shard],
    describe: impl Fn(lineaprint_digest::Algorithm, &mut [Tensor<'_>]) -> lineaprint_digest::Hash,
) -> NativeDigests {
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        let mut tensors: Vec<Tensor<'_>> = shards
            .iter()
            .flat_map(|shard| {
                shard
                    .header
                    .tensors
                    .iter()
                    .enumerate()
                    .map(move |(index, tensor)| Tensor {
                        name: &tensor.name,
                        dtype: tensor.dtype.name,
                        shape: &tensor.shape,
                        digest: shard
                            .digests
                            .get(index)
                            .and_then(|digests| digests.get(algorithm))
                            .unwrap_or_default(),
                    })
            })
            .collect();
        digests.set(algorithm, describe(algorithm, &mut tensors));
    }
    digests.into()
}

fn native_shard(shard: &Shard, hashed: Option<Algorithms>) -> NativeShard {
    let tensors = &shard.header.tensors;
    NativeShard {
        path: shard.path.to_string_lossy().into_owned(),
        size: number(shard.stamp.size),
        names: tensors.iter().map(|tensor| tensor.name.clone()).collect(),
        dtypes: tensors
            .iter()
            .map(|tensor| tensor.dtype.name.to_owned())
            .collect(),
        shapes: tensors
            .iter()
            .map(|tensor| tensor.shape.iter().copied().map(number).collect())
            .collect(),
        starts: tensors.iter().map(|tensor| number(tensor.start)).collect(),
        ends: tensors.iter().map(|tensor| number(tensor.end)).collect(),
        metadata: shard
            .header
            .metadata
            .iter()
            .flat_map(|(key, value)| [key.clone(), value.clone()])
            .collect(),
        digests: hashed.map(|algorithms| columns(algorithms, shard.digests.iter().copied())),
        sampled: None,
        file: shard.file.map(NativeDigests::from),
        odd_booleans: shard
            .odd_booleans
            .iter()
            .map(|index| number(*index as u64))
            .collect(),
    }
}
