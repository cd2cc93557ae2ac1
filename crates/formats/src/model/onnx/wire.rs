//! The wire format of protocol buffers: fields of a message, as numbers and spans of the file.
//!
//! Nothing is copied but what is asked for. A field that a message has once and that appears twice is refused: readers
//! take the last, or join both. Source: the encoding page of the documentation of protocol buffers.

use crate::error::FormatError;
use crate::input::Input;
use crate::model::cursor::Cursor;
use crate::text::utf8;

/// The longest name, in bytes.
const LONGEST_NAME: u64 = 65_535;

/// Bytes of the file from `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u64,
    pub end: u64,
}

impl Span {
    pub const fn length(self) -> u64 {
        self.end - self.start
    }
}

/// Content of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Span),
}

impl Value {
    /// Return the number; an error if the field is of another kind.
    pub fn number(self) -> Result<u64, FormatError> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(wrong_kind("a number", self)),
        }
    }

    /// Return the span; an error if the field is of another kind.
    pub fn span(self) -> Result<Span, FormatError> {
        match self {
            Self::Bytes(span) => Ok(span),
            _ => Err(wrong_kind("bytes", self)),
        }
    }
}

fn wrong_kind(expected: &str, received: Value) -> FormatError {
    let received = match received {
        Value::Varint(_) => "a number",
        Value::Fixed64(_) => "8 bytes",
        Value::Fixed32(_) => "4 bytes",
        Value::Bytes(_) => "bytes",
    };
    FormatError::new("a field of the ONNX file has the wrong kind").with_expected(expected, received)
}

/// Set what may be there once.
pub(super) fn once<T>(slot: &mut Option<T>, value: T, what: &str) -> Result<(), FormatError> {
    if slot.replace(value).is_some() {
        return Err(FormatError::new(format!(
            "{what} appears twice, so two readers could see two models"
        )));
    }
    Ok(())
}

/// The form of the numbers of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Varint,
    Fixed32,
    Fixed64,
}

/// Reads messages from a file.
pub(super) struct Wire<'a> {
    input: &'a dyn Input,
    cursor: Cursor<'a>,
    whole: Span,
}

const WHAT: &str = "a field of the ONNX file";

impl<'a> Wire<'a> {
    pub fn new(input: &'a dyn Input) -> Self {
        let whole = Span {
            start: 0,
            end: input.length(),
        };
        Self {
            input,
            cursor: Cursor::new(input, 0, whole.end),
            whole,
        }
    }

    /// Return the file.
    pub const fn input(&self) -> &'a dyn Input {
        self.input
    }

    /// Return the span of the whole file.
    pub const fn whole(&self) -> Span {
        self.whole
    }

    /// Visit the fields of a message in their order. The visitor may read elsewhere.
    pub fn fields(
        &mut self,
        message: Span,
        visit: &mut dyn FnMut(&mut Self, u32, Value) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let mut at = message.start;
        while at < message.end {
            self.cursor.seek(at);
            let (number, value) = self.field(message.end)?;
            at = self.cursor.position();
            visit(self, number, value)?;
        }
        Ok(())
    }

    fn field(&mut self, end: u64) -> Result<(u32, Value), FormatError> {
        let start = self.cursor.position();
        let tag = self.varint(end)?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number))
            .ok_or_else(|| malformed("a field has an impossible number", start))?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(end)?),
            1 => Value::Fixed64(self.fixed64(end)?),
            2 => {
                let length = self.varint(end)?;
                let start = self.cursor.position();
                self.advance(length, end)?;
                Value::Bytes(Span {
                    start,
                    end: start + length,
                })
            }
            5 => Value::Fixed32(self.fixed32(end)?),
            _ => return Err(malformed("a field has a kind that is not read", start)),
        };
        Ok((number, value))
    }

    fn advance(&mut self, length: u64, end: u64) -> Result<(), FormatError> {
        let remaining = end.saturating_sub(self.cursor.position());
        if length > remaining {
            return Err(
                malformed("a field reaches beyond its message", self.cursor.position())
                    .with_expected(format!("at most {remaining} bytes"), length),
            );
        }
        self.cursor.skip(length, WHAT)
    }

    fn varint(&mut self, end: u64) -> Result<u64, FormatError> {
        let start = self.cursor.position();
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            if self.cursor.position() >= end {
                return Err(malformed("a number reaches beyond its message", start));
            }
            let byte = self.cursor.byte(WHAT)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(malformed("a number has more than 64 bits", start))
    }

    fn fixed32(&mut self, end: u64) -> Result<u32, FormatError> {
        let at = self.cursor.position();
        self.advance(4, end)?;
        self.cursor.seek(at);
        self.cursor.array(WHAT).map(u32::from_le_bytes)
    }

    fn fixed64(&mut self, end: u64) -> Result<u64, FormatError> {
        let at = self.cursor.position();
        self.advance(8, end)?;
        self.cursor.seek(at);
        self.cursor.array(WHAT).map(u64::from_le_bytes)
    }

    /// Visit the numbers of one occurrence of a list: many packed into bytes, or one by itself.
    pub fn numbers(
        &mut self,
        value: Value,
        packing: Packing,
        visit: &mut dyn FnMut(u64) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        match (value, packing) {
            (Value::Varint(number), Packing::Varint) | (Value::Fixed64(number), Packing::Fixed64) => {
                visit(number)
            }
            (Value::Fixed32(number), Packing::Fixed32) => visit(u64::from(number)),
            (Value::Bytes(span), _) => {
                self.cursor.seek(span.start);
                while self.cursor.position() < span.end {
                    let number = match packing {
                        Packing::Varint => self.varint(span.end)?,
                        Packing::Fixed32 => u64::from(self.fixed32(span.end)?),
                        Packing::Fixed64 => self.fixed64(span.end)?,
                    };
                    visit(number)?;
                }
                Ok(())
            }
            _ => Err(wrong_kind("a list of numbers", value)),
        }
    }

    /// Read bytes.
    pub fn bytes(&mut self, span: Span) -> Result<bytes::Bytes, FormatError> {
        self.cursor.seek(span.start);
        self.cursor.take(span.length(), WHAT)
    }

    /// Read a name: short, and UTF-8.
    pub fn name(&mut self, span: Span, what: &str) -> Result<String, FormatError> {
        if span.length() > LONGEST_NAME {
            return Err(FormatError::new(format!("{what} is too long"))
                .with_expected(format!("at most {LONGEST_NAME} bytes"), span.length()));
        }
        let bytes = self.bytes(span)?;
        utf8(&bytes, what)
    }
}

fn malformed(what: &str, at: u64) -> FormatError {
    FormatError::new(format!(
        "{what} (byte {at}), so it is no ONNX file or it is damaged"
    ))
}
