//! Blocks of 256 elements, in which 16 or 32 have a scale of their own.

use super::legacy::bytes;
use super::{half, number};

/// Decode a block of Q2_K: 16 pairs of a scale and a minimum in nibbles, then elements of two bits.
pub(super) fn q2(block: &[u8], into: &mut [f32]) {
    let (scales, codes) = (&block[..16], &block[16..80]);
    let (scale, minimum) = (half(block, 80), half(block, 82));
    for (at, into) in into.chunks_exact_mut(16).enumerate() {
        let own = scale * number(scales[at] & 15);
        let least = minimum * number(scales[at] >> 4);
        let (first, shift) = codes_of_two_bits(at);
        for (into, code) in into.iter_mut().zip(&codes[first..]) {
            *into = own * number(code >> shift & 3) - least;
        }
    }
}

/// Return where 16 elements of two bits lie: the first byte, and the shift.
const fn codes_of_two_bits(sixteenth: usize) -> (usize, usize) {
    let (half, within) = (sixteenth / 8, sixteenth % 8);
    (half * 32 + within % 2 * 16, within / 2 * 2)
}

/// Decode a block of Q3_K: the third bits of all elements, the two low bits, then 16 scales of six bits around 32.
pub(super) fn q3(block: &[u8], into: &mut [f32]) {
    let (thirds, codes, scales) = (&block[..32], &block[32..96], &block[96..108]);
    let scale = half(block, 108);
    for (at, into) in into.chunks_exact_mut(16).enumerate() {
        // The four low bits of eight scales are low nibbles, those of the others high nibbles; two high bits follow.
        let low = scales[at % 8] >> (at / 8 * 4) & 15;
        let high = scales[8 + at % 4] >> (at / 4 * 2) & 3;
        let own = scale * number(i16::from(low | high << 4) - 32);
        let (first, shift) = codes_of_two_bits(at);
        let third = at / 2;
        let bits = codes[first..].iter().zip(&thirds[at % 2 * 16..]);
        for (into, (code, thirds)) in into.iter_mut().zip(bits) {
            let below = if thirds >> third & 1 == 1 { 0 } else { 4 };
            *into = own * number(i16::from(code >> shift & 3) - below);
        }
    }
}

/// Return scale `at` and minimum `at`, of six bits each, out of the twelve bytes that hold eight of both.
fn scale_and_minimum(packed: &[u8], at: usize) -> (u8, u8) {
    if at < 4 {
        return (packed[at] & 63, packed[at + 4] & 63);
    }
    let (low, first, second) = (packed[at + 4], packed[at - 4], packed[at]);
    (low & 15 | first >> 6 << 4, low >> 4 | second >> 6 << 4)
}

/// Decode a block of Q4_K: scales and minimums of six bits, then nibbles.
pub(super) fn q4(block: &[u8], into: &mut [f32]) {
    let (scale, minimum) = (half(block, 0), half(block, 2));
    let codes = &block[16..];
    for (at, into) in into.chunks_exact_mut(32).enumerate() {
        let (own, least) = scale_and_minimum(&block[4..16], at);
        let (own, least) = (scale * number(own), minimum * number(least));
        for (into, code) in into.iter_mut().zip(&codes[at / 2 * 32..]) {
            *into = own * number(code >> (at % 2 * 4) & 15) - least;
        }
    }
}

/// Decode a block of Q5_K: scales and minimums of six bits, the fifth bits of all elements, then nibbles.
pub(super) fn q5(block: &[u8], into: &mut [f32]) {
    let (scale, minimum) = (half(block, 0), half(block, 2));
    let (fifths, codes) = (&block[16..48], &block[48..]);
    for (at, into) in into.chunks_exact_mut(32).enumerate() {
        let (own, least) = scale_and_minimum(&block[4..16], at);
        let (own, least) = (scale * number(own), minimum * number(least));
        for (into, (code, fifth)) in into.iter_mut().zip(codes[at / 2 * 32..].iter().zip(fifths)) {
            let fifth = (fifth >> at & 1) << 4;
            *into = own * number(code >> (at % 2 * 4) & 15 | fifth) - least;
        }
    }
}

/// Decode a block of Q6_K: the four low bits of all elements, the two high bits, 16 scales with a sign, around 32.
pub(super) fn q6(block: &[u8], into: &mut [f32]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let scale = half(block, 208);
    for (at, into) in into.chunks_exact_mut(32).enumerate() {
        let (half, quarter) = (at / 4, at % 4);
        let low = &low[half * 64 + quarter % 2 * 32..];
        let bits = low.iter().zip(&high[half * 32..]);
        for (index, (into, (low, high))) in into.iter_mut().zip(bits).enumerate() {
            let own = scale * number(scales[at * 2 + index / 16].cast_signed());
            let code = low >> (quarter / 2 * 4) & 15 | (high >> (quarter * 2) & 3) << 4;
            *into = own * number(i16::from(code) - 32);
        }
    }
}

/// Decode a block of Q8_K: a scale of 32 bits, then bytes with a sign; sums follow.
pub(super) fn q8(block: &[u8], into: &mut [f32]) {
    let scale = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
    bytes(scale, &block[4..260], into);
}
