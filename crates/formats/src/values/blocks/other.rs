//! Blocks whose elements index a list of values, or have three values.

use super::{half, number};

/// Values that the elements of the IQ4 types index (`kvalues_iq4nl`).
const IQ4: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

/// Twice the values of FP4, which the elements of MXFP4 index (`kvalues_mxfp4`). There is no negative zero.
const FP4_TWICE: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

fn listed(scale: f32, codes: &[u8], values: &[i8; 16], into: &mut [f32]) {
    let (low, high) = into.split_at_mut(16);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(codes) {
        *low = scale * number(values[usize::from(byte & 15)]);
        *high = scale * number(values[usize::from(byte >> 4)]);
    }
}

/// Decode a block of IQ4_NL: scale, then nibbles.
pub(super) fn iq4_nl(block: &[u8], into: &mut [f32]) {
    listed(half(block, 0), &block[2..], &IQ4, into);
}

/// Decode a block of IQ4_XS: scale, eight scales of six bits around 32, then nibbles.
pub(super) fn iq4_xs(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 0);
    let high = u16::from_le_bytes([block[2], block[3]]);
    let (low, codes) = (&block[4..8], &block[8..]);
    for (at, (into, codes)) in into.chunks_exact_mut(32).zip(codes.chunks_exact(16)).enumerate() {
        let low = u16::from(low[at / 2] >> (at % 2 * 4) & 15);
        let own = (low | (high >> (at * 2) & 3) << 4).cast_signed() - 32;
        listed(scale * number(own), codes, &IQ4, into);
    }
}

/// Decode a block of MXFP4: the exponent of the scale, then nibbles. As in ggml, 255 is an exponent like the others.
pub(super) fn mxfp4(block: &[u8], into: &mut [f32]) {
    let exponent = u32::from(block[0]);
    // Half of the power of two, because the values are twice those of FP4.
    let bits = if exponent < 2 {
        0x0020_0000 << exponent
    } else {
        (exponent - 1) << 23
    };
    listed(f32::from_bits(bits), &block[1..], &FP4_TWICE, into);
}

/// Decode a block of NVFP4: a scale of eight bits for each 16 elements, then nibbles. As in ggml, the sign of a scale is not
/// read, and the code of NaN without a sign is zero.
pub(super) fn nvfp4(block: &[u8], into: &mut [f32]) {
    let parts = into.chunks_exact_mut(16).zip(block[4..].chunks_exact(8));
    for (code, (into, codes)) in block.iter().zip(parts) {
        let (exponent, fraction) = (code >> 3 & 15, number(code & 7));
        // Half of the scale, because the values are twice those of FP4.
        let own = match (code, exponent) {
            (0x7f, _) => 0.0,
            (_, 0) => fraction * f32::from_bits((127 - 10) << 23),
            _ => (8.0 + fraction) * f32::from_bits((u32::from(exponent) + 127 - 11) << 23),
        };
        let (low, high) = into.split_at_mut(8);
        for ((low, high), byte) in low.iter_mut().zip(high).zip(codes) {
            *low = own * number(FP4_TWICE[usize::from(byte & 15)]);
            *high = own * number(FP4_TWICE[usize::from(byte >> 4)]);
        }
    }
}

/// Decode a block of TQ1_0: five elements of three values in a byte, four in each of the last bytes, then the scale.
pub(super) fn tq1_0(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 52);
    let parts: [(&[u8], usize); 3] = [(&block[..32], 5), (&block[32..48], 5), (&block[48..52], 4)];
    let mut into = into.iter_mut();
    for (codes, digits) in parts {
        let mut power = 1_u8;
        for _ in 0..digits {
            for (code, into) in codes.iter().zip(into.by_ref()) {
                let digit = (u16::from(code.wrapping_mul(power)) * 3) >> 8;
                *into = number(digit.cast_signed() - 1) * scale;
            }
            power = power.wrapping_mul(3);
        }
    }
}

/// Decode a block of TQ2_0: elements of two bits around 1, then the scale.
pub(super) fn tq2_0(block: &[u8], into: &mut [f32]) {
    let scale = half(block, 64);
    for (at, into) in into.chunks_exact_mut(32).enumerate() {
        for (into, code) in into.iter_mut().zip(&block[at / 4 * 32..]) {
            *into = number(i16::from(code >> (at % 4 * 2) & 3) - 1) * scale;
        }
    }
}
