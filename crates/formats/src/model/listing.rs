//! Result of a reader of a model file: its tensors, and where their elements lie.

use crate::archive::zip::Member;
use crate::error::FormatError;
use crate::input::Input;
use crate::model::dtype::Dtype;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// A tensor of a model file.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Name as `docs/format.md` derives it for the format.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Elements per axis in C order; empty for a scalar. The reader has checked that their product fits 64 bits.
    pub shape: Vec<u64>,
    /// Location of its elements.
    pub elements: Elements,
}

/// Location of the elements of a tensor. In the end they are little-endian, in C order, without padding.
#[derive(Clone)]
pub enum Elements {
    /// In one piece of the file, in their final form: the bytes from `start` up to `end` are what a digest covers.
    InPlace {
        /// First byte, counted from the start of the file.
        start: u64,
        /// One past the last byte.
        end: u64,
    },
    /// In one piece of another file of the model, in their final form.
    External {
        /// Path relative to the folder of the model file, as the file spells it. The engine checks that it stays there.
        path: String,
        /// First byte, counted from the start of that file.
        start: u64,
        /// One past the last byte; `None` for the end of that file.
        end: Option<u64>,
    },
    /// In memory, in their final form, because the file holds them in another (typed fields, text).
    Held(Bytes),
    /// In a form that has to be decoded or gathered.
    Decoded(Arc<dyn Decode>),
}

/// Elements in a form that has to be decoded or gathered.
pub trait Decode: Send + Sync + fmt::Debug {
    /// Return the number of bytes that [`Self::decode`] emits.
    fn length(&self) -> u64;

    /// Emit the elements in their final form, from first to last, in pieces of at most a mebibyte.
    ///
    /// The memory in use stays bounded, whatever the length (a strided source needs its storage, which was checked
    /// against the file). An error of `emit` ends the work and is returned.
    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError>;
}

/// Something of a model file that is no tensor of its `weights`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRead {
    /// Name or path within the file.
    pub name: String,
    /// One plain sentence that says why.
    pub reason: String,
}

/// A part of a file of which the file states the CRC-32, and that the reader has not read itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Name of the part, such as a member of a zip.
    pub name: String,
    /// First byte, counted from the start of the file.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// CRC-32 of its bytes, as the file states it.
    pub crc: u32,
    /// True if programs that load the format refuse a part whose CRC-32 is another one; those that do not load it as it is.
    pub is_binding: bool,
}

impl Checked {
    /// Return the part that a member of a zip is; `None` if it is compressed, so that its reader has to decode it.
    pub(crate) fn of(member: &Member, is_binding: bool) -> Option<Self> {
        member.span().map(|(start, end)| Self {
            name: member.name.clone(),
            start,
            end,
            crc: member.crc,
            is_binding,
        })
    }
}

/// Result of a reader of a model file.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The tensors; names are unique.
    pub tensors: Vec<Tensor>,
    /// Text that the file carries beside its tensors, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// Parts that are no tensors (optimiser state, other objects), which is not an error.
    pub not_read: Vec<NotRead>,
    /// Groups of names that share one storage in the file.
    pub shared: Vec<Vec<String>>,
    /// Parts whose CRC-32 has to be checked when the tensors are read, in the order of their bytes.
    pub checked: Vec<Checked>,
    /// Names of the tensors that are buffers; only where the file says of each tensor whether it is one or a parameter.
    pub buffers: Option<Vec<String>>,
    /// Why there is no `weights` digest, where the file has tensors of a type that is not known.
    pub incomplete: Option<String>,
    /// Sentences about what a reader should know: deviations, every global that a pickle names.
    pub remarks: Vec<String>,
}

impl fmt::Debug for Elements {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InPlace { start, end } => write!(formatter, "InPlace({start}..{end})"),
            Self::External { path, start, end } => write!(formatter, "External({path:?}, {start}, {end:?})"),
            Self::Held(bytes) => write!(formatter, "Held({} bytes)", bytes.len()),
            Self::Decoded(decode) => write!(formatter, "Decoded({decode:?})"),
        }
    }
}
