//! Archives.

use crate::digests::number;
use crate::enums::{NativeAlgorithm, NativeArchiveFormat};
use crate::files::{NativeTree, native_tree};
use crate::job::{NativeJob, start};
use crate::table::NativeSequence;
use lineaprint_digest::Algorithms;
use lineaprint_engine::digest::archive::HashArchive;
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use std::path::PathBuf;

/// A hashed archive.
#[napi(object, object_from_js = false)]
pub struct NativeArchive {
    pub format: NativeArchiveFormat,
    /// Length of the archive in bytes.
    pub size: i64,
    /// Its content, with all entries.
    pub tree: NativeTree,
    /// The members as samples, where they are some.
    pub samples: Option<NativeSequence>,
}

/// Hash what is in the archive at `path`.
#[napi(ts_return_type = "Promise<NativeArchive | NativeFailure>")]
pub fn hash_archive<'env>(
    env: &'env Env,
    job: &NativeJob,
    path: String,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let algorithms = Algorithms::from(algorithm);
    let request = HashArchive {
        path: PathBuf::from(path),
        algorithms,
    };
    start(env, job, threads, request, move |archive| NativeArchive {
        format: archive.format.into(),
        size: number(archive.size),
        tree: native_tree(archive.tree, Some(algorithms)),
        samples: archive.samples.map(NativeSequence::from),
    })
}
