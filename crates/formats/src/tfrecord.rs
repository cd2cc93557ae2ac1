//! TFRecord: records, each with its length before it, and a CRC-32C of both.
//!
//! A record is its length (8 bytes), the masked CRC-32C of these, its bytes, and the masked CRC-32C of those (4 bytes
//! each). Numbers are little-endian. Source: `tensorflow/core/lib/io/record_writer.h`.

use crate::error::FormatError;
use crate::pieces::Pieces;

/// The most bytes of a record, which is held in memory.
const RECORD: u64 = 256 << 20;

/// Reads the records of a file, and checks each.
pub struct Records {
    pieces: Pieces<'static>,
    record: Vec<u8>,
    /// The index of the next record.
    index: u64,
}

impl Records {
    /// Create a reader.
    pub const fn new(pieces: Pieces<'static>) -> Self {
        Self {
            pieces,
            record: Vec::new(),
            index: 0,
        }
    }

    /// Return the next record; `None` after the last.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>, FormatError> {
        let at = self.pieces.position();
        let head = self.pieces.up_to(12)?;
        if head.is_empty() {
            return Ok(None);
        }
        let index = self.index;
        let fault = |what: &str| FormatError::new(format!("record {index} at byte {at} {what}"));
        let (Some(length), Some(sum)) = (head.first_chunk::<8>(), head.last_chunk::<4>()) else {
            return Err(fault("is cut off"));
        };
        if head.len() < 12 {
            return Err(fault("is cut off"));
        }
        check(length, *sum).map_err(|(stated, own)| {
            fault("has a length with another checksum, so the file is damaged or no TFRecord")
                .with_expected(stated, own)
        })?;
        let length = u64::from_le_bytes(*length);
        if length > RECORD {
            return Err(FormatError {
                unsupported: true,
                ..fault("is too long").with_expected(format!("at most {RECORD} bytes"), length)
            });
        }
        self.record.clear();
        let mut left = length;
        while left > 0 {
            let piece = self.pieces.take(left)?;
            if piece.is_empty() {
                return Err(fault("is cut off"));
            }
            self.record.extend_from_slice(&piece);
            left -= piece.len() as u64;
        }
        let sum = self.pieces.up_to(4)?;
        let Some(sum) = sum.first_chunk::<4>() else {
            return Err(fault("is cut off"));
        };
        check(&self.record, *sum)
            .map_err(|(stated, own)| fault("has another checksum").with_expected(stated, own))?;
        self.index += 1;
        Ok(Some(&self.record))
    }
}

/// Compare the masked CRC-32C of bytes with a stated one; gives both if they differ.
fn check(bytes: &[u8], stated: [u8; 4]) -> Result<(), (String, String)> {
    let own = masked(bytes);
    let stated = u32::from_le_bytes(stated);
    if own == stated {
        return Ok(());
    }
    Err((format!("{stated:08x}"), format!("{own:08x}")))
}

/// Return the CRC-32C of bytes, rotated and added to, as the format wants it.
pub fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
