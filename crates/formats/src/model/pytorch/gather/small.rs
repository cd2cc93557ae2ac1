//! Elements of a storage that is in memory, in the order of the result.

use super::PIECE;
use crate::error::FormatError;

/// A run of this many bytes is copied in one go.
const RUN: usize = 32;

type Emit<'a> = dyn FnMut(&mut [u8]) -> Result<(), FormatError> + 'a;

/// Emit the elements of a view that starts with `storage`. Its axes were checked against the storage.
pub fn gather(storage: &[u8], axes: &[(u64, u64)], width: u64, emit: &mut Emit) -> Result<(), FormatError> {
    match width {
        1 => Writer::<1>::all(storage, axes, emit),
        2 => Writer::<2>::all(storage, axes, emit),
        4 => Writer::<4>::all(storage, axes, emit),
        8 => Writer::<8>::all(storage, axes, emit),
        _ => Writer::<16>::all(storage, axes, emit),
    }
}

/// The result, piece by piece.
struct Writer<'a, 'b, const WIDTH: usize> {
    storage: &'a [u8],
    piece: Vec<u8>,
    emit: &'a mut Emit<'b>,
}

impl<const WIDTH: usize> Writer<'_, '_, WIDTH> {
    fn all(storage: &[u8], axes: &[(u64, u64)], emit: &mut Emit) -> Result<(), FormatError> {
        let mut writer = Writer::<WIDTH> {
            storage,
            piece: Vec::with_capacity(PIECE),
            emit,
        };
        writer.part(axes, 0)?;
        writer.flush()
    }

    /// Write what the axes reach from byte `start` on. There are fewer than 64: each has two elements or more.
    fn part(&mut self, axes: &[(u64, u64)], start: usize) -> Result<(), FormatError> {
        let Some(((length, stride), inner)) = axes.split_first() else {
            return self.run(start, 0, 1);
        };
        let fit = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (length, step) = (fit(*length), fit(*stride) * WIDTH);
        if inner.is_empty() {
            return self.run(start, step, length);
        }
        for index in 0..length {
            self.part(inner, start + index * step)?;
        }
        Ok(())
    }

    /// Write `length` elements from byte `start` on, each `step` bytes behind the one before.
    fn run(&mut self, mut start: usize, step: usize, mut length: usize) -> Result<(), FormatError> {
        while length > 0 {
            let room = (PIECE - self.piece.len()) / WIDTH;
            if room == 0 {
                self.flush()?;
                continue;
            }
            let count = room.min(length);
            if step == WIDTH && count * WIDTH >= RUN {
                self.piece
                    .extend_from_slice(&self.storage[start..start + count * WIDTH]);
            } else if step == 0 {
                self.piece
                    .extend(self.storage[start..start + WIDTH].repeat(count));
            } else {
                for index in 0..count {
                    let at = start + index * step;
                    self.piece.extend_from_slice(&self.storage[at..at + WIDTH]);
                }
            }
            start += count * step;
            length -= count;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), FormatError> {
        if !self.piece.is_empty() {
            (self.emit)(&mut self.piece)?;
            self.piece.clear();
        }
        Ok(())
    }
}
