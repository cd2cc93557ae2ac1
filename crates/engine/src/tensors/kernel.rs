//! Sweeps over a batch of finite numbers: everything that is computed of it, while it is in registers.
//!
//! [`LANES`] numbers are added up side by side. A square of a number of 32 bits is exact in 64, so that adding it in one
//! step with its multiplication gives the same sum.

#![allow(
    clippy::inline_always,
    reason = "compiled with the instructions of the caller"
)]

use super::simd::{BATCH, LANES};
use fearless_simd::{
    Bytes as _, Select as _, Simd, SimdBase as _, SimdFrom as _, SimdMask as _, f32x16, f64x8, i16x32,
    u16x32, u32x16,
};

/// The bits without sign from which on a number of 32 bits is not finite, moved to the top.
const SPECIAL: u32 = 0xff00_0000;

/// The codes of 16 bits from which on a number is not finite, and that of the least negative one.
const NEGATIVE_SPECIAL: u16 = 0xff80;
const POSITIVE_SPECIAL: i16 = 0x7f80;
const NEGATIVE_ZERO: u16 = 0x8000;

/// Counts, extremes and sums of one side of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted {
    pub zeros: u64,
    pub minimum: f32,
    pub maximum: f32,
    pub sum: f64,
    pub squares: f64,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            zeros: 0,
            minimum: f32::INFINITY,
            maximum: f32::NEG_INFINITY,
            sum: 0.,
            squares: 0.,
        }
    }
}

/// Sums of sixteen lanes.
struct Sums<S: Simd>([f64x8<S>; 2]);

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        Self([f64x8::splat(simd, 0.), f64x8::splat(simd, 0.)])
    }

    #[inline(always)]
    fn add(&mut self, (low, high): (f64x8<S>, f64x8<S>)) {
        self.0[0] += low;
        self.0[1] += high;
    }

    /// Add exact squares.
    #[inline(always)]
    fn add_squares(&mut self, simd: S, (low, high): (f64x8<S>, f64x8<S>)) {
        self.0[0] = simd.mul_add_f64x8(low, low, self.0[0]);
        self.0[1] = simd.mul_add_f64x8(high, high, self.0[1]);
    }

    #[inline(always)]
    fn total(&self) -> f64 {
        let mut lanes = [0_f64; LANES];
        self.0[0].store_slice(&mut lanes[..LANES / 2]);
        self.0[1].store_slice(&mut lanes[LANES / 2..]);
        lanes.iter().sum()
    }
}

/// Count numbers. `None` if one of them is not finite.
#[inline(always)]
pub(super) fn count<S: Simd>(simd: S, values: &[[f32; LANES]]) -> Option<Counted> {
    let mut largest = u32x16::splat(simd, 0);
    let mut zeros = u32x16::splat(simd, 0);
    let mut least = f32x16::splat(simd, f32::INFINITY);
    let mut most = f32x16::splat(simd, f32::NEG_INFINITY);
    let (mut sums, mut squares) = (Sums::new(simd), Sums::new(simd));
    let unit = u32x16::splat(simd, 1);
    let none = u32x16::splat(simd, 0);
    for values in values {
        let values = f32x16::simd_from(simd, *values);
        let magnitudes = values.bitcast::<u32x16<S>>() << 1;
        largest = largest.max(magnitudes);
        zeros += magnitudes.simd_eq(none).select(unit, none);
        least = values.min(least);
        most = values.max(most);
        let wide = simd.widen_f32x16(values);
        sums.add(wide);
        squares.add_squares(simd, wide);
    }
    if largest.as_slice().iter().any(|bits| *bits >= SPECIAL) {
        return None;
    }
    Some(Counted {
        zeros: zeros.as_slice().iter().map(|zeros| u64::from(*zeros)).sum(),
        minimum: least.as_slice().iter().copied().fold(f32::INFINITY, f32::min),
        maximum: most.as_slice().iter().copied().fold(f32::NEG_INFINITY, f32::max),
        sum: sums.total(),
        squares: squares.total(),
    })
}

/// Count batches of numbers of the upper 16 bits of 32, which are compared and counted as what they are. The sums of each
/// batch are added to those in `into`.
///
/// At most [`MOST_BATCHES`] batches. Return whether all numbers are finite; if not, `into` is as it was.
#[inline(always)]
pub(super) fn count_brain<S: Simd>(
    simd: S,
    batches: &[[[u8; 4 * LANES]; BATCH / LANES / 2]],
    into: &mut Counted,
) -> bool {
    let mut zeros = u16x32::splat(simd, 0);
    // Codes of one sign are in the order of their magnitudes. As numbers without sign those of negative numbers are the
    // largest, with sign those of others.
    let mut negative = u16x32::splat(simd, 0);
    let mut positive = i16x32::splat(simd, i16::MIN);
    let mut least = u16x32::splat(simd, u16::MAX);
    let unit = u16x32::splat(simd, 1);
    let none = u16x32::splat(simd, 0);
    let mut result = *into;
    for batch in batches {
        let (mut sums, mut squares) = (Sums::new(simd), Sums::new(simd));
        for bytes in batch {
            let pairs = pairs_of(simd, bytes);
            let codes = pairs.bitcast::<u16x32<S>>();
            zeros += (codes & 0x7fff).simd_eq(none).select(unit, none);
            negative = negative.max(codes);
            positive = positive.max(codes.bitcast::<i16x32<S>>());
            least = least.min(codes);
            for values in brains(pairs) {
                let wide = simd.widen_f32x16(values);
                sums.add(wide);
                squares.add_squares(simd, wide);
            }
        }
        result.sum += sums.total();
        result.squares += squares.total();
    }
    let negative = negative.as_slice().iter().copied().fold(0, u16::max);
    let positive = positive.as_slice().iter().copied().fold(i16::MIN, i16::max);
    let least = least.as_slice().iter().copied().fold(u16::MAX, u16::min);
    if negative >= NEGATIVE_SPECIAL || positive >= POSITIVE_SPECIAL {
        return false;
    }
    if !batches.is_empty() {
        let value = |code: u16| f32::from_bits(u32::from(code) << 16);
        let has = (negative >= NEGATIVE_ZERO, positive >= 0);
        let minimum = value(if has.0 { negative } else { least });
        let maximum = value(if has.1 { positive.cast_unsigned() } else { least });
        result.minimum = result.minimum.min(minimum);
        result.maximum = result.maximum.max(maximum);
    }
    result.zeros += zeros
        .as_slice()
        .iter()
        .map(|zeros| u64::from(*zeros))
        .sum::<u64>();
    *into = result;
    true
}

/// Batches of which a lane of 16 bits counts the zeros.
pub(super) const MOST_BATCHES: usize = 128;

/// Counts, distances and sums of two sides of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Compared {
    pub changed: u64,
    pub absolute: f32,
    pub relative: f32,
    pub norms: [f64; 2],
    pub squares: f64,
}

/// Distances below it (2^-100) are of numbers whose products may lose digits.
const TINY: f32 = f32::from_bits(27 << 23);

/// Counts and sums of two sides while a batch is swept.
struct Comparing<S: Simd> {
    special: u32x16<S>,
    changed: u32x16<S>,
    absolute: f32x16<S>,
    /// The largest quotient so far.
    relative: f32,
    norms: [Sums<S>; 2],
    squares: Sums<S>,
}

impl<S: Simd> Comparing<S> {
    #[inline(always)]
    fn new(simd: S, relative: f32) -> Self {
        Self {
            special: u32x16::splat(simd, 0),
            changed: u32x16::splat(simd, 0),
            absolute: f32x16::splat(simd, 0.),
            relative,
            norms: [Sums::new(simd), Sums::new(simd)],
            squares: Sums::new(simd),
        }
    }

    #[inline(always)]
    fn add(&mut self, simd: S, before: f32x16<S>, after: f32x16<S>) {
        let bits = [before, after].map(|values| values.bitcast::<u32x16<S>>() << 1);
        self.special = self.special.max(bits[0]).max(bits[1]);
        let unit = u32x16::splat(simd, 1);
        let none = u32x16::splat(simd, 0);
        self.changed += before.simd_eq(after).select(none, unit);
        let distance = (after - before).abs();
        self.absolute = self.absolute.max(distance);
        let magnitude = before.abs().max(after.abs());
        // A division takes longer than all the rest, and few quotients are larger than all before. The product is rounded
        // as a quotient is, so that a quotient that is left out is at most one unit in the last place larger.
        let least = magnitude * f32x16::splat(simd, self.relative);
        let is_tiny = distance.simd_lt(f32x16::splat(simd, TINY)) & distance.simd_gt(f32x16::splat(simd, 0.));
        if (distance.simd_gt(least) | is_tiny).any_true() {
            self.divide(distance, magnitude);
        }
        let (first, second) = (simd.widen_f32x16(before), simd.widen_f32x16(after));
        self.norms[0].add_squares(simd, first);
        self.norms[1].add_squares(simd, second);
        // These are rounded twice: a distance has more bits than its numbers.
        let distances = (second.0 - first.0, second.1 - first.1);
        self.squares
            .add((distances.0 * distances.0, distances.1 * distances.1));
    }

    #[inline(always)]
    fn divide(&mut self, distance: f32x16<S>, magnitude: f32x16<S>) {
        let quotients = distance / magnitude;
        // Two zeros give NaN, which is not larger than anything.
        self.relative = quotients.as_slice().iter().copied().fold(self.relative, f32::max);
    }

    #[inline(always)]
    fn finish(self) -> Option<Compared> {
        let absolute = self.absolute.as_slice().iter().copied().fold(0., f32::max);
        if absolute == f32::INFINITY || self.special.as_slice().iter().any(|bits| *bits >= SPECIAL) {
            return None;
        }
        let changed = self.changed.as_slice().iter();
        Some(Compared {
            changed: changed.map(|changed| u64::from(*changed)).sum(),
            absolute,
            relative: self.relative,
            norms: [self.norms[0].total(), self.norms[1].total()],
            squares: self.squares.total(),
        })
    }
}

/// Compare numbers. `None` if one of them is not finite, or if a distance is beyond 32 bits.
///
/// The largest relative distance is at least `relative`, that of earlier batches.
#[inline(always)]
pub(super) fn compare<S: Simd>(
    simd: S,
    before: &[[f32; LANES]],
    after: &[[f32; LANES]],
    relative: f32,
) -> Option<Compared> {
    let mut comparing = Comparing::new(simd, relative);
    for (before, after) in before.iter().zip(after) {
        let (before, after) = (f32x16::simd_from(simd, *before), f32x16::simd_from(simd, *after));
        comparing.add(simd, before, after);
    }
    comparing.finish()
}

/// Compare a batch of numbers of the upper 16 bits of 32 like [`compare`], without decoding them first.
#[inline(always)]
pub(super) fn compare_brain<S: Simd>(
    simd: S,
    before: &[[u8; 4 * LANES]],
    after: &[[u8; 4 * LANES]],
    relative: f32,
) -> Option<Compared> {
    let mut comparing = Comparing::new(simd, relative);
    for (before, after) in before.iter().zip(after) {
        let (before, after) = (brains(pairs_of(simd, before)), brains(pairs_of(simd, after)));
        comparing.add(simd, before[0], after[0]);
        comparing.add(simd, before[1], after[1]);
    }
    comparing.finish()
}

/// Return numbers of the upper 16 bits of 32: those at even positions, and those at odd ones.
#[inline(always)]
fn brains<S: Simd>(pairs: u32x16<S>) -> [f32x16<S>; 2] {
    [(pairs << 16).bitcast(), (pairs & 0xffff_0000).bitcast()]
}

/// Return codes of 16 bits, two in a lane: the first one in the lower half.
#[inline(always)]
fn pairs_of<S: Simd>(simd: S, bytes: &[u8; 4 * LANES]) -> u32x16<S> {
    let mut pairs = [0_u32; LANES];
    for (pair, bytes) in pairs.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *pair = u32::from_le_bytes(*bytes);
    }
    u32x16::simd_from(simd, pairs)
}

/// Sum up the squares of numbers as [`compare`] does. `None` if one of them is not finite.
#[inline(always)]
pub(super) fn squares<S: Simd>(simd: S, values: &[[f32; LANES]]) -> Option<f64> {
    let mut special = u32x16::splat(simd, 0);
    let mut squares = Sums::new(simd);
    for values in values {
        let values = f32x16::simd_from(simd, *values);
        special = special.max(values.bitcast::<u32x16<S>>() << 1);
        squares.add_squares(simd, simd.widen_f32x16(values));
    }
    let is_finite = special.as_slice().iter().all(|bits| *bits < SPECIAL);
    is_finite.then(|| squares.total())
}

/// Sum up the squares of a batch of numbers of the upper 16 bits of 32 as [`compare_brain`] does. `None` if one of them is
/// not finite.
#[inline(always)]
pub(super) fn squares_brain<S: Simd>(simd: S, bytes: &[[u8; 4 * LANES]]) -> Option<f64> {
    let mut special = u32x16::splat(simd, 0);
    let mut squares = Sums::new(simd);
    for bytes in bytes {
        for values in brains(pairs_of(simd, bytes)) {
            special = special.max(values.bitcast::<u32x16<S>>() << 1);
            squares.add_squares(simd, simd.widen_f32x16(values));
        }
    }
    let is_finite = special.as_slice().iter().all(|bits| *bits < SPECIAL);
    is_finite.then(|| squares.total())
}
