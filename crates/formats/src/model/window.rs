//! A part of a file that is a file of its own, and what a reader found in it.

use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::{Decode, Elements};
use bytes::Bytes;
use std::sync::Arc;

/// A part of a file.
pub(crate) struct Window<'a> {
    pub(crate) input: &'a dyn Input,
    /// Its first byte in the file.
    pub(crate) start: u64,
    pub(crate) length: u64,
}

impl Input for Window<'_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes, FormatError> {
        let end = offset
            .checked_add(length as u64)
            .filter(|end| *end <= self.length);
        if end.is_none() {
            return Err(FormatError::new("a read beyond the end"));
        }
        read_checked(
            self.input,
            self.start + offset,
            length as u64,
            "a part of the file",
        )
    }
}

/// Elements that were found in a part of a file, decoded from the file.
#[derive(Debug)]
struct Within {
    start: u64,
    length: u64,
    inner: Arc<dyn Decode>,
}

impl Decode for Within {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let (start, length) = (self.start, self.length);
        self.inner.decode(&Window { input, start, length }, emit)
    }
}

/// Elements that were found in bytes in memory.
#[derive(Debug)]
struct Unpacked {
    bytes: Bytes,
    inner: Arc<dyn Decode>,
}

impl Decode for Unpacked {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn decode(
        &self,
        _: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        self.inner.decode(&self.bytes, emit)
    }
}

/// Return elements that lie in a part of a file as elements of the file.
pub(crate) fn of_part(elements: Elements, start: u64, length: u64) -> Elements {
    match elements {
        Elements::InPlace { start: from, end } => Elements::InPlace {
            start: start + from,
            end: start + end,
        },
        Elements::Decoded(inner) => Elements::Decoded(Arc::new(Within { start, length, inner })),
        other => other,
    }
}

/// Return elements that lie in `bytes` as elements in memory.
pub(crate) fn of_bytes(elements: Elements, bytes: &Bytes) -> Result<Elements, FormatError> {
    Ok(match elements {
        Elements::InPlace { start, end } => Elements::Held(read_held(bytes, start, end)?),
        Elements::Decoded(inner) => Elements::Decoded(Arc::new(Unpacked {
            bytes: bytes.clone(),
            inner,
        })),
        other => other,
    })
}

fn read_held(bytes: &Bytes, start: u64, end: u64) -> Result<Bytes, FormatError> {
    read_checked(bytes, start, end - start, "a tensor")
}
