//! Exact sums of floats, and means rounded once.

use super::bins::power;

/// Limbs of 64 bits: floats take 2,098 bits, and sums of 2^40 of them 40 more.
const LIMBS: usize = 35;

/// The exponent of the lowest bit of a sum: half of the smallest float.
const LOWEST: i32 = -1075;

/// Values that are added before limbs are carried: each adds less than 2^116 to one limb of 127 bits.
const TOGETHER: usize = 1024;

/// The exact sum of finite floats, in units of `2^LOWEST`.
#[derive(Clone, Debug)]
pub struct Sum {
    /// Limb `k` counts `2^(64 k)`. Between calls all but the last are from 0 to `2^64 - 1`.
    limbs: [i128; LIMBS],
}

impl Default for Sum {
    fn default() -> Self {
        Self { limbs: [0; LIMBS] }
    }
}

impl Sum {
    /// Add finite values, of which `largest` is the largest magnitude.
    pub fn add(&mut self, values: &[f64], largest: f64) {
        let mut rest = [0.0; TOGETHER];
        for some in values.chunks(TOGETHER) {
            let rest = &mut rest[..some.len()];
            rest.copy_from_slice(some);
            if largest < 1e300 {
                self.add_extracted(rest, largest);
            }
            self.add_each(rest);
            carry(&mut self.limbs);
        }
    }

    /// Add the leading bits of all values at once, as often as some are left, and leave what is less than that.
    ///
    /// Adding and subtracting a large power of two rounds a value to a multiple of its last bit, and what was rounded off
    /// is a float again. The multiples of all values together are less than the power, so that their sum as floats is
    /// exact (Rump, Ogita, Oishi: Accurate floating-point summation, part I, 2008).
    fn add_extracted(&mut self, rest: &mut [f64], largest: f64) {
        // At least twice the sum of all, as TOGETHER is 2^10.
        let mut sigma = power_above(largest) * 2048.0;
        for _ in 0..4 {
            let mut sums = [0.0; 8];
            let mut left = [0.0; 8];
            let (eights, last) = rest.as_chunks_mut::<8>();
            for eight in eights {
                for lane in 0..8 {
                    let leading = (sigma + eight[lane]) - sigma;
                    eight[lane] -= leading;
                    sums[lane] += leading;
                    left[lane] += eight[lane].abs();
                }
            }
            for value in last {
                let leading = (sigma + *value) - sigma;
                *value -= leading;
                sums[0] += leading;
                left[0] += value.abs();
            }
            self.add_each(&sums);
            if left.iter().all(|left| *left == 0.0) {
                break;
            }
            // What is left of a value is at most 2^-53 of the power.
            sigma *= power(-42);
        }
    }

    /// Add values one by one, at most TOGETHER and a few before limbs are carried.
    fn add_each(&mut self, values: &[f64]) {
        for value in values.iter().filter(|value| **value != 0.0) {
            let bits = value.to_bits();
            let field = (bits >> 52) & 0x7ff;
            let fraction = (bits & ((1 << 52) - 1)) | (u64::from(field != 0) << 52);
            // Subnormal numbers have the exponent of the smallest normal ones.
            let position = field.max(1);
            let magnitude = i128::from(fraction) << (position % 64);
            let limb = &mut self.limbs[(position / 64) as usize];
            *limb += if bits >> 63 == 0 { magnitude } else { -magnitude };
        }
    }

    /// Add another sum.
    pub fn merge(&mut self, other: &Self) {
        for (limb, more) in self.limbs.iter_mut().zip(&other.limbs) {
            *limb += more;
        }
        carry(&mut self.limbs);
    }

    /// Return the mean of `count` values with this sum: the nearest double, of two the even one.
    pub fn mean(&self, count: u64) -> f64 {
        let mut limbs = self.limbs;
        let negative = limbs[LIMBS - 1] < 0;
        if negative {
            for limb in &mut limbs {
                *limb = -*limb;
            }
            carry(&mut limbs);
        }
        let mut remainder = 0_u128;
        let mut quotient = [0_u64; LIMBS];
        for (limb, digit) in limbs.iter().zip(&mut quotient).rev() {
            let value = (remainder << 64) | limb.unsigned_abs();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the remainder is less than the divisor"
            )]
            let next = (value / u128::from(count)) as u64;
            *digit = next;
            remainder = value % u128::from(count);
        }
        let magnitude = rounded(&quotient, remainder != 0);
        if negative { -magnitude } else { magnitude }
    }
}

/// Return the mean of `count` integers with this sum.
pub fn mean_of_integers(sum: i128, count: u64) -> f64 {
    // As many units of a sum of floats.
    let units = LOWEST.unsigned_abs() as usize;
    let magnitude = sum.unsigned_abs();
    let mut floats = Sum::default();
    for half in 0..2 {
        let digits = ((magnitude >> (64 * half)) & u128::from(u64::MAX)).cast_signed() << (units % 64);
        floats.limbs[units / 64 + half] += if sum < 0 { -digits } else { digits };
    }
    carry(&mut floats.limbs);
    floats.mean(count)
}

/// Carry what is more than 64 bits of each limb to the next.
fn carry(limbs: &mut [i128; LIMBS]) {
    for index in 0..LIMBS - 1 {
        let over = limbs[index] >> 64;
        limbs[index] &= i128::from(u64::MAX);
        limbs[index + 1] += over;
    }
}

/// Return a power of two that is larger than a value of less than 2^1000, and a normal float.
fn power_above(value: f64) -> f64 {
    f64::from_bits(((value.to_bits() >> 52).max(1) + 1) << 52)
}

/// Return the double nearest to a number in units of `2^LOWEST`, which has a fraction below if `more` is true.
fn rounded(limbs: &[u64; LIMBS], more: bool) -> f64 {
    let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else {
        // Less than half of the smallest float.
        return 0.0;
    };
    let length = 64 * (top + 1) - limbs[top].leading_zeros() as usize;
    // A double has at most 53 bits, and none below 2^-1074.
    let dropped = (length.max(54) - 53).max(1);
    let bit = |index: usize| (limbs[index / 64] >> (index % 64)) & 1;
    let kept = (dropped..length)
        .rev()
        .fold(0_u64, |kept, index| (kept << 1) | bit(index));
    let half = bit(dropped - 1) == 1;
    let below = more || (0..dropped - 1).any(|index| bit(index) == 1);
    let up = half && (below || kept % 2 == 1);
    #[expect(clippy::cast_precision_loss, reason = "it has at most 53 bits, or is 2^53")]
    let fraction = (kept + u64::from(up)) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "fewer than 2,240 bits"
    )]
    let exponent = dropped as i32 + LOWEST;
    fraction * power(exponent / 2) * power(exponent - exponent / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Floats of exponents that are near each other or not.
    fn floats() -> impl Strategy<Value = Vec<f64>> {
        let spans = prop_oneof![Just(1_u64), Just(60), Just(2046)];
        (0..2047_u64, spans).prop_flat_map(|(base, span)| {
            let value =
                (base..base + span, any::<u64>(), 0..20_u8).prop_map(|(field, bits, form)| match form {
                    0 => 0.0,
                    1 => f64::from_bits(bits & ((1 << 52) - 1)),
                    _ => f64::from_bits((bits & !(0x7ff << 52)) | (field.min(2046) << 52)),
                });
            prop::collection::vec(value, 0..2500)
        })
    }

    proptest! {
        #[test]
        fn values_together_are_those_one_by_one(values in floats()) {
            let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
            let mut together = Sum::default();
            together.add(&values, largest);
            let mut each = Sum::default();
            for value in &values {
                each.add_each(&[*value]);
                carry(&mut each.limbs);
            }
            prop_assert_eq!(together.limbs, each.limbs);
        }
    }
}
