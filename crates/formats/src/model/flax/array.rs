//! Arrays: a MessagePack list of shape, name of the NumPy dtype, and bytes in C order.

use super::cursor::Cursor;
use super::msgpack::{Head, head, text};
use crate::error::FormatError;
use crate::model::catalog::{Catalog, size};
use crate::model::listing::{Elements, Tensor};
use crate::model::numpy_names::{Named, named};
use crate::model::pieces::Pieces;
use std::sync::Arc;

/// Axes that NumPy allows.
const AXES: u64 = 64;

/// The longest name of a dtype, in bytes.
const NAME_LIMIT: u64 = 256;

/// An array, and where its bytes lie.
pub(super) struct Array {
    shape: Vec<u64>,
    dtype: String,
    spans: Vec<(u64, u64)>,
}

impl Array {
    /// Check the bytes of a chunk against its number of elements, where the type is known.
    fn check(&self, elements: u64) -> Result<(), FormatError> {
        let Named::Dtype(dtype) = named(&self.dtype) else {
            return Ok(());
        };
        let received: u64 = self.spans.iter().map(|(start, end)| end - start).sum();
        if dtype.bytes_of(elements) != Some(received) {
            return Err(
                FormatError::new("the bytes of a chunk do not fit its dtype and shape")
                    .with_expected(format!("{elements} elements"), format!("{received} bytes")),
            );
        }
        Ok(())
    }

    /// Add the array to the listing.
    pub(super) fn list(self, name: &str, catalog: &mut Catalog) -> Result<(), FormatError> {
        let dtype = match named(&self.dtype) {
            Named::Dtype(dtype) => dtype,
            Named::NoTensor => {
                return catalog.not_read(
                    name,
                    format!("Its elements are {}, which is no type of tensors.", self.dtype),
                );
            }
            Named::Unknown => return catalog.unknown(name, &self.dtype),
        };
        let (_, expected) = size(name, &self.shape, dtype.bits)?;
        let received: u64 = self.spans.iter().map(|(start, end)| end - start).sum();
        if expected != received {
            return Err(FormatError::new("its bytes do not fit its dtype and shape")
                .with_expected(format!("{expected} bytes"), format!("{received} bytes"))
                .tensor(name));
        }
        let elements = match self.spans[..] {
            [(start, end)] => Elements::InPlace { start, end },
            _ => Elements::Decoded(Arc::new(Pieces(self.spans))),
        };
        catalog.tensor(Tensor {
            name: name.to_owned(),
            dtype,
            shape: self.shape,
            elements,
        })
    }
}

/// Read an array of `length` bytes.
pub(super) fn read(cursor: &mut Cursor<'_>, length: u64) -> Result<Array, FormatError> {
    let end = cursor.narrow(length, "an array")?;
    let array = read_inside(cursor)?;
    if cursor.remaining() > 0 {
        return Err(FormatError::new("bytes follow the array in its value"));
    }
    cursor.widen(end);
    Ok(array)
}

fn read_inside(cursor: &mut Cursor<'_>) -> Result<Array, FormatError> {
    let malformed = |what: &str| FormatError::new(format!("its array is malformed: {what}"));
    let Head::Array(3) = head(cursor)? else {
        return Err(malformed("it is no list of shape, dtype and bytes"));
    };
    let Head::Array(axes) = head(cursor)? else {
        return Err(malformed("its shape is no list"));
    };
    let mut shape = Vec::new();
    check_axes(axes)?;
    for _ in 0..axes {
        shape.push(dimension(cursor)?);
    }
    let (Head::Text(length) | Head::Binary(length)) = head(cursor)? else {
        return Err(malformed("its dtype is no text"));
    };
    let dtype = text(cursor, length, NAME_LIMIT, "the name of its dtype")?;
    let (Head::Binary(length) | Head::Text(length)) = head(cursor)? else {
        return Err(malformed("its elements are no byte string"));
    };
    let start = cursor.position();
    cursor.skip(length, "its byte string")?;
    Ok(Array {
        shape,
        dtype,
        spans: vec![(start, start + length)],
    })
}

fn check_axes(axes: u64) -> Result<(), FormatError> {
    if axes > AXES {
        return Err(FormatError::new("it has more axes than NumPy allows")
            .with_expected(format!("at most {AXES}"), axes));
    }
    Ok(())
}

fn dimension(cursor: &mut Cursor<'_>) -> Result<u64, FormatError> {
    match head(cursor)? {
        Head::Integer(Some(length)) => Ok(length),
        other => Err(FormatError::new("a dimension is no number from 0 on")
            .with_expected("a number", format!("{other:?}"))),
    }
}

/// Read an array that Flax cut, from the value of its first key on. The map has `count` pairs.
pub(super) fn read_chunked(
    cursor: &mut Cursor<'_>,
    count: u64,
    catalog: &mut Catalog,
) -> Result<Array, FormatError> {
    let malformed = |what: &str| FormatError::new(format!("its cut array is malformed: {what}"));
    if count != 3 || head(cursor)? != Head::Scalar {
        return Err(malformed("it is no map of a mark, shape and chunks"));
    }
    let (mut shape, mut chunks) = (None, None);
    for _ in 0..2 {
        let Head::Text(length) = head(cursor)? else {
            return Err(malformed("a key is no text"));
        };
        let key = text(cursor, length, NAME_LIMIT, "a key")?;
        let Head::Map(count) = head(cursor)? else {
            return Err(malformed("shape or chunks is no map"));
        };
        match key.as_str() {
            "shape" if shape.is_none() => {
                check_axes(count)?;
                shape = Some(numbered(cursor, count, dimension)?);
            }
            "chunks" if chunks.is_none() => chunks = Some(read_chunks(cursor, count, catalog)?),
            _ => return Err(malformed(&format!("the key {key:?} is unknown or comes twice"))),
        }
    }
    let (Some(shape), Some((dtype, spans))) = (shape, chunks) else {
        return Err(malformed("shape or chunks is missing"));
    };
    Ok(Array { shape, dtype, spans })
}

/// Read a map with the keys `"0"`, `"1"` and so on, as Flax writes tuples; return its values in that order.
fn numbered<T>(
    cursor: &mut Cursor<'_>,
    count: u64,
    mut value: impl FnMut(&mut Cursor<'_>) -> Result<T, FormatError>,
) -> Result<Vec<T>, FormatError> {
    let mut values = Vec::new();
    for index in 0..count {
        let Head::Text(length) = head(cursor)? else {
            return Err(FormatError::new("a key of a tuple is no text"));
        };
        let key = text(cursor, length, NAME_LIMIT, "a key")?;
        if key != index.to_string() {
            return Err(FormatError::new("the keys of a tuple are not 0, 1, 2 and so on")
                .with_expected(index, format!("{key:?}")));
        }
        values.push(value(cursor)?);
    }
    Ok(values)
}

type Chunks = (String, Vec<(u64, u64)>);

fn read_chunks(cursor: &mut Cursor<'_>, count: u64, catalog: &mut Catalog) -> Result<Chunks, FormatError> {
    let mut dtype: Option<String> = None;
    let mut spans = Vec::new();
    numbered(cursor, count, |cursor| {
        let Head::Extension(1, length) = head(cursor)? else {
            return Err(FormatError::new("a chunk of it is no array"));
        };
        let chunk = read(cursor, length)?;
        catalog.charge(0)?;
        if *dtype.get_or_insert_with(|| chunk.dtype.clone()) != chunk.dtype {
            return Err(FormatError::new("its chunks have several dtypes"));
        }
        let [elements] = chunk.shape[..] else {
            return Err(FormatError::new("a chunk of it is not flat"));
        };
        chunk.check(elements)?;
        spans.extend(chunk.spans);
        Ok(())
    })?;
    let dtype = dtype.ok_or_else(|| FormatError::new("it has no chunks"))?;
    Ok((dtype, spans))
}
