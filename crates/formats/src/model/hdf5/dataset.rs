//! A dataset: its type, its shape, and where its elements lie.

use super::decode::{Filled, fill};
use super::file::File;
use super::header::{Header, kind};
use super::layout::{self, Layout};
use super::types::{self, Kind};
use super::{attribute, chunks, space};
use crate::error::FormatError;
use crate::model::catalog::size;
use crate::model::dtype::Dtype;
use crate::model::listing::Elements;
use crate::model::numpy_names::{Named, named};
use crate::model::pieces::{Swapped, swap};
use bytes::Bytes;
use std::sync::Arc;

/// Bytes that a file may leave to its fill values, for any file; a larger file adds four for each of its bytes.
const IMPLIED: u64 = 64 << 20;

/// A dataset, or the reason why it is no tensor.
pub(super) enum Dataset {
    Tensor {
        dtype: Dtype,
        shape: Vec<u64>,
        elements: Elements,
    },
    NoTensor(&'static str),
    Unknown(String),
}

/// The elements of a dataset before their place is known.
pub(super) struct Form {
    pub(super) shape: Vec<u64>,
    /// The most elements per axis; `None` where there is no limit.
    pub(super) largest: Vec<Option<u64>>,
    /// Units of so many bytes are big-endian; 1 if none are.
    pub(super) swap: usize,
    /// Bytes of an element, and of all.
    pub(super) element: u32,
    pub(super) bytes: u64,
    /// An element that was never written, as stored; `None` if its value is not defined.
    pub(super) fill: Option<Vec<u8>>,
}

/// Places of the file that datasets take.
#[derive(Default)]
pub(super) struct Used {
    /// Start, end and the number of the dataset.
    pub(super) spans: Vec<(u64, u64, usize)>,
    /// The number of the present dataset.
    pub(super) current: usize,
    implied: u64,
}

impl Used {
    /// Take a span, which must lie in the file.
    pub(super) fn take(
        &mut self,
        file: &File<'_>,
        address: u64,
        length: u64,
    ) -> Result<(u64, u64), FormatError> {
        let start = file.locate(address, "a dataset")?;
        let end = start
            .checked_add(length)
            .filter(|end| *end <= file.input.length());
        let end = end.ok_or_else(|| {
            FormatError::new("its bytes are outside the file").with_expected(
                format!("at most {} bytes", file.input.length()),
                format!("{length} bytes from byte {start}"),
            )
        })?;
        if length > 0 {
            self.spans.push((start, end, self.current));
        }
        Ok((start, end))
    }

    /// Take bytes that the file does not hold.
    pub(super) fn imply(&mut self, file: &File<'_>, length: u64) -> Result<(), FormatError> {
        let limit = file.input.length().saturating_mul(4).saturating_add(IMPLIED);
        self.implied = self.implied.saturating_add(length);
        if self.implied > limit {
            return Err(
                FormatError::unsupported("too many of its elements were never written").with_expected(
                    format!("at most {limit} bytes"),
                    format!("{} bytes", self.implied),
                ),
            );
        }
        Ok(())
    }
}

/// Read a dataset.
pub(super) fn read(file: &File<'_>, header: &Header, used: &mut Used) -> Result<Dataset, FormatError> {
    let missing = |what: &str| FormatError::new(format!("a dataset has no {what}"));
    let data = header.find(kind::DATATYPE).ok_or_else(|| missing("type"))?;
    let datatype = types::read(&mut file.fields(data, "a type"))?;
    let (dtype, unit) = match datatype.kind {
        Kind::Elements { dtype, swap } => (dtype, swap),
        Kind::Opaque(bytes) => (opaque(file, header, bytes)?, 1),
        Kind::Text | Kind::VariableText => return Ok(Dataset::NoTensor("Its elements are text.")),
        Kind::NoTensor(reason) => return Ok(Dataset::NoTensor(reason)),
        Kind::Unknown(name) => return Ok(Dataset::Unknown(name)),
    };
    let data = header.find(kind::DATASPACE).ok_or_else(|| missing("shape"))?;
    let dataspace = space::read(&mut file.fields(data, "a shape"))?;
    let Some(shape) = dataspace.shape else {
        return Ok(Dataset::NoTensor("It has no elements, not even a shape."));
    };
    if header.find(kind::EXTERNAL).is_some() {
        return Err(FormatError::unsupported(
            "its elements lie in other files (external storage), which are not read",
        ));
    }
    let (_, bytes) = size("", &shape, dtype.bits)?;
    let form = Form {
        shape,
        largest: dataspace.largest,
        swap: unit,
        element: datatype.size,
        bytes,
        fill: space::fill(file, header, datatype.size)?,
    };
    let data = header.find(kind::LAYOUT).ok_or_else(|| missing("place"))?;
    let elements = locate(
        file,
        header,
        &form,
        layout::read(data, file.fields(data, "a layout"))?,
        used,
    )?;
    Ok(Dataset::Tensor {
        dtype,
        shape: form.shape,
        elements,
    })
}

/// Return the type of opaque bytes: Keras writes bfloat16 so, and names it in an attribute.
fn opaque(file: &File<'_>, header: &Header, bytes: u32) -> Result<Dtype, FormatError> {
    let mut stated = None;
    attribute::texts(file, header, &mut |attribute| {
        if attribute.name == "dtype" && attribute.scalar {
            stated = attribute.values.into_iter().next();
        }
        Ok(())
    })?;
    Ok(match stated.as_deref().map(named) {
        Some(Named::Dtype(dtype)) if dtype.bits == u64::from(bytes) * 8 => dtype,
        _ => Dtype::opaque(bytes),
    })
}

fn locate(
    file: &File<'_>,
    header: &Header,
    form: &Form,
    layout: Layout,
    used: &mut Used,
) -> Result<Elements, FormatError> {
    let filters = match header.find(kind::FILTERS) {
        Some(data) => layout::read_filters(file.fields(data, "a list of filters"))?,
        None => Vec::new(),
    };
    if form.bytes == 0 {
        return Ok(Elements::Held(Bytes::new()));
    }
    match layout {
        Layout::Chunked(chunked) => chunks::locate(file, form, &chunked, filters, used),
        Layout::Compact(data) => {
            if data.len() as u64 != form.bytes {
                return Err(FormatError::new("its bytes do not fit its type and shape")
                    .with_expected(format!("{} bytes", form.bytes), format!("{} bytes", data.len())));
            }
            let mut data = data.to_vec();
            swap(&mut data, form.swap);
            Ok(Elements::Held(data.into()))
        }
        Layout::Contiguous { address: None } => filled(file, form, used),
        Layout::Contiguous {
            address: Some(address),
        } => {
            let (start, end) = used.take(file, address, form.bytes)?;
            Ok(match form.swap {
                1 => Elements::InPlace { start, end },
                width => Elements::Decoded(Arc::new(Swapped {
                    start,
                    end,
                    width,
                    what: "a dataset",
                })),
            })
        }
    }
}

/// Return an element that was never written, in its final form; empty for zeros.
pub(super) fn fill_element(form: &Form) -> Result<Vec<u8>, FormatError> {
    let Some(mut element) = form.fill.clone() else {
        return Err(FormatError::new(
            "some of its elements were never written, and it says that they have no value",
        ));
    };
    swap(&mut element, form.swap);
    Ok(element)
}

/// Return the elements of a dataset that was never written.
pub(super) fn filled(file: &File<'_>, form: &Form, used: &mut Used) -> Result<Elements, FormatError> {
    let element = fill_element(form)?;
    used.imply(file, form.bytes)?;
    if form.bytes > 1 << 10 {
        let length = form.bytes;
        return Ok(Elements::Decoded(Arc::new(Filled { length, element })));
    }
    let mut data = vec![0; usize::try_from(form.bytes).unwrap_or_default()];
    fill(&mut data, &element);
    Ok(Elements::Held(data.into()))
}
