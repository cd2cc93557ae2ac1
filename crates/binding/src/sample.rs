//! Samples of files, folders and arrays. Samples of models are in [`crate::model`].

use crate::digests::{NativeDigests, number};
use crate::enums::NativeAlgorithm;
use crate::failure::NativeFailure;
use crate::files::{NativeTree, NativeTreeOptions, native_tree};
use crate::job::{NativeJob, start};
use lineaprint_digest::sample::{Amount, Plan, Strategy};
use lineaprint_engine::Result;
use lineaprint_engine::digest::sample::Extent;
use lineaprint_engine::digest::sample::array::ArraySample;
use lineaprint_engine::digest::sample::file::{FileSample, SampleFiles};
use lineaprint_engine::digest::sample::tree::SampleTree;
use lineaprint_engine::schedule::pool;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Either, Object};
use napi_derive::napi;
use std::path::PathBuf;

/// The plan of a sample; TypeScript has checked it and filled in every default.
#[napi(object, object_to_js = false)]
pub struct NativePlan {
    pub strategy: NativeStrategy,
    /// The number of chosen units.
    pub amount: NativeAmount,
    /// Up to how many units everything is read.
    pub above: i64,
}

/// The positions of the chosen units.
#[napi(discriminant = "kind", discriminant_case = "lowercase", object_to_js = false)]
pub enum NativeStrategy {
    Strided,
    Random { seed: BigInt },
    Blocks,
}

/// The number of chosen units.
#[napi(discriminant = "kind", discriminant_case = "lowercase", object_to_js = false)]
pub enum NativeAmount {
    Count { count: i64 },
    Share { numerator: i64, denominator: i64 },
}

/// The part of a thing that was read.
#[napi(object, object_from_js = false)]
pub struct NativeExtent {
    /// True if anything was left out.
    pub sampled: bool,
    pub units: i64,
    pub units_read: i64,
    pub bytes: i64,
    pub bytes_read: i64,
}

impl From<Extent> for NativeExtent {
    fn from(extent: Extent) -> Self {
        Self {
            sampled: extent.sampled,
            units: number(extent.units),
            units_read: number(extent.units_read),
            bytes: number(extent.bytes),
            bytes_read: number(extent.bytes_read),
        }
    }
}

/// Convert a plan.
pub fn plan(plan: NativePlan) -> napi::Result<Plan> {
    let refused = || napi::Error::from_reason("the plan of a sample is malformed");
    let unsigned = |value: i64| u64::try_from(value).map_err(|_| refused());
    let strategy = match plan.strategy {
        NativeStrategy::Strided => Strategy::Strided,
        NativeStrategy::Blocks => Strategy::Blocks,
        NativeStrategy::Random { seed } => match seed.get_u64() {
            (false, seed, true) => Strategy::Random { seed },
            _ => return Err(refused()),
        },
    };
    let amount = match plan.amount {
        NativeAmount::Count { count } => Amount::Count(unsigned(count)?),
        NativeAmount::Share {
            numerator,
            denominator,
        } => Amount::Share {
            numerator: unsigned(numerator)?,
            denominator: unsigned(denominator)?,
        },
    };
    Plan::new(strategy, amount, unsigned(plan.above)?).ok_or_else(refused)
}

/// A file of which a sample was asked for.
#[napi(object, object_from_js = false)]
pub struct NativeFileSample {
    pub size: i64,
    pub digests: NativeDigests,
    pub extent: NativeExtent,
}

impl From<FileSample> for NativeFileSample {
    fn from(file: FileSample) -> Self {
        Self {
            size: number(file.size),
            digests: file.digests.into(),
            extent: file.extent.into(),
        }
    }
}

/// Sample files. Each has its own result or failure, in the order given.
#[napi(ts_return_type = "Promise<Array<NativeFileSample | NativeFailure> | NativeFailure>")]
pub fn sample_files<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    sample: NativePlan,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = SampleFiles {
        paths: paths.into_iter().map(PathBuf::from).collect(),
        plan: plan(sample)?,
        algorithms: algorithm.into(),
    };
    start(env, job, threads, request, |files| {
        files.into_iter().map(native_file).collect::<Vec<_>>()
    })
}

fn native_file(file: Result<FileSample>) -> Either<NativeFileSample, NativeFailure> {
    match file {
        Ok(file) => Either::A(file.into()),
        Err(error) => Either::B(error.into()),
    }
}

/// A folder of which a sample was asked for.
#[napi(object, object_from_js = false)]
pub struct NativeTreeSample {
    pub tree: NativeTree,
    pub extent: NativeExtent,
}

/// Sample the folder at `root`.
#[napi(ts_return_type = "Promise<NativeTreeSample | NativeFailure>")]
pub fn sample_tree<'env>(
    env: &'env Env,
    job: &NativeJob,
    root: String,
    sample: NativePlan,
    options: NativeTreeOptions,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = SampleTree {
        root: PathBuf::from(root),
        plan: plan(sample)?,
        options: options.into(),
    };
    let listed = request.options.list.then_some(request.options.algorithms);
    start(env, job, threads, request, move |(tree, extent)| {
        NativeTreeSample {
            tree: native_tree(tree, listed),
            extent: extent.into(),
        }
    })
}

/// A sample of one array, step by step.
#[napi]
pub struct NativeArraySample {
    inner: Option<ArraySample>,
}

#[napi]
impl NativeArraySample {
    /// Create the sample of an array of `length` bytes with elements of `width` bytes.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        sample: NativePlan,
        algorithm: NativeAlgorithm,
        length: i64,
        width: u32,
    ) -> napi::Result<Self> {
        let length = u64::try_from(length).map_err(|_| napi::Error::from_reason("a length is negative"))?;
        Ok(Self {
            inner: ArraySample::new(plan(sample)?, algorithm.into(), length, u64::from(width)),
        })
    }

    /// Return how much is read; nothing where the plan chooses everything, which the caller hashes in the ordinary way.
    #[napi(catch_unwind)]
    pub fn extent(&self) -> Option<NativeExtent> {
        self.inner.as_ref().map(|sample| sample.extent().into())
    }

    /// Hash the next step of the whole array, on all cores; the caller waits. How many of the bytes to read are done.
    #[napi(catch_unwind)]
    pub fn step(&mut self, bytes: &[u8]) -> napi::Result<i64> {
        let inner = self.inner.as_mut().ok_or_else(finished)?;
        inner
            .step(bytes, pool::helper_pool())
            .map(number)
            .ok_or_else(|| napi::Error::from_reason("the array has another length"))
    }

    /// Return the `sampled` digests of the tensor that the array is.
    #[napi(catch_unwind)]
    pub fn finish(&mut self, dtype: String, shape: Vec<i64>) -> napi::Result<NativeDigests> {
        let shape = shape
            .into_iter()
            .map(u64::try_from)
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|_| napi::Error::from_reason("a dimension is negative"))?;
        let inner = self.inner.take().ok_or_else(finished)?;
        inner
            .finish(&dtype, &shape)
            .map(NativeDigests::from)
            .ok_or_else(|| napi::Error::from_reason("steps are missing"))
    }
}

fn finished() -> napi::Error {
    napi::Error::from_reason("there is nothing left to sample")
}
