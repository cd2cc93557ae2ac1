//! The distance between the values of two tensors.

use super::kernel;
use super::pairs::{Fold, LARGEST_UNIT, Pair, Tile, fold};
use super::simd::{BATCH, LANES, Vectorized, vectorize};
use super::{OpenTensor, OpenTensors};
use crate::control::Control;
use crate::digest::model::Rules;
use crate::error::Result;
use crate::io::source::{BLOCK, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use fearless_simd::Simd;
use lineaprint_formats::values::{Decoder, Kind, float};
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
    /// The largest distance; 0 where no element is [`Self::distant`]. It is rounded to 24 bits where both sides are of
    /// 32 bits or fewer, as is the next.
    pub largest_absolute: f64,
    /// The largest distance divided by the larger of the two magnitudes, of finite elements: from 0 to 2.
    pub largest_relative: f64,
    /// Sum of the squares of distances.
    pub squares: f64,
    /// Sum of the squares before and after.
    pub norms: [f64; 2],
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

/// The result for a pair of tensors of which the bytes are compared too.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedBytes {
    /// True if they have the same bytes. Their dtypes and shapes may differ.
    pub same: bool,
    /// The distance of their values.
    pub values: Compared,
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
    type Output = Vec<ComparedBytes>;

    fn access(&self) -> AccessPattern<'_> {
        let paths = self.before.as_slice();
        AccessPattern::Sequential { paths, digests: 1 }
    }

    fn run(self, control: &Control) -> Result<Vec<ComparedBytes>> {
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

/// Compare tensors, named in the first and the second model, on the threads of the current pool: their bytes where they have
/// as many, and their values where they are numbers of one shape.
pub fn compare(
    before: &OpenTensors,
    after: &OpenTensors,
    names: &[(String, String)],
    control: &Control,
) -> Result<Vec<ComparedBytes>> {
    let mut results = Vec::with_capacity(names.len());
    let mut both = Both::default();
    let mut pairs = Vec::new();
    let mut of_pairs = Vec::new();
    for (first, second) in names {
        let indices = (before.index_of(first)?, after.index_of(second)?);
        let tensors = (&before.tensors()[indices.0], &after.tensors()[indices.1]);
        let decoders = decoders(tensors.0, tensors.1);
        let has_bytes = tensors.0.bytes == tensors.1.bytes;
        // Tiles are of elements, so that as many bytes must be as many elements, and some of them must fit a tile.
        let has_tiles = tensors.0.elements() == tensors.1.elements()
            && tensors.0.unit().1.max(tensors.1.unit().1) <= LARGEST_UNIT;
        let is_read = decoders.is_ok() || has_bytes && has_tiles;
        if is_read {
            control.add_file(tensors.0.bytes + tensors.1.bytes);
            both.0.push(Sides {
                decoders: decoders.as_ref().ok().copied(),
                has_bytes,
                is_one_dtype: tensors.0.dtype == tensors.1.dtype,
            });
            of_pairs.push(results.len());
            pairs.push(Pair {
                before: (indices.0, 0),
                after: (indices.1, 0),
                elements: tensors.0.elements(),
            });
        }
        let values = match decoders {
            Ok(_) => Compared::Values(Difference::default()),
            Err(reason) => Compared::Not(reason),
        };
        let same = has_bytes && (is_read || same_bytes(tensors, control)?);
        results.push(ComparedBytes { same, values });
    }
    let sums = fold(before, after, &pairs, &both, control)?;
    for (index, sum) in of_pairs.into_iter().zip(sums) {
        let result = &mut results[index];
        result.same &= sum.same;
        if let Compared::Values(difference) = &mut result.values {
            *difference = sum.difference;
        }
    }
    Ok(results)
}

/// Compare two tensors of as many bytes, but not as many elements, from first to last.
fn same_bytes((before, after): (&OpenTensor, &OpenTensor), control: &Control) -> Result<bool> {
    control.add_file(before.bytes + after.bytes);
    before.with_reader(0, control, |first| {
        after.with_reader(0, control, |second| {
            let mut left_buffer = vec![0; BLOCK];
            let mut right_buffer = vec![0; BLOCK];
            let mut left = before.bytes;
            while left > 0 {
                let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
                first.read(&mut left_buffer[..length])?;
                second.read(&mut right_buffer[..length])?;
                if left_buffer[..length] != right_buffer[..length] {
                    return Ok(false);
                }
                left -= length as u64;
            }
            Ok(true)
        })
    })
}

/// The sides of a pair and how they are compared.
#[derive(Clone, Copy)]
struct Sides {
    decoders: Option<(Decoder, Decoder)>,
    /// True if both sides have as many bytes.
    has_bytes: bool,
    is_one_dtype: bool,
}

/// The sides of each pair.
#[derive(Default)]
struct Both(Vec<Sides>);

/// Result of a part.
struct BothSum {
    same: bool,
    difference: Difference,
}

impl Fold for Both {
    type Sum = BothSum;

    fn begin(&self, _: usize) -> BothSum {
        BothSum {
            same: true,
            difference: Difference::default(),
        }
    }

    fn add(&self, sum: &mut BothSum, tile: &Tile<'_>) -> Result<()> {
        let Sides {
            decoders,
            has_bytes,
            is_one_dtype,
        } = self.0[tile.pair];
        let is_same = has_bytes && tile.before == tile.after;
        sum.same &= is_same;
        if let Some(decoders) = decoders {
            sum.difference.add_tile(decoders, tile, is_same && is_one_dtype);
        }
        Ok(())
    }

    fn merge(&self, sum: &mut BothSum, next: BothSum) {
        sum.same &= next.same;
        sum.difference.merge(&next.difference);
    }
}

/// Return the decoders of two tensors, or why their values are not compared.
pub(super) fn decoders(
    before: &OpenTensor,
    after: &OpenTensor,
) -> std::result::Result<(Decoder, Decoder), String> {
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
pub(super) struct Values(pub Vec<(Decoder, Decoder)>);

impl Fold for Values {
    type Sum = Difference;

    fn begin(&self, _: usize) -> Difference {
        Difference::default()
    }

    fn add(&self, sum: &mut Difference, tile: &Tile<'_>) -> Result<()> {
        sum.add_tile(self.0[tile.pair], tile, false);
        Ok(())
    }

    fn merge(&self, sum: &mut Difference, next: Difference) {
        sum.merge(&next);
    }
}

struct Compare<'t> {
    decoders: (Decoder, Decoder),
    tile: &'t Tile<'t>,
    /// True if both sides have the same bytes and the same dtype.
    is_same: bool,
    /// Elements that were compared: whole batches.
    done: usize,
    sum: &'t mut Difference,
}

impl Vectorized for Compare<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run<S: Simd>(mut self, simd: S) {
        let (first, second) = self.decoders;
        if first.values_per_element() == 1 && first.fits_f32() && second.fits_f32() {
            if self.is_same {
                self.run_same(simd);
                return;
            }
            if first.is_brain() && second.is_brain() {
                self.run_brain(simd);
            }
            self.run_narrow(simd);
        } else {
            self.run_wide();
        }
    }
}

impl<'t> Compare<'t> {
    /// Compare numbers of the upper 16 bits of 32, in whole batches as they are, and leave the others.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run_brain<S: Simd>(&mut self, simd: S) {
        const BYTES: usize = 2 * BATCH;
        let whole = self.tile.elements / BATCH;
        let (before, after) = (
            &self.tile.before[..whole * BYTES],
            &self.tile.after[..whole * BYTES],
        );
        for (before, after) in before
            .as_chunks::<BYTES>()
            .0
            .iter()
            .zip(after.as_chunks::<BYTES>().0)
        {
            let relative = self.sum.relative();
            let compared = kernel::compare_brain(simd, before.as_chunks().0, after.as_chunks().0, relative);
            if let Some(compared) = compared {
                self.sum.add_batch(&compared);
                continue;
            }
            let codes = before.as_chunks::<2>().0.iter().zip(after.as_chunks::<2>().0);
            for (before, after) in codes {
                let [before, after] =
                    [before, after].map(|code| f64::from(float::bf16(u16::from_le_bytes(*code))));
                self.sum.add(before, after);
            }
        }
        self.done = whole * BATCH;
    }

    /// Add up numbers that are the same on both sides, which are exact in 32 bits.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run_same<S: Simd>(mut self, simd: S) {
        let mut values = [0_f32; BATCH];
        if self.decoders.0.is_brain() {
            const BYTES: usize = 2 * BATCH;
            self.done = self.tile.elements / BATCH * BATCH;
            for bytes in self.tile.before[..2 * self.done].as_chunks::<BYTES>().0 {
                if let Some(squares) = kernel::squares_brain(simd, bytes.as_chunks().0) {
                    self.sum.norms[0] += squares;
                    self.sum.norms[1] += squares;
                    continue;
                }
                for code in bytes.as_chunks::<2>().0 {
                    let value = f64::from(float::bf16(u16::from_le_bytes(*code)));
                    self.sum.add(value, value);
                }
            }
        }
        let mut left = self.tile.elements - self.done;
        for (bytes, _) in self.batches() {
            let values = &mut values[..left.min(BATCH)];
            left -= values.len();
            self.decoders.0.decode_f32(bytes, values);
            self.sum.add_same_batch(simd, values);
        }
    }

    /// Compare numbers that are exact in 32 bits: all but those of a few dtypes.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn run_narrow<S: Simd>(self, simd: S) {
        let (mut before, mut after) = ([0_f32; BATCH], [0_f32; BATCH]);
        let mut left = self.tile.elements - self.done;
        for (first, second) in self.batches() {
            let count = left.min(BATCH);
            left -= count;
            let (before, after) = (&mut before[..count], &mut after[..count]);
            self.decoders.0.decode_f32(first, before);
            self.decoders.1.decode_f32(second, after);
            if !self.sum.add_finite_batch(simd, before, after) {
                for (before, after) in before.iter().zip(after) {
                    self.sum.add(f64::from(*before), f64::from(*after));
                }
            }
        }
    }

    /// Compare numbers of 64 bits, and complex ones.
    fn run_wide(self) {
        let parts = self.decoders.0.values_per_element();
        let (mut before, mut after) = ([0.; BATCH], [0.; BATCH]);
        let mut left = self.tile.elements * parts;
        for (first, second) in self.batches() {
            let count = left.min(BATCH);
            left -= count;
            let (before, after) = (&mut before[..count], &mut after[..count]);
            self.decoders.0.decode_f64(first, before);
            self.decoders.1.decode_f64(second, after);
            if parts == 2 {
                self.sum.add_complex(before, after);
            } else {
                for (before, after) in before.iter().zip(after) {
                    self.sum.add(*before, *after);
                }
            }
        }
    }

    /// Return the bytes of as many values on both sides.
    fn batches(&self) -> impl Iterator<Item = (&'t [u8], &'t [u8])> + use<'t> {
        let tile = self.tile;
        let stride = |decoder: Decoder| BATCH / decoder.unit().values * decoder.unit().bytes;
        let skip = self.done / BATCH;
        let before = tile.before.chunks(stride(self.decoders.0)).skip(skip);
        before.zip(tile.after.chunks(stride(self.decoders.1)).skip(skip))
    }
}

#[allow(
    clippy::float_cmp,
    reason = "whether elements differ at all is what is counted"
)]
impl Difference {
    /// Add a tile; `is_same` is true if both sides have the same bytes and the same dtype.
    fn add_tile(&mut self, decoders: (Decoder, Decoder), tile: &Tile<'_>, is_same: bool) {
        self.elements += tile.elements as u64;
        if decoders.0.fits_f64() {
            vectorize(Compare {
                decoders,
                tile,
                is_same,
                done: 0,
                sum: self,
            });
        } else {
            self.add_wide(decoders, tile);
        }
    }

    /// Add numbers, unless one of them is not finite or the distance of two is beyond 32 bits. Return whether they were
    /// added.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn add_finite_batch<S: Simd>(&mut self, simd: S, before: &[f32], after: &[f32]) -> bool {
        let (whole_before, rest_before) = before.as_chunks::<LANES>();
        let (whole_after, rest_after) = after.as_chunks::<LANES>();
        // The others decide too: all of a batch are added in one way.
        if rest_before
            .iter()
            .chain(rest_after)
            .any(|value| !value.is_finite())
        {
            return false;
        }
        let compared = kernel::compare(simd, whole_before, whole_after, self.relative());
        let Some(compared) = compared else { return false };
        self.add_batch(&compared);
        for (before, after) in rest_before.iter().zip(rest_after) {
            self.add(f64::from(*before), f64::from(*after));
        }
        true
    }

    /// Return the largest relative distance in 32 bits: at most what it is.
    #[allow(clippy::cast_possible_truncation, reason = "rounded down below")]
    fn relative(&self) -> f32 {
        let rounded = self.largest_relative as f32;
        if f64::from(rounded) > self.largest_relative {
            rounded.next_down()
        } else {
            rounded
        }
    }

    /// Add what was found of finite numbers.
    fn add_batch(&mut self, compared: &kernel::Compared) {
        self.changed += compared.changed;
        self.distant += compared.changed;
        self.largest_absolute = self.largest_absolute.max(f64::from(compared.absolute));
        self.largest_relative = self.largest_relative.max(f64::from(compared.relative));
        for (side, norm) in compared.norms.iter().enumerate() {
            self.norms[side] += norm;
        }
        self.squares += compared.squares;
    }

    /// Add numbers that are the same on both sides, with the sums that comparing them would give.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "compiled with the instructions of the caller"
    )]
    fn add_same_batch<S: Simd>(&mut self, simd: S, values: &[f32]) {
        let (whole, rest) = values.as_chunks::<LANES>();
        let squares = Some(()).filter(|()| rest.iter().all(|value| value.is_finite()));
        let rest = match squares.and_then(|()| kernel::squares(simd, whole)) {
            Some(squares) => {
                self.norms[0] += squares;
                self.norms[1] += squares;
                rest
            }
            None => values,
        };
        for value in rest {
            self.add(f64::from(*value), f64::from(*value));
        }
    }

    /// Return the sum of the products of both sides. It follows from the other sums.
    pub fn products(&self) -> f64 {
        (self.norms[0] + self.norms[1] - self.squares) / 2.
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
        for side in 0..2 {
            self.norms[side] += next.norms[side];
            self.nan[side] += next.nan[side];
            self.infinite[side] += next.infinite[side];
        }
    }
}
