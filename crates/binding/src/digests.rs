//! Digests on their way to JavaScript: raw bytes, 32 per digest.

use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

/// The digests of one thing, for each algorithm asked for.
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

/// Join the digests of many things in one buffer per algorithm.
pub fn columns<'a>(
    algorithms: Algorithms,
    digests: impl IntoIterator<Item = &'a Digests> + Clone,
) -> NativeDigests {
    let column = |algorithm: Algorithm| {
        let hashes = digests.clone().into_iter();
        let hashes = hashes.filter_map(move |digests| digests.get(algorithm));
        hashes.flatten().collect::<Vec<u8>>().into()
    };
    NativeDigests {
        blake3: algorithms.blake3.then(|| column(Algorithm::Blake3)),
        sha256: algorithms.sha256.then(|| column(Algorithm::Sha256)),
    }
}

/// Convert a number for JavaScript. Lengths of files are far below 2^53, from where numbers are no longer exact.
pub fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
