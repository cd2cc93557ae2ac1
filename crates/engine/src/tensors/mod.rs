//! Tensors of models as bytes in their final form: any range of them, on any thread, in bounded memory.
//!
//! - [`read`]: positions of a tensor, and reading from one onwards.
//! - [`pairs`]: tensors of two models side by side, in tiles on all cores.
//! - [`health`]: counts, extremes and sums of the numbers of a tensor.
//! - [`kernel`]: sweeps over batches of numbers.
//! - [`difference`]: the distance between the values of two tensors.
//! - [`together`]: pairs compared while they are hashed, in one read.
//! - [`values`]: the distances between two models and their digests, in one read.
//! - [`simd`]: vector instructions.

pub mod difference;
pub mod health;
mod kernel;
pub mod pairs;
pub mod read;
pub mod simd;
pub(crate) mod together;
pub mod values;

use crate::control::Control;
use crate::digest::model::{OpenModel, Rules, TensorElements};
use crate::error::{Code, Error, Result};
use lineaprint_formats::Dtype;
use lineaprint_formats::values::Decoder;
use std::collections::HashMap;
use std::path::PathBuf;

/// The open tensors of a model, or of one of its files.
///
/// It may be shared by threads. Call [`Self::verify_unchanged`] after the last read: what was read of a file that
/// changed is worth nothing.
pub struct OpenTensors {
    model: OpenModel,
    tensors: Vec<OpenTensor>,
    by_name: HashMap<String, usize>,
    /// The file and the span of each tensor that lies in one piece.
    spans: Vec<Option<(usize, usize)>>,
}

/// A tensor whose elements can be read.
pub struct OpenTensor {
    /// Its name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Elements per axis in C order.
    pub shape: Vec<u64>,
    /// Bytes of all elements in their final form.
    pub bytes: u64,
    pub(crate) elements: TensorElements,
    /// Path of the file that lists it, for messages.
    pub(crate) path: PathBuf,
}

impl OpenTensors {
    /// Open the files of a model, and read what they list, on the threads of the current pool.
    ///
    /// Headers and the like are read, elements are not. The rules of shard indexes are not checked here: they are where
    /// the digests are computed.
    pub fn open(paths: &[PathBuf], rules: Rules, control: &Control) -> Result<Self> {
        let model = OpenModel::open(paths, rules, false, control)?;
        let mut tensors = Vec::new();
        let mut by_name = HashMap::new();
        let mut spans = Vec::new();
        for shard in &model.shards {
            let path = model.files[shard.file].source.path();
            for (index, tensor) in shard.contents.tensors.iter().enumerate() {
                if by_name.insert(tensor.name.clone(), tensors.len()).is_some() {
                    return Err(Error::new(Code::Format, "two tensors have its name")
                        .of_tensor(&tensor.name)
                        .at(path));
                }
                spans.push(OpenModel::span_of(shard, index));
                tensors.push(OpenTensor {
                    name: tensor.name.clone(),
                    dtype: tensor.dtype,
                    shape: tensor.shape.clone(),
                    bytes: tensor.bytes,
                    elements: model.elements_of(shard, index),
                    path: path.to_owned(),
                });
            }
        }
        Ok(Self {
            model,
            tensors,
            by_name,
            spans,
        })
    }

    /// Return the tensors in the order of the files, and of what each file lists.
    pub fn tensors(&self) -> &[OpenTensor] {
        &self.tensors
    }

    /// Return the index of a tensor.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Return the index of a tensor, or an error that names it.
    pub fn index_of(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            let error = Error::new(Code::Changed, "the model no longer has this tensor").of_tensor(name);
            match self.model.files.first() {
                Some(file) => error.at(file.source.path()),
                None => error,
            }
        })
    }

    /// Return an error if a file changed since it was opened.
    pub fn verify_unchanged(&self) -> Result<()> {
        self.model.verify_unchanged()
    }
}

impl OpenTensor {
    /// Return the number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Return the decoder of its elements, if they are decoded into numbers.
    pub fn decoder(&self) -> Option<Decoder> {
        Decoder::of(self.dtype)
    }

    /// Return whether its elements are unpacked or gathered, from first to last: reading from a position costs as much
    /// as reading all that comes before it.
    pub const fn is_sequential(&self) -> bool {
        matches!(self.elements, TensorElements::Decoded { .. })
    }

    /// Return the least elements that take whole bytes, and their bytes.
    pub fn unit(&self) -> (u64, u64) {
        let Dtype { block, bits, .. } = self.dtype;
        // 1, 2 or 4 elements of less than a byte: the first whole number of bytes.
        let mut count = 1;
        while bits * count % 8 != 0 {
            count *= 2;
        }
        (block * count, bits * count / 8)
    }

    /// Return the first byte of an element, which must be the first of a [`Self::unit`].
    pub fn position(&self, element: u64) -> Result<u64> {
        let (elements, bytes) = self.unit();
        if element == self.elements() {
            return Ok(self.bytes);
        }
        if element > self.elements() || !element.is_multiple_of(elements) {
            return Err(self
                .fault(Code::Range, "a range of elements does not fit the tensor")
                .with_expected(
                    format!("a multiple of {elements} up to {}", self.elements()),
                    element,
                ));
        }
        Ok(element / elements * bytes)
    }

    /// Create an error about this tensor.
    pub(crate) fn fault(&self, code: Code, message: &str) -> Error {
        Error::new(code, message).of_tensor(&self.name).at(&self.path)
    }
}
