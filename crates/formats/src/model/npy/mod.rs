//! NumPy arrays: `.npy` files, and the members of `.npz` files.
//!
//! A file is a magic number, a version, the length of a header, the header (a Python dict as text) and the elements.
//! Source of the rules: `numpy/lib/format.py` at version 2.3. Nothing is evaluated: the dict is read by a parser that
//! knows only what NumPy writes.

pub mod archive;
mod gather;
mod header;

use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::dtype::Dtype;
use crate::model::listing::{Elements, Listing, Tensor};
use crate::model::pieces::Swapped;
use gather::Fortran;
use header::Header;
use std::sync::Arc;

/// The first bytes of a file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The name of an array that has none, as `numpy.savez` spells it.
pub const UNNAMED: &str = "arr_0";

/// The longest header that is read, in bytes; NumPy itself reads 10,000 characters.
const HEADER_LIMIT: u64 = 1 << 20;

/// Read a `.npy` file: one array, with the name that `numpy.savez` gives to an array without one.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let array = read_array(input, 0, input.length()).map_err(|error| error.tensor(UNNAMED))?;
    Ok(Listing {
        tensors: vec![array.named(UNNAMED.to_owned())],
        ..Listing::default()
    })
}

/// An array of a file.
pub struct Array {
    /// Element type.
    pub dtype: Dtype,
    /// Elements per axis.
    pub shape: Vec<u64>,
    /// Location of its elements in the file that was read.
    pub elements: Elements,
}

impl Array {
    /// Return the array as a tensor.
    pub fn named(self, name: String) -> Tensor {
        Tensor {
            name,
            dtype: self.dtype,
            shape: self.shape,
            elements: self.elements,
        }
    }
}

/// Read the array that fills `length` bytes of a file from `offset`.
pub fn read_array(input: &dyn Input, offset: u64, length: u64) -> Result<Array, FormatError> {
    let (header, data) = read_header(input, offset, length)?;
    let end = offset + length;
    let bytes = layout(&header, end - data)?;
    let elements = if header.is_fortran() {
        Elements::Decoded(Arc::new(Fortran::new(&header, data)))
    } else if header.swap {
        Elements::Decoded(Arc::new(Swapped {
            start: data,
            end: data + bytes,
            width: header.width,
            what: "the array",
        }))
    } else {
        Elements::InPlace { start: data, end }
    };
    Ok(Array {
        dtype: header.dtype,
        shape: header.shape,
        elements,
    })
}

/// Return the bytes of the elements, which fill the rest of the file.
fn layout(header: &Header, rest: u64) -> Result<u64, FormatError> {
    let elements = header
        .shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length));
    let bytes = elements
        .and_then(|elements| header.dtype.bytes_of(elements))
        .ok_or_else(|| FormatError::new("its size overflows 64 bits"))?;
    if rest != bytes {
        return Err(FormatError::new("its elements do not fit the length of the file")
            .with_expected(format!("{bytes} bytes"), format!("{rest} bytes")));
    }
    Ok(bytes)
}

/// Return the position of the first element by the first twelve bytes of a file; at most a little beyond the limit.
fn header_end(first: &[u8]) -> u64 {
    match first {
        [_, _, _, _, _, _, 1, _, low, high, ..] => 10 + u64::from(u16::from_le_bytes([*low, *high])),
        [_, _, _, _, _, _, _, _, a, b, c, d, ..] => {
            12 + u64::from(u32::from_le_bytes([*a, *b, *c, *d])).min(HEADER_LIMIT)
        }
        _ => 0,
    }
}

/// Read the header at `offset`, and return it with the position of the first element.
fn read_header(input: &dyn Input, offset: u64, length: u64) -> Result<(Header, u64), FormatError> {
    let short = || FormatError::new("the file ends inside its header");
    if length < 10 {
        return Err(short());
    }
    let first = read_checked(input, offset, length.min(12), "the header")?;
    if !first.starts_with(MAGIC) {
        return Err(FormatError::new("it does not start like an array of NumPy"));
    }
    let (start, header_length) = match (first[6], first[7]) {
        (1, 0) => (10, u64::from(u16::from_le_bytes([first[8], first[9]]))),
        (2 | 3, 0) if first.len() == 12 => (
            12,
            u64::from(u32::from_le_bytes([first[8], first[9], first[10], first[11]])),
        ),
        (2 | 3, 0) => return Err(short()),
        (major, minor) => {
            return Err(FormatError::new("the version of the format is not known")
                .with_expected("1.0, 2.0 or 3.0", format!("{major}.{minor}")));
        }
    };
    if header_length > HEADER_LIMIT {
        return Err(FormatError::new("its header is too long")
            .with_expected(format!("at most {HEADER_LIMIT} bytes"), header_length));
    }
    if header_length > length - start {
        return Err(short());
    }
    let text = read_checked(input, offset + start, header_length, "the header")?;
    Ok((header::parse(&text)?, offset + start + header_length))
}
