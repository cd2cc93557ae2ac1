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
    Bytes as _, Select as _, Simd, SimdBase as _, SimdFrom as _, f32x16, f64x8, i16x32, u16x32, u32x16,
};

/// The upper bits without sign from which on a number is not finite, moved to the top: of 32 and of 16 bits.
const SPECIAL: u32 = 0xff00_0000;
const SPECIAL_BRAIN: u16 = 0xff00;

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

/// Return a number of 16 bits whose order is that of the numbers that codes stand for; and back.
const fn ordered(code: i16) -> i16 {
    code ^ (code >> 15 & 0x7fff)
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
    let mut largest = u16x32::splat(simd, 0);
    let mut zeros = u16x32::splat(simd, 0);
    let mut least = i16x32::splat(simd, i16::MAX);
    let mut most = i16x32::splat(simd, i16::MIN);
    let unit = u16x32::splat(simd, 1);
    let none = u16x32::splat(simd, 0);
    let mut result = *into;
    for batch in batches {
        let (mut sums, mut squares) = (Sums::new(simd), Sums::new(simd));
        for bytes in batch {
            let mut own = [0_u16; 2 * LANES];
            for (code, bytes) in own.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *code = u16::from_le_bytes(*bytes);
            }
            let codes = u16x32::simd_from(simd, own);
            let magnitudes = codes << 1;
            largest = largest.max(magnitudes);
            zeros += magnitudes.simd_eq(none).select(unit, none);
            let signed = codes.bitcast::<i16x32<S>>();
            let order = signed ^ (signed >> 15 & i16x32::splat(simd, 0x7fff));
            least = least.min(order);
            most = most.max(order);
            let (low, high) = simd.widen_u16x32(codes);
            for half in [low, high] {
                let values = (half << 16).bitcast::<f32x16<S>>();
                let wide = simd.widen_f32x16(values);
                sums.add(wide);
                squares.add_squares(simd, wide);
            }
        }
        result.sum += sums.total();
        result.squares += squares.total();
    }
    if largest.as_slice().iter().any(|bits| *bits >= SPECIAL_BRAIN) {
        return false;
    }
    let value = |order: i16| f32::from_bits(u32::from(ordered(order).cast_unsigned()) << 16);
    let (least, most) = (least.as_slice().iter().min(), most.as_slice().iter().max());
    if let (Some(least), Some(most), false) = (least, most, batches.is_empty()) {
        result.minimum = result.minimum.min(value(*least));
        result.maximum = result.maximum.max(value(*most));
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

/// Compare numbers. `None` if one of them is not finite, or if a distance is beyond 32 bits.
#[inline(always)]
pub(super) fn compare<S: Simd>(simd: S, before: &[[f32; LANES]], after: &[[f32; LANES]]) -> Option<Compared> {
    let mut special = u32x16::splat(simd, 0);
    let mut changed = u32x16::splat(simd, 0);
    let (mut absolute, mut relative) = (f32x16::splat(simd, 0.), f32x16::splat(simd, 0.));
    let mut norms = [Sums::new(simd), Sums::new(simd)];
    let mut squares = Sums::new(simd);
    let unit = u32x16::splat(simd, 1);
    let none = u32x16::splat(simd, 0);
    for (before, after) in before.iter().zip(after) {
        let (before, after) = (f32x16::simd_from(simd, *before), f32x16::simd_from(simd, *after));
        let bits = [before, after].map(|values| values.bitcast::<u32x16<S>>() << 1);
        special = special.max(bits[0]).max(bits[1]);
        changed += before.simd_eq(after).select(none, unit);
        let distance = (after - before).abs();
        absolute = absolute.max(distance);
        // Two zeros give NaN, which is not larger than anything.
        let quotient = distance / before.abs().max(after.abs());
        relative = quotient.simd_gt(relative).select(quotient, relative);
        let (first, second) = (simd.widen_f32x16(before), simd.widen_f32x16(after));
        norms[0].add_squares(simd, first);
        norms[1].add_squares(simd, second);
        // These are rounded twice: a distance has more bits than its numbers.
        let distances = (second.0 - first.0, second.1 - first.1);
        squares.add((distances.0 * distances.0, distances.1 * distances.1));
    }
    let absolute = absolute.as_slice().iter().copied().fold(0., f32::max);
    if absolute == f32::INFINITY || special.as_slice().iter().any(|bits| *bits >= SPECIAL) {
        return None;
    }
    Some(Compared {
        changed: changed.as_slice().iter().map(|changed| u64::from(*changed)).sum(),
        absolute,
        relative: relative.as_slice().iter().copied().fold(0., f32::max),
        norms: [norms[0].total(), norms[1].total()],
        squares: squares.total(),
    })
}
