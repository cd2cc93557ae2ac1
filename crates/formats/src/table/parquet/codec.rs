//! Decompression of pages, to exactly the length that a header states, and without trust in it.
//!
//! The crate's own codecs let gzip and Brotli grow without end and reserve what a header states.

use crate::error::FormatError;
use parquet::basic::Compression;
use std::io::Read;

/// The most bytes that are reserved because a header states them. Beyond it a buffer grows with the output.
const TRUSTED: usize = 16 << 20;

/// Decompress `bytes` to exactly `length` bytes, and append them to `output`.
pub fn decompress(
    codec: Compression,
    bytes: &[u8],
    length: usize,
    output: &mut Vec<u8>,
) -> Result<(), FormatError> {
    let start = output.len();
    match codec {
        Compression::UNCOMPRESSED => output.extend_from_slice(bytes),
        Compression::SNAPPY => {
            let stated = snap::raw::decompress_len(bytes).map_err(|error| broken("Snappy", error))?;
            // Three bytes decompress to 64 at most.
            reserve(bytes, length, 22, output)?;
            if stated == length {
                output.resize(start + length, 0);
                snap::raw::Decoder::new()
                    .decompress(bytes, &mut output[start..])
                    .map_err(|error| broken("Snappy", error))?;
            }
        }
        Compression::LZ4_RAW => lz4_block(bytes, length, output)?,
        Compression::LZ4 => lz4_hadoop(bytes, length, output)?,
        Compression::GZIP(_) => {
            bounded(flate2::read::MultiGzDecoder::new(bytes), "gzip", length, output)?;
        }
        Compression::BROTLI(_) => {
            let decoder = brotli_decompressor::Decompressor::new(bytes, 16 << 10);
            bounded(decoder, "Brotli", length, output)?;
        }
        Compression::ZSTD(_) => {
            if length <= TRUSTED {
                output.resize(start + length, 0);
                let written = zstd::bulk::decompress_to_buffer(bytes, &mut output[start..])
                    .map_err(|error| broken("Zstandard", error))?;
                output.truncate(start + written);
            } else {
                let decoder = zstd::stream::read::Decoder::with_buffer(bytes)
                    .map_err(|error| broken("Zstandard", error))?;
                bounded(decoder, "Zstandard", length, output)?;
            }
        }
        Compression::LZO => {
            return Err(FormatError::unsupported(
                "pages compressed with LZO are not supported",
            ));
        }
    }
    let written = output.len() - start;
    if written != length {
        return Err(
            FormatError::new("a page does not decompress to the length that its header states")
                .with_expected(format!("{length} bytes"), format!("{written} bytes")),
        );
    }
    Ok(())
}

fn broken(codec: &str, error: impl std::fmt::Display) -> FormatError {
    FormatError::new(format!("a page is not valid {codec} data: {error}"))
}

/// Reserve `length` bytes, or refuse a length that `bytes` cannot decompress to.
fn reserve(bytes: &[u8], length: usize, most: usize, output: &mut Vec<u8>) -> Result<(), FormatError> {
    if length > TRUSTED && length / most > bytes.len() {
        return Err(
            FormatError::new("a page is too short for the size in its header").with_expected(
                format!("at most {} bytes decompressed", bytes.len().saturating_mul(most)),
                format!("{length} bytes"),
            ),
        );
    }
    output.reserve(length);
    Ok(())
}

/// Read the whole output of `decoder`, but at most one byte more than `length`.
fn bounded(decoder: impl Read, codec: &str, length: usize, output: &mut Vec<u8>) -> Result<(), FormatError> {
    output.reserve(length.min(TRUSTED));
    decoder
        .take(length as u64 + 1)
        .read_to_end(output)
        .map_err(|error| broken(codec, error))?;
    Ok(())
}

fn lz4_block(bytes: &[u8], length: usize, output: &mut Vec<u8>) -> Result<(), FormatError> {
    // A length byte stands for 255 bytes at most.
    reserve(bytes, length, 256, output)?;
    let start = output.len();
    output.resize(start + length, 0);
    let written = lz4_flex::block::decompress_into(bytes, &mut output[start..])
        .map_err(|error| broken("LZ4", error))?;
    output.truncate(start + written);
    Ok(())
}

/// Decompress the older LZ4 of Parquet: blocks framed as in Hadoop, or, from other writers, LZ4 frames or one block.
fn lz4_hadoop(bytes: &[u8], length: usize, output: &mut Vec<u8>) -> Result<(), FormatError> {
    let start = output.len();
    if framed(bytes, length, output).is_some() {
        return Ok(());
    }
    output.truncate(start);
    if bytes.starts_with(&[0x04, 0x22, 0x4d, 0x18]) {
        return bounded(lz4_flex::frame::FrameDecoder::new(bytes), "LZ4", length, output);
    }
    lz4_block(bytes, length, output)
}

/// Decompress blocks that each follow their decompressed and compressed length, both big-endian.
fn framed(mut bytes: &[u8], length: usize, output: &mut Vec<u8>) -> Option<()> {
    let start = output.len();
    while !bytes.is_empty() {
        let (stated, rest) = bytes.split_first_chunk::<4>()?;
        let (packed, rest) = rest.split_first_chunk::<4>()?;
        let stated = usize::try_from(u32::from_be_bytes(*stated)).ok()?;
        let packed = usize::try_from(u32::from_be_bytes(*packed)).ok()?;
        if packed > rest.len() || stated > length - (output.len() - start) {
            return None;
        }
        lz4_block(&rest[..packed], stated, output).ok()?;
        if output.len() - start > length {
            return None;
        }
        bytes = &rest[packed..];
    }
    (output.len() - start == length).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("written");
        encoder.finish().expect("finished")
    }

    #[test]
    fn decompression_stops_at_the_stated_length() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let mut output = Vec::new();
        let error = decompress(
            Compression::GZIP(parquet::basic::GzipLevel::default()),
            &bomb,
            1000,
            &mut output,
        )
        .expect_err("refused");
        assert!(error.message.contains("does not decompress"), "{error}");
        assert!(output.capacity() < 1 << 20, "{} bytes", output.capacity());
    }

    #[test]
    fn unreachable_length_allocates_nothing() {
        for codec in [
            Compression::SNAPPY,
            Compression::LZ4_RAW,
            Compression::LZ4,
            Compression::GZIP(parquet::basic::GzipLevel::default()),
            Compression::BROTLI(parquet::basic::BrotliLevel::default()),
            Compression::ZSTD(parquet::basic::ZstdLevel::default()),
        ] {
            let mut output = Vec::new();
            decompress(codec, &[0; 40], 1 << 30, &mut output).expect_err("refused");
            assert!(
                output.capacity() <= 2 * TRUSTED,
                "{codec}: {} bytes",
                output.capacity()
            );
        }
    }

    #[test]
    fn old_lz4_framings_agree() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|i| (i % 7) as u8).collect();
        let block = lz4_flex::block::compress(&bytes);
        let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
        frame.write_all(&bytes).expect("written");
        let mut hadoop = Vec::new();
        for part in bytes.chunks(6000) {
            let packed = lz4_flex::block::compress(part);
            for length in [part.len(), packed.len()] {
                hadoop.extend(u32::try_from(length).expect("short").to_be_bytes());
            }
            hadoop.extend(packed);
        }
        for packed in [block, frame.finish().expect("finished"), hadoop] {
            let mut output = Vec::new();
            decompress(Compression::LZ4, &packed, bytes.len(), &mut output).expect("decompressed");
            assert_eq!(output, bytes);
        }
    }
}
