//! Models.
//!
//! - [`dtype`]: the element types and their widths.
//! - [`listing`]: what a reader returns: tensors, and where their elements lie.
//! - [`safetensors`]: read headers and shard indexes of safetensors files.

pub mod dtype;
pub mod listing;
pub mod safetensors;
