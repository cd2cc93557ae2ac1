//! The cache of a job. It saves time and nothing else: where it fails the digests are made without it, and the
//! failure is told beside them.

use crate::digests::number;
use crate::failure::NativeFailure;
use lineaprint_engine::cache::{Cache, Usage};
use lineaprint_engine::{Control, Error};
use napi_derive::napi;
use std::path::Path;
use std::sync::Arc;

/// What a cache did for a job.
#[napi(object, object_from_js = false)]
pub struct NativeCacheUsage {
    pub hits: i64,
    pub misses: i64,
    pub stored: i64,
    /// Why it could not be opened, read or written.
    pub failure: Option<NativeFailure>,
}

/// A cache that was asked for.
pub enum JobCache {
    Open(Arc<Cache>),
    Failed(Error),
}

impl JobCache {
    /// Opens the cache in `folder`.
    pub fn open(folder: &str) -> Self {
        match Cache::open(Path::new(folder)) {
            Ok(cache) => Self::Open(Arc::new(cache)),
            Err(error) => Self::Failed(error),
        }
    }

    /// The cache, if it could be opened.
    pub const fn get(&self) -> Option<&Arc<Cache>> {
        match self {
            Self::Open(cache) => Some(cache),
            Self::Failed(_) => None,
        }
    }

    /// Writes what is new, and says what the cache did.
    pub fn finish(self, control: &Control) -> NativeCacheUsage {
        match self {
            Self::Open(cache) => match cache.save(control) {
                Ok(usage) => usage_of(usage, None),
                Err(error) => usage_of(cache.usage(), Some(error)),
            },
            Self::Failed(error) => usage_of(Usage::default(), Some(error)),
        }
    }
}

fn usage_of(usage: Usage, failure: Option<Error>) -> NativeCacheUsage {
    NativeCacheUsage {
        hits: number(usage.hits),
        misses: number(usage.misses),
        stored: number(usage.stored),
        failure: failure.map(NativeFailure::from),
    }
}
