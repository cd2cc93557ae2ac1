//! Ranges of a file, and parts of its digest.

use crate::digests::number;
use crate::enums::NativeAlgorithm;
use crate::failure::NativeFailure;
use crate::files::NativeFile;
use crate::job::{NativeJob, start};
use lineaprint_digest::Hash;
use lineaprint_digest::subtree::Piece;
use lineaprint_engine::digest::range::HashRange;
use lineaprint_engine::digest::range::parts::{self, HashPart, Part, PartContent};
use lineaprint_engine::{Code, Error, Result, panics};
use napi::Env;
use napi::bindgen_prelude::{Either, Object, Uint8Array};
use napi_derive::napi;
use std::path::PathBuf;

/// Hash a file from one byte to another (exclusive), or to its end.
#[napi(ts_return_type = "Promise<NativeFile | NativeFailure>")]
pub fn hash_range<'env>(
    env: &'env Env,
    job: &NativeJob,
    path: String,
    start_byte: i64,
    end_byte: Option<i64>,
    algorithm: NativeAlgorithm,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = HashRange {
        path: PathBuf::from(path),
        start: unsigned(start_byte)?,
        end: end_byte.map(unsigned).transpose()?,
        algorithms: algorithm.into(),
    };
    start(env, job, threads, request, NativeFile::from)
}

/// A part of a file's digest.
#[napi(object)]
pub struct NativePart {
    /// Length of the whole file in bytes.
    pub size: i64,
    pub content: NativePartContent,
}

/// The content of a part.
#[napi(discriminant = "kind", discriminant_case = "lowercase")]
pub enum NativePartContent {
    /// The part has no bytes of the file.
    Empty,
    /// The part has all bytes of the file: 32 bytes of digest.
    Whole { digest: Uint8Array },
    /// One array per field of its pieces, and 32 bytes of value per piece.
    Pieces {
        starts: Vec<i64>,
        ends: Vec<i64>,
        values: Uint8Array,
    },
}

/// Hash part `index` (from 0) of `count` of a file.
#[napi(ts_return_type = "Promise<NativePart | NativeFailure>")]
pub fn hash_part<'env>(
    env: &'env Env,
    job: &NativeJob,
    path: String,
    index: u32,
    count: u32,
    threads: Option<u32>,
) -> napi::Result<Object<'env>> {
    let request = HashPart {
        path: PathBuf::from(path),
        index: u64::from(index),
        count: u64::from(count),
    };
    start(env, job, threads, request, NativePart::from)
}

impl From<Part> for NativePart {
    fn from(part: Part) -> Self {
        let content = match part.content {
            PartContent::Empty => NativePartContent::Empty,
            PartContent::Whole(hash) => NativePartContent::Whole {
                digest: hash.to_vec().into(),
            },
            PartContent::Pieces(pieces) => {
                let values: Vec<u8> = pieces.iter().flat_map(|piece| piece.value).collect();
                NativePartContent::Pieces {
                    starts: pieces.iter().map(|piece| number(piece.start)).collect(),
                    ends: pieces.iter().map(|piece| number(piece.end)).collect(),
                    values: values.into(),
                }
            }
        };
        Self {
            size: number(part.size),
            content,
        }
    }
}

/// Merge the parts of one file into its digest.
#[napi(catch_unwind)]
pub fn merge_parts(parts: Vec<NativePart>) -> Either<NativeFile, NativeFailure> {
    let merged = panics::catch(|| {
        let parts = parts.iter().map(engine_part).collect::<Result<Vec<_>>>()?;
        parts::merge_parts(&parts)
    });
    match merged {
        Ok(file) => Either::A(file.into()),
        Err(error) => Either::B(error.into()),
    }
}

fn malformed() -> Error {
    Error::new(Code::Range, "a part is malformed")
}

fn engine_part(part: &NativePart) -> Result<Part> {
    let position = |number: i64| u64::try_from(number).map_err(|_| malformed());
    let content = match &part.content {
        NativePartContent::Empty => PartContent::Empty,
        NativePartContent::Whole { digest } => {
            PartContent::Whole(Hash::try_from(digest.as_ref()).map_err(|_| malformed())?)
        }
        NativePartContent::Pieces { starts, ends, values } => {
            let (values, rest) = values.as_chunks();
            if !rest.is_empty() || values.len() != starts.len() || ends.len() != starts.len() {
                return Err(malformed());
            }
            let pieces = starts.iter().zip(ends).zip(values);
            let pieces = pieces.map(|((start, end), value)| {
                Ok(Piece {
                    start: position(*start)?,
                    end: position(*end)?,
                    value: *value,
                })
            });
            PartContent::Pieces(pieces.collect::<Result<_>>()?)
        }
    };
    Ok(Part {
        size: position(part.size)?,
        content,
    })
}

/// Convert a position.
pub fn unsigned(value: i64) -> napi::Result<u64> {
    u64::try_from(value).map_err(|_| napi::Error::from_reason("a position is negative"))
}
