//! Vector instructions beyond those that every processor of a platform has.
//!
//! Loops are written with vectors, or so that the compiler makes vectors of them. The addon is built for the oldest
//! processors; here a loop is compiled again for newer ones, and the processor at hand decides which is run. The order of
//! additions is that of the source, and only what is exact is fused, so the results are the same.

use fearless_simd::{Level, Simd, dispatch};

/// Values that are decoded at once: they stay in the first-level cache, and are a multiple of the unit of every dtype.
pub const BATCH: usize = 1024;

/// Numbers that are added up side by side. It is part of what a sum is, to its last bit.
pub const LANES: usize = 16;

/// Work whose loops are compiled for several processors. `run` must be inlined, with all that it calls.
pub trait Vectorized {
    /// The result.
    type Output;

    /// Run the work with the vectors of a processor.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Run `work` with the widest vectors of this processor.
pub fn vectorize<T: Vectorized>(work: T) -> T::Output {
    dispatch!(Level::new(), simd => work.run(simd))
}
