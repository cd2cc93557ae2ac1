//! Sparse tensors: the elements that are not zero, and their indices. They are read as the dense tensors that they are.

use super::tensor::Proto;
use super::types;
use super::wire::{Span, Wire, once};
use crate::error::FormatError;
use crate::input::Input;
use crate::model::dtype::Dtype;
use crate::model::listing::{Decode, Elements};
use std::sync::Arc;

/// Bytes that the elements and indices of one sparse tensor take in memory at most.
const LARGEST: u64 = 48 << 20;

/// Bytes that are passed on at once.
const PIECE: u64 = 1 << 16;

/// Number of the type of indices.
const I64: u64 = 7;

/// A sparse tensor as its message states it.
#[derive(Debug, Default)]
pub(super) struct Sparse {
    values: Proto,
    indices: Proto,
    /// The dense tensor; only its shape is stated.
    dense: Proto,
}

impl Sparse {
    /// Read a sparse tensor without its elements.
    pub fn read(wire: &mut Wire<'_>, span: Span) -> Result<Self, FormatError> {
        let (mut values, mut indices) = (None, None);
        // Its dimensions are read, and checked, like those of a tensor.
        let mut dense = Proto::default();
        wire.fields(span, &mut |wire, number, value| match number {
            1 => once(
                &mut values,
                Proto::read(wire, value.span()?)?,
                "the values of a sparse tensor",
            ),
            2 => once(
                &mut indices,
                Proto::read(wire, value.span()?)?,
                "the indices of a sparse tensor",
            ),
            3 => dense.dimensions(wire, value),
            _ => Ok(()),
        })?;
        Ok(Self {
            values: values.unwrap_or_default(),
            indices: indices.unwrap_or_default(),
            dense,
        })
    }

    /// Return the name, which is that of the values.
    pub fn name(&self) -> &str {
        self.values.name.as_deref().unwrap_or_default()
    }

    /// Return the elements per axis of the dense tensor.
    pub fn shape(&self) -> &[u64] {
        &self.dense.shape
    }

    /// Return the number of the type of the values.
    pub const fn kind(&self) -> u64 {
        self.values.kind
    }

    /// Return dtype and elements of the dense tensor; `None` if it is one that is not read.
    pub fn elements(mut self, wire: &mut Wire<'_>) -> Result<Option<(Dtype, Elements)>, FormatError> {
        let Some(dtype) = types::dtype(self.values.kind).filter(|dtype| dtype.bits >= 8) else {
            return Ok(None);
        };
        if self.indices.kind != I64 {
            return Err(FormatError::new(
                "the indices of a sparse tensor have another type than int64",
            ));
        }
        let Some(index) = Dtype::named("I64") else {
            return Err(FormatError::internal("a dtype that is not there"));
        };
        let (count, width) = (self.values.count()?, dtype.bits / 8);
        if count.saturating_mul(8 * (1 + self.shape().len() as u64) + width) > LARGEST {
            return Ok(None);
        }
        let linear = self.indices.shape == [count];
        let by_axis = !self.shape().is_empty() && self.indices.shape == [count, self.shape().len() as u64];
        if self.values.shape != [count] || !linear && !by_axis {
            return Err(
                FormatError::new("the indices of a sparse tensor do not fit its values").with_expected(
                    format!("[{count}] or [{count}, {}]", self.shape().len()),
                    format!(
                        "{:?} for values of shape {:?}",
                        self.indices.shape, self.values.shape
                    ),
                ),
            );
        }
        let dense = self.dense.count()?;
        let bytes = dense.checked_mul(width).ok_or_else(|| {
            FormatError::new("the shape of a sparse tensor overflows")
                .with_expected("fewer than 2^64 bytes", dense)
        })?;
        let values = self.values.elements(wire, dtype)?;
        let indices = self.indices.elements(wire, index)?;
        let in_other_file = |elements: &Elements| matches!(elements, Elements::External { .. });
        if in_other_file(&values) || in_other_file(&indices) {
            return Ok(None);
        }
        let sparse = Dense {
            values,
            indices,
            shape: self.dense.shape,
            linear,
            count: dense,
            bytes,
            width,
        };
        sparse.positions(wire.input())?;
        Ok(Some((dtype, Elements::Decoded(Arc::new(sparse)))))
    }
}

/// The dense elements of a sparse tensor.
#[derive(Debug)]
struct Dense {
    values: Elements,
    indices: Elements,
    shape: Vec<u64>,
    /// True if an index counts elements in C order; otherwise there is one for each axis.
    linear: bool,
    /// Number of dense elements.
    count: u64,
    /// Bytes of all dense elements.
    bytes: u64,
    /// Bytes of an element.
    width: u64,
}

impl Dense {
    /// Return the position of each value among the dense elements.
    fn positions(&self, input: &dyn Input) -> Result<Vec<u64>, FormatError> {
        let bytes = gather(&self.indices, input)?;
        let numbers: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
            .collect();
        let positions: Vec<u64> = if self.linear {
            numbers
        } else {
            numbers
                .chunks_exact(self.shape.len().max(1))
                .map(|index| self.position(index))
                .collect()
        };
        let ascends = positions.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascends || positions.last().is_some_and(|last| *last >= self.count) {
            return Err(FormatError::new(
                "the indices of a sparse tensor do not ascend, or lie outside its shape",
            ));
        }
        Ok(positions)
    }

    /// Return the position of an index; one beyond the last if the index lies outside the shape.
    fn position(&self, index: &[u64]) -> u64 {
        let mut axes = index.iter().zip(&self.shape);
        let position = axes.try_fold(0_u64, |position, (index, length)| {
            if index >= length {
                return None;
            }
            position.checked_mul(*length)?.checked_add(*index)
        });
        position.unwrap_or(u64::MAX)
    }
}

impl Decode for Dense {
    fn length(&self) -> u64 {
        self.bytes
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let positions = self.positions(input)?;
        let values = gather(&self.values, input)?;
        let width =
            usize::try_from(self.width).map_err(|_| FormatError::internal("a width of 16 at most"))?;
        let zeros = vec![0; usize::try_from(PIECE).unwrap_or(0)];
        let fill = |from: u64, to: u64, emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>| {
            let mut remaining = (to - from) * self.width;
            while remaining > 0 {
                let length = remaining.min(PIECE);
                emit(&zeros[..usize::try_from(length).unwrap_or(0)])?;
                remaining -= length;
            }
            Ok(())
        };
        let mut next = 0;
        for (position, value) in positions.into_iter().zip(values.chunks_exact(width)) {
            fill(next, position, emit)?;
            emit(value)?;
            next = position + 1;
        }
        fill(next, self.count, emit)
    }
}

/// Return elements as bytes in memory.
fn gather(elements: &Elements, input: &dyn Input) -> Result<Vec<u8>, FormatError> {
    let mut all = Vec::new();
    match elements {
        Elements::InPlace { start, end } => {
            let bytes = crate::input::read_checked(input, *start, end - start, "a sparse tensor")?;
            all.extend_from_slice(&bytes);
        }
        Elements::Held(bytes) => all.extend_from_slice(bytes),
        Elements::Decoded(decode) => decode.decode(input, &mut |piece| {
            all.extend_from_slice(piece);
            Ok(())
        })?,
        Elements::External { .. } => return Err(FormatError::internal("a sparse tensor in another file")),
    }
    Ok(all)
}
