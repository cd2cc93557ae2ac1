//! Models.

use crate::digests::{NativeDigests, columns, number};
use crate::enums::{NativeAlgorithm, NativeModelParts};
use crate::failure::NativeFailure;
use crate::job::{NativeJob, start};
use crate::sample::{NativeExtent, NativePlan, plan};
use lineaprint_digest::Algorithms;
use lineaprint_engine::digest::model::{
    self, Contents, IndexFile, KnownFile, Location, Model, ReadModel, Reading, Rules, SampledTensor, Shard,
    ShardTensor, TensorDigests, Wanted, Weights,
};
use lineaprint_engine::panics;
use lineaprint_engine::tensors::health::Health;
use napi::Env;
use napi::bindgen_prelude::{Either, Float64Array, Int32Array, Object, Uint8Array, Uint32Array};
use napi_derive::napi;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Options of a model; TypeScript has filled in every default.
#[napi(object, object_to_js = false)]
pub struct NativeModelOptions {
    pub algorithm: NativeAlgorithm,
    pub reading: NativeReading,
    /// True if the health of the tensors is wanted.
    pub health: Option<bool>,
    /// True if safetensors files are read as their reference crate reads them.
    pub lenient: bool,
    /// Digests of tensors that another read of the same files has made.
    pub known: Option<Vec<NativeKnownFile>>,
    /// The canonical JSON of the meaningful configuration, if there is one.
    pub config: Option<Uint8Array>,
    /// The shard index that named the files, if there was one: it must fit them.
    pub index: Option<NativeIndexFile>,
    /// The folder whose `tree` digest is wanted. Shards in it that were hashed whole are not read again.
    pub tree: Option<String>,
}

/// The bytes of a model that are read.
#[napi(discriminant = "kind", discriminant_case = "lowercase", object_to_js = false)]
pub enum NativeReading {
    /// All bytes of these parts.
    Full { parts: NativeModelParts },
    /// A sample of the tensors.
    Sample { plan: NativePlan },
}

/// A shard index as it was read.
#[napi(object, object_to_js = false)]
pub struct NativeIndexFile {
    pub path: String,
    pub bytes: Uint8Array,
}

/// Digests of the tensors of one file. They count while the file has the same stamp.
#[napi(object)]
pub struct NativeKnownFile {
    pub path: String,
    pub stamp: String,
    /// First byte of each tensor in the file, and one past the last.
    pub starts: Float64Array,
    pub ends: Float64Array,
    /// 32 bytes for each tensor.
    pub digests: Uint8Array,
}

impl From<KnownFile> for NativeKnownFile {
    fn from(KnownFile { path, stamp, spans }: KnownFile) -> Self {
        let digests: Vec<u8> = spans.iter().flat_map(|(_, _, hash)| *hash).collect();
        let (starts, ends): (Vec<f64>, Vec<f64>) = spans
            .iter()
            .map(|(start, end, _)| (double(*start), double(*end)))
            .unzip();
        Self {
            path: path.to_string_lossy().into_owned(),
            stamp,
            starts: starts.into(),
            ends: ends.into(),
            digests: digests.into(),
        }
    }
}

impl From<NativeKnownFile> for KnownFile {
    fn from(file: NativeKnownFile) -> Self {
        let bounds = file.starts.iter().zip(file.ends.iter());
        let spans = bounds
            .zip(file.digests.as_chunks::<32>().0)
            .map(|((start, end), hash)| (whole(*start), whole(*end), *hash));
        Self {
            spans: spans.collect(),
            path: PathBuf::from(file.path),
            stamp: file.stamp,
        }
    }
}

/// A shard index.
#[napi(object, object_from_js = false)]
pub struct NativeIndex {
    /// File names, sorted.
    pub shards: Vec<String>,
}

/// Parse a shard index. `path` is for messages.
#[napi(catch_unwind)]
pub fn read_shard_index(bytes: &[u8], path: String) -> Either<NativeIndex, NativeFailure> {
    match panics::catch(|| model::read_index(bytes, Path::new(&path))) {
        Ok(index) => Either::A(NativeIndex {
            shards: index.shards().into_iter().map(str::to_owned).collect(),
        }),
        Err(error) => Either::B(error.into()),
    }
}

/// A file beside a shard that holds elements of its tensors.
#[napi(object, object_from_js = false)]
pub struct NativeSideFile {
    pub path: String,
    pub size: i64,
    /// Digests of the whole file, where asked for.
    pub file: Option<NativeDigests>,
}

/// The tensors of one file, one array per field.
#[napi(object, object_from_js = false)]
pub struct NativeShard {
    pub path: String,
    pub size: i64,
    /// Format of the file.
    pub format: String,
    /// Files beside it that hold elements of its tensors.
    pub siblings: Vec<NativeSideFile>,
    /// Names of the tensors, sorted by their UTF-8 bytes.
    pub names: Vec<String>,
    /// The distinct dtypes.
    pub dtype_names: Vec<String>,
    /// Index in `dtype_names` of the dtype of each tensor.
    pub dtypes: Uint32Array,
    /// Elements per axis of all tensors, one after the other.
    pub dimensions: Float64Array,
    /// One past the last axis of each tensor in `dimensions`.
    pub shape_ends: Uint32Array,
    /// Bytes of each tensor.
    pub sizes: Float64Array,
    /// First byte in the file; -1 where it does not lie in one piece.
    pub starts: Float64Array,
    /// Index in `siblings` of the file that holds it; -1 for the file itself.
    pub locations: Int32Array,
    /// Keys and values of text beside the tensors, in turn.
    pub metadata: Vec<String>,
    /// Names and reasons of parts that are no tensors, in turn.
    pub not_read: Vec<String>,
    /// Groups of names that share one storage.
    pub shared: Vec<Vec<String>>,
    /// Names of the tensors that are buffers, where the file says of each whether it is one or a parameter.
    pub buffers: Option<Vec<String>>,
    /// Why there are no digests of the weights, if there are none.
    pub incomplete: Option<String>,
    /// Sentences about what a reader should know.
    pub remarks: Vec<String>,
    pub tensors: NativeTensorDigests,
    /// Digests of the whole file, where asked for.
    pub file: Option<NativeDigests>,
    /// One for each tensor, where asked for; nothing for a tensor of whole numbers, or that is not decoded.
    pub health: Option<Vec<Option<NativeHealth>>>,
}

/// Counts and sums of the numbers of a tensor.
#[napi(object, object_from_js = false)]
pub struct NativeHealth {
    pub numbers: i64,
    pub nan: i64,
    pub infinite: i64,
    pub zeros: i64,
    /// Extremes of the finite numbers, and their mean; not there if none is finite.
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub mean: Option<f64>,
    /// Sum of the squares of the finite numbers.
    pub squares: f64,
}

impl From<Health> for NativeHealth {
    fn from(health: Health) -> Self {
        let mean = health.mean();
        Self {
            numbers: number(health.numbers),
            nan: number(health.nan),
            infinite: number(health.infinite),
            zeros: number(health.zeros),
            minimum: mean.map(|_| health.minimum),
            maximum: mean.map(|_| health.maximum),
            mean,
            squares: health.squares,
        }
    }
}

/// The digests of the tensors of a shard.
#[napi(
    discriminant = "kind",
    discriminant_case = "lowercase",
    object_from_js = false
)]
pub enum NativeTensorDigests {
    /// Only the header was read.
    Listed,
    /// All tensors were read.
    Hashed {
        /// 32 bytes per tensor.
        digests: NativeDigests,
        /// Indices of the BOOL tensors that hold bytes other than 0 and 1.
        odd_booleans: Vec<i64>,
    },
    /// A sample of the tensors was read.
    Sampled {
        /// 32 bytes per tensor.
        digests: NativeDigests,
        /// 1 per tensor of which a part was read, 0 per tensor that was read whole.
        in_part: Uint8Array,
    },
}

/// A model: its shards, and the digests of all of them together.
#[napi(object, object_from_js = false)]
pub struct NativeModel {
    pub shards: Vec<NativeShard>,
    pub architecture: NativeDigests,
    pub weights: NativeWeights,
    /// Digests of the computation; only of an ONNX file.
    pub graph: Option<NativeDigests>,
    pub tree: Option<NativeDigests>,
}

/// The digests of all tensors together.
#[napi(
    discriminant = "kind",
    discriminant_case = "lowercase",
    object_from_js = false
)]
pub enum NativeWeights {
    /// The tensors were not read.
    Listed,
    /// All tensors were read.
    Hashed { digests: NativeDigests },
    /// A sample of the tensors was read.
    Sampled {
        digests: NativeDigests,
        extent: NativeExtent,
    },
}

/// Read files as the shards of one model.
#[napi(ts_return_type = "Promise<NativeModel | NativeFailure>")]
pub fn read_model<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    options: NativeModelOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let algorithms = Algorithms::from(options.algorithm);
    let reading = match options.reading {
        NativeReading::Sample { plan: sample } => Reading::Sample(plan(sample)?),
        NativeReading::Full { parts } => Reading::Full(match parts {
            NativeModelParts::Headers => Wanted::Headers,
            NativeModelParts::Tensors => Wanted::Tensors(algorithms),
            NativeModelParts::Files => Wanted::Files(algorithms),
            NativeModelParts::Both => Wanted::Both {
                tensors: algorithms,
                files: algorithms,
            },
        }),
    };
    let request = ReadModel {
        paths: paths.into_iter().map(PathBuf::from).collect(),
        algorithms,
        rules: if options.lenient {
            Rules::Lenient
        } else {
            Rules::Strict
        },
        reading,
        health: options.health.unwrap_or_default(),
        known: options
            .known
            .unwrap_or_default()
            .into_iter()
            .map(KnownFile::from)
            .collect(),
        config: options.config.map(|bytes| bytes.to_vec()),
        index: options.index.map(|index| IndexFile {
            path: PathBuf::from(index.path),
            bytes: index.bytes.to_vec(),
        }),
        tree: options.tree.map(PathBuf::from),
    };
    start(env, job, threads, request, move |model| {
        native_model(model, algorithms)
    })
}

fn native_model(model: Model, algorithms: Algorithms) -> NativeModel {
    NativeModel {
        shards: model
            .shards
            .into_iter()
            .map(|shard| native_shard(shard, algorithms))
            .collect(),
        architecture: model.architecture.into(),
        weights: match model.weights {
            Weights::Listed => NativeWeights::Listed,
            Weights::Hashed(digests) => NativeWeights::Hashed {
                digests: digests.into(),
            },
            Weights::Sampled(digests, extent) => NativeWeights::Sampled {
                digests: digests.into(),
                extent: extent.into(),
            },
        },
        graph: model.graph.map(NativeDigests::from),
        tree: model.tree.map(NativeDigests::from),
    }
}

fn native_shard(shard: Shard, algorithms: Algorithms) -> NativeShard {
    let Contents {
        format,
        tensors,
        metadata,
        not_read,
        shared,
        buffers,
        incomplete,
        remarks,
    } = shard.contents;
    let columns = Columns::of(&tensors);
    NativeShard {
        path: shard.path.to_string_lossy().into_owned(),
        size: number(shard.stamp.size),
        format: format.name().to_owned(),
        siblings: shard
            .siblings
            .into_iter()
            .map(|file| NativeSideFile {
                path: file.path.to_string_lossy().into_owned(),
                size: number(file.stamp.size),
                file: file.digests.map(NativeDigests::from),
            })
            .collect(),
        dtype_names: columns.dtype_names,
        dtypes: columns.dtypes.into(),
        dimensions: columns.dimensions.into(),
        shape_ends: columns.shape_ends.into(),
        sizes: columns.sizes.into(),
        starts: columns.starts.into(),
        locations: columns.locations.into(),
        names: tensors.into_iter().map(|tensor| tensor.name).collect(),
        metadata: pairs(metadata),
        not_read: pairs(not_read.into_iter().map(|part| (part.name, part.reason))),
        shared,
        buffers,
        incomplete,
        remarks,
        tensors: native_tensors(shard.tensors, algorithms),
        file: shard.file.map(NativeDigests::from),
        health: shard.health.map(|tensors| {
            let tensors = tensors.into_iter();
            tensors.map(|health| health.map(NativeHealth::from)).collect()
        }),
    }
}

/// The tensors of a shard, one array for each field: a million of them cross as a few objects.
#[derive(Default)]
struct Columns {
    dtype_names: Vec<String>,
    dtypes: Vec<u32>,
    dimensions: Vec<f64>,
    shape_ends: Vec<u32>,
    sizes: Vec<f64>,
    starts: Vec<f64>,
    locations: Vec<i32>,
}

impl Columns {
    fn of(tensors: &[ShardTensor]) -> Self {
        let count = tensors.len();
        let mut columns = Self {
            dtypes: Vec::with_capacity(count),
            dimensions: Vec::with_capacity(count),
            shape_ends: Vec::with_capacity(count),
            sizes: Vec::with_capacity(count),
            starts: Vec::with_capacity(count),
            locations: Vec::with_capacity(count),
            dtype_names: Vec::new(),
        };
        let mut known: HashMap<&str, u32> = HashMap::new();
        for tensor in tensors {
            let dtype = *known.entry(tensor.dtype.name()).or_insert_with_key(|name| {
                columns.dtype_names.push((*name).to_owned());
                index(columns.dtype_names.len() - 1)
            });
            columns.dtypes.push(dtype);
            columns
                .dimensions
                .extend(tensor.shape.iter().map(|length| double(*length)));
            columns.shape_ends.push(index(columns.dimensions.len()));
            columns.sizes.push(double(tensor.bytes));
            let (start, location) = match tensor.location {
                Location::Range { sibling, start, .. } => (
                    double(start),
                    sibling.map(|at| i32::try_from(at).unwrap_or(i32::MAX)),
                ),
                Location::Elsewhere => (-1.0, None),
            };
            columns.starts.push(start);
            columns.locations.push(location.unwrap_or(-1));
        }
        columns
    }
}

/// Convert the index of a tensor or an axis. A file of so many that they do not fit is too large for the memory of any
/// machine.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Convert a length for JavaScript, like [`number`].
#[allow(clippy::cast_precision_loss, reason = "lengths of files are below 2^53")]
const fn double(value: u64) -> f64 {
    value as f64
}

/// Convert a length that [`double`] has converted.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number from 0 to 2^53"
)]
const fn whole(value: f64) -> u64 {
    value as u64
}

fn pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()
}

fn native_tensors(tensors: TensorDigests, algorithms: Algorithms) -> NativeTensorDigests {
    match tensors {
        TensorDigests::Listed => NativeTensorDigests::Listed,
        TensorDigests::Hashed {
            digests,
            odd_booleans,
        } => NativeTensorDigests::Hashed {
            digests: columns(algorithms, &digests),
            odd_booleans: odd_booleans
                .into_iter()
                .map(|index| number(index as u64))
                .collect(),
        },
        TensorDigests::Sampled(tensors) => {
            let in_part = tensors
                .iter()
                .map(|tensor| u8::from(matches!(tensor, SampledTensor::Part(_))));
            NativeTensorDigests::Sampled {
                in_part: in_part.collect::<Vec<_>>().into(),
                digests: columns(
                    algorithms,
                    &tensors.iter().map(SampledTensor::digests).collect::<Vec<_>>(),
                ),
            }
        }
    }
}
