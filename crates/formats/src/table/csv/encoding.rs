//! Text in other encodings than UTF-8, decoded before its characters are looked at.
//!
//! Strict: bytes that are no character of the encoding are an error. Nothing is guessed from the content.

use crate::error::FormatError;
use crate::pieces::Pieces;
use bytes::Bytes;

/// The encoding of a file of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16 in the byte order that the mark at its start states.
    Utf16,
    /// UTF-16 with the lowest byte first.
    Utf16Le,
    /// UTF-16 with the highest byte first.
    Utf16Be,
    /// ISO 8859-1: the first 256 characters of Unicode.
    Latin1,
    /// Windows-1252, of which five bytes are no character.
    Windows1252,
}

/// The characters of the bytes 0x80 to 0x9f in Windows-1252; 0 where there is none.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
    0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
    0x0153, 0, 0x017e, 0x0178,
];

/// Reads the text of a file as UTF-8.
pub struct Text {
    pieces: Pieces<'static>,
    encoding: Encoding,
    /// Bytes of a character that goes on in the next piece.
    rest: Vec<u8>,
    /// The error behind the text that was returned last.
    failure: Option<FormatError>,
}

impl Text {
    /// Read a file of this encoding.
    pub fn new(pieces: Pieces<'static>, encoding: Encoding) -> Self {
        Self {
            pieces,
            encoding,
            rest: Vec::new(),
            failure: None,
        }
    }

    /// Return some more text; none at the end. What UTF-8 files hold is not checked.
    pub fn next_piece(&mut self) -> Result<Bytes, FormatError> {
        if self.encoding == Encoding::Utf8 {
            return self.pieces.next_piece();
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        loop {
            let piece = self.pieces.next_piece()?;
            let is_last = piece.is_empty();
            let text = match self.encoding {
                Encoding::Latin1 => piece.iter().map(|byte| char::from(*byte)).collect(),
                Encoding::Windows1252 => self.windows(&piece),
                _ => self.utf16(&piece, is_last)?,
            };
            if !text.is_empty() {
                return Ok(text.into_bytes().into());
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if is_last {
                return Ok(Bytes::new());
            }
        }
    }

    fn windows(&mut self, piece: &[u8]) -> String {
        let mut text = String::with_capacity(piece.len());
        for byte in piece {
            let character = match byte {
                0x80..=0x9f => char::from_u32(WINDOWS_1252[usize::from(byte - 0x80)].into()),
                _ => Some(char::from(*byte)),
            };
            match character {
                Some('\0') if *byte != 0 => {
                    self.failure = Some(wrong("Windows-1252", format!("the byte {byte:#04x}")));
                    break;
                }
                Some(character) => text.push(character),
                None => break,
            }
        }
        text
    }

    fn utf16(&mut self, piece: &[u8], is_last: bool) -> Result<String, FormatError> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        if self.encoding == Encoding::Utf16 {
            match bytes.get(..2) {
                Some([0xff, 0xfe]) => self.encoding = Encoding::Utf16Le,
                Some([0xfe, 0xff]) => self.encoding = Encoding::Utf16Be,
                None if !is_last => {
                    self.rest = bytes;
                    return Ok(String::new());
                }
                None if bytes.is_empty() => return Ok(String::new()),
                _ => {
                    return Err(FormatError::new(
                        "it has no byte order mark: give utf-16le or utf-16be as its encoding",
                    )
                    .with_expected("ff fe or fe ff", format!("{:02x?}", &bytes[..bytes.len().min(2)])));
                }
            }
        }
        let (pairs, odd) = bytes.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| match self.encoding {
            Encoding::Utf16Be => u16::from_be_bytes(*pair),
            _ => u16::from_le_bytes(*pair),
        };
        // The first half of a character whose second half is in the next piece.
        let is_half = |unit: u16| (0xd800..0xdc00).contains(&unit);
        let whole = match pairs.last() {
            Some(pair) if is_half(unit(pair)) => pairs.len() - 1,
            _ => pairs.len(),
        };
        let mut text = String::with_capacity(bytes.len());
        let mut failure = None;
        for character in char::decode_utf16(pairs[..whole].iter().map(unit)) {
            match character {
                Ok(character) => text.push(character),
                Err(half) => {
                    let half = half.unpaired_surrogate();
                    failure = Some(wrong("UTF-16", format!("the half {half:#06x} of a character")));
                    break;
                }
            }
        }
        let remaining = &bytes[2 * whole..];
        if failure.is_none() && is_last && !remaining.is_empty() {
            let received = if odd.is_empty() {
                "the first half of a character"
            } else {
                "half of a unit"
            };
            failure = Some(wrong("UTF-16", format!("{received} at the end")));
        }
        self.rest = remaining.to_vec();
        self.failure = failure;
        Ok(text)
    }
}

fn wrong(encoding: &str, received: String) -> FormatError {
    FormatError::new(format!("it is not {encoding}"))
        .with_expected(format!("characters of {encoding}"), received)
}
