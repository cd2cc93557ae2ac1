//! Elements that are not in their final form: strided, compressed, big-endian, conjugate or negative.
//!
//! The elements are emitted in C order, but a transposed matrix lies in the file in another order. So they are gathered
//! block by block: the part of the result that fits a block is filled in the order of the file, in long reads, and then
//! emitted. The memory in use is a block and a window. Only a view of a compressed storage that is more than
//! a piece of it needs the whole storage, up to a limit that depends on the file.

mod small;
mod window;

use super::tensor::View;
use crate::archive::zip::Member;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::Decode;
use crate::model::pieces::swap;
use std::sync::Arc;
use window::{Window, steps};

/// Bytes of the result that are gathered at once.
const BLOCK: u64 = 8 << 20;

/// A part of a storage of at most this many bytes is read in one piece.
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
        swap(bytes, self.swapped);
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
        let (start, end) = self.reach();
        if end - start <= SMALL {
            let storage = read_checked(input, base + start, end - start, "a storage")?;
            return small::gather(&storage, &self.axes, self.width, &mut |bytes| {
                self.finish(bytes);
                emit(bytes)
            });
        }
        self.gather_blocks(input, base, emit)
    }

    /// Gather block by block.
    fn gather_blocks(&self, input: &dyn Input, base: u64, emit: &mut Emit) -> Result<(), FormatError> {
        let mut window = Window::new(input, base, self.width, self.reach().1);
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

    /// Return the first byte of the storage that is needed, and one past the last.
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
