//! The tensors of a model, opened to be read at positions.

use crate::control::Control;
use crate::digest::model::list::{Listed, list};
use crate::digest::model::{Rules, sibling};
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::Source;
use bytes::Bytes;
use lineaprint_formats::model::listing::{Decode, Elements};
use lineaprint_formats::{Dtype, FormatError};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that one tensor may take in memory where it does not lie in its file in its final form.
const DECODED: u64 = 128 << 20;

/// A tensor that can be read at positions.
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Number of elements.
    pub elements: u64,
    /// Elements per axis.
    pub shape: Vec<u64>,
    bytes: u64,
    source: Arc<Source>,
    form: Form,
}

enum Form {
    /// From this byte of its file on.
    Range(u64),
    Held(Bytes),
    Decoded {
        decode: Arc<dyn Decode>,
        /// Decoded when it is first read, and let go by [`Stored::release`].
        cache: Mutex<Option<Bytes>>,
    },
}

/// The tensors of a model by their names, and the files that they lie in.
pub struct Tensors {
    tensors: HashMap<String, Stored>,
    sources: Vec<Arc<Source>>,
}

impl Tensors {
    /// Open the files of a model, and read what they list.
    pub fn open(paths: &[PathBuf], rules: Rules, control: &Control) -> Result<Self> {
        let mut opened = Self {
            tensors: HashMap::new(),
            sources: Vec::new(),
        };
        for path in paths {
            opened.add(list(path, rules, control)?)?;
        }
        Ok(opened)
    }

    fn add(&mut self, listed: Listed) -> Result<()> {
        let Listed {
            source,
            contents,
            elements,
            siblings,
        } = listed;
        self.sources.push(source.clone());
        let mut siblings: BTreeMap<String, Arc<Source>> = siblings;
        self.sources.extend(siblings.values().cloned());
        for (tensor, elements) in contents.tensors.into_iter().zip(elements) {
            let (place, form, end) = match elements {
                Elements::InPlace { start, end } => (source.clone(), Form::Range(start), Some((start, end))),
                Elements::External { path, start, end } => {
                    let other = match siblings.get(&path) {
                        Some(other) => other.clone(),
                        None => {
                            let other = sibling::open(source.path(), &path)
                                .map_err(|error| error.of_tensor(&tensor.name))?;
                            let other = Arc::new(other);
                            self.sources.push(other.clone());
                            siblings.insert(path, other.clone());
                            other
                        }
                    };
                    let end = end.unwrap_or_else(|| other.size());
                    (other, Form::Range(start), Some((start, end)))
                }
                Elements::Held(bytes) => (source.clone(), Form::Held(bytes), None),
                Elements::Decoded(decode) => {
                    let cache = Mutex::new(None);
                    (source.clone(), Form::Decoded { decode, cache }, None)
                }
            };
            if let Some((start, end)) = end
                && (start > end || end > place.size() || end - start != tensor.bytes)
            {
                return Err(Error::new(
                    Code::Format,
                    "the place of its elements does not fit its dtype, its shape and the file",
                )
                .with_expected(
                    format!("{} bytes within {}", tensor.bytes, place.size()),
                    format!("bytes {start} to {end}"),
                )
                .of_tensor(&tensor.name)
                .at(place.path()));
            }
            let elements = tensor.shape.iter().product();
            let stored = Stored {
                name: tensor.name.clone(),
                dtype: tensor.dtype,
                elements,
                shape: tensor.shape,
                bytes: tensor.bytes,
                source: place,
                form,
            };
            if self.tensors.insert(tensor.name.clone(), stored).is_some() {
                return Err(Error::new(Code::Format, "two tensors have its name").of_tensor(&tensor.name));
            }
        }
        Ok(())
    }

    /// Return a tensor by its name.
    pub fn get(&self, name: &str) -> Result<&Stored> {
        self.tensors
            .get(name)
            .ok_or_else(|| Error::new(Code::Changed, "the tensor is no longer in its file").of_tensor(name))
    }

    /// Check that no file changed since it was opened.
    pub fn verify_unchanged(&self) -> Result<()> {
        self.sources
            .iter()
            .try_for_each(|source| source.verify_unchanged())
    }
}

impl Stored {
    /// Return how many bytes a number of elements takes; they are whole blocks.
    pub const fn bytes_of(&self, elements: u64) -> u64 {
        elements / self.dtype.block * self.dtype.bits / 8
    }

    /// Return why the tensor cannot be read at positions, if it cannot.
    pub fn obstacle(&self) -> Option<String> {
        match &self.form {
            Form::Decoded { decode, .. } if decode.length() > DECODED => Some(format!(
                "{} is stored in a form that must be unpacked whole, and takes more than {} MiB",
                self.name,
                DECODED >> 20
            )),
            _ if !self.dtype.bits.is_multiple_of(8) => {
                Some(format!("the elements of {} are narrower than a byte", self.name))
            }
            _ => None,
        }
    }

    /// Fill `into` with bytes of the tensor from the byte `start` on.
    pub fn read(&self, start: u64, into: &mut [u8], control: &Control) -> Result<()> {
        let end = start.saturating_add(into.len() as u64);
        if end > self.bytes {
            return Err(Error::new(Code::Internal, "a read behind the end of a tensor").of_tensor(&self.name));
        }
        match &self.form {
            Form::Range(first) => self.source.read_exact_at(into, first + start),
            Form::Held(bytes) => self.copy(bytes, start, into),
            Form::Decoded { decode, cache } => {
                let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
                if cache.is_none() {
                    *cache = Some(self.decode(decode.as_ref(), control)?);
                }
                match cache.as_ref() {
                    Some(bytes) => self.copy(bytes, start, into),
                    None => Ok(()),
                }
            }
        }
    }

    /// Let the decoded elements go.
    pub fn release(&self) {
        if let Form::Decoded { cache, .. } = &self.form {
            *cache.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn copy(&self, bytes: &Bytes, start: u64, into: &mut [u8]) -> Result<()> {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let end = start.saturating_add(into.len());
        let part = bytes.get(start..end).ok_or_else(|| {
            Error::new(Code::Format, "its elements are fewer than it states").of_tensor(&self.name)
        })?;
        into.copy_from_slice(part);
        Ok(())
    }

    fn decode(&self, decode: &dyn Decode, control: &Control) -> Result<Bytes> {
        let input = FileInput::silent(self.source.clone(), control);
        // The length was checked against the limit before the work began.
        let mut bytes = Vec::with_capacity(usize::try_from(decode.length()).unwrap_or_default());
        let outcome = decode.decode(&input, &mut |piece| {
            control
                .check()
                .map_err(|error| FormatError::new(error.message.clone()))?;
            bytes.extend_from_slice(piece);
            Ok(())
        });
        control.check()?;
        outcome.map_err(|error| input.error(error))?;
        if bytes.len() as u64 != self.bytes {
            return Err(
                Error::new(Code::Format, "a tensor unpacks to another length than it states")
                    .with_expected(format!("{} bytes", self.bytes), format!("{} bytes", bytes.len()))
                    .of_tensor(&self.name),
            );
        }
        Ok(Bytes::from(bytes))
    }
}
