//! Binary floats of 4 to 16 bits, as `f32`, which holds all their values.

/// The codes of a small float that are no numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    /// As IEEE 754 has it: the greatest exponent stands for infinity and NaN.
    Ieee,
    /// The code of all ones, with either sign, is NaN; there is no infinity.
    Last,
    /// The code of negative zero is NaN; there is no infinity.
    NegativeZero,
    /// Every code is a number.
    None,
}

/// OCP FP8 E5M2.
pub static F8_E5M2: [f32; 256] = table(5, 2, 15, Special::Ieee);
/// OCP FP8 E4M3, which has no infinity (`float8_e4m3fn`).
pub static F8_E4M3: [f32; 256] = table(4, 3, 7, Special::Last);
/// FP8 E5M2 with one zero and one NaN (`float8_e5m2fnuz`).
pub static F8_E5M2FNUZ: [f32; 256] = table(5, 2, 16, Special::NegativeZero);
/// FP8 E4M3 with one zero and one NaN (`float8_e4m3fnuz`).
pub static F8_E4M3FNUZ: [f32; 256] = table(4, 3, 8, Special::NegativeZero);
/// OCP MX scales: powers of two from -127 to 127, and NaN.
pub static F8_E8M0: [f32; 256] = powers();
/// OCP MX FP6 E2M3.
pub static F6_E2M3: [f32; 64] = table(2, 3, 1, Special::None);
/// OCP MX FP6 E3M2.
pub static F6_E3M2: [f32; 64] = table(3, 2, 3, Special::None);
/// OCP MX FP4 E2M1.
pub static F4: [f32; 16] = table(2, 1, 1, Special::None);

/// Compute the value of every code of a small float with a sign.
///
/// Source: OCP 8-bit Floating Point Specification 1.0, OCP Microscaling Formats 1.0; the FNUZ forms: Noune et al., "8-bit
/// Numerical Formats for Deep Neural Networks".
const fn table<const N: usize>(
    exponent_bits: u32,
    mantissa_bits: u32,
    bias: i32,
    special: Special,
) -> [f32; N] {
    let mut values = [0.; N];
    let mut code = 0;
    while code < N {
        values[code] = small(code, exponent_bits, mantissa_bits, bias, special);
        code += 1;
    }
    values
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "codes have at most eight bits"
)]
const fn small(code: usize, exponent_bits: u32, mantissa_bits: u32, bias: i32, special: Special) -> f32 {
    let code = code as u32;
    let negative = code >> (exponent_bits + mantissa_bits) & 1 == 1;
    let top = (1 << exponent_bits) - 1;
    let unit = 1 << mantissa_bits;
    let exponent = code >> mantissa_bits & top;
    let mantissa = code & (unit - 1);
    let is_top = exponent == top;
    match special {
        Special::Ieee if is_top && mantissa == 0 => {
            return if negative {
                f32::NEG_INFINITY
            } else {
                f32::INFINITY
            };
        }
        Special::Ieee if is_top => return f32::NAN,
        Special::Last if is_top && mantissa == unit - 1 => return f32::NAN,
        Special::NegativeZero if negative && exponent == 0 && mantissa == 0 => return f32::NAN,
        _ => {}
    }
    // Exponents are small, so that every value is a normal number of f32.
    let magnitude = if exponent == 0 {
        mantissa as f32 * power(1 - bias - mantissa_bits as i32)
    } else {
        (unit + mantissa) as f32 * power(exponent as i32 - bias - mantissa_bits as i32)
    };
    if negative { -magnitude } else { magnitude }
}

/// Return a power of two from -126 to 127.
#[allow(clippy::cast_sign_loss, reason = "it is above zero")]
const fn power(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

const fn powers() -> [f32; 256] {
    let mut values = [f32::NAN; 256];
    // 2^-127 is below the normal numbers of f32.
    values[0] = f32::from_bits(1 << 22);
    let mut code = 1;
    while code < 255 {
        #[allow(clippy::cast_possible_truncation, reason = "below 255")]
        let bits = (code as u32) << 23;
        values[code] = f32::from_bits(bits);
        code += 1;
    }
    values
}

/// Return the value of a bfloat16.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "so that a caller's vector instructions are used"
)]
pub const fn bf16(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

/// Return the value of an IEEE 754 half.
///
/// There is no branch, so that loops over it become vector instructions, and no arithmetic with subnormal numbers of
/// f32, which is slow.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "so that a caller's vector instructions are used"
)]
pub const fn f16(bits: u16) -> f32 {
    let bits = bits as u32;
    let sign = (bits & 0x8000) << 16;
    let magnitude = (bits & 0x7fff) << 13;
    // The exponent moves from a bias of 15 to one of 127; that of infinity and NaN to 255.
    let is_special = magnitude >= 0x7c00 << 13;
    let normal = magnitude + (112 << 23) + if is_special { 112 << 23 } else { 0 };
    // A subnormal is a fraction of 2^-14: put behind a one of that exponent, which is taken away again.
    let subnormal = f32::from_bits(magnitude + (113 << 23)) - f32::from_bits(113 << 23);
    let is_subnormal = magnitude < 0x0400 << 13;
    let result = if is_subnormal { subnormal.to_bits() } else { normal };
    f32::from_bits(result | sign)
}
