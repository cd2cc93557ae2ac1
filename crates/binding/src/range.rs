//! Ranges of a file, and parts of its digest.

use crate::digests::{algorithms, number};
use crate::failure::{NativeFailure, caught};
use crate::files::NativeFile;
use crate::job::{NativeJob, start};
use lineaprint_digest::Hash;
use lineaprint_digest::subtree::Piece;
use lineaprint_engine::digest::range::{
    self,
    parts::{self, Part},
};
use lineaprint_engine::schedule::readers::Place;
use lineaprint_engine::{Code, Control, Error, Result};
use napi::Env;
use napi::bindgen_prelude::{Either, Object, Uint8Array};
use napi_derive::napi;
use std::path::PathBuf;
use std::slice;

/// Hashes a file from one byte to another (exclusive), or to its end.
#[napi(ts_return_type = "Promise<NativeFile | NativeFailure>")]
pub fn hash_range<'env>(
    env: &'env Env,
    job: &NativeJob,
    path: String,
    start_byte: i64,
    end_byte: Option<i64>,
    algorithm: String,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let algorithms = algorithms(&algorithm)?;
    let path = PathBuf::from(path);
    let first = unsigned(start_byte)?;
    let last = end_byte.map(unsigned).transpose()?;
    let place = Some(Place::bytes(slice::from_ref(&path), algorithms.iter().count()));
    start(env, threads, job, place, move |control: &Control| {
        range::hash_range(&path, first, last, algorithms, control).map(NativeFile::from)
    })
}

/// A part of a file's digest, one array per field of its pieces.
#[napi(object)]
pub struct NativePart {
    pub size: i64,
    pub starts: Vec<i64>,
    pub ends: Vec<i64>,
    /// 32 bytes per piece.
    pub values: Uint8Array,
    /// The digest itself, from the only part that has any bytes.
    pub whole: Option<Uint8Array>,
}

/// Hashes part `index` (from 0) of `count` of a file.
#[napi(ts_return_type = "Promise<NativePart | NativeFailure>")]
pub fn hash_part<'env>(
    env: &'env Env,
    job: &NativeJob,
    path: String,
    index: u32,
    count: u32,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let path = PathBuf::from(path);
    let place = Some(Place::bytes(slice::from_ref(&path), 1));
    start(env, threads, job, place, move |control: &Control| {
        parts::hash_part(&path, u64::from(index), u64::from(count), control).map(native_part)
    })
}

fn native_part(part: Part) -> NativePart {
    NativePart {
        size: number(part.size),
        starts: part.pieces.iter().map(|piece| number(piece.start)).collect(),
        ends: part.pieces.iter().map(|piece| number(piece.end)).collect(),
        values: part
            .pieces
            .iter()
            .flat_map(|piece| piece.value)
            .collect::<Vec<u8>>()
            .into(),
        whole: part.whole.map(|hash| hash.to_vec().into()),
    }
}

/// Merges the parts of one file into its digest.
#[napi(catch_unwind)]
pub fn merge_parts(parts: Vec<NativePart>) -> Either<NativeFile, NativeFailure> {
    let merged = caught(|| {
        let parts = parts.iter().map(engine_part).collect::<Result<Vec<_>>>()?;
        parts::merge_parts(&parts)
    });
    match merged {
        Ok(file) => Either::A(file.into()),
        Err(error) => Either::B(error.into()),
    }
}

fn engine_part(part: &NativePart) -> Result<Part> {
    let malformed = || Error::new(Code::Range, "a part is malformed");
    let place = |number: i64| u64::try_from(number).map_err(|_| malformed());
    let (values, rest) = part.values.as_chunks();
    let count = part.starts.len();
    if !rest.is_empty() || values.len() != count || part.ends.len() != count {
        return Err(malformed());
    }
    let pieces = part
        .starts
        .iter()
        .zip(&part.ends)
        .zip(values)
        .map(|((start, end), value)| {
            Ok(Piece {
                start: place(*start)?,
                end: place(*end)?,
                value: *value,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let whole = part
        .whole
        .as_ref()
        .map(|bytes| Hash::try_from(bytes.as_ref()).map_err(|_| malformed()))
        .transpose()?;
    Ok(Part {
        size: place(part.size)?,
        pieces,
        whole,
    })
}

fn unsigned(value: i64) -> napi::Result<u64> {
    u64::try_from(value).map_err(|_| napi::Error::from_reason("a position is negative"))
}
