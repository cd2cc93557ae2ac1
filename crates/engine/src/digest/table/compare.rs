//! The largest distance between the numbers of two tables, column by column.
//!
//! Both are read in order, a block of each at a time.

use super::{Dialect, Options, find_format, journal};
use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::Source;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{Array as _, ArrayRef};
use lineaprint_digest::Algorithms;
use lineaprint_formats::input::Input;
use lineaprint_formats::table::{self, Block, Blocks, Column, Format, Part, Reading, cell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Compute for each of `columns` the largest absolute difference of two values in one row; `None` for a column that
/// differs in anything except numbers: other texts, nulls in other rows, types without a distance.
///
/// Distances have floats, and cells of CSV that are numbers in both. NaN is equal to NaN and infinitely far from
/// everything else. The two tables must have the same columns and as many rows.
pub fn distances(a: &Path, b: &Path, columns: &[usize], control: &Control) -> Result<Vec<Option<f64>>> {
    let mut largest = vec![Some(0.0); columns.len()];
    with_blocks(a, control, &mut |first| {
        with_blocks(b, control, &mut |second| {
            if first.names != second.names {
                return Err(Error::new(
                    Code::Format,
                    "the columns differ from those of the other table",
                ));
            }
            loop {
                control.check()?;
                match ((first.next)()?, (second.next)()?) {
                    (None, None) => return Ok(()),
                    (Some(block), Some(other)) if block.rows == other.rows => {
                        for (maximum, column) in largest.iter_mut().zip(columns) {
                            let pair = block.columns.get(*column).zip(other.columns.get(*column));
                            let text = first.is_text && second.is_text;
                            let further = pair.and_then(|(a, b)| distance(a, b, text));
                            *maximum = maximum
                                .zip(further)
                                .map(|(maximum, further)| f64::max(maximum, further));
                        }
                    }
                    _ => {
                        return Err(Error::new(
                            Code::Format,
                            "the number of rows differs from that of the other table",
                        ));
                    }
                }
            }
        })
    })?;
    Ok(largest)
}

/// A request for the [`distances`] of two tables.
#[derive(Clone, Debug)]
pub struct CompareTables {
    /// One table.
    pub before: PathBuf,
    /// The other table.
    pub after: PathBuf,
    /// Indices of the columns.
    pub columns: Vec<usize>,
}

impl Job for CompareTables {
    type Output = Vec<Option<f64>>;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded {
            paths: std::slice::from_ref(&self.before),
        }
    }

    fn run(self, control: &Control) -> Result<Self::Output> {
        distances(&self.before, &self.after, &self.columns, control)
    }
}

/// A table that gives its blocks one after the other.
struct Opened<'a> {
    names: Vec<(String, String)>,
    /// True if its cells are text, because no schema is given.
    is_text: bool,
    next: &'a mut dyn FnMut() -> Result<Option<Block>>,
}

fn with_blocks(
    path: &Path,
    control: &Control,
    work: &mut dyn FnMut(&mut Opened<'_>) -> Result<()>,
) -> Result<()> {
    let input = Arc::new(FileInput::new(Source::open(path)?.into(), control));
    let shared: Arc<dyn Input> = input.clone();
    let run = || {
        let options = Options {
            algorithms: Algorithms::BLAKE3,
            format: None,
            schema: None,
            dialect: Dialect::default(),
            table: None,
            unordered: false,
            statistics: false,
        };
        let format = find_format(shared.as_ref(), &path.to_string_lossy(), &options)?;
        let names = |columns: &[Column]| {
            let pairs = columns
                .iter()
                .map(|column| (column.name.clone(), column.spelling.clone()));
            pairs.collect::<Vec<_>>()
        };
        let is_text = format == Format::Csv;
        let part = Part::named(shared, &path.to_string_lossy());
        match table::open_parts(vec![part], format, None).map_err(Error::from)? {
            Reading::Columns(file) => {
                let all = 0..file.blocks();
                let columns = 0..file.columns().len();
                let mut readers: Vec<_> = columns.map(|column| file.read(column, all.clone())).collect();
                let mut left = file.rows();
                let mut next = || {
                    let rows = usize::try_from(left.min(table::BLOCK_ROWS as u64)).unwrap_or_default();
                    left -= rows as u64;
                    if rows == 0 {
                        return Ok(None);
                    }
                    let columns = readers
                        .iter_mut()
                        .map(|reader| Ok(reader.next_block().map_err(Error::from)?.unwrap_or_default()))
                        .collect::<Result<Vec<_>>>()?;
                    Ok(Some(Block { rows, columns }))
                };
                work(&mut Opened {
                    names: names(file.columns()),
                    is_text,
                    next: &mut next,
                })
            }
            Reading::Rows(mut reader) => {
                let names = names(reader.columns());
                let mut waiting = Blocks::default();
                let mut has_ended = false;
                let mut next = || {
                    loop {
                        if let Some(block) = waiting.take(false) {
                            return Ok(Some(block));
                        }
                        if has_ended {
                            return Ok(waiting.take(true));
                        }
                        match reader.next_rows().map_err(Error::from)? {
                            Some(rows) => waiting.add(rows),
                            None => has_ended = true,
                        }
                    }
                };
                work(&mut Opened {
                    names,
                    is_text,
                    next: &mut next,
                })
            }
        }
    };
    let outcome = run();
    if let Some(error) = input.failure() {
        return Err(error);
    }
    // What the pages of a database lack may be in its journal.
    journal::refuse_database(path)?;
    outcome.map_err(|error| {
        if error.path.is_some() {
            error
        } else {
            error.at(path)
        }
    })?;
    input.finish()
}

/// Return the largest distance in one block of a column.
fn distance(left: &[ArrayRef], right: &[ArrayRef], text: bool) -> Option<f64> {
    if let Some((left, right)) = numbers(left).zip(numbers(right)) {
        let pairs = left.into_iter().zip(right);
        return pairs
            .map(|(a, b)| between(a, b))
            .try_fold(0.0, |most, next| Some(f64::max(most, next?)));
    }
    let (left, right) = (text.then(|| cells(left)).flatten()?, cells(right)?);
    left.into_iter().zip(right).try_fold(0.0, |most, (a, b)| {
        if a == b {
            return Some(most);
        }
        Some(f64::max(
            most,
            between(Some(cell::number(a)?), Some(cell::number(b)?))?,
        ))
    })
}

/// Compute the distance of two values; `None` if only one is null.
fn between(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (None, None) => Some(0.0),
        #[expect(
            clippy::float_cmp,
            reason = "infinities are equal to themselves, and their difference is none"
        )]
        (Some(a), Some(b)) if a == b || (a.is_nan() && b.is_nan()) => Some(0.0),
        (Some(a), Some(b)) if a.is_nan() || b.is_nan() => Some(f64::INFINITY),
        (Some(a), Some(b)) => Some((a - b).abs()),
        _ => None,
    }
}

/// Return the values of a column of floats.
fn numbers(pieces: &[ArrayRef]) -> Option<Vec<Option<f64>>> {
    let mut all = Vec::new();
    for piece in pieces {
        if let Some(array) = piece.as_primitive_opt::<Float64Type>() {
            all.extend(array.iter());
        } else if let Some(array) = piece.as_primitive_opt::<Float32Type>() {
            all.extend(array.iter().map(|value| value.map(f64::from)));
        } else {
            let array = piece.as_primitive_opt::<Float16Type>()?;
            all.extend(array.iter().map(|value| value.map(f64::from)));
        }
    }
    Some(all)
}

/// Return the cells of a column of CSV.
fn cells(pieces: &[ArrayRef]) -> Option<Vec<&str>> {
    let mut all = Vec::new();
    for piece in pieces {
        let array = piece.as_string_opt::<i64>()?;
        all.extend((0..array.len()).map(|row| array.value(row)));
    }
    Some(all)
}
