//! Sampled digests: a part of something large is read, and the result is never that of a full pass.
//!
//! The chosen bytes, one after the other, are a stream of known length. The offset of every byte follows by arithmetic.
//! The stream is filled a window at a time, each thread filling parts of the window, and the windows are hashed on all
//! threads into one standard digest. A thing that the plan reads whole gets its ordinary digest.
//!
//! - [`stream`]: windows of the stream, and reading them from a file.
//! - [`file`], [`array`], [`model`], [`tree`]: what can be sampled.

pub mod array;
pub mod file;
pub mod model;
pub mod stream;
pub mod tree;

use lineaprint_digest::sample::Layout;
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash};

/// The part of a thing that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// True if anything was left out, so that the digest is one of a sample.
    pub sampled: bool,
    /// Units of the whole.
    pub units: u64,
    /// Units that were read.
    pub units_read: u64,
    /// Bytes of the whole.
    pub bytes: u64,
    /// Bytes that were hashed: those of the chosen units.
    pub bytes_read: u64,
}

impl Extent {
    /// Return the extent of a layout.
    pub fn of(layout: &Layout) -> Self {
        Self {
            sampled: layout.is_sample(),
            units: layout.units(),
            units_read: layout.units_read(),
            bytes: layout.bytes(),
            bytes_read: layout.bytes_read(),
        }
    }

    /// Add another part of the same whole.
    pub const fn add(&mut self, other: &Self) {
        self.sampled |= other.sampled;
        self.units += other.units;
        self.units_read += other.units_read;
        self.bytes += other.bytes;
        self.bytes_read += other.bytes_read;
    }
}

/// Compute a described digest for each algorithm, from the digest of the content made with the same algorithm.
pub fn describe(content: &Digests, describe: impl Fn(Algorithm, &Hash) -> Hash) -> Digests {
    let mut described = Digests::default();
    for algorithm in content.algorithms().iter() {
        if let Some(hash) = content.get(algorithm) {
            described.set(algorithm, describe(algorithm, &hash));
        }
    }
    described
}

/// Compute one digest per algorithm.
pub fn each(algorithms: Algorithms, describe: impl Fn(Algorithm) -> Hash) -> Digests {
    let mut described = Digests::default();
    for algorithm in algorithms.iter() {
        described.set(algorithm, describe(algorithm));
    }
    described
}
