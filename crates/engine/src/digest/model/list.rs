//! Contents of a model file, read with the reader of its format.

use super::{Contents, Location, Rules, ShardTensor, sibling};
use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::Source;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::format::{self, Detected, Format};
use lineaprint_formats::model::listing::{Checked, Elements, Listing};
use lineaprint_formats::{Dtype, FormatError};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Contents of a file.
pub struct Listed {
    pub source: Arc<Source>,
    pub contents: Contents,
    pub elements: Vec<Elements>,
    /// Parts whose CRC-32 is checked, sorted.
    pub checked: Vec<Checked>,
    /// Files beside it that its reader opened, with their paths as it spells them.
    pub siblings: BTreeMap<String, Arc<Source>>,
}

/// Open a file, and read what it lists.
pub fn list(path: &Path, rules: Rules, control: &Control) -> Result<Listed> {
    let source = Arc::new(Source::open(path)?);
    let reader = Arc::new(FileInput::silent(source.clone(), control));
    let input: Arc<dyn Input> = reader.clone();
    let format = detect(&input, path).map_err(|error| reader.failure().unwrap_or(error))?;
    let mut siblings = BTreeMap::new();
    let mut failure = None;
    let mut open = |relative: &str| -> std::result::Result<Arc<dyn Input>, FormatError> {
        match sibling::open(path, relative) {
            Ok(other) => {
                let other = Arc::new(other);
                siblings.insert(relative.to_owned(), other.clone());
                Ok(Arc::new(FileInput::silent(other, control)))
            }
            Err(error) => {
                let reason = FormatError::new(error.message.clone());
                failure = Some(error);
                Err(reason)
            }
        }
    };
    let listing = format::read(format, input.as_ref(), rules == Rules::Lenient, &mut open);
    let mut listing = listing.map_err(|error| failure.unwrap_or_else(|| reader.error(error)))?;
    let checked = std::mem::take(&mut listing.checked);
    let (contents, elements) = contents(format, listing).map_err(|error| error.at(path))?;
    Ok(Listed {
        source,
        contents,
        elements,
        checked,
        siblings,
    })
}

/// Find the format of a file. `path` is for messages, and for the choice between them.
fn detect(input: &Arc<dyn Input>, path: &Path) -> Result<Format> {
    let refused = |received: &str| {
        Error::new(
            Code::Format,
            format!("this is {received}; it is not read as a model"),
        )
        .with_expected("a model file", received)
        .at(path)
    };
    match format::detect(input.as_ref()).map_err(|error| Error::format(path, error))? {
        Detected::Read(format) => Ok(format),
        Detected::Other(noun) => Err(refused(noun)),
        // The content decides, but where there is nothing to go by the name says whose rules were broken.
        Detected::Unknown
            if path
                .extension()
                .is_some_and(|extension| extension == "safetensors") =>
        {
            Ok(Format::Safetensors)
        }
        Detected::Unknown => Err(
            Error::new(Code::Format, "its content is of no format that is read")
                .with_expected(
                    "a model file",
                    if input.length() == 0 {
                        "an empty file".to_owned()
                    } else {
                        format!("{} bytes of something else", input.length())
                    },
                )
                .at(path),
        ),
    }
}

/// Separate what a listing says from where its elements lie. The tensors are sorted by the UTF-8 bytes of their names, as
/// every digest and every report wants them.
fn contents(format: Format, mut listing: Listing) -> Result<(Contents, Vec<Elements>)> {
    listing.tensors.par_sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut tensors = Vec::with_capacity(listing.tensors.len());
    let mut elements = Vec::with_capacity(listing.tensors.len());
    for tensor in listing.tensors {
        // A type without a known size is listed, and its file has no `weights`.
        let bytes = match &tensor.elements {
            Elements::InPlace { start, end } if listing.incomplete.is_some() => {
                Some(end.saturating_sub(*start))
            }
            _ => size_of(tensor.dtype, &tensor.shape),
        };
        let bytes = bytes.ok_or_else(|| {
            Error::new(Code::Format, "its size overflows 64 bits or ends inside a byte")
                .of_tensor(&tensor.name)
        })?;
        let known = match &tensor.elements {
            Elements::Held(held) => Some(held.len() as u64),
            Elements::Decoded(decode) => Some(decode.length()),
            Elements::InPlace { .. } | Elements::External { .. } => None,
        };
        if let Some(known) = known
            && known != bytes
        {
            return Err(Error::new(
                Code::Format,
                "the length of its elements does not fit its dtype and shape",
            )
            .with_expected(format!("{bytes} bytes"), format!("{known} bytes"))
            .of_tensor(&tensor.name));
        }
        tensors.push(ShardTensor {
            name: tensor.name,
            dtype: tensor.dtype,
            shape: tensor.shape,
            bytes,
            location: Location::Elsewhere,
        });
        elements.push(tensor.elements);
    }
    let contents = Contents {
        format,
        tensors,
        metadata: listing.metadata,
        not_read: listing.not_read,
        shared: listing.shared,
        buffers: listing.buffers,
        incomplete: listing.incomplete,
        remarks: listing.remarks,
    };
    Ok((contents, elements))
}

/// Return the bytes of a tensor. Elements narrower than a byte fill whole bytes in the end.
fn size_of(dtype: Dtype, shape: &[u64]) -> Option<u64> {
    let elements = shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length))?;
    if dtype.block > 1 {
        return dtype.bytes_of(elements);
    }
    Some(elements.checked_mul(dtype.bits)?.div_ceil(8))
}
