//! Readers of model and table formats: bytes in, validated spans and columns out.
//!
//! - [`archive`]: read the containers of files.
//! - [`derivation`]: layouts, casts and quantisation by which one tensor follows from others.
//! - [`mds`]: read the shards of MosaicML.
//! - [`model`]: read safetensors headers and shard indexes; the table of dtypes.
//! - [`pieces`]: the bytes of a file in order, decompressed.
//! - [`table`]: read Parquet, Arrow IPC, CSV and JSON lines.
//! - [`text`]: read JSON objects with order and duplicates kept, and canonicalise JSON.
//! - [`tfrecord`]: read the records of TensorFlow.
//! - [`values`]: decode elements of tensors into numbers.
//! - [`input`]: bytes at positions.
//! - [`error`]: the one error type.
//!
//! Nothing here opens a file, and nothing is allocated by a number that a file states before that number
//! was checked against what is left of the file. Models and tables come from strangers.

#![forbid(unsafe_code)]

pub mod archive;
pub mod derivation;
pub mod error;
pub mod input;
pub mod mds;
pub mod model;
pub mod pieces;
pub mod table;
pub mod text;
pub mod tfrecord;
pub mod values;

pub use error::FormatError;
pub use model::dtype::Dtype;
