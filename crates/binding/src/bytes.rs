//! Bytes in memory, and streams.
//!
//! JavaScript may write to its buffers, resize or transfer them whenever it runs. So its bytes are read only while its
//! thread waits inside the call: no copy, and no concurrent write. Long buffers come in slices, between which the event
//! loop turns.

use crate::digests::NativeDigests;
use crate::enums::NativeAlgorithm;
use lineaprint_digest::Hasher;
use lineaprint_engine::digest::memory::{self, Sliced};
use lineaprint_engine::schedule::pool;
use napi_derive::napi;

/// Compute the plain digests of one short buffer, on all cores, while the caller waits.
#[napi(catch_unwind)]
pub fn hash_bytes(bytes: &[u8], algorithm: NativeAlgorithm) -> NativeDigests {
    memory::hash(bytes, algorithm.into(), pool::helper_pool()).into()
}

/// Plain digests of one long buffer, slice by slice.
#[napi]
pub struct NativeSliced {
    inner: Option<Sliced>,
}

#[napi]
impl NativeSliced {
    #[napi(constructor, catch_unwind)]
    pub fn new(algorithm: NativeAlgorithm, length: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a byte length of JavaScript is an integer from 0 to 2^53"
        )]
        let length = length as u64;
        Self {
            inner: Some(Sliced::new(algorithm.into(), length)),
        }
    }

    /// Add the next slice, on all cores; the caller waits.
    #[napi(catch_unwind)]
    pub fn update(&mut self, slice: &[u8]) -> napi::Result<()> {
        let inner = self.inner.as_mut().ok_or_else(finished)?;
        inner
            .update(slice, pool::helper_pool())
            .ok_or_else(|| napi::Error::from_reason("the slice does not fit"))
    }

    #[napi(catch_unwind)]
    pub fn finish(&mut self) -> napi::Result<NativeDigests> {
        let digests = self.inner.take().ok_or_else(finished)?.finish();
        digests
            .map(NativeDigests::from)
            .ok_or_else(|| napi::Error::from_reason("slices are missing"))
    }
}

/// Plain digests of bytes that come in order, of a length that is not known before the end.
#[napi]
pub struct NativeHasher {
    inner: Option<Hasher>,
}

#[napi]
impl NativeHasher {
    #[napi(constructor, catch_unwind)]
    pub fn new(algorithm: NativeAlgorithm) -> Self {
        Self {
            inner: Some(Hasher::new(algorithm.into())),
        }
    }

    /// Add bytes; the caller waits.
    #[napi(catch_unwind)]
    pub fn update(&mut self, bytes: &[u8]) -> napi::Result<()> {
        self.inner.as_mut().ok_or_else(finished)?.update(bytes);
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn finish(&mut self) -> napi::Result<NativeDigests> {
        Ok(self.inner.take().ok_or_else(finished)?.finish().into())
    }
}

fn finished() -> napi::Error {
    napi::Error::from_reason("the hasher is finished already")
}
