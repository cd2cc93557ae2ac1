//! The data of a member: streamed, and checked against what the archive says of it.

use super::{Member, Method};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that are read or emitted at once.
const PIECE: u64 = 256 << 10;

type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), FormatError> + 'a;

/// Emit the data of a member, and check its length and its CRC-32.
pub fn stream(member: &Member, input: &dyn Input, emit: &mut Emit) -> Result<(), FormatError> {
    check_crc(member, data(member, input, emit)?)
}

/// Emit the data of a member, and check its length; gives its CRC-32.
pub fn data(member: &Member, input: &dyn Input, emit: &mut Emit) -> Result<u32, FormatError> {
    let mut crc = crc32fast::Hasher::new();
    match member.method {
        Method::Stored => {
            let mut pieces = Pieces::new(member, input);
            while let Some(piece) = pieces.next()? {
                crc.update(&piece);
                emit(&piece)?;
            }
        }
        Method::Deflated => inflate(member, input, &mut |piece| {
            crc.update(piece);
            emit(piece)
        })?,
    }
    Ok(crc.finalize())
}

/// Refuse a member whose data has another CRC-32 than the zip states.
pub fn check_crc(member: &Member, crc: u32) -> Result<(), FormatError> {
    if crc == member.crc {
        return Ok(());
    }
    Err(fault(member, "does not have the CRC-32 that the zip states")
        .with_expected(format!("{:08x}", member.crc), format!("{crc:08x}")))
}

fn fault(member: &Member, what: &str) -> FormatError {
    FormatError::new(format!("the member {:?} of the zip {what}", member.name))
}

/// The bytes of a member as they lie in the file, piece by piece.
struct Pieces<'a> {
    input: &'a dyn Input,
    at: u64,
    end: u64,
}

impl<'a> Pieces<'a> {
    fn new(member: &Member, input: &'a dyn Input) -> Self {
        Self {
            input,
            at: member.start,
            end: member.start + member.stored,
        }
    }

    fn next(&mut self) -> Result<Option<bytes::Bytes>, FormatError> {
        let length = PIECE.min(self.end - self.at);
        if length == 0 {
            return Ok(None);
        }
        let piece = read_checked(self.input, self.at, length, "a member of the zip")?;
        self.at += length;
        Ok(Some(piece))
    }
}

/// Decompress a member. Nothing is emitted beyond the length that the zip states.
fn inflate(member: &Member, input: &dyn Input, emit: &mut Emit) -> Result<(), FormatError> {
    let mut pieces = Pieces::new(member, input);
    let mut decoder = Decompress::new(false);
    #[allow(clippy::cast_possible_truncation, reason = "a constant")]
    let mut output = vec![0; PIECE as usize];
    let (mut emitted, mut piece, mut used) = (0_u64, bytes::Bytes::new(), 0);
    loop {
        if used == piece.len() {
            (piece, used) = (pieces.next()?.unwrap_or_default(), 0);
        }
        let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
        let status = decoder
            .decompress(&piece[used..], &mut output, FlushDecompress::None)
            .map_err(|error| fault(member, &format!("is not valid deflate data: {error}")))?;
        let read = decoder.total_in() - before_in;
        let written = decoder.total_out() - before_out;
        used += usize::try_from(read)
            .unwrap_or(usize::MAX)
            .min(piece.len() - used);
        emitted += written;
        if emitted > member.length {
            return Err(fault(member, "decompresses to more than the zip states")
                .with_expected(format!("{} bytes", member.length), "more"));
        }
        let written = usize::try_from(written).unwrap_or(usize::MAX).min(output.len());
        if written > 0 {
            emit(&output[..written])?;
        }
        if matches!(status, Status::StreamEnd) {
            break;
        }
        if read == 0 && written == 0 && (used == piece.len()) && pieces.at == pieces.end {
            return Err(fault(member, "ends inside its deflate data"));
        }
    }
    if emitted != member.length {
        return Err(fault(member, "decompresses to less than the zip states")
            .with_expected(format!("{} bytes", member.length), format!("{emitted} bytes")));
    }
    if decoder.total_in() != member.stored {
        return Err(fault(member, "has bytes behind its deflate data").with_expected(
            format!("{} bytes", member.stored),
            format!("{} bytes", decoder.total_in()),
        ));
    }
    Ok(())
}
