//! GGUF: key-value pairs, a table of tensors, and their data at aligned offsets.
//!
//! Versions 1 to 3 in both byte orders. ggml requires that tensors follow each other in the order of the table, and the
//! description of the format does not. Here their order is free, and between them lies only padding: nothing of the
//! data belongs to two tensors, or to none. Sources: `gguf.md` and `gguf.cpp` of ggml.

mod header;
mod metadata;
mod split;
mod types;

pub use split::{Split, split};
pub use types::block_dtypes;

use crate::error::FormatError;
use crate::input::Input;
use crate::model::dtype::Dtype;
use crate::model::listing::{Elements, Listing, NotRead, Tensor};
use crate::model::pieces::Swapped;
use header::Header;
use std::sync::Arc;
use types::Known;

/// The alignment of a file that states none.
const ALIGNMENT: u32 = 32;

/// The largest alignment: the largest page of memory that is in use.
const LARGEST_ALIGNMENT: u32 = 65_536;

/// The most tensors of a file.
const MOST_TENSORS: u64 = 1_000_000;

/// The most dimensions of a tensor. ggml has 4.
const MOST_DIMENSIONS: u32 = 8;

/// 2^53 - 1: the largest dimension that a digest covers.
const LARGEST_DIMENSION: u64 = (1 << 53) - 1;

/// The bytes of a tensor in the table at least: length of its name, its name, number of dimensions, type and offset.
const LEAST_ENTRY: u64 = 4 + 1 + 4 + 4 + 8;

/// The bytes of a pair at least: length of its key, its key, type and value.
const LEAST_PAIR: u64 = 4 + 1 + 4 + 1;

/// A tensor as the table states it.
struct Entry {
    name: String,
    shape: Vec<u64>,
    kind: u32,
    /// First byte, counted from the start of the data.
    offset: u64,
    /// Dtype and length in bytes, if the type is known.
    known: Option<(Dtype, u64)>,
}

/// Read the header of a GGUF file.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let mut header = Header::open(input)?;
    let tensors = header.count_of("the number of tensors", LEAST_ENTRY)?;
    let pairs = header.count_of("the number of key-value pairs", LEAST_PAIR)?;
    if tensors > MOST_TENSORS {
        return Err(FormatError::new("the file states too many tensors")
            .with_expected(format!("at most {MOST_TENSORS}"), tensors));
    }
    let metadata = metadata::read(&mut header, pairs)?;
    let alignment = check_alignment(metadata.alignment)?;
    let mut entries = Vec::new();
    for _ in 0..tensors {
        entries.push(entry(&mut header)?);
    }
    check_names(&mut entries)?;
    let header_end = header.position();
    let start = if entries.is_empty() {
        header_end
    } else {
        align(header_end, alignment)?
    };
    check_layout(&mut entries, start, alignment, input.length())?;
    let mut listing = Listing {
        metadata: metadata.values.into_iter().collect(),
        ..Listing::default()
    };
    listing.metadata.sort();
    for entry in entries {
        add(&mut listing, entry, start, header.big_endian);
    }
    Ok(listing)
}

fn check_alignment(stated: Option<u32>) -> Result<u64, FormatError> {
    let alignment = stated.unwrap_or(ALIGNMENT);
    if !alignment.is_power_of_two() || alignment > LARGEST_ALIGNMENT {
        return Err(
            FormatError::new("general.alignment is no power of two, or too large")
                .with_expected(format!("1, 2, 4 … {LARGEST_ALIGNMENT}"), alignment),
        );
    }
    Ok(u64::from(alignment))
}

fn entry(header: &mut Header<'_>) -> Result<Entry, FormatError> {
    let name = header.name("the name of a tensor")?;
    let about = |error: FormatError| error.tensor(&name);
    let dimensions = header.u32("the number of dimensions").map_err(about)?;
    if dimensions > MOST_DIMENSIONS {
        return Err(about(
            FormatError::new("it has too many dimensions")
                .with_expected(format!("at most {MOST_DIMENSIONS}"), dimensions),
        ));
    }
    let mut shape = Vec::with_capacity(dimensions as usize);
    for _ in 0..dimensions {
        shape.push(header.count("a dimension").map_err(about)?);
    }
    let kind = header.u32("the type of a tensor").map_err(about)?;
    let offset = header.u64("the offset of a tensor").map_err(about)?;
    let known = measure(&shape, kind, header.big_endian).map_err(about)?;
    // The file states the innermost axis first.
    shape.reverse();
    Ok(Entry {
        name,
        shape,
        kind,
        offset,
        known,
    })
}

/// Return dtype and length in bytes of a tensor; `None` if its type is not known. `shape` is as the file states it.
fn measure(shape: &[u64], kind: u32, big_endian: bool) -> Result<Option<(Dtype, u64)>, FormatError> {
    if let Some(dimension) = shape.iter().find(|dimension| **dimension > LARGEST_DIMENSION) {
        return Err(FormatError::new("a dimension is beyond 2^53 - 1")
            .with_expected(format!("at most {LARGEST_DIMENSION}"), dimension));
    }
    let overflow = || {
        FormatError::new("its shape overflows").with_expected("fewer than 2^64 bytes", format!("{shape:?}"))
    };
    let elements = shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length))
        .ok_or_else(overflow)?;
    let dtype = match types::known(kind) {
        Known::Block(dtype) if big_endian => {
            return Err(FormatError::unsupported(format!(
                "its type {} consists of blocks, and the byte order inside them is not converted: convert the file to little-endian",
                dtype.name()
            )));
        }
        Known::Plain(dtype) | Known::Block(dtype) => dtype,
        Known::Removed(_) | Known::Unknown => return Ok(None),
    };
    let row = shape.first().copied().unwrap_or(1);
    if !row.is_multiple_of(dtype.block) {
        return Err(FormatError::new("its rows end inside a block")
            .with_expected(format!("a multiple of {}", dtype.block), row));
    }
    let bytes = dtype.bytes_of(elements).ok_or_else(overflow)?;
    Ok(Some((dtype, bytes)))
}

fn check_names(entries: &mut [Entry]) -> Result<(), FormatError> {
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    match entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
        None => Ok(()),
        Some(pair) => Err(FormatError::new(
            "the name appears twice in the table, so two readers could load different models",
        )
        .tensor(&pair[0].name)),
    }
}

fn align(position: u64, alignment: u64) -> Result<u64, FormatError> {
    position
        .checked_next_multiple_of(alignment)
        .ok_or_else(|| FormatError::new("an offset overflows").with_expected("below 2^64", position))
}

/// Check that the tensors lie one after the other in the file, with only padding between them, and sort them so.
///
/// A tensor of an unknown type reaches up to the next one: its length cannot be checked.
fn check_layout(
    entries: &mut [Entry],
    start: u64,
    alignment: u64,
    file_length: u64,
) -> Result<(), FormatError> {
    // An empty tensor lies before a full one at the same offset.
    entries.sort_by_key(|entry| (entry.offset, entry.known.map_or(u64::MAX, |(_, bytes)| bytes)));
    // Where the last tensor ends, counted from the start of the data; not known behind an unknown type.
    let mut end = Some(0_u64);
    let mut position = 0;
    for entry in entries.iter() {
        let about = |error: FormatError| error.tensor(&entry.name);
        if !entry.offset.is_multiple_of(alignment) {
            return Err(about(
                FormatError::new("its offset is not aligned")
                    .with_expected(format!("a multiple of {alignment}"), entry.offset),
            ));
        }
        let expected = match end {
            Some(end) => align(end, alignment).map_err(about)?,
            None => entry.offset.max(position),
        };
        if entry.offset != expected {
            let message = if entry.offset < expected {
                "it overlaps the tensor before it"
            } else {
                "there is a gap before it"
            };
            return Err(about(
                FormatError::new(message).with_expected(format!("offset {expected}"), entry.offset),
            ));
        }
        let bytes = entry.known.map_or(0, |(_, bytes)| bytes);
        position = entry.offset.saturating_add(bytes);
        if start.checked_add(position).is_none_or(|last| last > file_length) {
            return Err(about(
                FormatError::new("the file ends before its data").with_expected(
                    format!("{} bytes", u128::from(start) + u128::from(position)),
                    format!("{file_length} bytes"),
                ),
            ));
        }
        end = entry.known.map(|_| position);
    }
    let Some(end) = end else { return Ok(()) };
    let most = align(start + end, alignment)?;
    if file_length > most {
        return Err(FormatError::new("bytes follow the last tensor")
            .with_expected(format!("at most {most} bytes"), format!("{file_length} bytes")));
    }
    Ok(())
}

fn add(listing: &mut Listing, entry: Entry, start: u64, big_endian: bool) {
    let Some((dtype, bytes)) = entry.known else {
        let kind = match types::known(entry.kind) {
            Known::Removed(name) => format!("{} ({name}, which ggml has removed)", entry.kind),
            _ => entry.kind.to_string(),
        };
        if listing.incomplete.is_none() {
            listing.incomplete = Some(format!(
                "the type {kind} of the tensor {:?} is not known, so its length is not",
                entry.name
            ));
        }
        listing.not_read.push(NotRead {
            reason: format!(
                "its ggml type {kind} is not known; shape {:?}, data from byte {}, length not verified",
                entry.shape,
                start + entry.offset
            ),
            name: entry.name,
        });
        return;
    };
    let (start, width) = (start + entry.offset, dtype.bits / 8);
    let end = start + bytes;
    let elements = if big_endian && dtype.block == 1 && width > 1 {
        Elements::Decoded(Arc::new(Swapped {
            start,
            end,
            width: usize::try_from(width).unwrap_or(1),
            what: "the data of a tensor",
        }))
    } else {
        Elements::InPlace { start, end }
    };
    listing.tensors.push(Tensor {
        name: entry.name,
        dtype,
        shape: entry.shape,
        elements,
    });
}
