//! Distances between the values of two models, and digests that are made in the same read.

use crate::digests::number;
use crate::job::{NativeJob, start};
use crate::model::NativeKnownFile;
use lineaprint_engine::digest::model::Rules;
use lineaprint_engine::tensors::difference::{CompareValues, Compared, Difference};
use lineaprint_engine::tensors::values::HashAndCompare;
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use std::path::PathBuf;

/// The files of a model, and names of tensors in it.
#[napi(object, object_to_js = false)]
pub struct NativeTensors {
    pub files: Vec<String>,
    pub names: Vec<String>,
}

/// The distance between two tensors.
#[napi(object, object_from_js = false)]
pub struct NativeDifference {
    pub elements: i64,
    pub changed: i64,
    /// Changed elements that have a distance.
    pub distant: i64,
    pub largest_absolute: f64,
    pub largest_relative: f64,
    pub squares: f64,
    pub squares_before: f64,
    pub squares_after: f64,
    pub products: f64,
    pub nan_before: i64,
    pub nan_after: i64,
    pub infinite_before: i64,
    pub infinite_after: i64,
}

/// The result for a pair of tensors: one of the two is there.
#[napi(object, object_from_js = false)]
pub struct NativeCompared {
    pub difference: Option<NativeDifference>,
    /// Why there is no distance.
    pub reason: Option<String>,
}

/// The results, in the order of the names.
#[napi(object, object_from_js = false)]
pub struct NativeComparison {
    pub tensors: Vec<NativeCompared>,
    /// True for each pair that has the same bytes, whatever their dtypes and shapes.
    pub same: Vec<bool>,
}

/// Compare tensors of two models, each of the first with that of the second at the same position.
#[napi(ts_return_type = "Promise<NativeComparison | NativeFailure>")]
pub fn compare_values<'env>(
    env: &'env Env,
    job: &NativeJob,
    before: NativeTensors,
    after: NativeTensors,
    lenient: bool,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let paths = |files: Vec<String>| files.into_iter().map(PathBuf::from).collect();
    let request = CompareValues {
        before: paths(before.files),
        after: paths(after.files),
        rules: if lenient { Rules::Lenient } else { Rules::Strict },
        pairs: before.names.into_iter().zip(after.names).collect(),
    };
    start(env, job, threads, request, |compared| {
        let (same, tensors) = compared
            .into_iter()
            .map(|pair| (pair.same, NativeCompared::from(pair.values)))
            .unzip();
        NativeComparison { tensors, same }
    })
}

/// Digests of two models, and the results of the tensors that differ.
#[napi(object, object_from_js = false)]
pub struct NativeHashedAndCompared {
    pub known: Vec<NativeKnownFile>,
    /// Names of the tensors of which the values were compared; there are none of those that are the same.
    pub names: Vec<String>,
    /// The results, in the order of the names.
    pub tensors: Vec<NativeCompared>,
}

/// Hash the tensors that two models have by the same name and shape, and compare those that differ, in one read.
#[napi(ts_return_type = "Promise<NativeHashedAndCompared | NativeFailure>")]
pub fn hash_and_compare<'env>(
    env: &'env Env,
    job: &NativeJob,
    before: Vec<String>,
    after: Vec<String>,
    lenient: bool,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let paths = |files: Vec<String>| files.into_iter().map(PathBuf::from).collect();
    let request = HashAndCompare {
        before: paths(before),
        after: paths(after),
        rules: if lenient { Rules::Lenient } else { Rules::Strict },
    };
    start(env, job, threads, request, |found| {
        let (names, tensors) = found
            .compared
            .into_iter()
            .map(|(name, compared)| (name, NativeCompared::from(compared)))
            .unzip();
        NativeHashedAndCompared {
            known: found.known.into_iter().map(NativeKnownFile::from).collect(),
            names,
            tensors,
        }
    })
}

impl From<Compared> for NativeCompared {
    fn from(compared: Compared) -> Self {
        match compared {
            Compared::Values(difference) => Self {
                difference: Some(difference.into()),
                reason: None,
            },
            Compared::Not(reason) => Self {
                difference: None,
                reason: Some(reason),
            },
        }
    }
}

impl From<Difference> for NativeDifference {
    fn from(difference: Difference) -> Self {
        let products = difference.products();
        let Difference {
            elements,
            changed,
            distant,
            largest_absolute,
            largest_relative,
            squares,
            norms,
            nan,
            infinite,
        } = difference;
        Self {
            elements: number(elements),
            changed: number(changed),
            distant: number(distant),
            largest_absolute,
            largest_relative,
            squares,
            squares_before: norms[0],
            squares_after: norms[1],
            products,
            nan_before: number(nan[0]),
            nan_after: number(nan[1]),
            infinite_before: number(infinite[0]),
            infinite_after: number(infinite[1]),
        }
    }
}
