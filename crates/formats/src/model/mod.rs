//! Models.
//!
//! - [`dtype`]: the element types and their widths.
//! - [`safetensors`]: read headers and shard indexes of safetensors files.

pub mod dtype;
pub mod safetensors;
