//! Digests of descriptions whose parts TypeScript holds.

use crate::digests::{NativeDigests, algorithms};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash, description};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

fn each(algorithms: Algorithms, digest: impl Fn(Algorithm) -> Option<Hash>) -> NativeDigests {
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        if let Some(hash) = digest(algorithm) {
            digests.set(algorithm, hash);
        }
    }
    digests.into()
}

/// A kind whose one item is the plain digest of canonical JSON: `environment`, `git`, `seeds`, `run`.
#[napi(catch_unwind)]
pub fn json_digest(kind: String, canonical: &[u8], algorithm: String) -> napi::Result<NativeDigests> {
    let algorithms = algorithms(&algorithm)?;
    let content = Digests::of(canonical, algorithms);
    Ok(each(algorithms, |algorithm| {
        content
            .get(algorithm)
            .map(|hash| description::json(algorithm, &kind, &hash))
    }))
}

/// The canonical bytes of a JSON document; nothing for one that is refused, of which TypeScript says what is wrong.
#[napi(catch_unwind)]
pub fn canonical_document(document: &[u8]) -> Option<Uint8Array> {
    lineaprint_formats::canonical::canonical(document).map(Uint8Array::from)
}

/// `tensor`, from the plain digest of its elements.
#[napi(catch_unwind)]
pub fn tensor_digest(
    dtype: String,
    shape: Vec<i64>,
    blake3: Option<Uint8Array>,
    sha256: Option<Uint8Array>,
) -> napi::Result<NativeDigests> {
    let shape = shape
        .into_iter()
        .map(u64::try_from)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| napi::Error::from_reason("a dimension is negative"))?;
    let data = Digests {
        blake3: hash_of(blake3)?,
        sha256: hash_of(sha256)?,
    };
    Ok(each(data.algorithms(), |algorithm| {
        data.get(algorithm)
            .map(|hash| description::tensor(algorithm, &dtype, &shape, &hash))
    }))
}

fn hash_of(bytes: Option<Uint8Array>) -> napi::Result<Option<Hash>> {
    bytes
        .map(|bytes| Hash::try_from(bytes.as_ref()))
        .transpose()
        .map_err(|_| napi::Error::from_reason("a digest has 32 bytes"))
}

/// `tokenizer`, from the canonical content of its files.
#[napi(catch_unwind)]
pub fn tokenizer_digest(
    names: Vec<String>,
    contents: Vec<Uint8Array>,
    algorithm: String,
) -> napi::Result<NativeDigests> {
    let algorithms = algorithms(&algorithm)?;
    let digests: Vec<Digests> = contents
        .iter()
        .map(|content| Digests::of(content, algorithms))
        .collect();
    Ok(each(algorithms, |algorithm| {
        let mut files: Vec<(&str, Hash)> = names
            .iter()
            .zip(&digests)
            .filter_map(|(name, digests)| Some((name.as_str(), digests.get(algorithm)?)))
            .collect();
        Some(description::tokenizer(algorithm, &mut files))
    }))
}
