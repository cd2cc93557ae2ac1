//! Block quantisation of ggml, recomputed: the recipes of `quantize_row_*_ref` in `ggml-quants.c` and of `gguf.quants`
//! in Python, which give the same bytes but for one point.
//!
//! Where a recipe multiplies and adds before it cuts off (`x * id + 8.5`), a compiler may fuse the two, which rounds
//! once where the others round twice. Both forms are in use, so both are recipes here.

use half::f16;

/// Elements of a block.
pub const BLOCK: usize = 32;

/// A type whose quantisation is a known recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// One scale, four bits with the zero at 8.
    Q4_0,
    /// A scale and a minimum, four bits.
    Q4_1,
    /// One scale, five bits with the zero at 16.
    Q5_0,
    /// A scale and a minimum, five bits.
    Q5_1,
    /// One scale, eight bits with a sign.
    Q8_0,
    /// A power of two, four bits of E2M1.
    Mxfp4,
}

/// Rounding of a product and a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Each for itself.
    Separate,
    /// Once, as by one instruction.
    Fused,
}

/// The values of E2M1, doubled, in the order of their codes.
const E2M1: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

impl Recipe {
    /// Return the recipe of a dtype by its name.
    pub fn of(dtype: &str) -> Option<Self> {
        Some(match dtype {
            "GGML_Q4_0" => Self::Q4_0,
            "GGML_Q4_1" => Self::Q4_1,
            "GGML_Q5_0" => Self::Q5_0,
            "GGML_Q5_1" => Self::Q5_1,
            "GGML_Q8_0" => Self::Q8_0,
            "GGML_MXFP4" => Self::Mxfp4,
            _ => return None,
        })
    }

    /// Return the bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Mxfp4 => 17,
        }
    }

    /// Return the bytes of the scale, and of the minimum where there is one, at the start of a block.
    pub const fn scale_bytes(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q5_0 | Self::Q8_0 => 2,
            Self::Q4_1 | Self::Q5_1 => 4,
            Self::Mxfp4 => 1,
        }
    }

    /// Quantise values; they are whole blocks. Appends to `into`.
    pub fn quantise(self, values: &[f32], arithmetic: Arithmetic, into: &mut Vec<u8>) {
        for block in values.as_chunks::<BLOCK>().0 {
            match self {
                Self::Q4_0 => symmetric(block, 8, arithmetic, into),
                Self::Q5_0 => symmetric(block, 16, arithmetic, into),
                Self::Q4_1 => with_minimum(block, 15, arithmetic, into),
                Self::Q5_1 => with_minimum(block, 31, arithmetic, into),
                Self::Q8_0 => eight_bits(block, into),
                Self::Mxfp4 => mxfp4(block, into),
            }
        }
    }
}

fn multiply_add(value: f32, factor: f32, term: f32, arithmetic: Arithmetic) -> f32 {
    match arithmetic {
        Arithmetic::Separate => value * factor + term,
        Arithmetic::Fused => value.mul_add(factor, term),
    }
}

/// Cut off what is behind the point, into 0 to `most`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cutting off is the recipe, and what does not fit saturates"
)]
fn cut_off(value: f32, most: u8) -> u8 {
    (value as u8).min(most)
}

/// Return one divided by a scale; zero for a scale of zero.
fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// The value with the largest magnitude, the first of several, becomes the lowest code.
fn symmetric(block: &[f32; BLOCK], zero: u8, arithmetic: Arithmetic, into: &mut Vec<u8>) {
    let mut extreme = 0.0_f32;
    for value in block {
        if value.abs() > extreme.abs() {
            extreme = *value;
        }
    }
    let scale = extreme / -f32::from(zero);
    let factor = inverse(scale);
    let most = 2 * zero - 1;
    let codes = block.map(|value| {
        cut_off(
            multiply_add(value, factor, f32::from(zero) + 0.5, arithmetic),
            most,
        )
    });
    into.extend(f16::from_f32(scale).to_le_bytes());
    pack(&codes, zero == 16, into);
}

fn with_minimum(block: &[f32; BLOCK], most: u8, arithmetic: Arithmetic, into: &mut Vec<u8>) {
    let least = block.iter().copied().fold(f32::INFINITY, f32::min);
    let greatest = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = (greatest - least) / f32::from(most);
    let factor = inverse(scale);
    let codes = block.map(|value| cut_off(multiply_add(value - least, factor, 0.5, arithmetic), most));
    into.extend(f16::from_f32(scale).to_le_bytes());
    into.extend(f16::from_f32(least).to_le_bytes());
    pack(&codes, most == 31, into);
}

/// Write the fifth bits where there are some, and then two codes a byte: one of the first half below one of the second.
fn pack(codes: &[u8; BLOCK], fifth: bool, into: &mut Vec<u8>) {
    if fifth {
        let bits = codes
            .iter()
            .enumerate()
            .fold(0_u32, |bits, (index, code)| bits | u32::from(code >> 4) << index);
        into.extend(bits.to_le_bytes());
    }
    let (low, high) = codes.split_at(BLOCK / 2);
    into.extend(low.iter().zip(high).map(|(low, high)| (low & 15) | (high << 4)));
}

fn eight_bits(block: &[f32; BLOCK], into: &mut Vec<u8>) {
    let greatest = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = greatest / 127.0;
    let factor = inverse(scale);
    into.extend(f16::from_f32(scale).to_le_bytes());
    // Halves go away from zero.
    #[allow(clippy::cast_possible_truncation, reason = "at most 127")]
    into.extend(
        block
            .iter()
            .map(|value| ((value * factor).round() as i8).cast_unsigned()),
    );
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an exponent of eight bits, and codes of four"
)]
fn mxfp4(block: &[f32; BLOCK], into: &mut Vec<u8>) {
    let greatest = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let exponent = if greatest > 0.0 {
        (greatest.log2().floor() - 2.0 + 127.0) as u8
    } else {
        0
    };
    let scale = half_power(exponent);
    let codes = block.map(|value| {
        let mut best = 0;
        let mut least = f32::INFINITY;
        for (code, multiple) in E2M1.iter().enumerate() {
            let error = (f32::from(*multiple) * scale - value).abs();
            if error < least {
                (best, least) = (code as u8, error);
            }
        }
        best
    });
    into.push(exponent);
    pack(&codes, false, into);
}

/// Return half of the power of two that E8M0 stands for.
const fn half_power(exponent: u8) -> f32 {
    f32::from_bits(if exponent < 2 {
        0x0020_0000 << exponent
    } else {
        (exponent as u32 - 1) << 23
    })
}
