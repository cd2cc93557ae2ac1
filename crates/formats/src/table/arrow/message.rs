//! Locations of messages, and the lengths that they state for their buffers.

use super::{CONTINUATION, invalid};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::table::foreign::foreign;
use arrow_buffer::Buffer;
use arrow_ipc::{CompressionType, Message, MetadataVersion, RecordBatch};
use bytes::Bytes;
use std::ops::Range;

/// Bytes that the buffers of one message may state to hold decompressed, in addition to [`MESSAGE_RATIO`] times the
/// message.
const MESSAGE_LIMIT: u64 = 2 << 30;
const MESSAGE_RATIO: u64 = 64;

/// The most bytes that one compressed byte expands to: Zstandard has 4 bytes for a block of 128 KiB.
const ZSTD_RATIO: u64 = 32_768;
const LZ4_RATIO: u64 = 256;

/// A message: its head, and its buffers behind it.
pub struct Location {
    pub head: Range<u64>,
    pub body: Range<u64>,
}

/// Convert a stated offset and lengths to the location of a message.
pub fn locate(offset: i64, head: i64, body: i64) -> Option<Location> {
    let offset = u64::try_from(offset).ok()?;
    let head = offset.checked_add(u64::try_from(head).ok()?)?;
    let body = head.checked_add(u64::try_from(body).ok()?)?;
    Some(Location {
        head: offset..head,
        body: head..body,
    })
}

/// Refuse versions that are not supported.
pub fn check_version(version: MetadataVersion) -> Result<(), FormatError> {
    match version {
        MetadataVersion::V4 | MetadataVersion::V5 => Ok(()),
        other => Err(FormatError::unsupported(format!(
            "Arrow metadata version {other:?} is not supported"
        ))),
    }
}

/// Remove the marker and the length before a head, as a file has them.
pub fn without_prefix(head: &Bytes) -> Option<Bytes> {
    let start = if head.starts_with(&CONTINUATION) { 8 } else { 4 };
    (head.len() >= start).then(|| head.slice(start..))
}

/// Read the head of the message at `position` of a stream, and move `position` behind it; `None` at the end of the file
/// or behind the marker that ends the stream.
pub fn following(input: &dyn Input, position: &mut u64) -> Result<Option<Bytes>, FormatError> {
    let mut number = || -> Result<Option<[u8; 4]>, FormatError> {
        if *position == input.length() {
            return Ok(None);
        }
        let bytes = read_checked(input, *position, 4, "a message")?;
        *position += 4;
        Ok(Some([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    // Versions before 0.15 had no marker.
    let mut length = number()?;
    if length == Some(CONTINUATION) {
        length = number()?;
        if length.is_none() {
            return Err(invalid("a message is truncated"));
        }
    }
    let Some(length) = length.map(i32::from_le_bytes).filter(|length| *length != 0) else {
        return Ok(None);
    };
    let length = u64::try_from(length).map_err(|_| invalid("a message has a negative length"))?;
    let head = read_checked(input, *position, length, "the head of a message")?;
    *position += length;
    Ok(Some(head))
}

/// Parse and verify the head of a message.
pub fn message(head: &[u8]) -> Result<Message<'_>, FormatError> {
    let message = foreign(|| arrow_ipc::root_as_message(head))?
        .map_err(|error| invalid(&format!("the head of a message is damaged: {error}")))?;
    check_version(message.version())?;
    Ok(message)
}

/// Check the lengths that a batch states for its buffers against the bytes of the message.
pub fn check_batch(batch: &RecordBatch<'_>, body: &Buffer) -> Result<(), FormatError> {
    let nodes = batch.nodes().into_iter().flatten();
    for node in nodes {
        if node.length() < 0 || node.null_count() < 0 || node.null_count() > node.length() {
            return Err(invalid("a batch has impossible lengths"));
        }
    }
    let compression = batch.compression().map(|compression| compression.codec());
    let mut total = 0_u64;
    let limit = MESSAGE_LIMIT + (body.len() as u64).saturating_mul(MESSAGE_RATIO);
    for buffer in batch.buffers().into_iter().flatten() {
        let range = locate(buffer.offset(), buffer.length(), 0).map(|location| location.head);
        let bytes = range
            .and_then(|range| Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?))
            .and_then(|range| body.as_slice().get(range))
            .ok_or_else(|| invalid("a buffer is outside its message"))?;
        let (Some(codec), Some((stated, packed))) = (compression, bytes.split_first_chunk::<8>()) else {
            continue;
        };
        let ratio = if codec == CompressionType::LZ4_FRAME {
            LZ4_RATIO
        } else {
            ZSTD_RATIO
        };
        // A negative length marks an uncompressed buffer.
        let stated = u64::try_from(i64::from_le_bytes(*stated)).unwrap_or_default();
        total = total.saturating_add(stated);
        if stated / ratio > packed.len() as u64 || total > limit {
            return Err(
                FormatError::new("a buffer has an impossible length").with_expected(
                    format!(
                        "at most {} bytes, and {limit} in one message",
                        (packed.len() as u64 + 1).saturating_mul(ratio)
                    ),
                    format!("{stated} bytes"),
                ),
            );
        }
    }
    Ok(())
}
