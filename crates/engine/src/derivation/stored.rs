//! The tensors of a model, read at positions in no particular order.
//!
//! A tensor that its file holds packed would be unpacked from its first byte on for every position. So it is unpacked once,
//! where it is short enough, and let go when it is no longer needed.

use crate::control::Control;
use crate::digest::model::Rules;
use crate::error::{Code, Error, Result};
use crate::tensors::{OpenTensor, OpenTensors};
use lineaprint_formats::Dtype;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that one tensor may take in memory where it is stored packed.
const UNPACKED: u64 = 128 << 20;

/// A tensor that is read at positions.
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Number of elements.
    pub elements: u64,
    /// Elements per axis.
    pub shape: Vec<u64>,
    open: Arc<OpenTensors>,
    index: usize,
    /// All bytes of a tensor that is stored packed, once it was read.
    unpacked: Mutex<Option<Vec<u8>>>,
}

/// The tensors of a model.
pub struct Tensors {
    open: Arc<OpenTensors>,
    stored: Vec<Stored>,
}

impl Tensors {
    /// Open the files of a model, and read what they list.
    pub fn open(paths: &[PathBuf], rules: Rules, control: &Control) -> Result<Self> {
        let open = Arc::new(OpenTensors::open(paths, rules, control)?);
        let stored = open.tensors().iter().enumerate().map(|(index, tensor)| Stored {
            name: tensor.name.clone(),
            dtype: tensor.dtype,
            elements: tensor.elements(),
            shape: tensor.shape.clone(),
            open: Arc::clone(&open),
            index,
            unpacked: Mutex::new(None),
        });
        Ok(Self {
            stored: stored.collect(),
            open,
        })
    }

    /// Return a tensor by its name.
    pub fn get(&self, name: &str) -> Result<&Stored> {
        let index = self.open.index_of(name)?;
        self.stored
            .get(index)
            .ok_or_else(|| Error::new(Code::Internal, "a tensor without a place").of_tensor(name))
    }

    /// Return the open tensors.
    pub fn open_tensors(&self) -> &OpenTensors {
        &self.open
    }

    /// Check that no file changed since it was opened.
    pub fn verify_unchanged(&self) -> Result<()> {
        self.open.verify_unchanged()
    }
}

impl Stored {
    fn tensor(&self) -> &OpenTensor {
        &self.open.tensors()[self.index]
    }

    /// Return its index among the open tensors.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Return how many bytes a number of elements takes; they are whole blocks.
    pub const fn bytes_of(&self, elements: u64) -> u64 {
        elements / self.dtype.block * self.dtype.bits / 8
    }

    /// Return why the tensor cannot be read at positions, if it cannot.
    pub fn obstacle(&self) -> Option<String> {
        let tensor = self.tensor();
        if !self.dtype.bits.is_multiple_of(8) {
            return Some(format!("the elements of {} are narrower than a byte", self.name));
        }
        (tensor.is_sequential() && tensor.bytes > UNPACKED).then(|| {
            format!(
                "{} is stored packed, and unpacked it takes more than {} MiB",
                self.name,
                UNPACKED >> 20
            )
        })
    }

    /// Fill `into` with bytes of the tensor from the byte `start` on.
    pub fn read(&self, start: u64, into: &mut [u8], control: &Control) -> Result<()> {
        let tensor = self.tensor();
        if !tensor.is_sequential() {
            return tensor.read_at(start, into, control);
        }
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if unpacked.is_none() {
            // Its length was held against the limit by `obstacle`.
            let mut bytes = vec![0; usize::try_from(tensor.bytes.min(UNPACKED)).unwrap_or_default()];
            tensor.read_at(0, &mut bytes, control)?;
            *unpacked = Some(bytes);
        }
        let first = usize::try_from(start).unwrap_or(usize::MAX);
        let end = first.saturating_add(into.len());
        let part = unpacked.as_ref().and_then(|bytes| bytes.get(first..end));
        into.copy_from_slice(part.ok_or_else(|| {
            Error::new(Code::Internal, "a read behind the end of a tensor").of_tensor(&self.name)
        })?);
        Ok(())
    }

    /// Let the unpacked bytes go.
    pub fn release(&self) {
        *self.unpacked.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
