//! Copies that are hashed in the same read.

use crate::digests::NativeDigests;
use crate::enums::NativeAlgorithm;
use crate::files::NativeFile;
use crate::job::{NativeJob, start};
use crate::range::{NativePart, unsigned};
use lineaprint_engine::copy::joined::JoinFiles;
use lineaprint_engine::copy::part::CopyPart;
use lineaprint_engine::digest::range::parts::{Part, PartContent};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use std::path::PathBuf;

/// A part of a file that was copied.
#[napi(object, object_from_js = false)]
pub struct NativeCopiedPart {
    /// Digests of the part by itself.
    pub digests: NativeDigests,
    /// The part of the BLAKE3 of the whole file; empty without BLAKE3.
    pub part: NativePart,
    /// True if the copy shares its blocks with the file.
    pub is_shared: bool,
}

/// Copy bytes of a file with `size` bytes into a new file, and hash the copy.
#[napi(ts_return_type = "Promise<NativeCopiedPart | NativeFailure>")]
#[allow(clippy::too_many_arguments, reason = "an object for them would be used once")]
pub fn copy_part<'env>(
    env: &'env Env,
    job: &NativeJob,
    source: String,
    size: i64,
    start_byte: i64,
    end_byte: i64,
    target: String,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let size = unsigned(size)?;
    let request = CopyPart {
        source: PathBuf::from(source),
        size,
        start: unsigned(start_byte)?,
        end: unsigned(end_byte)?,
        target: PathBuf::from(target),
        algorithms: algorithm.into(),
    };
    start(env, job, threads, request, move |copied| {
        let content = match (copied.pieces.is_empty(), copied.digests.blake3) {
            (true, Some(digest)) => PartContent::Whole(digest),
            (true, None) => PartContent::Empty,
            (false, _) => PartContent::Pieces(copied.pieces),
        };
        NativeCopiedPart {
            digests: copied.digests.into(),
            part: Part { size, content }.into(),
            is_shared: copied.is_shared,
        }
    })
}

/// Write files one after the other into a new one, and hash that. Each but the last has `part_size` bytes.
#[napi(ts_return_type = "Promise<NativeFile | NativeFailure>")]
#[allow(clippy::too_many_arguments, reason = "an object for them would be used once")]
pub fn join_files<'env>(
    env: &'env Env,
    job: &NativeJob,
    paths: Vec<String>,
    part_size: i64,
    size: i64,
    target: String,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = JoinFiles {
        paths: paths.into_iter().map(PathBuf::from).collect(),
        part_size: unsigned(part_size)?,
        size: unsigned(size)?,
        target: PathBuf::from(target),
        algorithms: algorithm.into(),
    };
    start(env, job, threads, request, NativeFile::from)
}
