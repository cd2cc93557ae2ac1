//! Page headers. Source of the numbers: `parquet.thrift` of Apache Parquet.

use super::thrift::{Fault, Kind, Reader};
use crate::error::FormatError;
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::Page;

/// What a page header states; -1 where it does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Header {
    pub page_type: i64,
    pub decompressed: i64,
    pub compressed: i64,
    pub values: i64,
    pub encoding: i64,
    pub definition_encoding: i64,
    pub repetition_encoding: i64,
    pub nulls: i64,
    pub rows: Option<i64>,
    pub definition_bytes: i64,
    pub repetition_bytes: i64,
    pub is_compressed: bool,
    pub is_sorted: bool,
}

/// Types of pages, as the format numbers them.
pub const DATA: i64 = 0;
pub const INDEX: i64 = 1;
pub const DICTIONARY: i64 = 2;
pub const DATA_V2: i64 = 3;

/// A header that no writer writes.
pub fn implausible() -> FormatError {
    FormatError::new("a page header states what cannot be")
}

/// The page of a header, with its bytes.
pub fn build(header: &Header, buf: Bytes) -> Result<Page, FormatError> {
    let small = |number: i64| u32::try_from(number).map_err(|_| implausible());
    Ok(match header.page_type {
        DATA => Page::DataPage {
            buf,
            num_values: small(header.values)?,
            encoding: encoding(header.encoding)?,
            def_level_encoding: encoding(header.definition_encoding)?,
            rep_level_encoding: encoding(header.repetition_encoding)?,
            statistics: None,
        },
        DICTIONARY => Page::DictionaryPage {
            buf,
            num_values: small(header.values)?,
            encoding: encoding(header.encoding)?,
            is_sorted: header.is_sorted,
        },
        DATA_V2 => Page::DataPageV2 {
            buf,
            num_values: small(header.values)?,
            encoding: encoding(header.encoding)?,
            num_nulls: small(header.nulls)?,
            num_rows: small(header.rows.unwrap_or(-1))?,
            def_levels_byte_len: small(header.definition_bytes)?,
            rep_levels_byte_len: small(header.repetition_bytes)?,
            is_compressed: header.is_compressed,
            statistics: None,
        },
        other => return Err(FormatError::new(format!("there is no page of type {other}"))),
    })
}

fn encoding(number: i64) -> Result<Encoding, FormatError> {
    #[allow(deprecated, reason = "old files have levels in it")]
    Ok(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        other => {
            return Err(FormatError::unsupported(format!(
                "pages of the encoding {other} are not read"
            )));
        }
    })
}

/// Reads a header.
pub fn parse(reader: &mut Reader<'_>) -> Result<Header, Fault> {
    let mut header = Header {
        page_type: -1,
        decompressed: -1,
        compressed: -1,
        values: -1,
        is_compressed: true,
        ..Header::default()
    };
    reader.structure(|reader, number, kind| {
        match (number, kind) {
            (1, Kind::Integer) => header.page_type = reader.integer()?,
            (2, Kind::Integer) => header.decompressed = reader.integer()?,
            (3, Kind::Integer) => header.compressed = reader.integer()?,
            (5 | 7 | 8, Kind::Struct) => {
                let into = &mut header;
                reader.structure(|reader, field, kind| part(into, number, field, kind, reader))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(header)
}

/// A field of the header of a data page (5), of a dictionary page (7) or of a data page of version 2 (8).
fn part(
    header: &mut Header,
    page: i64,
    field: i64,
    kind: Kind,
    reader: &mut Reader<'_>,
) -> Result<bool, Fault> {
    if matches!(kind, Kind::True | Kind::False) {
        match (page, field) {
            (7, 3) => header.is_sorted = kind == Kind::True,
            (8, 7) => header.is_compressed = kind == Kind::True,
            _ => {}
        }
        return Ok(true);
    }
    if kind != Kind::Integer {
        return Ok(false);
    }
    let slot = match (page, field) {
        (5 | 7 | 8, 1) => &mut header.values,
        (5 | 7, 2) | (8, 4) => &mut header.encoding,
        (5, 3) => &mut header.definition_encoding,
        (5, 4) => &mut header.repetition_encoding,
        (8, 2) => &mut header.nulls,
        (8, 3) => header.rows.get_or_insert(0),
        (8, 5) => &mut header.definition_bytes,
        (8, 6) => &mut header.repetition_bytes,
        _ => return Ok(false),
    };
    *slot = reader.integer()?;
    Ok(true)
}
