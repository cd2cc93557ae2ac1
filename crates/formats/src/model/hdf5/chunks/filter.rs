//! Undo the filters of a chunk.

use crate::error::FormatError;
use crate::model::hdf5::checksum::fletcher32;
use crate::model::hdf5::layout::Filter;
use flate2::{Decompress, FlushDecompress, Status};

/// Undo the filters that `mask` does not leave out; the result has `expected` bytes.
pub(super) fn undo(
    filters: &[Filter],
    mask: u32,
    stored: Vec<u8>,
    expected: usize,
) -> Result<Vec<u8>, FormatError> {
    let mut data = stored;
    // A checksum adds four bytes, which a filter after it may see.
    let limit = expected + 4 * filters.len();
    for (index, filter) in filters.iter().enumerate().rev() {
        if mask
            .checked_shr(u32::try_from(index).unwrap_or(u32::MAX))
            .unwrap_or(0)
            & 1
            != 0
        {
            continue;
        }
        data = match filter {
            Filter::Deflate => inflate(&data, limit)?,
            Filter::Shuffle(size) => unshuffle(data, *size),
            Filter::Fletcher32 => without_checksum(data)?,
            Filter::Lzf => lzf(&data, limit)?,
        };
    }
    if data.len() != expected {
        return Err(wrong_length(expected, data.len()));
    }
    Ok(data)
}

fn wrong_length(expected: usize, received: impl std::fmt::Display) -> FormatError {
    FormatError::new("a chunk is not as long as it must be once its filters are undone")
        .with_expected(format!("{expected} bytes"), format!("{received} bytes"))
}

fn inflate(data: &[u8], limit: usize) -> Result<Vec<u8>, FormatError> {
    // Deflate makes at most 1032 bytes of one; the room is taken for what can really come.
    let room = limit.min(data.len().saturating_mul(1032).saturating_add(64));
    let mut output = Vec::with_capacity(room);
    let status = Decompress::new(true)
        .decompress_vec(data, &mut output, FlushDecompress::Finish)
        .map_err(|error| FormatError::new(format!("a chunk is not what deflate writes: {error}")))?;
    match status {
        Status::StreamEnd => Ok(output),
        _ if output.len() == room => Err(wrong_length(limit, "more")),
        _ => Err(FormatError::new("a chunk ends before its compressed data does")),
    }
}

fn unshuffle(data: Vec<u8>, size: usize) -> Vec<u8> {
    if size < 2 || data.len() < 2 * size {
        return data;
    }
    let count = data.len() / size;
    let mut output = vec![0; data.len()];
    for (byte, plane) in data.chunks_exact(count).take(size).enumerate() {
        for (location, value) in output.iter_mut().skip(byte).step_by(size).zip(plane) {
            *location = *value;
        }
    }
    output[count * size..].copy_from_slice(&data[count * size..]);
    output
}

fn without_checksum(mut data: Vec<u8>) -> Result<Vec<u8>, FormatError> {
    let Some((content, stored)) = data.split_last_chunk::<4>() else {
        return Err(FormatError::new("a chunk is shorter than its checksum"));
    };
    let (expected, received) = (u32::from_le_bytes(*stored), fletcher32(content));
    if expected != received {
        return Err(FormatError::new("a chunk does not fit its checksum")
            .with_expected(format!("{expected:08x}"), format!("{received:08x}")));
    }
    data.truncate(data.len() - 4);
    Ok(data)
}

/// Decompress what LibLZF wrote.
fn lzf(data: &[u8], limit: usize) -> Result<Vec<u8>, FormatError> {
    let broken = || FormatError::new("a chunk is not what LZF writes");
    let mut output = Vec::new();
    let mut rest = data.iter().copied();
    while let Some(control) = rest.next() {
        if control < 32 {
            for _ in 0..=control {
                output.push(rest.next().ok_or_else(broken)?);
            }
        } else {
            let mut length = usize::from(control >> 5);
            if length == 7 {
                length += usize::from(rest.next().ok_or_else(broken)?);
            }
            let back = usize::from(control & 0x1f) << 8 | usize::from(rest.next().ok_or_else(broken)?);
            let start = output.len().checked_sub(back + 1).ok_or_else(broken)?;
            for location in start..start + length + 2 {
                output.push(output[location]);
            }
        }
        if output.len() > limit {
            return Err(wrong_length(limit, "more"));
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_bytes_come_back_with_a_rest() {
        assert_eq!(unshuffle(vec![1, 3, 2, 4, 9], 2), [1, 2, 3, 4, 9]);
    }

    #[test]
    fn lzf_refuses_a_reference_before_the_start() {
        assert_eq!(lzf(&[0, 7, 0x20, 0], 16).expect("decodes"), [7, 7, 7, 7]);
        assert!(lzf(&[0, 7, 0x20, 1], 16).is_err());
        assert!(lzf(&[5, 7], 16).is_err());
        assert!(lzf(&[0, 7, 0xe0, 255, 0], 16).is_err());
    }
}
