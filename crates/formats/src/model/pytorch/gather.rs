//! Elements that are not in their final form: strided, compressed, big-endian, conjugate or negative.
//!
//! The elements are emitted in C order, but a transposed matrix lies in the file in another order. So they are gathered
//! block by block: the part of the result that fits a block is filled in the order of the file, in long reads, and then
//! emitted. The memory in use is a block and a window. Only a view of a compressed storage that is more than
//! a piece of it needs the whole storage, up to a limit that depends on the file.

use super::tensor::View;
use crate::archive::zip::Member;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;
use bytes::Bytes;
use std::sync::Arc;

/// Bytes of the result that are gathered at once.
const BLOCK: u64 = 8 << 20;

/// Bytes of the file that are read at once.
const WINDOW: u64 = 1 << 20;

/// A storage of at most this many bytes is read in one piece.
const SMALL: u64 = 16 << 20;

/// Bytes that are emitted at once.
const PIECE: usize = 1 << 20;

type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), FormatError> + 'a;

/// The location of the storage of a tensor.
#[derive(Clone, Debug)]
pub enum Source {
    /// In the file, from this byte on.
    Span(u64),
    /// In a compressed member; it may be decompressed into memory up to this many bytes.
    Deflated(Arc<Member>, u64),
}

/// An axis: elements, elements of the storage from one to the next, bytes of the result from one to the next.
#[derive(Clone, Copy, Debug)]
struct Axis {
    length: u64,
    stride: u64,
    step: u64,
}

/// A tensor that has to be gathered. Its view was checked against its storage.
#[derive(Debug)]
pub struct Gather {
    source: Source,
    offset: u64,
    width: u64,
    /// Bytes that are reversed; 1 for none.
    swapped: usize,
    /// Bits that are inverted in each element: signs. Empty for none.
    inverted: Vec<u8>,
    /// Lengths and strides, with axes joined where they follow on each other.
    axes: Vec<(u64, u64)>,
    length: u64,
}

/// Return lengths and strides of a view: axes of one element left out, and those joined that follow on each other.
pub fn axes(view: &View) -> Vec<(u64, u64)> {
    let mut axes: Vec<(u64, u64)> = Vec::new();
    for (length, stride) in view.shape.iter().zip(&view.strides) {
        match axes.last_mut() {
            _ if *length == 1 => {}
            // The products were checked when the view was.
            Some(outer) if outer.1 == length.saturating_mul(*stride) => {
                *outer = (outer.0.saturating_mul(*length), *stride);
            }
            _ => axes.push((*length, *stride)),
        }
    }
    axes
}

/// Tell whether axes are one piece of a storage.
pub fn is_one_piece(axes: &[(u64, u64)]) -> bool {
    matches!(axes, [] | [(_, 1)])
}

impl Gather {
    /// Return the gatherer of the elements of `view`.
    pub fn new(view: &View, source: Source, is_big_endian: bool, length: u64) -> Self {
        let kind = &view.kind;
        let unit = usize::try_from(kind.unit).unwrap_or(1);
        let mut inverted = vec![0_u8; usize::try_from(kind.width).unwrap_or(1)];
        for (index, sign) in inverted.iter_mut().skip(unit - 1).step_by(unit).enumerate() {
            let is_imaginary = index == 1;
            if view.is_negative != (view.is_conjugate && is_imaginary) {
                *sign = 0x80;
            }
        }
        if inverted.iter().all(|bits| *bits == 0) {
            inverted.clear();
        }
        Self {
            source,
            offset: view.offset,
            width: kind.width,
            swapped: if is_big_endian { unit } else { 1 },
            inverted,
            axes: axes(view),
            length,
        }
    }

    /// Bring elements into their final form.
    fn finish(&self, bytes: &mut [u8]) {
        if self.swapped > 1 {
            for unit in bytes.chunks_exact_mut(self.swapped) {
                unit.reverse();
            }
        }
        if !self.inverted.is_empty() {
            for element in bytes.chunks_exact_mut(self.inverted.len()) {
                for (byte, bits) in element.iter_mut().zip(&self.inverted) {
                    *byte ^= bits;
                }
            }
        }
    }

    /// Emit a part of a compressed storage, and decompress the rest for its checksum.
    fn stream(&self, member: &Member, input: &dyn Input, emit: &mut Emit) -> Result<(), FormatError> {
        let first = self.offset.saturating_mul(self.width);
        let end = first.saturating_add(self.length);
        let mut at = 0_u64;
        // Elements that are cut by the end of a piece wait for the next.
        let mut waiting: Vec<u8> = Vec::new();
        member.stream(input, &mut |piece| {
            let start = at;
            at += piece.len() as u64;
            let within = |index: u64| usize::try_from(index.clamp(start, at) - start).unwrap_or(piece.len());
            let part = &piece[within(first)..within(end)];
            if part.is_empty() {
                return Ok(());
            }
            waiting.extend_from_slice(part);
            let width = usize::try_from(self.width).unwrap_or(1);
            let whole = waiting.len() - waiting.len() % width;
            self.finish(&mut waiting[..whole]);
            emit(&waiting[..whole])?;
            waiting.drain(..whole);
            Ok(())
        })
    }

    /// Gather from a storage that starts at byte `base` of `input`.
    fn gather(&self, input: &dyn Input, base: u64, emit: &mut Emit) -> Result<(), FormatError> {
        let mut window = Window::new(input, base, self.width, self.reach());
        let axes = if self.axes.is_empty() {
            &[(1, 1)][..]
        } else {
            &self.axes
        };
        // The axes from `inner` on fit a block; the one before is cut.
        let (mut inner, mut block) = (axes.len(), self.width);
        while inner > 0 && block.saturating_mul(axes[inner - 1].0) <= BLOCK {
            inner -= 1;
            block *= axes[inner].0;
        }
        let (outer, cut) = match inner.checked_sub(1) {
            Some(index) => (&axes[..index], axes[index]),
            None => (&[][..], (1, 0)),
        };
        let rows = (BLOCK / block).clamp(1, cut.0);
        let mut bytes = vec![0; usize::try_from(rows * block).unwrap_or(0)];
        let mut indexes = vec![0_u64; outer.len()];
        loop {
            let start: u64 = indexes
                .iter()
                .zip(outer)
                .map(|(index, axis)| index * axis.1)
                .sum();
            let mut row = 0;
            while row < cut.0 {
                let count = rows.min(cut.0 - row);
                let length = usize::try_from(count * block).unwrap_or(0);
                let filled = &mut bytes[..length];
                let parts = steps(&[&[(count, cut.1)], &axes[inner..]].concat(), self.width);
                window.fill(self.offset + start + row * cut.1, &parts, filled)?;
                self.finish(filled);
                for piece in filled.chunks(PIECE) {
                    emit(piece)?;
                }
                row += count;
            }
            if !advance(&mut indexes, outer) {
                return Ok(());
            }
        }
    }

    /// Return one past the last byte of the storage that is needed, and the first, both from its start.
    fn reach(&self) -> (u64, u64) {
        let last: u64 = self
            .axes
            .iter()
            .map(|(length, stride)| (length - 1) * stride)
            .sum();
        (self.offset * self.width, (self.offset + last + 1) * self.width)
    }
}

/// Count up; false at the end.
fn advance(indexes: &mut [u64], axes: &[(u64, u64)]) -> bool {
    for (index, axis) in indexes.iter_mut().zip(axes).rev() {
        *index += 1;
        if *index < axis.0 {
            return true;
        }
        *index = 0;
    }
    false
}

/// Return axes with their steps in the result, ordered as the storage is: large strides first, repetitions last.
fn steps(axes: &[(u64, u64)], width: u64) -> Vec<Axis> {
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

impl Decode for Gather {
    fn length(&self) -> u64 {
        self.length
    }

    fn decode(&self, input: &dyn Input, emit: &mut Emit) -> Result<(), FormatError> {
        match &self.source {
            Source::Span(start) => self.gather(input, *start, emit),
            Source::Deflated(member, _) if is_one_piece(&self.axes) => self.stream(member, input, emit),
            Source::Deflated(member, limit) => {
                let storage = member.bytes(input, *limit)?;
                self.gather(&storage, 0, emit)
            }
        }
    }
}

/// The part of a storage that was read last.
struct Window<'a> {
    input: &'a dyn Input,
    base: u64,
    width: u64,
    bytes: Bytes,
    /// First byte of `bytes`, from the start of the storage.
    start: u64,
    /// The bytes of the storage that are needed in all.
    reach: (u64, u64),
}

impl<'a> Window<'a> {
    fn new(input: &'a dyn Input, base: u64, width: u64, reach: (u64, u64)) -> Self {
        Self {
            input,
            base,
            width,
            bytes: Bytes::new(),
            start: 0,
            reach,
        }
    }

    /// Return the bytes of the storage from `start` to `end`; more are read if `ahead` says so.
    fn get(&mut self, start: u64, end: u64, ahead: bool) -> Result<&[u8], FormatError> {
        let held = self.start..=self.start + self.bytes.len() as u64;
        if !(held.contains(&start) && held.contains(&end)) {
            let (from, to) = if self.reach.1 - self.reach.0 <= SMALL {
                self.reach
            } else if ahead {
                (start, end.max((start + WINDOW).min(self.reach.1)))
            } else {
                (start, end)
            };
            self.bytes = read_checked(self.input, self.base + from, to - from, "a storage")?;
            self.start = from;
        }
        let from = usize::try_from(start - self.start).unwrap_or(usize::MAX);
        let to = usize::try_from(end - self.start).unwrap_or(usize::MAX);
        self.bytes
            .get(from..to)
            .ok_or_else(|| FormatError::internal("a window that does not hold what was read into it"))
    }

    /// Fill a block from the element `first` of the storage on.
    fn fill(&mut self, first: u64, axes: &[Axis], block: &mut [u8]) -> Result<(), FormatError> {
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
