//! Pages of a column chunk, each held against the chunk and the limits before a byte of it is read or reserved.

use super::codec::decompress;
use super::counts;
use super::header::{Header, PageHeader, build, implausible, parse, stated};
use super::levels::{Before, Nesting};
use super::thrift::{Fault, Reader};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::table::foreign::{foreign, own};
use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::schema::types::ColumnDescPtr;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest page, in bytes decompressed. Writers cut pages at about 1 MiB; one value may be longer than that.
pub const PAGE_LIMIT: usize = 1 << 30;

/// The longest page header, in bytes; it can hold the least and the greatest value of the page.
const HEADER_LIMIT: usize = 16 << 20;

/// The bytes that are read at first: most headers fit into them.
const HEADER_GUESS: usize = 1 << 10;

/// Counts the bytes and values that one block of rows takes from its pages, so that a few bytes cannot expand to more
/// than memory holds.
#[derive(Debug)]
pub struct Allowance {
    limit: u64,
    bytes: AtomicU64,
    values: AtomicU64,
    failure: Mutex<Option<FormatError>>,
}

/// Bytes that the pages of one block of one column may hold decompressed, in addition to [`BLOCK_RATIO`] times the
/// file.
const BLOCK_BYTES: u64 = 1 << 30;

/// Text is rarely compressed to less than an eighth.
const BLOCK_RATIO: u64 = 8;

/// Values that the pages of one block of one column may hold, where lists can make them more than the rows.
const BLOCK_VALUES: u64 = 1 << 28;

impl Allowance {
    /// Create the allowance of a block of a file of that length.
    pub fn new(file_length: u64) -> Self {
        Self {
            limit: file_length
                .saturating_mul(BLOCK_RATIO)
                .saturating_add(BLOCK_BYTES),
            bytes: AtomicU64::new(0),
            values: AtomicU64::new(0),
            failure: Mutex::new(None),
        }
    }

    /// Keep the first error of reading a page.
    fn fail(&self, error: FormatError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
    }

    /// Return the first error of reading a page.
    pub fn failure(&self) -> Option<FormatError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Return a new block begins.
    pub fn reset(&self) {
        self.bytes.store(0, Relaxed);
        self.values.store(0, Relaxed);
    }

    fn spend(&self, bytes: usize, values: u64) -> Result<(), FormatError> {
        let bytes = self.bytes.fetch_add(bytes as u64, Relaxed) + bytes as u64;
        let values = self.values.fetch_add(values, Relaxed) + values;
        if bytes > self.limit || values > BLOCK_VALUES {
            return Err(FormatError::unsupported(
                "65,536 rows of one column exceed the size limit of a block",
            )
            .with_expected(
                format!("at most {} bytes and {BLOCK_VALUES} values", self.limit),
                format!("{bytes} bytes, {values} values"),
            ));
        }
        Ok(())
    }
}

/// The pages of the chunks of one column, chunk after chunk.
pub struct Pages {
    pub input: Arc<dyn Input>,
    pub chunks: std::vec::IntoIter<Chunk>,
    pub allowance: Arc<Allowance>,
}

/// The byte range, compression and column of a column chunk.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub bytes: Range<u64>,
    pub codec: Compression,
    pub column: ColumnDescPtr,
    pub nesting: Nesting,
    /// Its values, if its pages end with them and not with its bytes.
    pub values: Option<u64>,
}

impl Iterator for Pages {
    type Item = ParquetResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Chunk {
            bytes,
            codec,
            column,
            nesting,
            values,
        } = self.chunks.next()?;
        Some(Ok(Box::new(ChunkPages {
            input: Arc::clone(&self.input),
            allowance: Arc::clone(&self.allowance),
            position: bytes.start,
            end: bytes.end,
            codec,
            column,
            nesting,
            before: Before::Nothing,
            has_begun: false,
            values,
            next: None,
        })))
    }
}

impl parquet::column::page::PageIterator for Pages {}

struct ChunkPages {
    input: Arc<dyn Input>,
    allowance: Arc<Allowance>,
    position: u64,
    end: u64,
    codec: Compression,
    column: ColumnDescPtr,
    nesting: Nesting,
    before: Before,
    /// True if a page was passed. A dictionary is the first page of a chunk, or there is none.
    has_begun: bool,
    /// The values that are still to come, if the pages end with them.
    values: Option<u64>,
    next: Option<NextPage>,
}

/// A page whose header was read, and whose lengths were checked.
#[derive(Clone, Copy)]
struct NextPage {
    /// Length in bytes in the file.
    compressed: u64,
    /// Length in bytes decompressed.
    decompressed: usize,
    header: PageHeader,
}

impl ChunkPages {
    /// Return the header of the next page that holds data or a dictionary.
    fn header(&mut self) -> Result<Option<NextPage>, FormatError> {
        loop {
            if self.next.is_none() && self.position < self.end && self.values != Some(0) {
                self.next = Some(self.read_header()?);
            }
            match self.next {
                Some(NextPage {
                    header: PageHeader::Dictionary(_),
                    ..
                }) if self.has_begun => {
                    return Err(FormatError::new(
                        "a dictionary page is not the first page of its chunk",
                    ));
                }
                // The format does not define the content of index pages.
                Some(NextPage {
                    header: PageHeader::Index,
                    ..
                }) => self.pass(),
                other => return Ok(other),
            }
        }
    }

    fn pass(&mut self) {
        if let Some(page) = self.next.take() {
            self.position += page.compressed;
            self.has_begun |= !matches!(page.header, PageHeader::Index);
            if let (Some(remaining), PageHeader::Data(_) | PageHeader::DataV2(_)) =
                (&mut self.values, page.header)
            {
                let count = page.header.values().and_then(|count| u64::try_from(count).ok());
                *remaining = remaining.saturating_sub(count.unwrap_or_default());
            }
        }
    }

    fn read_header(&mut self) -> Result<NextPage, FormatError> {
        let remaining = self.end - self.position;
        let mut length = (HEADER_GUESS as u64).min(remaining);
        loop {
            let bytes = read_checked(self.input.as_ref(), self.position, length, "a page header")?;
            let mut reader = Reader::new(&bytes);
            match parse(&mut reader) {
                Ok(header) => {
                    self.position += reader.position() as u64;
                    return self.check(&header);
                }
                Err(Fault::Short) if length < remaining && length < HEADER_LIMIT as u64 => {
                    length = (length * 8).min(remaining);
                }
                Err(_) => return Err(FormatError::new("a page header is damaged")),
            }
        }
    }

    fn check(&self, header: &Header) -> Result<NextPage, FormatError> {
        let remaining = self.end - self.position;
        let compressed = stated(header.compressed)
            .ok()
            .filter(|length| *length <= remaining);
        let decompressed = stated(header.decompressed)
            .ok()
            .filter(|length| *length <= PAGE_LIMIT);
        match (compressed, decompressed) {
            (Some(compressed), Some(decompressed)) => Ok(NextPage {
                compressed,
                decompressed,
                header: header.page,
            }),
            _ => Err(
                FormatError::new("a page header has impossible lengths").with_expected(
                    format!("at most {remaining} bytes in the file and {PAGE_LIMIT} decompressed"),
                    format!("{:?} and {:?} bytes", header.compressed, header.decompressed),
                ),
            ),
        }
    }

    fn page(&mut self) -> Result<Option<Page>, FormatError> {
        let Some(NextPage {
            compressed,
            decompressed,
            header,
        }) = self.header()?
        else {
            return Ok(None);
        };
        let bytes = read_checked(self.input.as_ref(), self.position, compressed, "a page")?;
        self.pass();
        let values = match header {
            PageHeader::Dictionary(_) => 0,
            _ => stated(header.values())?,
        };
        self.allowance.spend(decompressed, values)?;
        let (levels, is_compressed) = match header {
            PageHeader::DataV2(data) => {
                let definition: usize = stated(Some(data.definition_bytes))?;
                let repetition = stated(Some(data.repetition_bytes))?;
                let levels = definition.checked_add(repetition).ok_or_else(implausible)?;
                if levels > bytes.len() || levels > decompressed {
                    return Err(implausible());
                }
                (levels, data.is_compressed)
            }
            _ => (0, true),
        };
        let buffer = if is_compressed && self.codec != Compression::UNCOMPRESSED {
            let mut whole = bytes[..levels].to_vec();
            if decompressed > levels {
                let codec = self.codec;
                foreign(|| decompress(codec, &bytes[levels..], decompressed - levels, &mut whole))??;
            }
            Bytes::from(whole)
        } else {
            bytes
        };
        counts::check(&self.column, &header, &buffer, levels)?;
        self.nesting
            .check(&header, &buffer, &mut self.before, &self.column)?;
        build(&header, buffer).map(Some)
    }
}

impl ChunkPages {
    /// Run code of ours that the crate calls. The first error is kept, because the crate makes another one of it.
    fn called<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, FormatError>) -> ParquetResult<T> {
        own(|| work(self)).map_err(|error| {
            self.allowance.fail(error.clone());
            ParquetError::External(Box::new(error))
        })
    }
}

impl Iterator for ChunkPages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for ChunkPages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        self.called(Self::page)
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        let page = self.called(Self::header)?;
        Ok(page.map(|NextPage { header, .. }| {
            let is_dict = matches!(header, PageHeader::Dictionary(_));
            let rows = match header {
                PageHeader::DataV2(data) => data.rows,
                _ => None,
            };
            // The pages of a column without lists have a row for each value.
            let values = header.values().filter(|_| !is_dict);
            let count = |number: Option<i64>| number.and_then(|number| usize::try_from(number).ok());
            PageMetadata {
                num_rows: count(rows),
                num_levels: count(values),
                is_dict,
            }
        }))
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.called(|pages| {
            if let Some(page) = pages.header()?
                && !matches!(page.header, PageHeader::Dictionary(_))
            {
                pages.before = Before::Unknown;
            }
            pages.pass();
            Ok(())
        })
    }
}
