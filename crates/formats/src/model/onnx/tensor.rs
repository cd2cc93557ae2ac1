//! A tensor of an ONNX file: its name, type and shape, and where its elements lie.

use super::external::External;
use super::types::{self, Typed};
use super::wire::{Packing, Span, Value, Wire, once};
use crate::error::FormatError;
use crate::input::Input;
use crate::model::dtype::Dtype;
use crate::model::listing::{Decode, Elements};
use crate::model::packed::{in_file, last_mask};
use bytes::Bytes;
use std::sync::Arc;

/// 2^53 - 1: the largest dimension that a digest covers.
const LARGEST_DIMENSION: u64 = (1 << 53) - 1;

/// The most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 64;

/// Elements of one tensor that are kept in memory at most; longer ones are read twice.
const HELD_AT_MOST: u64 = 64 << 10;

/// Bytes that are passed on at once.
const PIECE: usize = 1 << 16;

/// A tensor as its message states it.
#[derive(Debug, Default)]
pub(super) struct Proto {
    /// Bytes of the message.
    pub span: Option<Span>,
    pub name: Option<String>,
    pub kind: u64,
    pub shape: Vec<u64>,
    raw: Option<Span>,
    /// Fields with typed elements that are not empty, as bits by their numbers.
    typed_fields: u32,
    external: Option<External>,
    is_external: bool,
}

impl Proto {
    /// Read a tensor without its elements.
    pub fn read(wire: &mut Wire<'_>, span: Span) -> Result<Self, FormatError> {
        let mut proto = Self {
            span: Some(span),
            ..Self::default()
        };
        let (mut kind, mut location) = (None, None);
        wire.fields(span, &mut |wire, number, value| match number {
            1 => proto.dimensions(wire, value),
            2 => once(&mut kind, value.number()?, "the type of a tensor"),
            3 => Err(FormatError::unsupported(
                "it is a segment of a tensor, which is not read",
            )),
            4..=7 | 10 | 11 => {
                let is_empty = matches!(value, Value::Bytes(span) if span.length() == 0 && number != 6);
                proto.typed_fields |= if is_empty { 0 } else { 1 << number };
                Ok(())
            }
            8 => {
                let name = wire.name(value.span()?, "the name of a tensor")?;
                once(&mut proto.name, name, "the name of a tensor")
            }
            9 => once(&mut proto.raw, value.span()?, "the data of a tensor"),
            13 => {
                let entry = value.span()?;
                proto.external.get_or_insert_default().read(wire, entry)
            }
            14 => once(
                &mut location,
                value.number()?,
                "the place of the data of a tensor",
            ),
            _ => Ok(()),
        })
        .map_err(|error| proto.about(error))?;
        proto.kind = kind.unwrap_or(0);
        proto.is_external = match location {
            None | Some(0) => false,
            Some(1) => true,
            Some(other) => {
                let error = FormatError::unsupported("its data lies in a place that is not known");
                return Err(proto.about(error.with_expected("0 or 1", other)));
            }
        };
        Ok(proto)
    }

    /// Add the name to an error.
    pub fn about(&self, error: FormatError) -> FormatError {
        match &self.name {
            Some(name) if error.tensor.is_none() => error.tensor(name),
            _ => error,
        }
    }

    /// Add dimensions to the shape.
    pub fn dimensions(&mut self, wire: &mut Wire<'_>, value: Value) -> Result<(), FormatError> {
        wire.numbers(value, Packing::Varint, &mut |length| {
            if length > LARGEST_DIMENSION {
                return Err(FormatError::new("a dimension is negative or beyond 2^53 - 1")
                    .with_expected(format!("0 to {LARGEST_DIMENSION}"), length.cast_signed()));
            }
            if self.shape.len() == MOST_DIMENSIONS {
                return Err(FormatError::new("it has too many dimensions")
                    .with_expected(format!("at most {MOST_DIMENSIONS}"), "more"));
            }
            self.shape.push(length);
            Ok(())
        })
    }

    /// Return the number of elements.
    pub fn count(&self) -> Result<u64, FormatError> {
        self.shape
            .iter()
            .try_fold(1_u64, |product, length| product.checked_mul(*length))
            .ok_or_else(|| self.overflow())
    }

    fn overflow(&self) -> FormatError {
        self.about(
            FormatError::new("its shape overflows")
                .with_expected("fewer than 2^64 bits", format!("{:?}", self.shape)),
        )
    }

    /// Return whether the file states a checksum of the external data.
    pub fn has_checksum(&self) -> bool {
        self.is_external && self.external.as_ref().is_some_and(|external| external.checksum)
    }

    /// Return where the elements lie, after a check that there are as many as the shape says.
    pub fn elements(&mut self, wire: &mut Wire<'_>, dtype: Dtype) -> Result<Elements, FormatError> {
        let bits = self
            .count()?
            .checked_mul(dtype.bits)
            .ok_or_else(|| self.overflow())?;
        let elements = self.locate(wire, bits);
        elements.map_err(|error| self.about(error))
    }

    fn locate(&mut self, wire: &mut Wire<'_>, bits: u64) -> Result<Elements, FormatError> {
        let bytes = bits.div_ceil(8);
        let external = self.external.take().filter(|_| self.is_external);
        let locations =
            u32::from(self.raw.is_some()) + u32::from(self.is_external) + self.typed_fields.count_ones();
        if locations > 1 {
            return Err(FormatError::new(
                "its data is in two places, so two readers could see two models",
            ));
        }
        if self.is_external {
            return external.unwrap_or_default().elements(bytes);
        }
        if self.typed_fields != 0 {
            return self.typed(wire, bits);
        }
        let Some(raw) = self.raw else {
            return match bytes {
                0 => Ok(Elements::Held(Bytes::new())),
                _ => Err(FormatError::new("it has no data").with_expected(format!("{bytes} bytes"), "none")),
            };
        };
        if raw.length() != bytes {
            return Err(FormatError::new("its data does not fit its shape")
                .with_expected(format!("{bytes} bytes"), format!("{} bytes", raw.length())));
        }
        in_file(wire.input(), raw.start, raw.end, bits)
    }

    fn typed(&self, wire: &mut Wire<'_>, bits: u64) -> Result<Elements, FormatError> {
        let typed = types::typed(self.kind)
            .filter(|typed| self.typed_fields == 1 << typed.field)
            .ok_or_else(|| {
                FormatError::new("its data is in a field for another type").with_expected(
                    types::typed(self.kind)
                        .map_or("raw_data".to_owned(), |typed| format!("field {}", typed.field)),
                    format!("field {}", self.typed_fields.trailing_zeros()),
                )
            })?;
        let message = self
            .span
            .ok_or_else(|| FormatError::internal("a tensor without a message"))?;
        let elements = TypedElements {
            message,
            typed,
            bytes: bits.div_ceil(8),
            last: last_mask(bits),
        };
        let mut held = Vec::new();
        elements.walk(wire, &mut |piece| {
            if elements.bytes <= HELD_AT_MOST {
                held.extend_from_slice(piece);
            }
            Ok(())
        })?;
        Ok(if elements.bytes <= HELD_AT_MOST {
            Elements::Held(Bytes::from(held))
        } else {
            Elements::Decoded(Arc::new(elements))
        })
    }
}

/// Elements in a field of numbers.
#[derive(Debug)]
struct TypedElements {
    message: Span,
    typed: Typed,
    /// Bytes of all elements.
    bytes: u64,
    /// The bits of the last byte that belong to elements.
    last: u8,
}

impl TypedElements {
    fn walk(
        &self,
        wire: &mut Wire<'_>,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let Typed {
            field,
            packing,
            width,
            range,
        } = self.typed;
        let mut piece = Vec::with_capacity(PIECE);
        let mut count = 0_u64;
        wire.fields(self.message, &mut |wire, number, value| {
            if number != field {
                return Ok(());
            }
            wire.numbers(value, packing, &mut |number| {
                let signed = number.cast_signed();
                if signed < range.0 || signed > range.1 {
                    return Err(FormatError::new("an element is beyond its type")
                        .with_expected(format!("{} to {}", range.0, range.1), signed));
                }
                count += width as u64;
                if count > self.bytes {
                    return Err(self.wrong("more"));
                }
                piece.extend_from_slice(&number.to_le_bytes()[..width]);
                if count == self.bytes
                    && let Some(last) = piece.last_mut()
                {
                    *last &= self.last;
                }
                if piece.len() >= PIECE {
                    emit(&piece)?;
                    piece.clear();
                }
                Ok(())
            })
        })?;
        if count != self.bytes {
            return Err(self.wrong(&format!("{count} bytes")));
        }
        emit(&piece)
    }

    fn wrong(&self, received: &str) -> FormatError {
        FormatError::new("its data does not fit its shape")
            .with_expected(format!("{} bytes", self.bytes), received)
    }
}

impl Decode for TypedElements {
    fn length(&self) -> u64 {
        self.bytes
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        self.walk(&mut Wire::new(input), emit)
    }
}
