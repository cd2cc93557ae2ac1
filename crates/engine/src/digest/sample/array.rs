//! Arrays in memory, in elements.

use super::{Extent, describe};
use crate::digest::memory::{self, Sliced};
use crate::schedule::fork_join::{self, Helpers};
use lineaprint_digest::sample::description::{self, Whole};
use lineaprint_digest::sample::{Layout, Plan};
use lineaprint_digest::{Algorithms, Digests};
use std::sync::{Mutex, PoisonError};

/// Bytes of the stream gathered in one step: elements far apart cost a cache miss each, so that a step takes
/// some ten milliseconds on one core.
const STEP: u64 = 1 << 20;

/// Bytes of the stream that one thread gathers at a time.
const PART: usize = 64 << 10;

/// Hashes a sample of an array step by step, so that a caller can do other work in between.
pub struct ArraySample {
    plan: Plan,
    layout: Layout,
    algorithms: Algorithms,
    position: u64,
    sliced: Sliced,
    short: Option<Digests>,
}

impl ArraySample {
    /// Create the sample of an array of `length` bytes whose elements have `width` bytes, at least 1. `None` if the
    /// plan reads everything: then the digest is the ordinary one.
    pub fn new(plan: Plan, algorithms: Algorithms, length: u64, width: u64) -> Option<Self> {
        let layout = Layout::new(&plan, length, width);
        layout.is_sample().then(|| Self {
            plan,
            layout,
            algorithms,
            position: 0,
            sliced: Sliced::new(algorithms, layout.bytes_read()),
            short: None,
        })
    }

    /// Return how much is read.
    pub fn extent(&self) -> Extent {
        Extent::of(&self.layout)
    }

    /// Gather and hash the next step of `bytes`, the whole array each time, on this thread and its helpers. Return how
    /// many of the bytes to read are done; `None` if the array has another length than before.
    pub fn step(&mut self, bytes: &[u8], helpers: Helpers) -> Option<u64> {
        if bytes.len() as u64 != self.layout.bytes() {
            return None;
        }
        let length = self.layout.bytes_read();
        let count = (length - self.position).min(STEP);
        let mut gathered = vec![0; usize::try_from(count).ok()?];
        let parts: Vec<_> = gathered.chunks_mut(PART).map(Mutex::new).collect();
        let gather = |index: usize| {
            // Each part has its own lock, without contention.
            let mut part = parts[index].lock().unwrap_or_else(PoisonError::into_inner);
            self.gather(bytes, self.position + (index * PART) as u64, &mut part);
        };
        fork_join::run(helpers, usize::MAX, parts.len(), || (), gather);
        if length <= STEP {
            self.short = Some(memory::hash(&gathered, self.algorithms, helpers));
        } else {
            self.sliced.update(&gathered, helpers)?;
        }
        self.position += count;
        Some(self.position)
    }

    fn gather(&self, bytes: &[u8], mut position: u64, mut into: &mut [u8]) {
        while !into.is_empty() {
            let (offset, left) = self.layout.locate(position);
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
            let (now, later) = into.split_at_mut(count);
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            now.copy_from_slice(&bytes[start..start + count]);
            position += count as u64;
            into = later;
        }
    }

    /// Return the `sampled` digests of the array as a tensor; `None` if steps are missing.
    pub fn finish(self, dtype: &str, shape: &[u64]) -> Option<Digests> {
        let content = match self.short {
            Some(digests) => digests,
            None => self.sliced.finish()?,
        };
        let whole = Whole {
            units: self.layout.units(),
            bytes: self.layout.bytes(),
        };
        Some(describe(&content, |algorithm, hash| {
            description::tensor(algorithm, &self.plan, whole, (dtype, shape), hash)
        }))
    }
}
