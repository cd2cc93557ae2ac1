//! Models.
//!
//! - [`dtype`]: the element types and their widths.
//! - [`listing`]: what a reader returns: tensors, and where their elements lie.
//! - [`safetensors`]: read headers and shard indexes of safetensors files.
//! - [`flax`]: read Flax files (MessagePack).
//! - [`hdf5`]: read HDF5 files, those of Keras among them.

mod catalog;
mod cursor;
pub mod dtype;
pub mod flax;
pub mod hdf5;
pub mod listing;
mod numpy_names;
mod pieces;
pub mod safetensors;
