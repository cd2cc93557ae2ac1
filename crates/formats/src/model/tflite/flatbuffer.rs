//! The binary form of FlatBuffers: tables, vectors and texts at offsets, every one of which is checked.
//!
//! Source: the page about internals in the documentation of FlatBuffers.

use crate::error::FormatError;
use crate::input::Input;
use crate::model::cursor::Cursor;
use crate::text::utf8;

/// A file of tables.
pub(super) struct FlatBuffer<'a> {
    cursor: Cursor<'a>,
    /// Bytes of texts that may still be read: tables may share them, so a small file could repeat one for ever.
    text_left: u64,
}

/// A table: where it lies, and which of its fields are there.
#[derive(Clone, Debug)]
pub(super) struct Table {
    at: u64,
    /// Length of the table in bytes.
    length: u16,
    /// Place of each field, counted from the start of the table; 0 for one that is absent.
    fields: Vec<u16>,
}

/// A vector: where its first item lies, and how many there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vector {
    pub start: u64,
    pub count: u64,
}

/// The most fields of a table.
const MOST_FIELDS: usize = 64;

const WHAT: &str = "a part of the FlatBuffer";

impl<'a> FlatBuffer<'a> {
    pub fn new(input: &'a dyn Input) -> Self {
        Self {
            cursor: Cursor::scattered(input),
            text_left: (4 << 20) + input.length(),
        }
    }

    fn number<const N: usize>(&mut self, at: u64) -> Result<u64, FormatError> {
        self.cursor.seek(at);
        let bytes: [u8; N] = self.cursor.array(WHAT)?;
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&bytes);
        Ok(u64::from_le_bytes(wide))
    }

    /// Read a number of four bytes.
    pub fn u32(&mut self, at: u64) -> Result<u64, FormatError> {
        self.number::<4>(at)
    }

    /// Follow the offset at a position.
    pub fn follow(&mut self, at: u64) -> Result<u64, FormatError> {
        // Both are below 2^63: the position lies in the file, and the offset has 32 bits.
        Ok(at + self.u32(at)?)
    }

    /// Read the head of a table.
    pub fn table(&mut self, at: u64) -> Result<Table, FormatError> {
        let back = i64::from(u32::try_from(self.u32(at)?).unwrap_or(0).cast_signed());
        let outside = || {
            FormatError::new("a table of the FlatBuffer has its fields outside the file")
                .with_expected("a position in the file", format!("byte {at} less {back}"))
        };
        let fields_at = at.checked_add_signed(-back).ok_or_else(outside)?;
        let bytes = self.number::<2>(fields_at)?;
        let length = self.number::<2>(fields_at + 2)?;
        if bytes < 4 || bytes % 2 != 0 || length < 4 {
            return Err(FormatError::new("a table of the FlatBuffer is malformed")
                .with_expected("lengths of at least 4", format!("{bytes} and {length}")));
        }
        self.cursor.seek(at);
        self.cursor.skip(length, WHAT)?;
        self.cursor.seek(fields_at + 4);
        let fields = self.cursor.take(bytes - 4, WHAT)?;
        let fields = fields.chunks_exact(2).take(MOST_FIELDS);
        Ok(Table {
            at,
            length: u16::try_from(length).unwrap_or(u16::MAX),
            fields: fields
                .map(|field| u16::from_le_bytes([field[0], field[1]]))
                .collect(),
        })
    }

    /// Return where a field of `width` bytes lies; `None` if it is absent.
    fn field(table: &Table, index: usize, width: u16) -> Result<Option<u64>, FormatError> {
        match table.fields.get(index).copied().unwrap_or(0) {
            0 => Ok(None),
            place if place.checked_add(width).is_some_and(|end| end <= table.length) => {
                Ok(Some(table.at + u64::from(place)))
            }
            place => Err(FormatError::new("a field lies outside its table").with_expected(
                format!("at most {}", table.length),
                format!("{width} bytes from {place}"),
            )),
        }
    }

    /// Read a field of one byte.
    pub fn byte_field(&mut self, table: &Table, index: usize) -> Result<u64, FormatError> {
        match Self::field(table, index, 1)? {
            Some(at) => self.number::<1>(at),
            None => Ok(0),
        }
    }

    /// Read a field of four bytes.
    pub fn u32_field(&mut self, table: &Table, index: usize) -> Result<u64, FormatError> {
        match Self::field(table, index, 4)? {
            Some(at) => self.u32(at),
            None => Ok(0),
        }
    }

    /// Read a field of eight bytes.
    pub fn u64_field(&mut self, table: &Table, index: usize) -> Result<u64, FormatError> {
        match Self::field(table, index, 8)? {
            Some(at) => self.number::<8>(at),
            None => Ok(0),
        }
    }

    /// Read a field that is a table.
    pub fn table_field(&mut self, table: &Table, index: usize) -> Result<Option<Table>, FormatError> {
        let Some(at) = Self::field(table, index, 4)? else {
            return Ok(None);
        };
        let at = self.follow(at)?;
        self.table(at).map(Some)
    }

    /// Read a field that is a vector of items of `width` bytes; an absent one is empty.
    pub fn vector_field(&mut self, table: &Table, index: usize, width: u64) -> Result<Vector, FormatError> {
        let Some(at) = Self::field(table, index, 4)? else {
            return Ok(Vector::default());
        };
        let at = self.follow(at)?;
        let count = self.u32(at)?;
        let start = at + 4;
        self.cursor.seek(start);
        self.cursor.skip(count * width, "a vector of the FlatBuffer")?;
        Ok(Vector { start, count })
    }

    /// Read the table that an item of a vector of offsets stands for.
    pub fn table_in(&mut self, vector: Vector, index: u64) -> Result<Table, FormatError> {
        let at = self.follow(vector.start + 4 * index)?;
        self.table(at)
    }

    /// Read a field that is a text; an absent one is empty.
    pub fn text_field(&mut self, table: &Table, index: usize, what: &str) -> Result<String, FormatError> {
        let Vector { start, count } = self.vector_field(table, index, 1)?;
        self.text_left = self.text_left.checked_sub(count).ok_or_else(|| {
            FormatError::new("the texts of the file are longer than the file")
                .with_expected(format!("at most {} bytes", self.cursor.end()), "more")
        })?;
        self.cursor.seek(start);
        let bytes = self.cursor.take(count, what)?;
        utf8(&bytes, what)
    }
}
