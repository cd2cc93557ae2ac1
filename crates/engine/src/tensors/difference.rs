//! How far the values of two tensors are apart.

use super::pairs::{Fold, Pair, Tile, fold};
use super::simd::{Vectorized, vectorize};
use super::{OpenTensor, OpenTensors};
use crate::control::Control;
use crate::digest::model::Rules;
use crate::error::Result;
use crate::io::source::retry_once;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_formats::values::{Decoder, Kind};
use std::path::PathBuf;

/// The distance between the values of two tensors of equal shape.
///
/// NaN differs from every number and equals NaN; 0 and -0 are equal. Sums are of the elements that are finite on both
/// sides. Of complex numbers the distance is that of the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// The number of elements.
    pub elements: u64,
    /// Elements that differ.
    pub changed: u64,
    /// Elements that differ and have a distance: not those that are NaN on one side.
    pub distant: u64,
    /// The largest distance; 0 where no element is [`Self::distant`].
    pub largest_absolute: f64,
    /// The largest distance divided by the larger of the two magnitudes, of finite elements: from 0 to 2.
    pub largest_relative: f64,
    /// Sum of the squares of distances.
    pub squares: f64,
    /// Sum of the squares before and after.
    pub norms: [f64; 2],
    /// Sum of the products of both sides.
    pub products: f64,
    /// Elements that are NaN before and after.
    pub nan: [u64; 2],
    /// Elements that are infinite before and after.
    pub infinite: [u64; 2],
}

/// The result for a pair of tensors.
#[derive(Clone, Debug, PartialEq)]
pub enum Compared {
    /// Their distance.
    Values(Difference),
    /// One sentence that says why there is none.
    Not(String),
}

/// A request for the distances between tensors of two models.
#[derive(Clone, Debug)]
pub struct CompareValues {
    /// The files of the first model.
    pub before: Vec<PathBuf>,
    /// The files of the second model.
    pub after: Vec<PathBuf>,
    /// The rules that safetensors files are read by.
    pub rules: Rules,
    /// Names of the tensors, in the first and the second model.
    pub pairs: Vec<(String, String)>,
}

impl Job for CompareValues {
    type Output = Vec<Compared>;

    fn access(&self) -> AccessPattern<'_> {
        let paths = self.before.as_slice();
        AccessPattern::Sequential { paths, digests: 1 }
    }

    fn run(self, control: &Control) -> Result<Vec<Compared>> {
        retry_once(|| {
            let before = OpenTensors::open(&self.before, self.rules, control)?;
            let after = OpenTensors::open(&self.after, self.rules, control)?;
            let compared = compare(&before, &after, &self.pairs, control)?;
            before.verify_unchanged()?;
            after.verify_unchanged()?;
            Ok(compared)
        })
    }
}

/// Compare tensors, named in the first and the second model, on the threads of the current pool.
pub fn compare(
    before: &OpenTensors,
    after: &OpenTensors,
    names: &[(String, String)],
    control: &Control,
) -> Result<Vec<Compared>> {
    let mut results = Vec::with_capacity(names.len());
    let mut values = Values::default();
    let mut pairs = Vec::new();
    for (first, second) in names {
        let indices = (before.index_of(first)?, after.index_of(second)?);
        let tensors = (&before.tensors()[indices.0], &after.tensors()[indices.1]);
        match decoders(tensors.0, tensors.1) {
            Err(reason) => results.push(Compared::Not(reason)),
            Ok(decoders) => {
                control.add_file(tensors.0.bytes + tensors.1.bytes);
                values.0.push(decoders);
                pairs.push(Pair {
                    before: (indices.0, 0),
                    after: (indices.1, 0),
                    elements: tensors.0.elements(),
                });
                results.push(Compared::Values(Difference::default()));
            }
        }
    }
    let sums = fold(before, after, &pairs, &values, control)?;
    let compared = results.iter_mut().filter_map(|result| match result {
        Compared::Values(difference) => Some(difference),
        Compared::Not(_) => None,
    });
    for (difference, sum) in compared.zip(sums) {
        *difference = sum;
    }
    Ok(results)
}

/// Return the decoders of two tensors, or why their values are not compared.
fn decoders(before: &OpenTensor, after: &OpenTensor) -> std::result::Result<(Decoder, Decoder), String> {
    let decoder = |tensor: &OpenTensor| {
        let reason = || format!("the elements of {} are not decoded", tensor.dtype.name());
        tensor.decoder().ok_or_else(reason)
    };
    let decoders = (decoder(before)?, decoder(after)?);
    if before.shape != after.shape {
        return Err("the shapes differ".to_owned());
    }
    let is_complex = |decoder: &Decoder| decoder.kind() == Kind::Complex;
    if is_complex(&decoders.0) != is_complex(&decoders.1) || decoders.0.fits_f64() != decoders.1.fits_f64() {
        return Err(format!(
            "{} and {} cannot be compared exactly",
            before.dtype.name(),
            after.dtype.name()
        ));
    }
    Ok(decoders)
}

/// The decoders of each pair.
#[derive(Default)]
struct Values(Vec<(Decoder, Decoder)>);

impl Fold for Values {
    type Sum = Difference;

    fn begin(&self, _: usize) -> Difference {
        Difference::default()
    }

    fn add(&self, sum: &mut Difference, tile: &Tile<'_>) -> Result<()> {
        let decoders = self.0[tile.pair];
        sum.elements += tile.elements as u64;
        if !decoders.0.fits_f64() {
            sum.add_wide(decoders, tile);
        } else {
            vectorize(Compare { decoders, tile, sum });
        }
        Ok(())
    }

    fn merge(&self, sum: &mut Difference, next: Difference) {
        sum.merge(&next);
    }
}

/// Values that are decoded at once: they stay in the first-level cache, and are a multiple of the unit of every dtype.
const BATCH: usize = 1024;

/// Numbers that are added up side by side. It is part of what a sum is, to its last bit.
const LANES: usize = 8;

/// Magnitudes whose squares, and products of two, are normal numbers.
const MODERATE: std::ops::Range<f64> = 1e-150..1e150;

struct Compare<'t> {
    decoders: (Decoder, Decoder),
    tile: &'t Tile<'t>,
    sum: &'t mut Difference,
}

impl Vectorized for Compare<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run(self) {
        let Self { decoders, tile, sum } = self;
        let parts = decoders.0.values_per_element();
        let (mut before, mut after) = ([0.; BATCH], [0.; BATCH]);
        let stride = |decoder: Decoder| BATCH / decoder.unit().values * decoder.unit().bytes;
        let batches = tile.before.chunks(stride(decoders.0));
        let batches = batches.zip(tile.after.chunks(stride(decoders.1)));
        let mut left = tile.elements * parts;
        for (first, second) in batches {
            let count = left.min(BATCH);
            left -= count;
            let (before, after) = (&mut before[..count], &mut after[..count]);
            decoders.0.decode_f64(first, before);
            decoders.1.decode_f64(second, after);
            if parts == 2 {
                sum.add_complex(before, after);
            } else if are_moderate(before) && are_moderate(after) {
                sum.add_moderate(before, after);
            } else {
                for (before, after) in before.iter().zip(after) {
                    sum.add(*before, *after);
                }
            }
        }
    }
}

/// Return whether all numbers are zero or of moderate magnitude, so not NaN and not infinite.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "compiled with the instructions of the caller"
)]
fn are_moderate(values: &[f64]) -> bool {
    let mut others = 0_u64;
    for value in values {
        let magnitude = value.abs();
        let moderate = (magnitude >= MODERATE.start) & (magnitude < MODERATE.end);
        others += u64::from(!(moderate | (magnitude == 0.)));
    }
    others == 0
}

/// Sums and extremes of one lane.
#[derive(Clone, Copy, Default)]
struct Lanes([f64; LANES]);

impl Lanes {
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn sum(&self) -> f64 {
        self.0.iter().sum()
    }
}

impl Difference {
    /// Add moderate numbers.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn add_moderate(&mut self, before: &[f64], after: &[f64]) {
        let (whole_before, rest_before) = before.as_chunks::<LANES>();
        let (whole_after, rest_after) = after.as_chunks::<LANES>();
        let mut norms = [Lanes::default(); 2];
        let mut products = Lanes::default();
        let mut changed = [0_u64; LANES];
        for (before, after) in whole_before.iter().zip(whole_after) {
            for lane in 0..LANES {
                let (before, after) = (before[lane], after[lane]);
                norms[0].0[lane] += before * before;
                norms[1].0[lane] += after * after;
                products.0[lane] += before * after;
                changed[lane] += u64::from(before != after);
            }
        }
        self.norms[0] += norms[0].sum();
        self.norms[1] += norms[1].sum();
        self.products += products.sum();
        let changed: u64 = changed.iter().sum();
        if changed > 0 {
            self.changed += changed;
            self.distant += changed;
            self.add_distances(whole_before, whole_after);
        }
        for (before, after) in rest_before.iter().zip(rest_after) {
            self.add(*before, *after);
        }
    }

    /// Add the distances of moderate numbers.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn add_distances(&mut self, before: &[[f64; LANES]], after: &[[f64; LANES]]) {
        let mut squares = Lanes::default();
        let mut largest = Lanes::default();
        // The largest quotient so far, as its two parts: comparing products is faster than dividing.
        let (mut above, mut below) = (Lanes::default(), Lanes([1.; LANES]));
        for (before, after) in before.iter().zip(after) {
            for lane in 0..LANES {
                let (before, after) = (before[lane], after[lane]);
                let distance = (after - before).abs();
                let (first, second) = (before.abs(), after.abs());
                let magnitude = if first > second { first } else { second };
                squares.0[lane] += distance * distance;
                largest.0[lane] = if distance > largest.0[lane] {
                    distance
                } else {
                    largest.0[lane]
                };
                let is_larger = distance * below.0[lane] > above.0[lane] * magnitude;
                above.0[lane] = if is_larger { distance } else { above.0[lane] };
                below.0[lane] = if is_larger { magnitude } else { below.0[lane] };
            }
        }
        self.squares += squares.sum();
        for lane in 0..LANES {
            self.largest_absolute = self.largest_absolute.max(largest.0[lane]);
            self.largest_relative = self.largest_relative.max(above.0[lane] / below.0[lane]);
        }
    }

    /// Add one element of any value.
    fn add(&mut self, before: f64, after: f64) {
        self.count([before], [after]);
        if before == after || before.is_nan() && after.is_nan() {
            self.add_finite(before, after, 0.);
            return;
        }
        self.changed += 1;
        let distance = (after - before).abs();
        if !distance.is_nan() {
            self.distant += 1;
            self.largest_absolute = self.largest_absolute.max(distance);
        }
        self.add_finite(before, after, distance);
    }

    /// Count NaN and infinities of an element, which has one or two parts.
    fn count<const PARTS: usize>(&mut self, before: [f64; PARTS], after: [f64; PARTS]) {
        for (side, parts) in [before, after].into_iter().enumerate() {
            if parts.iter().any(|part| part.is_nan()) {
                self.nan[side] += 1;
            } else if parts.iter().any(|part| part.is_infinite()) {
                self.infinite[side] += 1;
            }
        }
    }

    /// Add a real element to the sums, if it is finite on both sides.
    fn add_finite(&mut self, before: f64, after: f64, distance: f64) {
        if !(before.is_finite() && after.is_finite()) {
            return;
        }
        self.norms[0] += before * before;
        self.norms[1] += after * after;
        self.products += before * after;
        self.squares += distance * distance;
        let magnitude = before.abs().max(after.abs());
        if magnitude > 0. {
            // The distance may be beyond the largest number, its parts are not.
            let relative = (after / magnitude - before / magnitude).abs();
            let relative = if distance.is_finite() {
                distance / magnitude
            } else {
                relative
            };
            self.largest_relative = self.largest_relative.max(relative);
        }
    }

    /// Add complex numbers, each of two parts that follow each other.
    fn add_complex(&mut self, before: &[f64], after: &[f64]) {
        let (before, _) = before.as_chunks::<2>();
        let (after, _) = after.as_chunks::<2>();
        for (before, after) in before.iter().zip(after) {
            self.count(*before, *after);
            let is_nan = [before, after].map(|parts| parts.iter().any(|part| part.is_nan()));
            if is_nan[0] || is_nan[1] {
                self.changed += u64::from(is_nan[0] != is_nan[1]);
                continue;
            }
            let distance = (after[0] - before[0]).hypot(after[1] - before[1]);
            if before != after {
                self.changed += 1;
                if !distance.is_nan() {
                    self.distant += 1;
                    self.largest_absolute = self.largest_absolute.max(distance);
                }
            }
            let magnitudes = [before, after].map(|parts| parts[0].hypot(parts[1]));
            if magnitudes.iter().all(|magnitude| magnitude.is_finite()) {
                self.norms[0] += magnitudes[0] * magnitudes[0];
                self.norms[1] += magnitudes[1] * magnitudes[1];
                self.products += before[0] * after[0] + before[1] * after[1];
                self.squares += distance * distance;
                let magnitude = magnitudes[0].max(magnitudes[1]);
                if magnitude > 0. {
                    self.largest_relative = self.largest_relative.max(distance / magnitude);
                }
            }
        }
    }

    /// Add 64-bit integers, whose digits `f64` does not hold: they are compared as what they are.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a distance is rounded, not whether there is one"
    )]
    fn add_wide(&mut self, decoders: (Decoder, Decoder), tile: &Tile<'_>) {
        let (before, _) = tile.before.as_chunks::<8>();
        let (after, _) = tile.after.as_chunks::<8>();
        for (before, after) in before.iter().zip(after).take(tile.elements) {
            let (Some(before), Some(after)) = (decoders.0.wide(before), decoders.1.wide(after)) else {
                continue;
            };
            let distance = (after - before).unsigned_abs() as f64;
            if before != after {
                self.changed += 1;
                self.distant += 1;
                self.largest_absolute = self.largest_absolute.max(distance);
            }
            self.add_finite(before as f64, after as f64, distance);
        }
    }

    /// Add the elements that follow.
    fn merge(&mut self, next: &Self) {
        self.elements += next.elements;
        self.changed += next.changed;
        self.distant += next.distant;
        self.largest_absolute = self.largest_absolute.max(next.largest_absolute);
        self.largest_relative = self.largest_relative.max(next.largest_relative);
        self.squares += next.squares;
        self.products += next.products;
        for side in 0..2 {
            self.norms[side] += next.norms[side];
            self.nan[side] += next.nan[side];
            self.infinite[side] += next.infinite[side];
        }
    }
}
