//! The effect of a cache on a job.

use crate::digests::number;
use crate::failure::NativeFailure;
use lineaprint_engine::cache::CacheReport;
use napi_derive::napi;

/// The effect of a cache on a job.
#[napi(object, object_from_js = false)]
pub struct NativeCacheUsage {
    pub hits: i64,
    pub misses: i64,
    pub stored: i64,
    /// Why it could not be opened, read or written.
    pub failure: Option<NativeFailure>,
}

impl From<CacheReport> for NativeCacheUsage {
    fn from(CacheReport { usage, failure }: CacheReport) -> Self {
        Self {
            hits: number(usage.hits),
            misses: number(usage.misses),
            stored: number(usage.stored),
            failure: failure.map(NativeFailure::from),
        }
    }
}
