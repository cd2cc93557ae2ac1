//! Attributes that are text.

use super::file::File;
use super::header::{Header, kind, shared};
use super::heap::{Collection, Fractal};
use super::types::{self, Datatype, Kind};
use super::{space, tree};
use crate::error::FormatError;
use crate::text::utf8;
use bytes::Bytes;

/// The most text that one attribute may hold, in bytes.
const LIMIT: usize = 16 << 20;

/// An attribute of text.
pub(super) struct Attribute {
    pub(super) name: String,
    /// Its values; one if it is a scalar.
    pub(super) values: Vec<String>,
    pub(super) scalar: bool,
}

/// Give every attribute of text of an object to `add`.
pub(super) fn texts(
    file: &File<'_>,
    header: &Header,
    add: &mut dyn FnMut(Attribute) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut reader = Texts {
        file,
        collection: None,
    };
    for data in header.every(kind::ATTRIBUTE) {
        if let Some(attribute) = reader.read(data)? {
            add(attribute)?;
        }
    }
    let Some(data) = header.find(kind::ATTRIBUTE_INFO) else {
        return Ok(());
    };
    let mut fields = file.fields(data, "a table of attributes");
    fields.expect(&[0])?;
    let flags = fields.byte()?;
    fields.skip(if flags & 1 == 0 { 0 } else { 2 })?;
    let (heap, index) = (fields.address()?, fields.address()?);
    let (Some(heap), Some(index)) = (heap, index) else {
        return Ok(());
    };
    let heap = Fractal::read(file, heap)?;
    tree::second_version(file, index, 8, &mut |record| {
        let data = heap.object(record.get(..8).unwrap_or_default())?;
        match reader.read(&data)? {
            Some(attribute) => add(attribute),
            None => Ok(()),
        }
    })
}

struct Texts<'a, 'b> {
    file: &'a File<'b>,
    /// The collection that was read last; the texts of an attribute mostly lie in one.
    collection: Option<(u64, Collection)>,
}

const WHAT: &str = "an attribute";

impl Texts<'_, '_> {
    /// Read an attribute message; `None` if it is no text.
    fn read(&mut self, data: &Bytes) -> Result<Option<Attribute>, FormatError> {
        let mut fields = self.file.fields(data, WHAT);
        let version = fields.byte()?;
        let flags = fields.byte()?;
        let (name, datatype, dataspace) = (fields.short()?, fields.short()?, fields.short()?);
        match version {
            1 | 2 => {}
            3 => fields.skip(1)?,
            _ => {
                return Err(fields
                    .error("its version is not known")
                    .with_expected("1 to 3", version));
            }
        }
        let flags = if version == 1 { 0 } else { flags };
        let padded = |length: usize| {
            if version == 1 {
                length.next_multiple_of(8)
            } else {
                length
            }
        };
        let name = self.file.fields(fields.take(padded(name))?, WHAT).terminated()?;
        let datatype = fields.take(padded(datatype))?;
        let dataspace = fields.take(padded(dataspace))?;
        if flags & 0x02 != 0 {
            return Ok(None);
        }
        let datatype = if flags & 0x01 == 0 {
            types::read(&mut self.file.fields(datatype, "a type"))?
        } else {
            let data = shared(self.file, kind::DATATYPE, datatype)?;
            types::read(&mut self.file.fields(&data, "a type"))?
        };
        let Some(shape) = space::read(&mut self.file.fields(dataspace, "a shape"))?.shape else {
            return Ok(None);
        };
        if !matches!(datatype.kind, Kind::Text | Kind::VariableText) {
            return Ok(None);
        }
        let rest = fields.take(fields.remaining())?;
        Ok(Some(Attribute {
            name: utf8(name, "the name of an attribute")?,
            values: self.values(&datatype, &shape, rest)?,
            scalar: shape.is_empty(),
        }))
    }

    fn values(
        &mut self,
        datatype: &Datatype,
        shape: &[u64],
        data: &[u8],
    ) -> Result<Vec<String>, FormatError> {
        let broken = || FormatError::new("an attribute is shorter than its shape");
        let count = shape
            .iter()
            .try_fold(1_u64, |product, length| product.checked_mul(*length));
        let count = usize::try_from(count.ok_or_else(broken)?).map_err(|_| broken())?;
        let size = usize::try_from(datatype.size).map_err(|_| broken())?;
        if count.checked_mul(size).is_none_or(|length| length > data.len()) {
            return Err(broken());
        }
        let (mut values, mut total) = (Vec::new(), 0);
        for element in data.chunks_exact(size).take(count) {
            let value = match datatype.kind {
                Kind::VariableText => self.variable(element)?,
                _ => until_nul(element)?,
            };
            total += value.len() + 32;
            if total > LIMIT {
                return Err(FormatError::unsupported("an attribute has too much text")
                    .with_expected(format!("at most {LIMIT} bytes"), "more"));
            }
            values.push(value);
        }
        Ok(values)
    }

    /// Return text that lies in a global heap.
    fn variable(&mut self, element: &[u8]) -> Result<String, FormatError> {
        let mut fields = self.file.fields(element, "a text");
        let length = usize::try_from(fields.word()?).map_err(|_| fields.error("it is too long"))?;
        let address = fields.number(self.file.sizes.offset)?;
        let index = u64::from(fields.word()?);
        if length == 0 {
            return Ok(String::new());
        }
        let known = self
            .collection
            .as_ref()
            .is_some_and(|(known, _)| *known == address);
        if !known {
            self.collection = Some((address, Collection::read(self.file, address)?));
        }
        let Some((_, collection)) = &self.collection else {
            return Err(FormatError::internal("a collection that was read is gone"));
        };
        let object = collection.object(index)?;
        let bytes = object
            .get(..length)
            .ok_or_else(|| FormatError::new("a text is longer than its place in the heap"))?;
        until_nul(bytes)
    }
}

fn until_nul(bytes: &[u8]) -> Result<String, FormatError> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    utf8(&bytes[..end], "an attribute")
}
