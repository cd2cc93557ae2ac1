//! Histograms whose bins do not depend on the order in which values come.
//!
//! A bin covers `[i * 2^e, (i + 1) * 2^e)`. All bins have the smallest `e` with which the smallest to the largest value
//! are in at most 32 of them. A wider range needs an `e` at least as large, and two neighbours of one `e` are exactly one
//! bin of the next. So bins that were counted with the range known so far can be joined later.

use std::collections::BTreeMap;

/// The most bins.
const BINS: usize = 32;

/// A float whose last bit counts ones: adding and subtracting it rounds to a whole number.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Floats whose bins are held at once.
const TOGETHER: usize = 1024;

/// A histogram: bins of one width, side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The lower edge of the first bin, as decimal text.
    pub from: String,
    /// The width of a bin, as decimal text: a power of two.
    pub width: String,
    /// The number of values in each bin; the first and the last have some.
    pub counts: Vec<u64>,
}

/// Counts of values by bin.
#[derive(Clone, Debug, Default)]
pub struct Bins {
    /// None before the first value.
    exponent: Option<i32>,
    counts: BTreeMap<i128, u64>,
}

impl Bins {
    /// Return the exponent of the width.
    pub fn exponent(&self) -> i32 {
        self.exponent.unwrap_or_default()
    }

    /// Join bins until their width is at least `2^exponent`.
    pub fn cover(&mut self, exponent: i32) {
        let own = *self.exponent.get_or_insert(exponent);
        if exponent > own {
            self.exponent = Some(exponent);
            let finer = std::mem::take(&mut self.counts);
            self.add(finer, exponent - own);
        }
    }

    /// Count values, whose smallest is in the bin `first`. `bin` gives the number of a bin in its lowest 64 bits.
    pub fn count<T: Copy>(&mut self, first: i128, values: &[T], bin: impl Fn(T) -> u64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the lowest 64 bits are meant"
        )]
        let base = first as u64;
        #[expect(clippy::cast_possible_truncation, reason = "it is less than 32")]
        let index = |value: T| (bin(value).wrapping_sub(base) % BINS as u64) as usize;
        // Several counters, so that one value does not wait for the one before.
        let mut counts = [[0_u32; BINS]; 4];
        let (fours, rest) = values.as_chunks::<4>();
        for four in fours {
            for (own, value) in counts.iter_mut().zip(four) {
                own[index(*value)] += 1;
            }
        }
        for value in rest {
            counts[0][index(*value)] += 1;
        }
        for bin in 0..BINS {
            let sum: u64 = counts.iter().map(|own| u64::from(own[bin])).sum();
            if sum > 0 {
                *self.counts.entry(first + bin as i128).or_default() += sum;
            }
        }
    }

    /// Count finite floats from `low` to `high`, which are in the bins that are covered.
    pub fn count_floats(&mut self, low: f64, high: f64, values: &[f64]) {
        let scale = FloatScale::new(self.exponent());
        let (first, last) = (scale.bin(low), scale.bin(high));
        let exponent = self.exponent();
        // Where a product is a float, and no number of a bin has so many bits that adding a half would lose some.
        if first.unsigned_abs().max(last.unsigned_abs()) >= 1 << 50 || exponent.abs() > 1000 {
            return self.count(first.into(), values, |value| scale.bin(value).cast_unsigned());
        }
        let (width, inverse) = (power(exponent), power(-exponent));
        #[expect(clippy::cast_precision_loss, reason = "it has at most 50 bits")]
        let base = first as f64;
        let mut bins = [0_u64; TOGETHER];
        for some in values.chunks(TOGETHER) {
            let bins = &mut bins[..some.len()];
            // Without a branch or a conversion, so that vector instructions do it.
            for (bin, value) in bins.iter_mut().zip(some) {
                let nearest = (value * inverse + ROUND) - ROUND;
                let below = if nearest * width > *value {
                    nearest - 1.0
                } else {
                    nearest
                };
                // The lowest bits of the fraction are those of the number.
                *bin = ((below - base) + ROUND).to_bits();
            }
            self.count(first.into(), bins, |bin| bin.wrapping_add(first.cast_unsigned()));
        }
    }

    /// Add the counts of bins that are at most as wide.
    pub fn merge(&mut self, other: &Self) {
        if let Some(exponent) = other.exponent {
            self.add(other.counts.clone(), self.exponent() - exponent);
        }
    }

    fn add(&mut self, finer: BTreeMap<i128, u64>, by: i32) {
        for (bin, count) in finer {
            *self.counts.entry(bin >> by.clamp(0, 127)).or_default() += count;
        }
    }

    /// Return the histogram of integers.
    pub fn of_integers(&self) -> Option<Histogram> {
        let exponent = self.exponent?.unsigned_abs();
        let (first, counts) = self.in_order()?;
        Some(Histogram {
            from: (first << exponent).to_string(),
            width: (1_i128 << exponent).to_string(),
            counts,
        })
    }

    /// Return the histogram of floats; none if an edge is larger than any float.
    pub fn of_floats(&self) -> Option<Histogram> {
        let exponent = self.exponent?;
        let (first, counts) = self.in_order()?;
        #[expect(clippy::cast_precision_loss, reason = "an edge has at most 53 bits")]
        let edge = |bin: i128| bin as f64 * power(exponent / 2) * power(exponent - exponent / 2);
        let (from, to) = (edge(first), edge(first + counts.len() as i128));
        (from.is_finite() && to.is_finite()).then(|| Histogram {
            from: format!("{:?}", from + 0.0),
            width: format!("{:?}", edge(1)),
            counts,
        })
    }

    fn in_order(&self) -> Option<(i128, Vec<u64>)> {
        let (first, _) = self.counts.first_key_value()?;
        let (last, _) = self.counts.last_key_value()?;
        let count = |bin| self.counts.get(&bin).copied().unwrap_or_default();
        Some((*first, (*first..=*last).map(count).collect()))
    }
}

/// Return the smallest exponent, at least `lowest`, with which integers of a range are in at most 32 bins.
pub fn exponent(least: i128, most: i128, lowest: i32) -> i32 {
    let mut exponent = lowest;
    let (mut low, mut high) = (least, most);
    while high - low >= i128::from(BINS as u64) {
        low >>= 1;
        high >>= 1;
        exponent += 1;
    }
    exponent
}

/// Return the same for finite floats. A bin is never narrower than the last bit of the largest of them, so that edges are
/// floats.
pub fn float_exponent(least: f64, most: f64) -> i32 {
    let largest = least.abs().max(most.abs());
    // The exponent of the last bit: -1074 for zero and subnormal numbers.
    let field = (largest.to_bits() >> 52) as i32 & 0x7ff;
    let lowest = field.max(1) - 1075;
    let scale = FloatScale::new(lowest);
    exponent(scale.bin(least).into(), scale.bin(most).into(), lowest)
}

/// Divides floats by a power of two.
#[derive(Clone, Copy)]
pub struct FloatScale {
    // The product of both may be no float.
    factors: [f64; 2],
}

impl FloatScale {
    /// Create the scale of bins of `2^exponent`.
    pub fn new(exponent: i32) -> Self {
        let half = -exponent / 2;
        Self {
            factors: [power(half), power(-exponent - half)],
        }
    }

    /// Return the number of the bin of a finite value, whose quotient has at most 53 bits before its point.
    pub fn bin(self, value: f64) -> i64 {
        let scaled = value * self.factors[0] * self.factors[1];
        #[expect(clippy::cast_possible_truncation, reason = "it is rounded down below")]
        let towards_zero = scaled as i64;
        // A quotient that is no float any more is zero, and of a negative value just below it.
        #[expect(clippy::cast_precision_loss, reason = "it has at most 53 bits")]
        let above = towards_zero as f64 > scaled || (scaled == 0.0 && value < 0.0);
        towards_zero - i64::from(above)
    }
}

/// Return a power of two that is a normal float.
pub fn power(exponent: i32) -> f64 {
    let field = u64::from((exponent + 1023).clamp(1, 2046).unsigned_abs());
    f64::from_bits(field << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floats_together_are_in_the_bins_of_each(
            base in 0..2046_u64,
            parts in prop::collection::vec((0..70_u64, any::<u64>()), 1..1500),
        ) {
            let value = |(above, bits): &(u64, u64)| {
                let field = (base + above).min(2046) << 52;
                f64::from_bits((bits & !(0x7ff << 52)) | field)
            };
            let values: Vec<f64> = parts.iter().map(value).collect();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let exponent = float_exponent(least, most);
            let mut together = Bins::default();
            together.cover(exponent);
            together.count_floats(least, most, &values);
            let scale = FloatScale::new(exponent);
            let mut each = BTreeMap::new();
            for value in &values {
                *each.entry(i128::from(scale.bin(*value))).or_default() += 1;
            }
            prop_assert_eq!(together.counts, each);
        }
    }
}
