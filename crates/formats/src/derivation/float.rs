//! Floats of every width: exact decoding, and rounding to nearest even as a cast of PyTorch or NumPy does it.

use crate::model::dtype::Dtype;
use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};

/// A float type that values are cast between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    /// IEEE double.
    F64,
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// The upper half of a single.
    Bf16,
    /// Four bits of exponent, three of mantissa, no infinity (`F8_E4M3`, in PyTorch `float8_e4m3fn`).
    E4m3,
    /// Five bits of exponent, two of mantissa.
    E5m2,
}

/// Layout of a float of eight bits.
struct Small {
    mantissa_bits: i32,
    bias: i32,
    /// The first code without sign that is no number.
    overflow: u8,
    /// The code that stands for NaN.
    nan: u8,
}

const E4M3: Small = Small {
    mantissa_bits: 3,
    bias: 7,
    overflow: 0x7f,
    nan: 0x7f,
};

const E5M2: Small = Small {
    mantissa_bits: 2,
    bias: 15,
    overflow: 0x7c,
    nan: 0x7f,
};

/// Rounding of values that a type does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest value, ties to the even one.
    NearestEven,
    /// From a double first to the nearest single, and from there to the nearest value, as PyTorch casts doubles to the
    /// narrow types.
    ThroughSingle,
}

impl Float {
    /// Return the float type of a dtype; `None` for integers, blocks and others.
    pub fn of(dtype: Dtype) -> Option<Self> {
        Some(match dtype.name() {
            "F64" => Self::F64,
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            "F8_E4M3" => Self::E4m3,
            "F8_E5M2" => Self::E5m2,
            _ => return None,
        })
    }

    /// Return the bytes of an element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::E4m3 | Self::E5m2 => 1,
        }
    }

    /// Return the largest relative error of a value rounded to this type: half a unit in the last place.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Self::F64 => f64::EPSILON / 2.0,
            Self::F32 => f64::from(f32::EPSILON) / 2.0,
            Self::F16 => 2_f64.powi(-11),
            Self::Bf16 => 2_f64.powi(-8),
            Self::E4m3 => 1.0 / 16.0,
            Self::E5m2 => 1.0 / 8.0,
        }
    }

    /// Return half the distance of the smallest values: the largest error of a value near zero.
    pub fn half_of_smallest(self) -> f64 {
        match self {
            Self::F64 => f64::from_bits(1),
            Self::F32 => 2_f64.powi(-150),
            Self::F16 => 2_f64.powi(-25),
            Self::Bf16 => 2_f64.powi(-134),
            Self::E4m3 => 2_f64.powi(-10),
            Self::E5m2 => 2_f64.powi(-17),
        }
    }

    /// Decode elements into singles; `bytes` are whole elements. Exact for every type but [`Self::F64`], which is
    /// rounded to nearest even.
    pub fn decode_single(self, bytes: &[u8], into: &mut Vec<f32>) {
        into.clear();
        match self {
            Self::F64 => into.extend(chunks(bytes).map(|raw: [u8; 8]| narrow(f64::from_le_bytes(raw)))),
            Self::F32 => into.extend(chunks(bytes).map(f32::from_le_bytes)),
            Self::F16 => {
                let halves: Vec<f16> = chunks(bytes).map(f16::from_le_bytes).collect();
                into.resize(halves.len(), 0.0);
                halves.convert_to_f32_slice(into);
            }
            Self::Bf16 => into.extend(
                chunks(bytes).map(|raw: [u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(raw)) << 16)),
            ),
            Self::E4m3 => into.extend(bytes.iter().map(|code| narrow(E4M3.decode(*code)))),
            Self::E5m2 => into.extend(bytes.iter().map(|code| narrow(E5M2.decode(*code)))),
        }
    }

    /// Decode elements into doubles, which hold the values of every type.
    pub fn decode_double(self, bytes: &[u8], into: &mut Vec<f64>) {
        if self == Self::F64 {
            into.clear();
            into.extend(chunks(bytes).map(f64::from_le_bytes));
            return;
        }
        let mut singles = Vec::new();
        self.decode_single(bytes, &mut singles);
        into.clear();
        into.extend(singles.into_iter().map(f64::from));
    }

    /// Append singles, rounded to nearest even.
    pub fn encode_single(self, values: &[f32], into: &mut Vec<u8>) {
        match self {
            Self::F64 => append(values, into, |value| f64::from(value).to_le_bytes()),
            Self::F32 => append(values, into, f32::to_le_bytes),
            Self::F16 => {
                let mut halves = vec![f16::ZERO; values.len()];
                halves.convert_from_f32_slice(values);
                append(&halves, into, f16::to_le_bytes);
            }
            Self::Bf16 => append(values, into, |value| brain(value).to_le_bytes()),
            Self::E4m3 => append(values, into, |value| [E4M3.encode(f64::from(value))]),
            Self::E5m2 => append(values, into, |value| [E5M2.encode(f64::from(value))]),
        }
    }

    /// Append doubles, rounded once to nearest even.
    pub fn encode_double(self, values: &[f64], into: &mut Vec<u8>) {
        match self {
            Self::F64 => append(values, into, f64::to_le_bytes),
            Self::F32 => append(values, into, |value| narrow(value).to_le_bytes()),
            Self::F16 => append(values, into, |value| f16::from_f32(to_odd(value)).to_le_bytes()),
            Self::Bf16 => append(values, into, |value| brain(to_odd(value)).to_le_bytes()),
            Self::E4m3 => append(values, into, |value| [E4M3.encode(value)]),
            Self::E5m2 => append(values, into, |value| [E5M2.encode(value)]),
        }
    }

    /// Return the value of one element; NaN for bytes that are none.
    pub fn value(self, element: &[u8]) -> f64 {
        match (self, element) {
            (Self::F64, _) => element.try_into().map_or(f64::NAN, f64::from_le_bytes),
            (Self::F32, _) => element
                .try_into()
                .map_or(f64::NAN, |raw| f64::from(f32::from_le_bytes(raw))),
            (Self::F16, &[low, high]) => f16::from_le_bytes([low, high]).to_f64(),
            (Self::Bf16, &[low, high]) => bf16::from_le_bytes([low, high]).to_f64(),
            (Self::E4m3, &[code]) => E4M3.decode(code),
            (Self::E5m2, &[code]) => E5M2.decode(code),
            _ => f64::NAN,
        }
    }
}

/// Append `N` bytes for each value. The length is set first, so that the loop runs on vectors.
fn append<T: Copy, const N: usize>(values: &[T], into: &mut Vec<u8>, encode: impl Fn(T) -> [u8; N]) {
    let start = into.len();
    into.resize(start + values.len() * N, 0);
    for (bytes, value) in into[start..].as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *bytes = encode(*value);
    }
}

/// Round a double to the nearest single, ties to even.
#[allow(clippy::cast_possible_truncation, reason = "rounding is what is wanted")]
const fn narrow(value: f64) -> f32 {
    value as f32
}

/// Round a double that no single holds to the one of its neighbours whose last bit is one. What is rounded again to at most
/// 22 bits is then what rounding once gives: the last bit tells that something follows. (`from_f64` of `half` forgets the
/// lower half of a double.)
fn to_odd(value: f64) -> f32 {
    let nearest = narrow(value);
    let back = f64::from(nearest);
    if back.total_cmp(&value).is_eq() || value.is_nan() {
        return nearest;
    }
    let is_beyond = back.abs() > value.abs();
    f32::from_bits((nearest.to_bits() - u32::from(is_beyond)) | 1)
}

/// Round a single to the nearest value of `BF16`, ties to even; NaN stays NaN.
#[allow(clippy::cast_possible_truncation, reason = "the upper 16 of 32 bits")]
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "so that a caller's vector instructions are used"
)]
pub(super) const fn brain(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    if value.is_nan() {
        (bits >> 16) as u16 | 0x40
    } else {
        (rounded >> 16) as u16
    }
}

/// Return the elements of `N` bytes.
fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks().0.iter().copied()
}

impl Small {
    fn decode(&self, code: u8) -> f64 {
        let sign = if code & 0x80 == 0 { 1.0 } else { -1.0 };
        let code = code & 0x7f;
        if code >= self.overflow {
            let infinite = self.overflow != self.nan && code == self.overflow;
            return if infinite { sign * f64::INFINITY } else { f64::NAN };
        }
        let unit = 1_u8 << self.mantissa_bits;
        let exponent = i32::from(code >> self.mantissa_bits);
        let mantissa = f64::from(code & (unit - 1));
        let (mantissa, exponent) = if exponent == 0 {
            (mantissa, 1)
        } else {
            (mantissa + f64::from(unit), exponent)
        };
        sign * mantissa * 2_f64.powi(exponent - self.bias - self.mantissa_bits)
    }

    /// Round to the nearest code, ties to even. What is beyond the last number becomes the code of overflow, as in
    /// PyTorch: NaN where the type has no infinity.
    fn encode(&self, value: f64) -> u8 {
        let sign = if value.is_sign_negative() { 0x80 } else { 0 };
        if value.is_nan() {
            return sign | self.nan;
        }
        let magnitude = value.abs();
        if magnitude == 0.0 {
            return sign;
        }
        // The largest number of either type is below 2^16.
        if magnitude >= 65536.0 {
            return sign | self.overflow;
        }
        let exponent = exponent_of(magnitude).max(1 - self.bias);
        // Scaling by a power of two is exact.
        let steps = (magnitude * 2_f64.powi(self.mantissa_bits - exponent)).round_ties_even();
        let unit = f64::from(1_i32 << self.mantissa_bits);
        let base = f64::from(exponent + self.bias - 1) * unit;
        // Rounding up to the next power of two carries into the exponent, as it should.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number below 2^8"
        )]
        let code = (base + steps) as u32;
        sign | u8::try_from(code).unwrap_or(u8::MAX).min(self.overflow)
    }
}

/// Return the exponent of a positive number, rounded down.
fn exponent_of(magnitude: f64) -> i32 {
    let biased = i32::try_from(magnitude.to_bits() >> 52).unwrap_or_default();
    biased.max(1) - 1023
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Return the nearest code, found by trying all.
    fn nearest(small: &Small, value: f64) -> u8 {
        let distance = |code: &u8| (small.decode(*code) - value).abs();
        let codes = 0..small.overflow;
        let best = codes.clone().map(|code| distance(&code)).fold(f64::MAX, f64::min);
        let ties: Vec<u8> = codes.filter(|code| distance(code) <= best).collect();
        *ties.iter().find(|code| *code % 2 == 0).unwrap_or(&ties[0])
    }

    proptest! {
        #[test]
        fn eight_bits_are_the_nearest_code(value in 0.0_f64..440.0, scale in -20_i32..1) {
            let value = value * 2_f64.powi(scale);
            prop_assert_eq!(E4M3.encode(value), nearest(&E4M3, value));
            prop_assert_eq!(E5M2.encode(value), nearest(&E5M2, value));
            prop_assert_eq!(E4M3.encode(-value), 0x80 | nearest(&E4M3, value));
        }

        #[test]
        fn brain_floats_round_as_another_implementation_does(bits: u32) {
            let value = f32::from_bits(bits);
            if !value.is_nan() {
                prop_assert_eq!(brain(value), bf16::from_f32(value).to_bits());
            }
        }
    }

    #[test]
    fn doubles_are_rounded_once() {
        let encode = |float: Float, value: f64| {
            let mut bytes = Vec::new();
            float.encode_double(&[value], &mut bytes);
            u16::from_le_bytes([bytes[0], bytes[1]])
        };
        for (float, infinity) in [(Float::F16, 0x7c00_u16), (Float::Bf16, 0x7f80)] {
            for code in 0..infinity {
                let value = |code: u16| float.value(&code.to_le_bytes());
                assert_eq!(encode(float, value(code)), code);
                if code + 1 == infinity {
                    continue;
                }
                let middle = f64::midpoint(value(code), value(code + 1));
                // Ties go to the even code, and a tie with anything behind it is none.
                assert_eq!(encode(float, middle), code + code % 2, "{float:?} {code:#x}");
                assert_eq!(encode(float, middle.next_up()), code + 1, "{float:?} {code:#x}");
                assert_eq!(encode(float, middle.next_down()), code, "{float:?} {code:#x}");
                assert_eq!(encode(float, -middle.next_up()), 0x8000 | (code + 1));
            }
            for beyond in [1e39, 1e300, f64::INFINITY] {
                assert_eq!(encode(float, beyond), infinity);
            }
            assert_eq!(encode(float, -1e-320), 0x8000);
            assert!(float.value(&encode(float, f64::NAN).to_le_bytes()).is_nan());
        }
    }

    #[test]
    fn every_code_of_eight_bits_survives() {
        for code in 0..=u8::MAX {
            for small in [&E4M3, &E5M2] {
                let value = small.decode(code);
                if !value.is_nan() {
                    assert_eq!(small.encode(value), code, "{code:#x}");
                }
            }
        }
    }

    #[test]
    fn overflow_is_that_of_the_types() {
        assert_eq!(E4M3.encode(464.0), 0x7e, "a tie, and 448 is even");
        assert_eq!(E4M3.encode(465.0), 0x7f);
        assert_eq!(E5M2.encode(61440.0), 0x7c, "a tie, and infinity is even");
        assert_eq!(E5M2.encode(-1e9), 0xfc);
        assert!(Float::E4m3.value(&[0xff]).is_nan() && Float::E5m2.value(&[0x7d]).is_nan());
        assert!(Float::E5m2.value(&[0x7c]).is_infinite());
    }
}
