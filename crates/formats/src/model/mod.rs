//! Models.
//!
//! - [`dtype`]: the element types and their widths.
//! - [`flax`]: read Flax files (MessagePack).
//! - [`format`]: find the format of a file from its content, and read it.
//! - [`gguf`]: read the headers of GGUF files.
//! - [`hdf5`]: read HDF5 files, those of Keras among them.
//! - [`keras`]: read the archives of Keras (`.keras`).
//! - [`listing`]: what a reader returns: tensors, and where their elements lie.
//! - [`npy`]: read arrays of NumPy, alone (`.npy`) and in an archive (`.npz`).
//! - [`onnx`]: read ONNX files.
//! - [`pytorch`]: read checkpoints of PyTorch, without executing their pickles.
//! - [`safetensors`]: read headers and shard indexes of safetensors files.
//! - [`tfjs`]: read the models of TensorFlow.js.
//! - [`tflite`]: read TensorFlow Lite files.

mod catalog;
mod cursor;
pub mod dtype;
pub mod flax;
pub mod format;
pub mod gguf;
pub mod hdf5;
pub mod keras;
pub mod listing;
pub mod npy;
mod numpy_names;
pub mod onnx;
mod packed;
mod pieces;
mod protobuf;
pub mod pytorch;
pub mod safetensors;
pub mod tfjs;
pub mod tflite;
mod window;
