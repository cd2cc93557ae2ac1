//! Models.
//!
//! - [`dtype`]: the element types and their widths.
//! - [`listing`]: what a reader returns: tensors, and where their elements lie.
//! - [`gguf`]: read the headers of GGUF files.
//! - [`onnx`]: read ONNX files.
//! - [`safetensors`]: read headers and shard indexes of safetensors files.
//! - [`tflite`]: read TensorFlow Lite files.

mod cursor;
pub mod dtype;
pub mod gguf;
pub mod listing;
pub mod onnx;
mod packed;
pub mod safetensors;
pub mod tflite;
