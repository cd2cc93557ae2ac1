//! Models.
//!
//! - [`dtype`]: the element types and their widths.
//! - [`format`]: find the format of a file from its content, and read it.
//! - [`gguf`]: read GGUF files.
//! - [`listing`]: what a reader returns: tensors, and where their elements lie.
//! - [`npy`]: read arrays of NumPy.
//! - [`safetensors`]: read headers and shard indexes of safetensors files.

mod cursor;
pub mod dtype;
pub mod format;
pub mod gguf;
pub mod listing;
pub mod npy;
mod protobuf;
pub mod safetensors;
