//! TensorFlow.js: `model.json`, and files of weights that follow each other (layers models and graph models).
//!
//! Names: as written. A group's files are one sequence of bytes, in which its weights lie one after the other; a weight
//! may begin in one file and end in another. Files are used once, and hold nothing else.
//!
//! A quantised weight is what is stored: its type is the one of storage (`U8`, `U16`, `F16`), so that it never equals the
//! weight that it was made of. Its parameters are tensors too, of type `F64` and shape `[]`: `<name>.<dtype>.scale` and
//! `<name>.<dtype>.min`, with the type that it is restored to. Otherwise two models that differ in them alone would be
//! the same. Weights of type `string` are listed and are no tensors.

mod files;
mod manifest;

pub use files::{Open, listing};
pub use manifest::{Group, Manifest, Quantization, Weight, parse};

/// Return whether a JSON text can be the model of TensorFlow.js.
pub fn recognise(text: &[u8]) -> bool {
    const KEY: &[u8] = b"\"weightsManifest\"";
    text.windows(KEY.len()).any(|window| window == KEY)
}
