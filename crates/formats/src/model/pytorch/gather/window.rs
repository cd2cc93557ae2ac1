//! Blocks of a result, filled in the order of the storage.

use super::advance;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use bytes::Bytes;

/// Bytes of the file that are read at once.
const WINDOW: u64 = 1 << 20;

/// An axis: elements, elements of the storage from one to the next, bytes of the result from one to the next.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    length: u64,
    stride: u64,
    step: u64,
}

/// Return axes with their steps in the result, ordered as the storage is: large strides first, repetitions last.
pub fn steps(axes: &[(u64, u64)], width: u64) -> Vec<Axis> {
    let mut step = width;
    let mut steps = Vec::with_capacity(axes.len());
    for (length, stride) in axes.iter().rev() {
        if *length > 1 {
            steps.push(Axis {
                length: *length,
                stride: *stride,
                step,
            });
        }
        step *= length;
    }
    steps.sort_by_key(|axis| std::cmp::Reverse(axis.stride));
    steps
}

/// The part of a storage that was read last.
pub struct Window<'a> {
    input: &'a dyn Input,
    base: u64,
    width: u64,
    bytes: Bytes,
    /// First byte of `bytes`, from the start of the storage.
    start: u64,
    /// One past the last byte of the storage that is needed.
    end: u64,
}

impl<'a> Window<'a> {
    pub fn new(input: &'a dyn Input, base: u64, width: u64, end: u64) -> Self {
        Self {
            input,
            base,
            width,
            bytes: Bytes::new(),
            start: 0,
            end,
        }
    }

    /// Return the bytes of the storage from `start` to `end`; more are read if `ahead` says so.
    fn get(&mut self, start: u64, end: u64, ahead: bool) -> Result<&[u8], FormatError> {
        let held = self.start..=self.start + self.bytes.len() as u64;
        if !(held.contains(&start) && held.contains(&end)) {
            let to = if ahead {
                end.max((start + WINDOW).min(self.end))
            } else {
                end
            };
            self.bytes = read_checked(self.input, self.base + start, to - start, "a storage")?;
            self.start = start;
        }
        let from = usize::try_from(start - self.start).unwrap_or(usize::MAX);
        let to = usize::try_from(end - self.start).unwrap_or(usize::MAX);
        self.bytes
            .get(from..to)
            .ok_or_else(|| FormatError::internal("a window that does not hold what was read into it"))
    }

    /// Fill a block from the element `first` of the storage on.
    pub fn fill(&mut self, first: u64, axes: &[Axis], block: &mut [u8]) -> Result<(), FormatError> {
        let moving = axes.iter().take_while(|axis| axis.stride > 0).count();
        let (moving, repeated) = axes.split_at(moving);
        let span: u64 = moving.iter().map(|axis| (axis.length - 1) * axis.stride).sum();
        // If most of what lies between is needed, it is read in one go.
        let ahead = (span + 1) * self.width <= 4 * block.len() as u64;
        let single = Axis {
            length: 1,
            stride: 1,
            step: self.width,
        };
        let (run, outer) = moving.split_last().unwrap_or((&single, &[]));
        let outer_lengths: Vec<(u64, u64)> = outer.iter().map(|axis| (axis.length, 0)).collect();
        let mut indexes = vec![0_u64; outer.len()];
        loop {
            let sum = |what: fn(&Axis) -> u64| -> u64 {
                indexes
                    .iter()
                    .zip(outer)
                    .map(|(index, axis)| index * what(axis))
                    .sum()
            };
            let (from, to) = (first + sum(|axis| axis.stride), sum(|axis| axis.step));
            self.run(from, to, run, repeated, ahead, block)?;
            if !advance(&mut indexes, &outer_lengths) {
                return Ok(());
            }
        }
    }

    /// Copy the elements of the innermost axis.
    fn run(
        &mut self,
        first: u64,
        to: u64,
        run: &Axis,
        repeated: &[Axis],
        ahead: bool,
        block: &mut [u8],
    ) -> Result<(), FormatError> {
        let width = self.width;
        // As many elements as fit a window.
        let most = (WINDOW / width / run.stride).max(1);
        let mut done = 0;
        while done < run.length {
            let count = most.min(run.length - done);
            let start = (first + done * run.stride) * width;
            let end = start + ((count - 1) * run.stride + 1) * width;
            let source = self.get(start, end, ahead)?;
            let step = run.stride * width;
            let target = to + done * run.step;
            if repeated.is_empty() {
                copy(source, step, block, target, run.step, count, width);
            } else {
                repeat(source, step, block, (target, run.step, count), repeated, width);
            }
            done += count;
        }
        Ok(())
    }
}

/// Copy elements to every place of the axes that repeat them.
fn repeat(
    source: &[u8],
    step: u64,
    block: &mut [u8],
    (target, target_step, count): (u64, u64, u64),
    repeated: &[Axis],
    width: u64,
) {
    let Some((last, outer)) = repeated.split_last() else {
        return;
    };
    let lengths: Vec<(u64, u64)> = outer.iter().map(|axis| (axis.length, 0)).collect();
    let mut indexes = vec![0_u64; outer.len()];
    let fit = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    loop {
        let shift: u64 = indexes
            .iter()
            .zip(outer)
            .map(|(index, axis)| index * axis.step)
            .sum();
        let target = target + shift;
        if last.length > count {
            for index in 0..count {
                let element = &source[fit(index * step)..];
                copy(
                    element,
                    0,
                    block,
                    target + index * target_step,
                    last.step,
                    last.length,
                    width,
                );
            }
        } else {
            for index in 0..last.length {
                copy(
                    source,
                    step,
                    block,
                    target + index * last.step,
                    target_step,
                    count,
                    width,
                );
            }
        }
        if !advance(&mut indexes, &lengths) {
            return;
        }
    }
}

/// Copy `count` elements from every `step` bytes of `source` to every `target_step` bytes of `block`.
fn copy(source: &[u8], step: u64, block: &mut [u8], target: u64, target_step: u64, count: u64, width: u64) {
    // All of them are places in slices, so they fit.
    let fit = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (step, target, target_step) = (fit(step), fit(target), fit(target_step));
    let (count, width) = (fit(count), fit(width));
    let block = &mut block[target..];
    if step == width && target_step == width {
        block[..count * width].copy_from_slice(&source[..count * width]);
        return;
    }
    match width {
        1 => scatter::<1>(source, step, block, target_step, count),
        2 => scatter::<2>(source, step, block, target_step, count),
        4 => scatter::<4>(source, step, block, target_step, count),
        8 => scatter::<8>(source, step, block, target_step, count),
        _ => scatter::<16>(source, step, block, target_step, count),
    }
}

fn scatter<const WIDTH: usize>(
    source: &[u8],
    step: usize,
    block: &mut [u8],
    target_step: usize,
    count: usize,
) {
    for index in 0..count {
        let from = index * step;
        let to = index * target_step;
        block[to..to + WIDTH].copy_from_slice(&source[from..from + WIDTH]);
    }
}
