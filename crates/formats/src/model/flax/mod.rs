//! Flax: a nested map in MessagePack, as `flax.serialization.to_bytes` writes it.
//!
//! Names: the keys from the root to an array (in a list its index from 0), joined by `.`. Arrays (extension type 1) and NumPy scalars (type 3, shape
//! `[]`) are tensors, optimiser state included; numbers, text, byte strings, nil and Python's complex numbers (type 2)
//! are listed and are no tensors. Arrays that Flax cut (`__msgpack_chunked_array__`, from a gibibyte on) are one tensor.
//! A Flax file does not say its byte order: the elements are taken as little-endian, as every reader on a little-endian
//! machine takes them. Source of the rules: `flax/serialization.py` at version 0.12.

mod array;
mod cursor;
mod msgpack;

use crate::error::FormatError;
use crate::input::Input;
use crate::model::catalog::{Catalog, twice};
use crate::model::listing::Listing;
use cursor::Cursor;
use msgpack::{Head, head};
use std::collections::HashSet;

/// Maps and arrays inside each other that are followed.
const DEPTH: usize = 64;

/// The longest key, in bytes.
const KEY_LIMIT: u64 = 1 << 16;

/// The key by which Flax marks an array that it cut.
const CHUNKED: &str = "__msgpack_chunked_array__";

/// Return whether a file that begins with `first` can be a Flax file: a map whose first key is text.
pub fn recognise(first: &[u8]) -> bool {
    let ([0x81..=0x8f, key @ ..] | [0xde, _, _, key @ ..] | [0xdf, _, _, _, _, key @ ..]) = first else {
        return false;
    };
    let (length, text) = match key {
        [head @ 0xa0..=0xbf, text @ ..] => (u32::from(head & 0x1f), text),
        [0xd9, length, text @ ..] => (u32::from(*length), text),
        [0xda, a, b, text @ ..] => (u32::from_be_bytes([0, 0, *a, *b]), text),
        [0xdb, a, b, c, d, text @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]), text),
        _ => return false,
    };
    let whole = usize::try_from(length).ok().and_then(|length| text.get(..length));
    match std::str::from_utf8(whole.unwrap_or(text)) {
        Ok(_) => true,
        // A long key can reach beyond these bytes, which may then end inside a character.
        Err(error) => whole.is_none() && error.error_len().is_none(),
    }
}

/// Read a Flax file.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let mut cursor = Cursor::new(input);
    let Head::Map(count) = head(&mut cursor)? else {
        return Err(FormatError::new("its root is no map, as Flax writes it"));
    };
    let mut reader = Reader {
        cursor,
        catalog: Catalog::new(input.length()),
        path: String::new(),
    };
    reader.map(count, 1)?;
    if reader.cursor.remaining() > 0 {
        return Err(FormatError::new("bytes follow the root map").with_expected(
            format!("{} bytes", reader.cursor.position()),
            format!("{} bytes", input.length()),
        ));
    }
    reader.catalog.finish()
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    catalog: Catalog,
    /// Keys from the root to the present value, joined by `.`.
    path: String,
}

impl Reader<'_> {
    fn map(&mut self, count: u64, depth: usize) -> Result<(), FormatError> {
        check_depth(depth)?;
        let mut keys = HashSet::new();
        let mut charged = 0;
        for index in 0..count {
            let key = self.key()?;
            if key == CHUNKED {
                if index > 0 {
                    return Err(
                        FormatError::new(format!("{CHUNKED} is not the first key of its map"))
                            .tensor(&self.path),
                    );
                }
                return self.chunked(count);
            }
            let length = self.path.len();
            if length > 0 || depth > 1 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            self.catalog.charge(key.len())?;
            charged += key.len() + 64;
            if !keys.insert(key) {
                return Err(twice(&self.path));
            }
            self.value(depth)?;
            self.path.truncate(length);
        }
        // `release` adds the same 64 once.
        if charged > 0 {
            self.catalog.release(charged - 64);
        }
        Ok(())
    }

    fn key(&mut self) -> Result<String, FormatError> {
        let Head::Text(length) = head(&mut self.cursor)? else {
            return Err(
                FormatError::new("a key of a map is no text, which Flax itself does not read")
                    .tensor(&self.path),
            );
        };
        msgpack::text(&mut self.cursor, length, KEY_LIMIT, "a key")
    }

    fn value(&mut self, depth: usize) -> Result<(), FormatError> {
        match head(&mut self.cursor)? {
            Head::Map(count) => self.map(count, depth + 1),
            Head::Array(count) => self.list(count, depth + 1),
            Head::Scalar => self.no_tensor("It is no array: nil, a boolean or a number."),
            Head::Integer(_) => self.no_tensor("It is a number and no array."),
            Head::Text(length) => {
                self.cursor.skip(length, "a text")?;
                self.no_tensor("It is text.")
            }
            Head::Binary(length) => {
                self.cursor.skip(length, "a byte string")?;
                self.no_tensor("It is a byte string.")
            }
            Head::Extension(1 | 3, length) => {
                let array =
                    array::read(&mut self.cursor, length).map_err(|error| error.tensor(&self.path))?;
                array.list(&self.path, &mut self.catalog)
            }
            Head::Extension(kind, length) => {
                self.cursor.skip(length, "a value of an extension type")?;
                self.no_tensor(match kind {
                    2 => "It is a complex number of Python and no array.",
                    _ => "It has an extension type that Flax does not write.",
                })
            }
        }
    }

    fn no_tensor(&mut self, reason: &str) -> Result<(), FormatError> {
        self.catalog.not_read(&self.path, reason)
    }

    /// Read the values of a list, whose indexes are their keys.
    fn list(&mut self, count: u64, depth: usize) -> Result<(), FormatError> {
        check_depth(depth)?;
        let length = self.path.len();
        for index in 0..count {
            self.path.push('.');
            self.path.push_str(&index.to_string());
            self.value(depth)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn chunked(&mut self, count: u64) -> Result<(), FormatError> {
        let path = self.path.clone();
        array::read_chunked(&mut self.cursor, count, &mut self.catalog)
            .map_err(|error| error.tensor(&path))?
            .list(&path, &mut self.catalog)
    }
}

fn check_depth(depth: usize) -> Result<(), FormatError> {
    if depth > DEPTH {
        return Err(FormatError::new("values are nested too deep")
            .with_expected(format!("at most {DEPTH} levels"), "more"));
    }
    Ok(())
}
