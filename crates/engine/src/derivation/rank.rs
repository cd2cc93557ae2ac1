//! The numerical rank of the difference of two matrices, from one read of both.
//!
//! The difference is multiplied with a few random vectors of signs, which keeps its rank as far as there are vectors
//! (Halko, Martinsson and Tropp, 2011). The products are made orthogonal, the longest first; as many of them as are
//! longer than what rounding leaves are the rank.

use super::Outcome;
use super::adapter::{index, numbers};
use super::stored::Stored;
use crate::control::Control;
use crate::error::Result;
use lineaprint_formats::derivation::float::Float;
use rayon::prelude::*;

/// The largest rank that is looked for.
const MOST: usize = 64;

/// Rows or columns of the difference, the fewer of them, at most.
const LONGEST: u64 = 64 << 10;

/// Numbers that are read at once.
const STEP: u64 = 1 << 20;

/// Find the rank of what was added to a matrix.
pub fn check(before: &Stored, after: &Stored, control: &Control) -> Result<Outcome> {
    let refused = |reason: &str| Ok(Outcome::NotChecked(reason.to_owned()));
    let (&[rows, columns], true) = (&after.shape[..], before.shape == after.shape) else {
        return refused("only two matrices of one shape have a difference with a rank");
    };
    let (Some(from), Some(to)) = (Float::of(before.dtype), Float::of(after.dtype)) else {
        return refused("only floats have a difference with a rank");
    };
    if rows.min(columns) > LONGEST || columns > STEP || rows.min(columns) == 0 {
        return refused("the matrices are too large or empty");
    }
    let width = index(columns);
    let mut sketch = Sketch::new(index(rows), width);
    let mut square = 0.0;
    let step = (STEP / columns).max(1);
    let mut first = 0;
    while first < rows {
        let count = step.min(rows - first);
        let (start, length) = (first * columns, count * columns);
        let mut difference = numbers(after, to, start, length, control)?;
        square += difference.iter().map(|value| value * value).sum::<f64>();
        let earlier = numbers(before, from, start, length, control)?;
        for (value, earlier) in difference.iter_mut().zip(earlier) {
            *value -= earlier;
        }
        if difference.iter().any(|value| !value.is_finite()) {
            return refused("the difference has elements that are no numbers");
        }
        sketch.add(index(first), &difference);
        first += count;
    }
    let roundoff = from.unit_roundoff().max(to.unit_roundoff());
    let tolerance = 4.0 * roundoff * square.sqrt();
    Ok(Outcome::Rank {
        rank: sketch.rank(tolerance),
        most: MOST,
        tolerance,
    })
}

/// Products of the difference with vectors of signs, on the side that makes them shorter.
struct Sketch {
    width: usize,
    /// True if columns are kept and rows are summed.
    by_column: bool,
    vectors: Vec<Vec<f64>>,
}

impl Sketch {
    fn new(rows: usize, width: usize) -> Self {
        let by_column = width <= rows;
        Self {
            width,
            by_column,
            vectors: vec![vec![0.0; rows.min(width)]; MOST + 1],
        }
    }

    /// Add rows from the row `first` on.
    fn add(&mut self, first: usize, rows: &[f64]) {
        let (width, by_column) = (self.width, self.by_column);
        self.vectors
            .par_iter_mut()
            .enumerate()
            .for_each(|(number, vector)| {
                for (offset, row) in rows.chunks_exact(width).enumerate() {
                    let row_number = first + offset;
                    if by_column {
                        let sign = sign(number, row_number);
                        for (sum, value) in vector.iter_mut().zip(row) {
                            *sum += sign * value;
                        }
                    } else {
                        vector[row_number] = row
                            .iter()
                            .enumerate()
                            .map(|(column, value)| sign(number, column) * value)
                            .sum();
                    }
                }
            });
    }

    fn rank(mut self, tolerance: f64) -> usize {
        let mut rank = 0;
        while rank < self.vectors.len() {
            let longest = (rank..self.vectors.len())
                .max_by(|a, b| length(&self.vectors[*a]).total_cmp(&length(&self.vectors[*b])));
            let Some(longest) = longest else { break };
            let norm = length(&self.vectors[longest]);
            if norm <= tolerance {
                break;
            }
            self.vectors.swap(rank, longest);
            let (done, others) = self.vectors.split_at_mut(rank + 1);
            let pivot = &done[rank];
            others.par_iter_mut().for_each(|vector| {
                let along = vector.iter().zip(pivot).map(|(a, b)| a * b).sum::<f64>() / (norm * norm);
                for (value, pivot) in vector.iter_mut().zip(pivot) {
                    *value -= along * pivot;
                }
            });
            rank += 1;
        }
        rank
    }
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Return 1 or -1 by the splitmix64 hash of two numbers: random enough, and the same in every run.
fn sign(vector: usize, position: usize) -> f64 {
    let mut mixed = (vector as u64) << 40 ^ position as u64;
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    if (mixed ^ (mixed >> 31)) & 1 == 0 {
        1.0
    } else {
        -1.0
    }
}
