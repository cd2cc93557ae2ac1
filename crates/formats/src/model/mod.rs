//! Models.
//!
//! - [`dtype`]: the element types and their widths.
//! - [`listing`]: what a reader returns: tensors, and where their elements lie.
//! - [`gguf`]: read the headers of GGUF files.
//! - [`onnx`]: read ONNX files.
//! - [`pytorch`]: read checkpoints of PyTorch, without executing their pickles.
//! - [`safetensors`]: read headers and shard indexes of safetensors files.

mod cursor;
pub mod dtype;
pub mod gguf;
pub mod listing;
pub mod onnx;
pub mod pytorch;
pub mod safetensors;
