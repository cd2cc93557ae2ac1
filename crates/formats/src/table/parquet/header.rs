//! Page headers. Source of the numbers: `parquet.thrift` of Apache Parquet.

use super::thrift::{Fault, Kind, Reader};
use crate::error::FormatError;
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::Page;

/// A page header. Numbers are as it states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length in bytes in the file.
    pub compressed: Option<i64>,
    /// Length in bytes decompressed.
    pub decompressed: Option<i64>,
    pub page: PageHeader,
}

/// The part of a header for one type of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageHeader {
    Data(DataHeader),
    Index,
    Dictionary(DictionaryHeader),
    DataV2(DataV2Header),
    /// A type that the format does not have, or none.
    Unknown(Option<i64>),
}

/// The header of a data page of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHeader {
    pub values: Option<i64>,
    pub encoding: i64,
    pub definition_encoding: i64,
    pub repetition_encoding: i64,
}

/// The header of a dictionary page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DictionaryHeader {
    pub values: Option<i64>,
    pub encoding: i64,
    pub is_sorted: bool,
}

/// The header of a data page of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataV2Header {
    pub values: Option<i64>,
    pub encoding: i64,
    pub nulls: i64,
    pub rows: Option<i64>,
    pub definition_bytes: i64,
    pub repetition_bytes: i64,
    pub is_compressed: bool,
}

impl PageHeader {
    /// Return the number of values that the header states.
    pub const fn values(&self) -> Option<i64> {
        match self {
            Self::Data(data) => data.values,
            Self::Dictionary(dictionary) => dictionary.values,
            Self::DataV2(data) => data.values,
            Self::Index | Self::Unknown(_) => None,
        }
    }
}

/// Create the error of a header that no writer writes.
pub fn implausible() -> FormatError {
    FormatError::new("a page header has impossible values")
}

/// Convert a stated number.
pub fn stated<T: TryFrom<i64>>(number: Option<i64>) -> Result<T, FormatError> {
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(implausible)
}

/// Build the page of a header and its bytes.
pub fn build(header: &PageHeader, buf: Bytes) -> Result<Page, FormatError> {
    Ok(match header {
        PageHeader::Data(data) => Page::DataPage {
            buf,
            num_values: stated(data.values)?,
            encoding: encoding(data.encoding)?,
            def_level_encoding: encoding(data.definition_encoding)?,
            rep_level_encoding: encoding(data.repetition_encoding)?,
            statistics: None,
        },
        PageHeader::Dictionary(dictionary) => Page::DictionaryPage {
            buf,
            num_values: stated(dictionary.values)?,
            encoding: encoding(dictionary.encoding)?,
            is_sorted: dictionary.is_sorted,
        },
        PageHeader::DataV2(data) => Page::DataPageV2 {
            buf,
            num_values: stated(data.values)?,
            encoding: encoding(data.encoding)?,
            num_nulls: stated(Some(data.nulls))?,
            num_rows: stated(data.rows)?,
            def_levels_byte_len: stated(Some(data.definition_bytes))?,
            rep_levels_byte_len: stated(Some(data.repetition_bytes))?,
            is_compressed: data.is_compressed,
            statistics: None,
        },
        PageHeader::Index => return Err(implausible()),
        PageHeader::Unknown(Some(number)) => {
            return Err(FormatError::new(format!("there is no page of type {number}")));
        }
        PageHeader::Unknown(None) => return Err(FormatError::new("a page header has no type")),
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
                "the page encoding {other} is not supported"
            )));
        }
    })
}

/// The fields of a header in the order in which they come. A field that is not stated has its default of the format.
struct Fields {
    page_type: Option<i64>,
    decompressed: Option<i64>,
    compressed: Option<i64>,
    values: Option<i64>,
    rows: Option<i64>,
    encoding: i64,
    definition_encoding: i64,
    repetition_encoding: i64,
    nulls: i64,
    definition_bytes: i64,
    repetition_bytes: i64,
    is_compressed: bool,
    is_sorted: bool,
}

/// Read a header.
pub fn parse(reader: &mut Reader<'_>) -> Result<Header, Fault> {
    let mut fields = Fields {
        page_type: None,
        decompressed: None,
        compressed: None,
        values: None,
        rows: None,
        encoding: 0,
        definition_encoding: 0,
        repetition_encoding: 0,
        nulls: 0,
        definition_bytes: 0,
        repetition_bytes: 0,
        is_compressed: true,
        is_sorted: false,
    };
    reader.structure(|reader, number, kind| {
        match (number, kind) {
            (1, Kind::Integer) => fields.page_type = Some(reader.integer()?),
            (2, Kind::Integer) => fields.decompressed = Some(reader.integer()?),
            (3, Kind::Integer) => fields.compressed = Some(reader.integer()?),
            (5 | 7 | 8, Kind::Struct) => {
                let into = &mut fields;
                reader.structure(|reader, field, kind| part(into, number, field, kind, reader))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(fields.into_header())
}

impl Fields {
    fn into_header(self) -> Header {
        let Self { values, encoding, .. } = self;
        let page = match self.page_type {
            Some(0) => PageHeader::Data(DataHeader {
                values,
                encoding,
                definition_encoding: self.definition_encoding,
                repetition_encoding: self.repetition_encoding,
            }),
            Some(1) => PageHeader::Index,
            Some(2) => PageHeader::Dictionary(DictionaryHeader {
                values,
                encoding,
                is_sorted: self.is_sorted,
            }),
            Some(3) => PageHeader::DataV2(DataV2Header {
                values,
                encoding,
                nulls: self.nulls,
                rows: self.rows,
                definition_bytes: self.definition_bytes,
                repetition_bytes: self.repetition_bytes,
                is_compressed: self.is_compressed,
            }),
            other => PageHeader::Unknown(other),
        };
        Header {
            compressed: self.compressed,
            decompressed: self.decompressed,
            page,
        }
    }
}

/// Read a field of the header of a data page (5), of a dictionary page (7) or of a data page of version 2 (8).
fn part(
    fields: &mut Fields,
    page: i64,
    field: i64,
    kind: Kind,
    reader: &mut Reader<'_>,
) -> Result<bool, Fault> {
    if matches!(kind, Kind::True | Kind::False) {
        match (page, field) {
            (7, 3) => fields.is_sorted = kind == Kind::True,
            (8, 7) => fields.is_compressed = kind == Kind::True,
            _ => {}
        }
        return Ok(true);
    }
    if kind != Kind::Integer {
        return Ok(false);
    }
    let slot = match (page, field) {
        (5 | 7 | 8, 1) => fields.values.get_or_insert(0),
        (5 | 7, 2) | (8, 4) => &mut fields.encoding,
        (5, 3) => &mut fields.definition_encoding,
        (5, 4) => &mut fields.repetition_encoding,
        (8, 2) => &mut fields.nulls,
        (8, 3) => fields.rows.get_or_insert(0),
        (8, 5) => &mut fields.definition_bytes,
        (8, 6) => &mut fields.repetition_bytes,
        _ => return Ok(false),
    };
    *slot = reader.integer()?;
    Ok(true)
}
