//! The layout of a dataset, and the filters of its chunks.

use super::fields::Fields;
use crate::error::FormatError;
use bytes::Bytes;

/// Filters that one dataset may have.
const FILTERS: usize = 32;

/// The layout of a dataset.
#[derive(Debug)]
pub(super) enum Layout {
    /// In its own header.
    Compact(Bytes),
    /// In one piece; no address if it was never written.
    Contiguous { address: Option<u64> },
    /// In chunks.
    Chunked(Chunked),
}

/// The cut of a dataset into chunks.
#[derive(Debug)]
pub(super) struct Chunked {
    /// Elements of a chunk per axis, and at the end the bytes of an element.
    pub(super) dimensions: Vec<u64>,
    pub(super) index: Index,
    /// The structure of the index; no address if no chunk was ever written.
    pub(super) address: Option<u64>,
    /// True if chunks that pass the end of the dataset are stored without filters.
    pub(super) unfiltered_edges: bool,
}

/// The kind of index that says where chunks lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    TreeOne,
    /// One chunk; if filtered, its stored length and the mask of filters that were left out.
    Single(Option<(u64, u32)>),
    Implicit,
    Fixed,
    Extensible,
    TreeTwo,
}

/// Read a layout message.
pub(super) fn read(data: &Bytes, mut fields: Fields<'_>) -> Result<Layout, FormatError> {
    let version = fields.byte()?;
    match version {
        1 | 2 => read_old(data, &mut fields),
        3..=5 => match fields.byte()? {
            0 => {
                let length = fields.short()?;
                compact(data, &mut fields, length)
            }
            1 => Ok(Layout::Contiguous {
                address: fields.address()?,
            }),
            2 if version == 3 => read_chunked_three(&mut fields),
            2 => read_chunked_four(&mut fields),
            3 => Err(FormatError::unsupported(
                "it is a virtual dataset, whose elements lie in other files; those are not read",
            )),
            class => Err(fields
                .error("its class is not known")
                .with_expected("0 to 3", class)),
        },
        _ => Err(fields
            .error("its version is not known")
            .with_expected("1 to 5", version)),
    }
}

fn compact(data: &Bytes, fields: &mut Fields<'_>, length: usize) -> Result<Layout, FormatError> {
    let start = fields.position();
    fields.skip(length)?;
    Ok(Layout::Compact(data.slice(start..start + length)))
}

fn read_old(data: &Bytes, fields: &mut Fields<'_>) -> Result<Layout, FormatError> {
    let (axes, class) = (fields.byte()?, fields.byte()?);
    fields.skip(5)?;
    let address = if class == 0 { None } else { fields.address()? };
    let dimensions = dimensions(fields, axes, 4)?;
    match class {
        0 => {
            let length = fields.word()?;
            let length = usize::try_from(length).map_err(|_| fields.error("it is too long"))?;
            compact(data, fields, length)
        }
        1 => Ok(Layout::Contiguous { address }),
        2 => Ok(Layout::Chunked(Chunked {
            dimensions,
            index: Index::TreeOne,
            address,
            unfiltered_edges: false,
        })),
        _ => Err(fields
            .error("its class is not known")
            .with_expected("0 to 2", class)),
    }
}

fn dimensions(fields: &mut Fields<'_>, axes: u8, width: usize) -> Result<Vec<u64>, FormatError> {
    if axes > 33 {
        return Err(fields
            .error("it has more axes than HDF5 allows")
            .with_expected("at most 33", axes));
    }
    (0..axes).map(|_| fields.number(width)).collect()
}

fn read_chunked_three(fields: &mut Fields<'_>) -> Result<Layout, FormatError> {
    let axes = fields.byte()?;
    let address = fields.address()?;
    Ok(Layout::Chunked(Chunked {
        dimensions: dimensions(fields, axes, 4)?,
        index: Index::TreeOne,
        address,
        unfiltered_edges: false,
    }))
}

fn read_chunked_four(fields: &mut Fields<'_>) -> Result<Layout, FormatError> {
    let (flags, axes, width) = (fields.byte()?, fields.byte()?, fields.byte()?);
    if !(1..=8).contains(&width) {
        return Err(fields
            .error("the width of its dimensions is wrong")
            .with_expected("1 to 8", width));
    }
    let dimensions = dimensions(fields, axes, usize::from(width))?;
    let index = match fields.byte()? {
        1 if flags & 2 != 0 => Index::Single(Some((fields.length()?, fields.word()?))),
        1 => Index::Single(None),
        2 => Index::Implicit,
        3 => {
            fields.skip(1)?;
            Index::Fixed
        }
        4 => {
            fields.skip(5)?;
            Index::Extensible
        }
        5 => {
            fields.skip(6)?;
            Index::TreeTwo
        }
        kind => {
            return Err(fields
                .error("its chunk index is not known")
                .with_expected("1 to 5", kind));
        }
    };
    Ok(Layout::Chunked(Chunked {
        dimensions,
        index,
        address: fields.address()?,
        unfiltered_edges: flags & 1 != 0,
    }))
}

/// A filter of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    /// Shuffled by elements of so many bytes.
    Shuffle(usize),
    Fletcher32,
    Lzf,
}

/// Read a message of filters, in the order in which they were applied.
pub(super) fn read_filters(mut fields: Fields<'_>) -> Result<Vec<Filter>, FormatError> {
    let version = fields.byte()?;
    let count = usize::from(fields.byte()?);
    match version {
        1 => fields.skip(6)?,
        2 => {}
        _ => {
            return Err(fields
                .error("its version is not known")
                .with_expected("1 or 2", version));
        }
    }
    if count > FILTERS {
        return Err(fields
            .error("it has more filters than HDF5 allows")
            .with_expected(format!("at most {FILTERS}"), count));
    }
    (0..count).map(|_| read_filter(&mut fields, version)).collect()
}

fn read_filter(fields: &mut Fields<'_>, version: u8) -> Result<Filter, FormatError> {
    let id = fields.short()?;
    let named = version == 1 || id >= 256;
    let length = if named { fields.short()? } else { 0 };
    fields.skip(2)?;
    let count = fields.short()?;
    let name = fields.take(if version == 1 {
        length.next_multiple_of(8)
    } else {
        length
    })?;
    let values = (0..count).map(|_| fields.word()).collect::<Result<Vec<_>, _>>()?;
    if version == 1 && count % 2 == 1 {
        fields.skip(4)?;
    }
    let first = values.first().copied().unwrap_or(0);
    let first = usize::try_from(first).map_err(|_| fields.error("an element is too long"))?;
    match id {
        1 => Ok(Filter::Deflate),
        2 => Ok(Filter::Shuffle(first)),
        3 => Ok(Filter::Fletcher32),
        32000 => Ok(Filter::Lzf),
        _ => Err(
            FormatError::unsupported("its chunks have a filter that is not read").with_expected(
                "deflate, shuffle, fletcher32 or lzf",
                match id {
                    4 => "szip".to_owned(),
                    5 => "nbit".to_owned(),
                    6 => "scaleoffset".to_owned(),
                    _ => format!("{id} ({})", name.escape_ascii()),
                },
            ),
        ),
    }
}
