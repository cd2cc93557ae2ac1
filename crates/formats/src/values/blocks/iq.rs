//! Blocks of 256 elements whose codes stand for vectors of a grid.

use super::grids::{ONE, THREE_256, THREE_512, TWO_256, TWO_512, TWO_1024};
use super::{half, number};
use crate::values::float;

/// Constant that is added to or taken from every value of a vector of `IQ1_S` and `IQ1_M`.
const SHIFT: f32 = 0.125;

fn word(block: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([block[at], block[at + 1]])
}

fn double_word(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// Return eight signs out of seven bits: the eighth makes the number of negative ones even (`ksigns_iq2xs`).
#[allow(clippy::cast_possible_truncation, reason = "seven bits")]
const fn even_signs(bits: u32) -> u8 {
    let bits = (bits & 127) as u8;
    bits | (bits.count_ones() as u8 & 1) << 7
}

/// Write the magnitudes of a vector times a scale, with the signs that the bits give.
fn signed(scale: f32, vector: &[i8], signs: u8, into: &mut [f32]) {
    for (at, (into, magnitude)) in into.iter_mut().zip(vector).enumerate() {
        let value = scale * number(*magnitude);
        *into = if signs >> at & 1 == 1 { -value } else { value };
    }
}

/// Return nibble `at` of bytes, the lower one of each byte first.
fn nibble(bytes: &[u8], at: usize) -> f32 {
    number(bytes[at / 2] >> (at % 2 * 4) & 15)
}

/// Decode a block of `IQ2_XXS`: the scale, then for each 32 elements four codes, four times seven signs, and a scale of four
/// bits.
pub(super) fn iq2_xxs(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 0);
    for (into, part) in into.chunks_exact_mut(32).zip(block[2..].chunks_exact(8)) {
        let rest = double_word(part, 4);
        #[allow(clippy::cast_precision_loss, reason = "four bits")]
        let own = scale * (0.5 + (rest >> 28) as f32) * 0.25;
        for (at, into) in into.chunks_exact_mut(8).enumerate() {
            let vector = &TWO_256[usize::from(part[at])];
            signed(own, vector, even_signs(rest >> (7 * at)), into);
        }
    }
}

/// Decode a block of `IQ2_XS`: the scale, codes of nine bits with seven signs, then a scale of four bits for each 16
/// elements.
pub(super) fn iq2_xs(block: &[u8], into: &mut [f32]) {
    let (scale, scales) = (half(block, 0), &block[66..]);
    for (at, into) in into.chunks_exact_mut(8).enumerate() {
        let code = word(block, 2 + 2 * at);
        let own = scale * (0.5 + nibble(scales, at / 2)) * 0.25;
        let vector = &TWO_512[usize::from(code & 511)];
        signed(own, vector, even_signs(u32::from(code >> 9)), into);
    }
}

/// Decode a block of `IQ2_S`: the scale, the low eight bits of the codes, signs, their two high bits, then a scale of four
/// bits for each 16 elements.
pub(super) fn iq2_s(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 0);
    let (low, signs, high, scales) = (&block[2..34], &block[34..66], &block[66..74], &block[74..]);
    for (at, into) in into.chunks_exact_mut(8).enumerate() {
        let code = u16::from(low[at]) | u16::from(high[at / 4] >> (at % 4 * 2) & 3) << 8;
        let own = scale * (0.5 + nibble(scales, at / 2)) * 0.25;
        signed(own, &TWO_1024[usize::from(code)], signs[at], into);
    }
}

/// Decode a block of `IQ3_XXS`: the scale, codes, then for each 32 elements four times seven signs and a scale of four bits.
pub(super) fn iq3_xxs(block: &[u8], into: &mut [f32]) {
    let (scale, codes) = (half(block, 0), &block[2..66]);
    for (part, into) in into.chunks_exact_mut(32).enumerate() {
        let rest = double_word(block, 66 + 4 * part);
        #[allow(clippy::cast_precision_loss, reason = "four bits")]
        let own = scale * (0.5 + (rest >> 28) as f32) * 0.5;
        for (at, into) in into.chunks_exact_mut(8).enumerate() {
            let signs = even_signs(rest >> (7 * at));
            for (half, into) in into.chunks_exact_mut(4).enumerate() {
                let vector = &THREE_256[usize::from(codes[part * 8 + at * 2 + half])];
                signed(own, vector, signs >> (4 * half), into);
            }
        }
    }
}

/// Decode a block of `IQ3_S`: the scale, the low eight bits of the codes, their ninth bits, signs, then a scale of four bits
/// for each 32 elements.
pub(super) fn iq3_s(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 0);
    let (low, high, signs, scales) = (&block[2..66], &block[66..74], &block[74..106], &block[106..]);
    for (at, into) in into.chunks_exact_mut(4).enumerate() {
        let code = u16::from(low[at]) | u16::from(high[at / 8] >> (at % 8) & 1) << 8;
        let own = scale * (1.0 + 2.0 * nibble(scales, at / 8));
        let signs = signs[at / 2] >> (at % 2 * 4);
        signed(own, &THREE_512[usize::from(code)], signs, into);
    }
}

fn shifted(scale: f32, code: u16, shift: f32, into: &mut [f32]) {
    for (into, value) in into.iter_mut().zip(&ONE[usize::from(code)]) {
        *into = scale * (number(*value) + shift);
    }
}

/// Decode a block of `IQ1_S`: the scale, the low eight bits of the codes, then for each 32 elements their three high bits, a
/// scale of three bits, and the sign of the shift.
pub(super) fn iq1_s(block: &[u8], into: &mut [f32]) {
    let (scale, low) = (half(block, 0), &block[2..34]);
    for (part, into) in into.chunks_exact_mut(32).enumerate() {
        let high = word(block, 34 + 2 * part);
        let own = scale * f32::from(2 * (high >> 12 & 7) + 1);
        let shift = if high & 0x8000 == 0 { SHIFT } else { -SHIFT };
        for (at, into) in into.chunks_exact_mut(8).enumerate() {
            let code = u16::from(low[part * 4 + at]) | (high >> (3 * at) & 7) << 8;
            shifted(own, code, shift, into);
        }
    }
}

/// Decode a block of `IQ1_M`: the low eight bits of the codes, nibbles of three high bits and the sign of the shift, then
/// scales of three bits for each 16 elements; the four high bits of each of their words are the scale of the block.
pub(super) fn iq1_m(block: &[u8], into: &mut [f32]) {
    let (low, high) = (&block[..32], &block[32..48]);
    let bits = (0..4).fold(0, |bits, at| bits | word(block, 48 + 2 * at) >> 12 << (4 * at));
    let scale = float::f16(bits);
    for (at, into) in into.chunks_exact_mut(8).enumerate() {
        let sixteenth = at / 2;
        let scales = word(block, 48 + sixteenth / 4 * 2);
        let own = scale * f32::from(2 * (scales >> (sixteenth % 4 * 3) & 7) + 1);
        let nibble = high[at / 2] >> (at % 2 * 4);
        let shift = if nibble & 8 == 0 { SHIFT } else { -SHIFT };
        shifted(own, u16::from(low[at]) | u16::from(nibble & 7) << 8, shift, into);
    }
}
