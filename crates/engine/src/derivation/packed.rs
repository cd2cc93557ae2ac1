//! Matrices of GPTQ and AWQ, dequantised and compared with the matrix that they were made of.

use super::Outcome;
use super::adapter::{index, numbers};
use super::stored::{Stored, Tensors};
use crate::control::Control;
use crate::error::Result;
use lineaprint_formats::derivation::float::Float;
use lineaprint_formats::derivation::packed::{Near, Packed, Scheme, Shapes, Tolerance};
use rayon::prelude::*;

/// The tensors beside the words of codes, and what the configuration says about them.
#[derive(Clone, Debug)]
pub struct PackedBy {
    /// The way the codes are packed.
    pub scheme: Scheme,
    /// Name of the tensor with the words of zero points.
    pub zeros: String,
    /// Name of the tensor with the scales.
    pub scales: String,
    /// Name of the tensor with the group of each input; `None` where groups are ranges of inputs.
    pub order: Option<String>,
    /// Stated bits of a code; `None` where nothing is stated.
    pub bits: Option<u64>,
    /// Stated inputs of a group.
    pub group: Option<u64>,
}

/// Result of the comparison with a packed matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PackedNear {
    /// The result of all rows.
    pub near: Near,
    /// Bits of a code.
    pub bits: u32,
    /// Groups of inputs.
    pub groups: u64,
    /// True if the groups are no ranges of inputs (act-order).
    pub ordered: bool,
    /// The least and the greatest of the factors of the inputs that fit best, where the matrix was near with them alone. Each
    /// output has one of its own then.
    pub factors: Option<(f64, f64)>,
}

/// Scales of a matrix, at most: they are held in memory.
const MOST: u64 = 8 << 20;

/// Elements that a thread works on at once.
const STEP: u64 = 1 << 20;

/// Compare a matrix with what packed codes stand for.
pub fn check(
    by: &PackedBy,
    before: &Stored,
    codes: &Stored,
    after: &Tensors,
    control: &Control,
) -> Result<Outcome> {
    let refused = |reason: String| Ok(Outcome::NotChecked(reason));
    let (zeros, scales) = (after.get(&by.zeros)?, after.get(&by.scales)?);
    let order = by.order.as_deref().map(|name| after.get(name)).transpose()?;
    let tensors = [codes, zeros].into_iter().chain(order);
    if let Some(other) = tensors.clone().find(|tensor| tensor.dtype.name() != "I32") {
        return refused(format!("{} is {}, not I32", other.name, other.dtype.name()));
    }
    let (Some(float), Some(scale_float)) = (Float::of(before.dtype), Float::of(scales.dtype)) else {
        return refused(format!("{} and {} are not both floats", before.name, scales.name));
    };
    let shapes = Shapes {
        matrix: &before.shape,
        codes: &codes.shape,
        zeros: &zeros.shape,
        scales: &scales.shape,
    };
    let packed = match Packed::new(by.scheme, by.bits, &shapes) {
        Ok(packed) => packed,
        Err(error) => return refused(format!("{}: {error}", codes.name)),
    };
    if let Some(reason) = disagreement(by, &packed) {
        return refused(format!("{}: {reason}", codes.name));
    }
    if scales.elements > MOST {
        return refused(format!("{} has more than {MOST} scales", scales.name));
    }
    if let Some(reason) = tensors.chain([scales]).find_map(Stored::obstacle) {
        return refused(reason);
    }
    let (order, ordered) = match order {
        None => (ranges(&packed), false),
        Some(order) if order.shape != [packed.inputs] => {
            return refused(format!(
                "{} has the shape {:?}, expected one group for each of {} inputs",
                order.name, order.shape, packed.inputs
            ));
        }
        Some(order) => match groups_of(order, &packed, control)? {
            Ok(groups) => {
                let ordered = groups != ranges(&packed);
                (groups, ordered)
            }
            Err(reason) => return refused(reason),
        },
    };
    let matrix = Matrix {
        packed,
        before,
        float,
        codes,
        groups: group_table(&packed, zeros, scales, scale_float, control)?,
        order,
        tolerance: Tolerance::new(&packed, float, scale_float),
        control,
    };
    let mut near = matrix.compare(None)?;
    let mut factors = None;
    if by.scheme == Scheme::Awq && near.outside > 0 {
        let fitted = matrix.factors(Some(&matrix.factors(None)?))?;
        // A factor that is no positive number is none that a matrix was scaled by.
        if fitted.iter().all(|factor| *factor > 0.0 && factor.is_finite()) {
            let with = matrix.compare(Some(&fitted))?;
            if with.outside < near.outside {
                let least = fitted.iter().copied().fold(f64::INFINITY, f64::min);
                let greatest = fitted.iter().copied().fold(0.0, f64::max);
                (near, factors) = (with, Some((least, greatest)));
            }
        }
    }
    Ok(Outcome::Packed(PackedNear {
        near,
        bits: packed.bits,
        groups: packed.groups,
        ordered,
        factors,
    }))
}

/// A matrix, and what codes stand for.
struct Matrix<'a> {
    packed: Packed,
    before: &'a Stored,
    float: Float,
    codes: &'a Stored,
    /// Scale and zero point of each group, those of one output side by side.
    groups: Vec<(f32, u8)>,
    /// The group of each input.
    order: Vec<u32>,
    tolerance: Tolerance,
    control: &'a Control,
}

/// A row of a matrix with its codes.
struct Row<'a> {
    output: u64,
    numbers: &'a [f32],
    codes: &'a [u8],
    groups: &'a [(f32, u8)],
    order: &'a [u32],
}

impl Row<'_> {
    fn with_groups(&self) -> impl Iterator<Item = (u8, &(f32, u8))> {
        let codes = self.codes.iter().zip(self.order);
        codes.map(|(code, group)| (*code, &self.groups[*group as usize]))
    }

    /// Return each number with what its code stands for.
    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        let stored = self
            .with_groups()
            .map(|(code, (scale, zero))| (f64::from(code) - f64::from(*zero)) * f64::from(*scale));
        self.numbers.iter().map(|number| f64::from(*number)).zip(stored)
    }

    /// Return the factor of all numbers, beside those of the inputs, that fits the codes best; 1 where none does.
    fn factor(&self, inputs: &[f64]) -> f64 {
        let (mut with, mut square) = (0.0, 0.0);
        for ((number, stored), factor) in self.pairs().zip(inputs) {
            let scaled = number * factor;
            with += scaled * stored;
            square += scaled * scaled;
        }
        if square > 0.0 { with / square } else { 1.0 }
    }
}

impl Matrix<'_> {
    /// Work on blocks of rows on all threads.
    fn each_row<T: Default + Send>(&self, work: impl Fn(&mut T, &Row<'_>) + Sync) -> Result<Vec<T>> {
        let Packed {
            inputs,
            outputs,
            groups,
            ..
        } = self.packed;
        let step = (STEP / inputs.max(1)).max(1).next_multiple_of(self.packed.step());
        let blocks: Vec<u64> = (0..outputs.div_ceil(step)).collect();
        blocks
            .into_par_iter()
            .with_max_len(1)
            .map(|block| {
                let first = block * step;
                let count = step.min(outputs - first);
                let own = numbers_of_rows(self.before, self.float, first, count, inputs, self.control)?;
                let (tile, width) = tile(&self.packed, self.codes, first, count, self.control)?;
                let mut codes = vec![0; index(inputs)];
                let mut result = T::default();
                for (row, numbers) in own.chunks_exact(index(inputs)).enumerate() {
                    self.packed.codes(&tile, width, row, &mut codes);
                    let output = first + row as u64;
                    let row = Row {
                        output,
                        numbers,
                        codes: &codes,
                        groups: &self.groups[index(output * groups)..][..index(groups)],
                        order: &self.order,
                    };
                    work(&mut result, &row);
                }
                Ok(result)
            })
            .collect()
    }

    /// Compare all rows, with the factors of the inputs where there are some: each row has one of its own then.
    #[allow(clippy::cast_possible_truncation, reason = "numbers of singles")]
    fn compare(&self, factors: Option<&[f64]>) -> Result<Near> {
        let parts = self.each_row(|near: &mut Near, row| {
            let first = row.output * self.packed.inputs;
            let Some(factors) = factors else {
                near.row(row.numbers, row.with_groups(), self.tolerance, first);
                return;
            };
            let own = row.factor(factors);
            let scaled = row.numbers.iter().zip(factors);
            let scaled: Vec<f32> = scaled
                .map(|(number, factor)| (f64::from(*number) * factor * own) as f32)
                .collect();
            near.row(&scaled, row.with_groups(), self.tolerance, first);
        })?;
        let mut near = Near::default();
        for part in &parts {
            near.add(part);
        }
        Ok(near)
    }

    /// Return the factor of each input that fits the codes best: AWQ multiplies the inputs of a matrix before it rounds, and
    /// divides what comes before by the same. `known` are factors that are nearly right.
    fn factors(&self, known: Option<&[f64]>) -> Result<Vec<f64>> {
        let inputs = index(self.packed.inputs);
        let parts = self.each_row(|sums: &mut Vec<(f64, f64)>, row| {
            sums.resize(inputs, (0.0, 0.0));
            let own = known.map_or(1.0, |known| row.factor(known));
            for ((with, square), (number, stored)) in sums.iter_mut().zip(row.pairs()) {
                *with += own * number * stored;
                *square += own * number * own * number;
            }
        })?;
        let mut sums = vec![(0.0, 0.0); inputs];
        for part in parts {
            for ((with, square), own) in sums.iter_mut().zip(part) {
                *with += own.0;
                *square += own.1;
            }
        }
        let factors = sums.into_iter();
        Ok(factors
            .map(|(with, square)| if square > 0.0 { with / square } else { 1.0 })
            .collect())
    }
}

/// Say how the configuration disagrees with the shapes, if it does.
fn disagreement(by: &PackedBy, packed: &Packed) -> Option<String> {
    let group = by.group.filter(|group| *group > 0)?;
    (packed.inputs.div_ceil(group) != packed.groups).then(|| {
        format!(
            "the configuration says groups of {group} inputs, which makes {} groups of {}; there are {}",
            packed.inputs.div_ceil(group),
            packed.inputs,
            packed.groups
        )
    })
}

/// Return the group of each input where groups are ranges.
#[allow(clippy::cast_possible_truncation, reason = "there are at most 2^23 groups")]
fn ranges(packed: &Packed) -> Vec<u32> {
    let length = packed.group_length();
    (0..packed.inputs).map(|input| (input / length) as u32).collect()
}

/// Read the group of each input; a sentence where one is no group.
fn groups_of(
    order: &Stored,
    packed: &Packed,
    control: &Control,
) -> Result<std::result::Result<Vec<u32>, String>> {
    let groups = words(order, 0, packed.inputs, control)?;
    let wrong = groups.iter().position(|group| u64::from(*group) >= packed.groups);
    Ok(match wrong {
        Some(input) => Err(format!(
            "{} says that input {input} is in group {}, and there are {} groups",
            order.name,
            groups[input].cast_signed(),
            packed.groups
        )),
        None => Ok(groups),
    })
}

/// Read the scale and the zero point of each group, those of one output side by side.
#[allow(clippy::cast_possible_truncation, reason = "scales of 64 bits are rounded")]
fn group_table(
    packed: &Packed,
    zeros: &Stored,
    scales: &Stored,
    float: Float,
    control: &Control,
) -> Result<Vec<(f32, u8)>> {
    let (outputs, groups) = (index(packed.outputs), index(packed.groups));
    let width = zeros.shape[1];
    let mut table = vec![(0.0_f32, 0_u8); outputs * groups];
    let mut unpacked = vec![0; outputs];
    for group in 0..groups {
        let row = group as u64;
        packed.zeros(&words(zeros, row * width, width, control)?, &mut unpacked);
        let own = numbers(scales, float, row * packed.outputs, packed.outputs, control)?;
        for (output, (scale, zero)) in own.iter().zip(&unpacked).enumerate() {
            table[output * groups + group] = (*scale as f32, *zero);
        }
    }
    Ok(table)
}

/// Read words of a tensor.
fn words(tensor: &Stored, start: u64, count: u64, control: &Control) -> Result<Vec<u32>> {
    control.check()?;
    let mut bytes = vec![0; index(count * 4)];
    tensor.read(start * 4, &mut bytes, control)?;
    Ok(bytes
        .as_chunks()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word))
        .collect())
}

fn numbers_of_rows(
    matrix: &Stored,
    float: Float,
    first: u64,
    count: u64,
    columns: u64,
    control: &Control,
) -> Result<Vec<f32>> {
    control.check()?;
    let mut bytes = vec![0; index(matrix.bytes_of(count * columns))];
    matrix.read(matrix.bytes_of(first * columns), &mut bytes, control)?;
    let mut values = Vec::new();
    float.decode_single(&bytes, &mut values);
    Ok(values)
}

/// Read the words that hold the codes of some outputs: a part of each row. Return how many of each row there are.
fn tile(
    packed: &Packed,
    codes: &Stored,
    first: u64,
    count: u64,
    control: &Control,
) -> Result<(Vec<u32>, usize)> {
    let (&[rows, columns], (start, width)) = (
        codes.shape.first_chunk().unwrap_or(&[0, 0]),
        packed.columns(first, count),
    );
    if width == columns {
        return Ok((words(codes, 0, rows * columns, control)?, index(width)));
    }
    control.check()?;
    let mut bytes = vec![0; index(rows * width * 4)];
    for (row, part) in (0..rows).zip(bytes.chunks_exact_mut(index(width * 4))) {
        codes.read((row * columns + start) * 4, part, control)?;
    }
    let words = bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    Ok((words.collect(), index(width)))
}
