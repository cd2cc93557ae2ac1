//! A merged adapter: a product of two small matrices, scaled and added to a matrix.
//!
//! Libraries multiply in other orders and precisions, so that equal bits cannot be asked for. Each element has to be
//! within the rounding of the types that take part, and the scaling that fits best has to be the one that was stated:
//! in a narrow type the rounding alone could hide another one.

use super::Outcome;
use super::stored::{Stored, Tensors};
use crate::control::Control;
use crate::error::Result;
use lineaprint_formats::derivation::float::Float;
use rayon::prelude::*;

/// The adapter of one matrix.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Name of the matrix with as many columns as the target (`lora_A`).
    pub down: String,
    /// Name of the matrix with as many rows as the target (`lora_B`).
    pub up: String,
    /// The factor of their product.
    pub scaling: f64,
}

/// Result of the comparison with an adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LowRank {
    /// Elements outside their bound.
    pub outside: u64,
    /// The first of them.
    pub first: Option<u64>,
    /// The largest distance from the exact sum.
    pub largest: f64,
    /// The bound of the element with the largest one.
    pub bound: f64,
    /// Elements whose change is larger than the rounding, from which the scaling is estimated.
    pub telling: u64,
    /// The scaling that fits those elements best; NaN without any.
    pub fitted: f64,
    /// Rank of the adapter.
    pub rank: u64,
}

/// Numbers in the two matrices together, at most: they are held as doubles.
const MOST: u64 = 16 << 20;

/// Numbers that a thread works on at once.
const STEP: u64 = 256 << 10;

/// Compare a matrix with another one to which an adapter was added.
pub fn check(
    own: &Adapter,
    base: &Stored,
    target: &Stored,
    adapter: &Tensors,
    control: &Control,
) -> Result<Outcome> {
    let (down, up) = (adapter.get(&own.down)?, adapter.get(&own.up)?);
    let refused = |reason: String| Ok(Outcome::NotChecked(reason));
    let (&[rows, columns], &[rank, down_columns], &[up_rows, up_rank]) =
        (&target.shape[..], &down.shape[..], &up.shape[..])
    else {
        return refused("only matrices are compared with a low-rank adapter".to_owned());
    };
    if base.shape != target.shape || down_columns != columns || up_rows != rows || up_rank != rank {
        return refused(format!(
            "the adapter of {} has shapes {:?} and {:?}, which do not fit {:?}",
            target.name, down.shape, up.shape, target.shape
        ));
    }
    let floats = [base, target, down, up].map(|tensor| Float::of(tensor.dtype));
    let [
        Some(base_float),
        Some(target_float),
        Some(down_float),
        Some(up_float),
    ] = floats
    else {
        return refused("only floats are compared with a low-rank adapter".to_owned());
    };
    if down.elements.saturating_add(up.elements) > MOST {
        return refused(format!(
            "the adapter of {} has more than {MOST} numbers",
            target.name
        ));
    }
    if let Some(reason) = [down, up].iter().find_map(|tensor| tensor.obstacle()) {
        return refused(reason);
    }
    let down = numbers(down, down_float, 0, down.elements, control)?;
    let up = numbers(up, up_float, 0, up.elements, control)?;
    let sums = each_block_of_rows(rows, columns, |first, count| {
        let (start, length) = (first * columns, count * columns);
        let before = numbers(base, base_float, start, length, control)?;
        let after = numbers(target, target_float, start, length, control)?;
        let mut sums = Sums::default();
        let (width, inner) = (index(columns), index(rank));
        for row in 0..index(count) {
            let factors = &up[(index(first) + row) * inner..][..inner];
            let line = row * width..(row + 1) * width;
            let position = start + (row * width) as u64;
            sums.row(
                &before[line.clone()],
                &after[line],
                factors,
                &down,
                own.scaling,
                target_float,
                position,
            );
        }
        Ok(sums)
    })?;
    let mut total = Sums::default();
    for sums in sums {
        total.add(&sums);
    }
    Ok(Outcome::LowRank(LowRank {
        rank,
        fitted: total.with / total.square,
        ..total.low_rank
    }))
}

/// Sums over some rows.
#[derive(Default)]
struct Sums {
    low_rank: LowRank,
    /// Sum of change times product, and of the square of the product, over telling elements.
    with: f64,
    square: f64,
}

impl Sums {
    #[allow(clippy::too_many_arguments, reason = "the parts of one sum")]
    fn row(
        &mut self,
        before: &[f64],
        after: &[f64],
        factors: &[f64],
        down: &[f64],
        scaling: f64,
        float: Float,
        position: u64,
    ) {
        let width = before.len();
        let mut product = vec![0.0; width];
        let mut magnitude = vec![0.0; width];
        for (factor, line) in factors.iter().zip(down.chunks_exact(width.max(1))) {
            for ((product, magnitude), value) in product.iter_mut().zip(&mut magnitude).zip(line) {
                *product += factor * value;
                *magnitude += (factor * value).abs();
            }
        }
        let unit = float.unit_roundoff();
        // The product is summed in singles at least: one rounding for each term, and two more for the scaling.
        let terms = u32::try_from(factors.len()).unwrap_or(u32::MAX);
        let summing = (f64::from(terms) + 2.0) * Float::F32.unit_roundoff();
        for (index, (before, after)) in before.iter().zip(after).enumerate() {
            let change = scaling * product[index];
            let exact = before + change;
            let bound = unit * (2.0 * change.abs() + exact.abs()) * (1.0 + unit)
                + summing * (scaling * magnitude[index]).abs()
                + 2.0 * float.half_of_smallest();
            let distance = (after - exact).abs();
            // NaN is in no bound; an element that is the same infinity or NaN on both sides was not changed.
            let inside = distance <= bound
                || (!before.is_finite()
                    && (before.to_bits() == after.to_bits() || (before.is_nan() && after.is_nan())));
            if !inside {
                self.low_rank.outside += 1;
                self.low_rank.first.get_or_insert(position + index as u64);
            }
            if distance > self.low_rank.largest {
                (self.low_rank.largest, self.low_rank.bound) = (distance, bound);
            }
            if change.abs() > 2.0 * bound && distance.is_finite() {
                self.low_rank.telling += 1;
                self.with += (after - before) * product[index];
                self.square += product[index] * product[index];
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.low_rank.outside += other.low_rank.outside;
        self.low_rank.first = match (self.low_rank.first, other.low_rank.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if other.low_rank.largest > self.low_rank.largest {
            (self.low_rank.largest, self.low_rank.bound) = (other.low_rank.largest, other.low_rank.bound);
        }
        self.low_rank.telling += other.low_rank.telling;
        self.with += other.with;
        self.square += other.square;
    }
}

/// Work on blocks of the rows of a matrix on all threads: `work` gets the first row of a block and their number.
pub(super) fn each_block_of_rows<T: Send>(
    rows: u64,
    columns: u64,
    work: impl Fn(u64, u64) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let step = (STEP / columns.max(1)).max(1);
    let blocks: Vec<u64> = (0..rows.div_ceil(step)).collect();
    blocks
        .into_par_iter()
        .with_max_len(1)
        .map(|block| {
            let first = block * step;
            work(first, step.min(rows - first))
        })
        .collect()
}

/// Read numbers of a tensor as doubles.
pub(super) fn numbers(
    tensor: &Stored,
    float: Float,
    start: u64,
    count: u64,
    control: &Control,
) -> Result<Vec<f64>> {
    control.check()?;
    let mut bytes = vec![0; index(tensor.bytes_of(count))];
    tensor.read(tensor.bytes_of(start), &mut bytes, control)?;
    let mut values = Vec::new();
    float.decode_double(&bytes, &mut values);
    Ok(values)
}

/// Convert a number of elements that were checked against the file.
pub(super) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
