//! Digests of what is on disk and in memory.
//!
//! - [`archive`]: hash what is in archives, and the samples of WebDataset.
//! - [`file`]: hash whole files.
//! - [`batch`]: hash small files several at once.
//! - [`range`]: hash ranges of a file, and parts of a digest that merge.
//! - [`mds`]: the records of samples in shards.
//! - [`memory`]: hash bytes in memory.
//! - [`tree`]: walk a folder and make its `tree` digest.
//! - [`model`]: hash the tensors of safetensors files.
//! - [`sequence`]: hash the lines of files as records.
//! - [`table`]: hash tables block by block of their columns.
//! - [`sample`]: hash a sample of something too large for a full pass.

pub mod archive;
pub mod batch;
pub mod file;
pub mod mds;
pub mod memory;
pub mod model;
pub mod range;
pub mod sample;
pub mod sequence;
pub mod table;
pub mod tree;
