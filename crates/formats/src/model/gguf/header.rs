//! Values of a GGUF header: numbers in either byte order, and text.

use crate::error::FormatError;
use crate::input::Input;
use crate::model::cursor::Cursor;
use bytes::Bytes;

/// The longest key or name, in bytes: what the description of GGUF allows for a key.
const LONGEST_NAME: u64 = 65_535;

/// A position in a header, and how its numbers are written.
pub(super) struct Header<'a> {
    cursor: Cursor<'a>,
    /// Version of the format.
    pub version: u32,
    /// True if numbers start with their highest byte.
    pub big_endian: bool,
}

impl<'a> Header<'a> {
    /// Read magic and version, which shows the byte order: no version is a multiple of 65,536.
    pub fn open(input: &'a dyn Input) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(input, 0, input.length());
        let magic: [u8; 4] = cursor.array("the magic of a GGUF file")?;
        if &magic != b"GGUF" {
            return Err(FormatError::new("it does not start as a GGUF file")
                .with_expected("\"GGUF\"", format!("\"{}\"", magic.escape_ascii())));
        }
        let raw = cursor.array("the version of a GGUF file")?;
        let little = u32::from_le_bytes(raw);
        let big_endian = little.trailing_zeros() >= 16;
        let version = if big_endian {
            u32::from_be_bytes(raw)
        } else {
            little
        };
        if !(1..=3).contains(&version) {
            return Err(FormatError::unsupported("this version of GGUF is not read")
                .with_expected("1, 2 or 3", version));
        }
        Ok(Self {
            cursor,
            version,
            big_endian,
        })
    }

    /// Return the position, counted from the start of the file.
    pub const fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// Return the number of bytes that are left.
    pub const fn left(&self) -> u64 {
        self.cursor.left()
    }

    /// Move forward.
    pub fn skip(&mut self, length: u64, what: &str) -> Result<(), FormatError> {
        self.cursor.skip(length, what)
    }

    /// Return the next `N` bytes, lowest byte first.
    pub fn number<const N: usize>(&mut self, what: &str) -> Result<[u8; N], FormatError> {
        let mut bytes: [u8; N] = self.cursor.array(what)?;
        if self.big_endian {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// Read a number of four bytes.
    pub fn u32(&mut self, what: &str) -> Result<u32, FormatError> {
        self.number(what).map(u32::from_le_bytes)
    }

    /// Read a number of eight bytes.
    pub fn u64(&mut self, what: &str) -> Result<u64, FormatError> {
        self.number(what).map(u64::from_le_bytes)
    }

    /// Read a length, a count or a dimension: eight bytes, in version 1 four.
    pub fn count(&mut self, what: &str) -> Result<u64, FormatError> {
        if self.version == 1 {
            return self.u32(what).map(u64::from);
        }
        self.u64(what)
    }

    /// Read a number of items that follow, each of at least `least` bytes.
    pub fn count_of(&mut self, what: &str, least: u64) -> Result<u64, FormatError> {
        let count = self.count(what)?;
        let most = self.left() / least;
        if count > most {
            return Err(
                FormatError::new(format!("{what} is larger than the rest of the file can hold"))
                    .with_expected(format!("at most {most}"), count),
            );
        }
        Ok(count)
    }

    /// Read the bytes of a text.
    pub fn bytes(&mut self, what: &str) -> Result<Bytes, FormatError> {
        let length = self.count(what)?;
        self.cursor.take(length, what)
    }

    /// Skip a text and return its length.
    pub fn skip_text(&mut self, what: &str) -> Result<u64, FormatError> {
        let length = self.count(what)?;
        self.cursor.skip(length, what)?;
        Ok(length)
    }

    /// Read a text that something is found by: short, UTF-8, not empty, and without NUL, at which ggml would cut it.
    pub fn name(&mut self, what: &str) -> Result<String, FormatError> {
        let length = self.count(what)?;
        if length > LONGEST_NAME {
            return Err(FormatError::new(format!("{what} is too long"))
                .with_expected(format!("at most {LONGEST_NAME} bytes"), length));
        }
        let bytes = self.cursor.take(length, what)?;
        let fault = |fault: &str| {
            FormatError::new(format!("{what} {fault}")).with_expected(
                "text in UTF-8 without NUL",
                format!("\"{}\"", bytes.escape_ascii()),
            )
        };
        match std::str::from_utf8(&bytes) {
            Err(_) => Err(fault("is not UTF-8")),
            Ok("") => Err(fault("is empty")),
            Ok(text) if text.contains('\0') => Err(fault("holds a NUL, so two readers could see two names")),
            Ok(text) => Ok(text.to_owned()),
        }
    }
}
