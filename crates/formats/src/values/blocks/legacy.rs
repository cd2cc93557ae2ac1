//! Blocks of 32 elements with one scale: the elements of the first half lie in the low bits, those of the second half in
//! the high bits.

use super::{half, number};

/// Decode a block of Q4_0: scale, then nibbles around 8.
pub(super) fn q4_0(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 0);
    let (low, high) = into.split_at_mut(16);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(&block[2..]) {
        *low = number(i16::from(byte & 15) - 8) * scale;
        *high = number(i16::from(byte >> 4) - 8) * scale;
    }
}

/// Decode a block of Q4_1: scale, minimum, then nibbles.
pub(super) fn q4_1(block: &[u8], into: &mut [f32]) {
    let (scale, minimum) = (half(block, 0), half(block, 2));
    let (low, high) = into.split_at_mut(16);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(&block[4..]) {
        *low = number(byte & 15) * scale + minimum;
        *high = number(byte >> 4) * scale + minimum;
    }
}

/// Decode a block of Q5_0: scale, the fifth bits of all elements, then nibbles; around 16.
pub(super) fn q5_0(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 0);
    let fifths = fifths(block, 2);
    let (low, high) = into.split_at_mut(16);
    for (at, ((low, high), byte)) in low.iter_mut().zip(high).zip(&block[6..]).enumerate() {
        *low = number(i16::from(byte & 15 | fifth(fifths, at)) - 16) * scale;
        *high = number(i16::from(byte >> 4 | fifth(fifths, at + 16)) - 16) * scale;
    }
}

/// Decode a block of Q5_1: scale, minimum, the fifth bits of all elements, then nibbles.
pub(super) fn q5_1(block: &[u8], into: &mut [f32]) {
    let (scale, minimum) = (half(block, 0), half(block, 2));
    let fifths = fifths(block, 4);
    let (low, high) = into.split_at_mut(16);
    for (at, ((low, high), byte)) in low.iter_mut().zip(high).zip(&block[8..]).enumerate() {
        *low = number(byte & 15 | fifth(fifths, at)) * scale + minimum;
        *high = number(byte >> 4 | fifth(fifths, at + 16)) * scale + minimum;
    }
}

/// Decode a block of Q8_0: scale, then bytes with a sign.
pub(super) fn q8_0(block: &[u8], into: &mut [f32]) {
    bytes(half(block, 0), &block[2..], into);
}

/// Decode a block of Q8_1: scale, the sum of the elements, then bytes with a sign.
pub(super) fn q8_1(block: &[u8], into: &mut [f32]) {
    bytes(half(block, 0), &block[4..], into);
}

/// Decode bytes with a sign.
pub(super) fn bytes(scale: f32, bytes: &[u8], into: &mut [f32]) {
    for (into, byte) in into.iter_mut().zip(bytes) {
        *into = number(byte.cast_signed()) * scale;
    }
}

fn fifths(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// Return the fifth bit of an element, as 0 or 16.
fn fifth(fifths: u32, at: usize) -> u8 {
    u8::from(fifths >> at & 1 == 1) << 4
}
