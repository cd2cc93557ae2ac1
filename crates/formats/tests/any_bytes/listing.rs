//! Check what must hold of every listing, whatever the bytes of the file were.

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::listing::{Elements, Listing, Tensor};
use std::collections::HashSet;

/// The longest piece that a decoder emits.
const PIECE: usize = 1 << 20;

/// Bytes that are decoded of one tensor. A view that repeats its storage can be as long as it likes.
const DECODED: u64 = 16 << 20;

/// Bytes that are decoded of one file.
const DECODED_IN_ALL: u64 = 64 << 20;

/// Check that names are unique, that nothing lies outside the file, and that shapes, dtypes and lengths agree.
///
/// Packed elements are decoded as well, so that a decoder that panics, hangs or lies about its length is found.
pub fn check(listing: &Listing, input: &Bytes) {
    let mut names = HashSet::new();
    let mut decoded = 0;
    for tensor in &listing.tensors {
        assert!(names.insert(&tensor.name), "{:?} comes twice", tensor.name);
        // A type without a known size is listed, and its file has no `weights`.
        let size = size(tensor);
        let is_known = listing.incomplete.is_none();
        assert!(size.is_some() || !is_known, "{tensor:?} has no size of 64 bits");
        let fits = |length: u64| !is_known || size == Some(length);
        match &tensor.elements {
            Elements::InPlace { start, end } => {
                assert!(
                    start <= end && *end <= input.len() as u64,
                    "{tensor:?} is outside"
                );
                assert!(fits(end - start), "{tensor:?} has another length");
            }
            Elements::External { path, start, end } => {
                assert!(
                    !path.is_empty() && !path.starts_with('/') && !path.contains('\\'),
                    "{path:?}"
                );
                assert!(
                    path.split('/').all(|part| !part.is_empty() && part != ".."),
                    "{path:?}"
                );
                assert!(
                    end.is_none_or(|end| *start <= end && fits(end - start)),
                    "{tensor:?}"
                );
            }
            Elements::Held(bytes) => {
                assert!(
                    bytes.len() <= 8 * input.len() + 8,
                    "{tensor:?} is longer than its file"
                );
                assert!(fits(bytes.len() as u64), "{tensor:?} has another length");
            }
            Elements::Decoded(_) => {
                assert!(fits(length(tensor)), "{tensor:?} has another length");
                if decoded < DECODED_IN_ALL {
                    decoded += decode(tensor, input);
                }
            }
        }
    }
    let buffers = listing.buffers.iter().flatten();
    for name in listing.shared.iter().flatten().chain(buffers) {
        assert!(names.contains(name), "{name:?} is not there");
    }
    let mut position = 0;
    for part in &listing.checked {
        assert!(
            position <= part.start && part.start <= part.end,
            "{part:?} overlaps"
        );
        assert!(part.end <= input.len() as u64, "{part:?} is outside");
        position = part.end;
    }
}

/// Return the bytes that dtype and shape ask for; `None` if they are more than 64 bits count.
fn size(tensor: &Tensor) -> Option<u64> {
    let elements = tensor
        .shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length))?;
    if tensor.dtype.block > 1 {
        return tensor.dtype.bytes_of(elements);
    }
    Some(elements.checked_mul(tensor.dtype.bits)?.div_ceil(8))
}

fn length(tensor: &Tensor) -> u64 {
    match &tensor.elements {
        Elements::Decoded(decode) => decode.length(),
        _ => 0,
    }
}

/// Decode a tensor, up to a limit; gives the bytes that were emitted. A decoder may find a fault late, and says so.
fn decode(tensor: &Tensor, input: &Bytes) -> u64 {
    let Elements::Decoded(decode) = &tensor.elements else {
        return 0;
    };
    let mut emitted = 0;
    let outcome = decode.decode(input, &mut |piece| {
        assert!(
            piece.len() <= PIECE,
            "{tensor:?} emits {} bytes at once",
            piece.len()
        );
        emitted += piece.len() as u64;
        assert!(emitted <= decode.length(), "{tensor:?} emits more than it states");
        if emitted > DECODED {
            return Err(FormatError::new("enough was decoded"));
        }
        Ok(())
    });
    assert!(
        outcome.is_err() || emitted == decode.length(),
        "{tensor:?} emits {emitted} bytes, and states {}",
        decode.length()
    );
    emitted
}
