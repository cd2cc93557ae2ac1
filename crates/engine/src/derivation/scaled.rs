//! Floats of eight bits with scales beside them: one for all, one for each row, or one for each square of 128.

use super::Outcome;
use super::adapter::{each_block_of_rows, index, numbers};
use super::stored::Stored;
use crate::control::Control;
use crate::error::Result;
use lineaprint_formats::derivation::float::Float;

/// Result of the comparison of codes times scales.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scaled {
    /// Elements outside their bound.
    pub outside: u64,
    /// The first of them.
    pub first: Option<u64>,
    /// The largest distance of an element, as a share of its bound.
    pub worst: f64,
}

/// Scales, at most: they are held as doubles.
const MOST: u64 = 16 << 20;

/// Rows and columns of a square with one scale.
const SQUARE: u64 = 128;

/// Compare a tensor with codes times scales.
///
/// The code nearest to a number divided by its scale is at most half a step away from it. The division may have been made
/// in the type of the source.
pub fn check(before: &Stored, target: &Stored, scale: &Stored, control: &Control) -> Result<Outcome> {
    let refused = |reason: String| Ok(Outcome::NotChecked(reason));
    let (Some(from), Some(to), Some(scale_float)) = (
        Float::of(before.dtype),
        Float::of(target.dtype),
        Float::of(scale.dtype),
    ) else {
        return refused("only floats are compared with scales".to_owned());
    };
    if before.shape != target.shape || scale.elements > MOST {
        return refused(format!(
            "the shapes of {} and {} do not fit",
            before.name, target.name
        ));
    }
    let Some((rows, columns, grid)) = grid(&target.shape, &scale.shape) else {
        return refused(format!(
            "the scales {:?} of {} do not fit its shape {:?}",
            scale.shape, target.name, target.shape
        ));
    };
    if let Some(reason) = scale.obstacle() {
        return refused(reason);
    }
    let scales = numbers(scale, scale_float, 0, scale.elements, control)?;
    if scales.iter().any(|scale| !(scale.is_finite() && *scale > 0.0)) {
        return refused(format!(
            "{} holds scales that are not positive numbers",
            scale.name
        ));
    }
    let result = each_block_of_rows(rows, columns, |first, count| {
        let (start, length) = (first * columns, count * columns);
        let source = numbers(before, from, start, length, control)?;
        let codes = numbers(target, to, start, length, control)?;
        let mut result = Scaled::default();
        for (offset, (source, code)) in source.iter().zip(&codes).enumerate() {
            let element = start + offset as u64;
            let own = grid.of(element / columns, element % columns);
            let scale = scales.get(index(own)).copied().unwrap_or(f64::NAN);
            let half_step = (code.abs() * to.unit_roundoff()).max(to.half_of_smallest());
            let bound = scale * half_step * (1.0 + 1e-6) + 2.0 * from.unit_roundoff() * source.abs();
            let share = (source - code * scale).abs() / bound;
            if share <= 1.0 {
                result.worst = result.worst.max(share);
            } else {
                result.outside += 1;
                result.first.get_or_insert(element);
            }
        }
        Ok(result)
    })?;
    let mut total = Scaled::default();
    for part in result {
        total.outside += part.outside;
        total.first = match (total.first, part.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        total.worst = total.worst.max(part.worst);
    }
    Ok(Outcome::Scaled(total))
}

/// Which scale an element has.
struct Grid {
    rows: u64,
    columns: u64,
    /// Scales in a row.
    width: u64,
}

impl Grid {
    const fn of(&self, row: u64, column: u64) -> u64 {
        row / self.rows * self.width + column / self.columns
    }
}

/// Return rows, columns and the scales of a tensor, if the shape of its scales fits.
fn grid(shape: &[u64], scales: &[u64]) -> Option<(u64, u64, Grid)> {
    let &[rows, columns] = shape else { return None };
    if rows == 0 || columns == 0 {
        return None;
    }
    let grid = match *scales {
        [] | [1] | [1, 1] => Grid {
            rows,
            columns,
            width: 1,
        },
        [count] | [count, 1] if count == rows => Grid {
            rows: 1,
            columns,
            width: 1,
        },
        [down, across] if down == rows.div_ceil(SQUARE) && across == columns.div_ceil(SQUARE) => Grid {
            rows: SQUARE,
            columns: SQUARE,
            width: across,
        },
        _ => return None,
    };
    Some((rows, columns, grid))
}
