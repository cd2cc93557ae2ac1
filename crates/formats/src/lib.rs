//! Readers of model and table formats: bytes in, validated spans and columns out.
//!
//! Nothing here opens a file, and nothing is allocated by a number that a file states before that number
//! was checked against what is left of the file. Models and tables come from strangers.

#![forbid(unsafe_code)]

pub mod canonical;
pub mod dtype;
pub mod error;
pub mod json;
pub mod safetensors;
pub mod shards;
pub mod table;

pub use dtype::Dtype;
pub use error::FormatError;
