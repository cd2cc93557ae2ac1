//! Digests on their way to JavaScript: raw bytes, 32 per digest.

use lineaprint_digest::{Algorithms, Digests, Hash};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

/// The digests of one thing; only those asked for are there.
#[napi(object, object_from_js = false)]
pub struct NativeDigests {
    /// 32 bytes.
    pub blake3: Option<Uint8Array>,
    /// 32 bytes.
    pub sha256: Option<Uint8Array>,
}

impl From<Digests> for NativeDigests {
    fn from(digests: Digests) -> Self {
        let bytes = |hash: Option<Hash>| hash.map(|hash| hash.to_vec().into());
        Self {
            blake3: bytes(digests.blake3),
            sha256: bytes(digests.sha256),
        }
    }
}

/// The digests of many things, side by side in one buffer per algorithm.
pub fn columns(algorithms: Algorithms, digests: impl Iterator<Item = Digests>) -> NativeDigests {
    let mut blake3 = Vec::new();
    let mut sha256 = Vec::new();
    for digest in digests {
        blake3.extend_from_slice(&digest.blake3.unwrap_or_default());
        sha256.extend_from_slice(&digest.sha256.unwrap_or_default());
    }
    NativeDigests {
        blake3: algorithms.blake3.then(|| blake3.into()),
        sha256: algorithms.sha256.then(|| sha256.into()),
    }
}

/// Reads the name of an algorithm; TypeScript has checked it.
pub fn algorithms(name: &str) -> napi::Result<Algorithms> {
    Algorithms::parse(name).ok_or_else(|| {
        napi::Error::from_reason(format!("unknown algorithm {name:?}: blake3, sha256 or both"))
    })
}

/// A number for JavaScript. Lengths of files are far below 2^53, where numbers stop being exact.
pub fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
