//! The bytes of a file from the first to the last, as they are or decompressed.
//!
//! A compressed file is read to its end and checked on the way: gzip against the CRC-32 and the length of each of its
//! members (RFC 1952), zstd against the checksum of each frame that has one. Memory holds two pieces and the window of
//! the decoder, at most 128 MiB.

use crate::error::FormatError;
use crate::input::Input;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use zstd::stream::read::Decoder;

/// Bytes that are read or decompressed at once.
pub const PIECE: usize = 1 << 20;

/// A compressed file may decompress to this many bytes whatever its length.
const EXPANDED: u64 = 1 << 30;

/// Above that, a file may decompress to this many times its length. Data that people keep stays far below; deflate
/// reaches 1,032.
const EXPANSION: u64 = 500;

/// The largest window of zstd that is decoded, as a power of two: the default of its own program.
const WINDOW_LOG: u32 = 27;

/// The compression of a file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// None.
    #[default]
    Plain,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl Compression {
    /// Return the compression that the extension of a name states, and the name without that extension.
    pub fn of_name(name: &str) -> (Self, &str) {
        let Some((stem, suffix)) = name.rsplit_once('.') else {
            return (Self::Plain, name);
        };
        match suffix.to_ascii_lowercase().as_str() {
            "gz" => (Self::Gzip, stem),
            "zst" => (Self::Zstd, stem),
            _ => (Self::Plain, name),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Return the most bytes that a compressed file of `length` bytes may decompress to.
pub fn expanded_limit(length: u64) -> u64 {
    length.saturating_mul(EXPANSION).max(EXPANDED)
}

/// Return the error of a file that decompresses to more than that.
pub fn expands_too_far(what: &str, limit: u64, received: impl std::fmt::Display) -> FormatError {
    FormatError::unsupported(format!(
        "{what} decompresses to so many times its size that it may be made to exhaust its reader"
    ))
    .with_expected(format!("at most {limit} bytes"), received)
}

/// Reads a file from its first byte to its last.
pub struct Pieces<'a> {
    source: Source<'a>,
    /// Bytes that were decompressed and not yet taken.
    rest: Bytes,
    /// Bytes that were taken.
    position: u64,
    /// Bytes that were decompressed.
    expanded: u64,
    limit: u64,
}

enum Source<'a> {
    Plain(Feed<'a>),
    Gzip(Box<MultiGzDecoder<Feed<'a>>>),
    Zstd(Box<Decoder<'static, Feed<'a>>>),
}

impl<'a> Pieces<'a> {
    /// Read a file of this compression. `piece` is the number of bytes of an uncompressed file that are read at once.
    pub fn new(
        input: Arc<dyn Input + 'a>,
        compression: Compression,
        piece: usize,
    ) -> Result<Self, FormatError> {
        let limit = expanded_limit(input.length());
        let feed = Feed::new(input, piece);
        let source = match compression {
            Compression::Plain => Source::Plain(feed),
            Compression::Gzip => Source::Gzip(Box::new(MultiGzDecoder::new(feed))),
            Compression::Zstd => {
                let mut decoder = Decoder::with_buffer(feed).map_err(|error| broken(compression, error))?;
                decoder
                    .window_log_max(WINDOW_LOG)
                    .map_err(|error| broken(compression, error))?;
                Source::Zstd(Box::new(decoder))
            }
        };
        Ok(Self {
            source,
            rest: Bytes::new(),
            position: 0,
            expanded: 0,
            limit,
        })
    }

    /// Read an uncompressed file in pieces of [`PIECE`] bytes.
    pub fn uncompressed(input: Arc<dyn Input + 'a>) -> Self {
        Self {
            limit: 0,
            source: Source::Plain(Feed::new(input, PIECE)),
            rest: Bytes::new(),
            position: 0,
            expanded: 0,
        }
    }

    /// Return the number of bytes that were taken.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Return the next bytes, at most `most`; none at the end.
    pub fn take(&mut self, most: u64) -> Result<Bytes, FormatError> {
        if self.rest.is_empty() {
            self.rest = self.fill()?;
        }
        let length = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        self.position += length as u64;
        Ok(self.rest.split_to(length))
    }

    /// Return all bytes that are at hand, or else those read next; none at the end.
    pub fn next_piece(&mut self) -> Result<Bytes, FormatError> {
        self.take(u64::MAX)
    }

    /// Return exactly `length` bytes, which the caller has checked to be few; fewer only at the end of the file.
    pub fn up_to(&mut self, length: usize) -> Result<Bytes, FormatError> {
        let first = self.take(length as u64)?;
        if first.len() == length || first.is_empty() {
            return Ok(first);
        }
        let mut all = first.to_vec();
        while all.len() < length {
            let next = self.take((length - all.len()) as u64)?;
            if next.is_empty() {
                break;
            }
            all.extend_from_slice(&next);
        }
        Ok(all.into())
    }

    /// Pass over `length` bytes; gives how many of them the file has.
    pub fn skip(&mut self, length: u64) -> Result<u64, FormatError> {
        let mut remaining = length;
        while remaining > 0 {
            if self.rest.is_empty()
                && let Source::Plain(feed) = &mut self.source
            {
                let skipped = remaining.min(feed.input.length() - feed.position);
                feed.position += skipped;
                self.position += skipped;
                return Ok(length - remaining + skipped);
            }
            let piece = self.take(remaining)?;
            if piece.is_empty() {
                break;
            }
            remaining -= piece.len() as u64;
        }
        Ok(length - remaining)
    }

    fn fill(&mut self) -> Result<Bytes, FormatError> {
        let (compression, read): (_, &mut dyn Read) = match &mut self.source {
            Source::Plain(feed) => return feed.next_piece(),
            Source::Gzip(decoder) => (Compression::Gzip, decoder),
            Source::Zstd(decoder) => (Compression::Zstd, decoder),
        };
        let mut piece = vec![0; PIECE];
        let mut length = 0;
        while length < PIECE {
            match read.read(&mut piece[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(compression, error)),
            }
        }
        piece.truncate(length);
        self.expanded += length as u64;
        if self.expanded > self.limit {
            return Err(expands_too_far("the file", self.limit, "more"));
        }
        Ok(piece.into())
    }
}

/// Return the error of a decoder, or the error of the file that it was given.
fn broken(compression: Compression, error: io::Error) -> FormatError {
    let name = compression.name();
    match error.downcast::<FormatError>() {
        Ok(error) => error,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            FormatError::new(format!("the {name} data is truncated"))
        }
        Err(error) => FormatError::new(format!("the {name} data is damaged: {error}")),
    }
}

/// The compressed bytes, as a decoder wants them.
struct Feed<'a> {
    input: Arc<dyn Input + 'a>,
    position: u64,
    size: usize,
    piece: Bytes,
}

impl<'a> Feed<'a> {
    fn new(input: Arc<dyn Input + 'a>, size: usize) -> Self {
        Self {
            input,
            position: 0,
            size: size.clamp(1, PIECE),
            piece: Bytes::new(),
        }
    }

    fn next_piece(&mut self) -> Result<Bytes, FormatError> {
        let remaining = self.input.length() - self.position;
        let length = usize::try_from(remaining).unwrap_or(self.size).min(self.size);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let piece = self.input.read(self.position, length)?;
        self.position += length as u64;
        Ok(piece)
    }
}

impl BufRead for Feed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() {
            self.piece = self.next_piece().map_err(io::Error::other)?;
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.piece.len());
        self.piece = self.piece.split_off(amount);
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        self.consume(length);
        Ok(length)
    }
}
