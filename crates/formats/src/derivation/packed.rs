//! Matrices that GPTQ and AWQ store: codes of a few bits in words of 32, with a scale and a zero point for each group of
//! inputs of each output.
//!
//! A weight is `(code - zero) * scale`. The words of codes, zero points and scales are tensors of their own, of the
//! transposed matrix: a row for each input or group, a column for each output.
//!
//! Sources: `QuantLinear` of `auto_gptq` and `gptqmodel`, `WQLinear_GEMM` of `awq`.

use super::float::Float;
use crate::error::FormatError;

/// A way to pack codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// GPTQ: codes of one output and successive inputs lie in a word, from the lowest bits on. Zero points are stored minus
    /// one.
    Gptq,
    /// GPTQ with the zero points as they are (`gptq_v2`).
    GptqZeros,
    /// AWQ (`gemm`): codes of one input and eight outputs lie in a word, even ones first.
    Awq,
}

/// Position in a word of AWQ of the code of each of eight outputs.
const AWQ_POSITIONS: [u32; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

/// The shapes of the tensors that hold a packed matrix.
#[derive(Clone, Copy, Debug)]
pub struct Shapes<'a> {
    /// Rows (outputs) and columns (inputs) of the matrix.
    pub matrix: &'a [u64],
    /// Words of codes.
    pub codes: &'a [u64],
    /// Words of zero points.
    pub zeros: &'a [u64],
    /// Scales.
    pub scales: &'a [u64],
}

/// A packed matrix: sizes that fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The way it is packed.
    pub scheme: Scheme,
    /// Bits of a code: 2, 3, 4 or 8.
    pub bits: u32,
    /// Rows of the matrix.
    pub outputs: u64,
    /// Columns of the matrix.
    pub inputs: u64,
    /// Groups of inputs.
    pub groups: u64,
}

impl Packed {
    /// Return the packed matrix that tensors of these shapes hold, with the stated bits of a code if there are any; an error
    /// where the shapes do not fit each other.
    pub fn new(scheme: Scheme, stated: Option<u64>, shapes: &Shapes<'_>) -> Result<Self, FormatError> {
        let refused = || {
            let bits = stated.map_or_else(String::new, |bits| format!(" in {bits} bits"));
            FormatError::new(format!(
                "the shapes {:?} of the codes, {:?} of the zero points and {:?} of the scales do not fit a matrix {:?}{bits}",
                shapes.codes, shapes.zeros, shapes.scales, shapes.matrix
            ))
        };
        let (&[outputs, inputs], &[code_rows, code_columns], &[zero_rows, zero_columns], &[groups, columns]) =
            (shapes.matrix, shapes.codes, shapes.zeros, shapes.scales)
        else {
            return Err(refused());
        };
        let words = |codes: u64, bits: u32| {
            let bits = u64::from(bits).checked_mul(codes);
            bits.map(|bits| bits.div_ceil(32))
        };
        let is_whole = outputs > 0 && (1..=inputs).contains(&groups) && columns == outputs;
        if !is_whole || zero_rows != groups {
            return Err(refused());
        }
        let mut fitting = [2, 3, 4, 8].into_iter().filter(|bits| {
            let codes_fit = match scheme {
                Scheme::Awq => {
                    *bits == 4 && code_rows == inputs && Some(code_columns) == words(outputs, *bits)
                }
                Scheme::Gptq | Scheme::GptqZeros => {
                    code_columns == outputs && Some(code_rows) == words(inputs, *bits)
                }
            };
            let as_stated = stated.is_none_or(|stated| stated == u64::from(*bits));
            as_stated && codes_fit && Some(zero_columns) == words(outputs, *bits)
        });
        let bits = fitting.next().ok_or_else(refused)?;
        // A word holds a few codes of any width.
        if fitting.next().is_some() {
            return Err(FormatError::new(
                "the bits of a code are not stated, and several fit the shapes",
            ));
        }
        Ok(Self {
            scheme,
            bits,
            outputs,
            inputs,
            groups,
        })
    }

    /// Return the inputs of a group, where groups are ranges of inputs; the last one may have fewer.
    pub const fn group_length(&self) -> u64 {
        self.inputs.div_ceil(self.groups)
    }

    /// Return the largest code.
    pub const fn largest(&self) -> u8 {
        u8::MAX >> (8 - self.bits)
    }

    /// Return the outputs that share words, so that a range of outputs begins at a multiple of them.
    pub const fn step(&self) -> u64 {
        match self.scheme {
            Scheme::Awq => 8,
            Scheme::Gptq | Scheme::GptqZeros => 1,
        }
    }

    /// Return the range of words in each row of codes that hold a range of outputs.
    pub const fn columns(&self, first: u64, count: u64) -> (u64, u64) {
        match self.scheme {
            Scheme::Awq => (first / 8, count.div_ceil(8)),
            Scheme::Gptq | Scheme::GptqZeros => (first, count),
        }
    }

    /// Unpack the codes of one output of a tile: of `width` words in each row, the tile's first output is `output` 0. Fills
    /// `into`, which has a place for each input, as far as there are words.
    pub fn codes(&self, tile: &[u32], width: usize, output: usize, into: &mut [u8]) {
        if self.scheme == Scheme::Awq {
            let (column, shift) = (output / 8, 4 * AWQ_POSITIONS[output % 8]);
            let words = tile.iter().skip(column).step_by(width.max(1));
            for (code, word) in into.iter_mut().zip(words) {
                *code = low(word >> shift) & 15;
            }
            return;
        }
        stream(
            tile.iter().skip(output).step_by(width.max(1)).copied(),
            self.bits,
            into,
        );
    }

    /// Unpack the zero points of one group, a place in `into` for each output.
    pub fn zeros(&self, words: &[u32], into: &mut [u8]) {
        match self.scheme {
            Scheme::Awq => {
                for (output, zero) in into.iter_mut().enumerate() {
                    let word = words.get(output / 8).copied().unwrap_or_default();
                    *zero = low(word >> (4 * AWQ_POSITIONS[output % 8])) & 15;
                }
            }
            Scheme::GptqZeros => stream(words.iter().copied(), self.bits, into),
            Scheme::Gptq => {
                stream(words.iter().copied(), self.bits, into);
                for zero in into {
                    // Zero was stored as the largest code.
                    *zero = zero.wrapping_add(1) & self.largest();
                }
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
const fn low(word: u32) -> u8 {
    word as u8
}

/// Read codes of some bits one behind the other, from the lowest bits of the words on.
fn stream(words: impl Iterator<Item = u32>, bits: u32, into: &mut [u8]) {
    let mut room = into.iter_mut();
    let (mut held, mut count) = (0_u64, 0);
    for word in words {
        held |= u64::from(word) << count;
        count += 32;
        while count >= bits {
            let Some(code) = room.next() else { return };
            #[allow(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
            let lowest = held as u32;
            *code = low(lowest & ((1 << bits) - 1));
            held >>= bits;
            count -= bits;
        }
    }
}

/// The largest error of a row, as a share of the length of the steps of its elements: the root of the mean square of its
/// errors, in steps. Rounding alone leaves half of one at most; GPTQ moves the elements that it has not rounded yet.
pub const MOST_STEPS: f64 = 2.0;

/// The largest error of a row, as a share of its length.
pub const MOST_SHARE: f64 = 0.9;

/// The bounds and roundings of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Half a step and what rounding adds, in steps.
    steps: f64,
    largest: u8,
}

impl Tolerance {
    /// Return the tolerance for numbers of one type and scales of another.
    ///
    /// Packers add the zero point times the scale, and divide by the scale, in the narrower one of both types: three
    /// roundings of a number of up to the largest code.
    pub fn new(packed: &Packed, source: Float, scales: Float) -> Self {
        let unit = source.unit_roundoff().max(scales.unit_roundoff());
        Self {
            steps: 0.5 + 1e-6 + 3.0 * unit * f64::from(packed.largest()),
            largest: packed.largest(),
        }
    }
}

/// Result of the comparison of some rows of a matrix with codes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Near {
    /// Elements that were compared.
    pub elements: u64,
    /// Rows outside their bounds.
    pub outside: u64,
    /// The first element of the first of them.
    pub first_row: Option<u64>,
    /// Elements that are farther than half a step from what their code stands for, and not beyond the last code.
    pub farther: u64,
    /// The first of them.
    pub first: Option<u64>,
    /// Elements beyond what the last code stands for, by more than half a step.
    pub clipped: u64,
    /// The largest error of a row, as a share of its length.
    pub worst: f64,
    /// The largest error of a row, as a share of the length of its steps.
    pub steps: f64,
    /// Sum of the errors in steps, of elements that are not clipped. Divided by their number it is how far the zero points
    /// are off.
    pub sum: f64,
}

impl Near {
    /// Add the result of other rows.
    pub fn add(&mut self, other: &Self) {
        let least = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.elements += other.elements;
        self.outside += other.outside;
        self.first_row = least(self.first_row, other.first_row);
        self.farther += other.farther;
        self.first = least(self.first, other.first);
        self.clipped += other.clipped;
        self.worst = self.worst.max(other.worst);
        self.steps = self.steps.max(other.steps);
        self.sum += other.sum;
    }

    /// Return the mean of the errors in steps.
    #[allow(clippy::cast_precision_loss, reason = "a mean")]
    pub fn mean(&self) -> f64 {
        self.sum / self.elements.saturating_sub(self.clipped).max(1) as f64
    }

    /// Compare a row: its numbers, the code of each, and for each the scale and the zero point of its group. `first` is the
    /// number of its first element.
    pub fn row<'a>(
        &mut self,
        numbers: &[f32],
        codes: impl Iterator<Item = (u8, &'a (f32, u8))>,
        tolerance: Tolerance,
        first: u64,
    ) {
        let (mut error, mut length, mut step) = (0.0, 0.0, 0.0);
        for (index, (number, (code, (scale, zero)))) in numbers.iter().zip(codes).enumerate() {
            let (number, scale) = (f64::from(*number), f64::from(*scale));
            let distance = number - (f64::from(code) - f64::from(*zero)) * scale;
            error += distance * distance;
            length += number * number;
            step += scale * scale;
            let steps = if distance == 0.0 { 0.0 } else { distance / scale };
            if steps.abs() <= tolerance.steps {
                self.sum += steps;
            } else if (code == 0 && steps < 0.0) || (code == tolerance.largest && steps > 0.0) {
                self.clipped += 1;
            } else {
                self.farther += 1;
                self.first.get_or_insert(first + index as u64);
                self.sum += steps;
            }
        }
        self.elements += numbers.len() as u64;
        let share = if error == 0.0 {
            0.0
        } else {
            (error / length).sqrt()
        };
        // NaN is within no bound.
        if error <= MOST_STEPS * MOST_STEPS * step && share <= MOST_SHARE {
            self.worst = self.worst.max(share);
            self.steps = self
                .steps
                .max(if error == 0.0 { 0.0 } else { (error / step).sqrt() });
        } else {
            self.outside += 1;
            self.first_row.get_or_insert(first);
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "small whole numbers, and results that are exact"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BITS: [u64; 4] = [2, 3, 4, 8];

    fn packed(scheme: Scheme, bits: u64, outputs: u64, inputs: u64, groups: u64) -> Packed {
        let words = |codes: u64| (codes * bits).div_ceil(32);
        let codes = match scheme {
            Scheme::Awq => [inputs, words(outputs)],
            Scheme::Gptq | Scheme::GptqZeros => [words(inputs), outputs],
        };
        let shapes = Shapes {
            matrix: &[outputs, inputs],
            codes: &codes,
            zeros: &[groups, words(outputs)],
            scales: &[groups, outputs],
        };
        Packed::new(scheme, Some(bits), &shapes).expect("they fit")
    }

    /// Pack codes one bit at a time.
    fn pack(codes: &[u8], bits: usize) -> Vec<u32> {
        let mut words = vec![0; (codes.len() * bits).div_ceil(32)];
        for (index, code) in codes.iter().enumerate() {
            for bit in 0..bits {
                let position = index * bits + bit;
                words[position / 32] |= u32::from(code >> bit & 1) << (position % 32);
            }
        }
        words
    }

    proptest! {
        #[test]
        fn gptq_is_unpacked_bit_by_bit(seed in prop::collection::vec(any::<u8>(), 64 * 3), which in 0..4_usize) {
            let bits = BITS[which];
            let own = packed(Scheme::Gptq, bits, 3, 64, 2);
            let columns: Vec<Vec<u8>> = seed.chunks(64)
                .map(|codes| codes.iter().map(|code| code & own.largest()).collect())
                .collect();
            let words: Vec<Vec<u32>> = columns.iter().map(|codes| pack(codes, bits as usize)).collect();
            let tile: Vec<u32> = (0..words[0].len()).flat_map(|row| words.iter().map(move |column| column[row])).collect();
            for (output, expected) in columns.iter().enumerate() {
                let mut codes = vec![0; 64];
                own.codes(&tile, 3, output, &mut codes);
                prop_assert_eq!(&codes, expected);
            }
            let stored: Vec<u8> = columns[0].iter().map(|zero| zero.wrapping_sub(1) & own.largest()).collect();
            let mut zeros = vec![0; 64];
            packed(Scheme::Gptq, bits, 64, 64, 1).zeros(&pack(&stored, bits as usize), &mut zeros);
            prop_assert_eq!(&zeros, &columns[0]);
            packed(Scheme::GptqZeros, bits, 64, 64, 1).zeros(&pack(&stored, bits as usize), &mut zeros);
            prop_assert_eq!(&zeros, &stored);
        }
    }

    #[test]
    fn awq_takes_even_outputs_first() {
        // The order of the packer: nibble i of a word is output ORDER[i].
        const ORDER: [usize; 8] = [0, 2, 4, 6, 1, 3, 5, 7];
        let own = packed(Scheme::Awq, 4, 16, 2, 1);
        let code = |input: usize, output: usize| ((input * 7 + output * 3) % 16) as u32;
        let mut tile = [0_u32; 4];
        for input in 0..2 {
            for (nibble, place) in ORDER.iter().enumerate() {
                for word in 0..2 {
                    tile[input * 2 + word] |= code(input, word * 8 + place) << (4 * nibble);
                }
            }
        }
        for output in 0..16 {
            let mut codes = [0; 2];
            own.codes(&tile, 2, output, &mut codes);
            assert_eq!(codes.map(u32::from), [code(0, output), code(1, output)]);
        }
        let mut zeros = [0; 16];
        own.zeros(&tile[..2], &mut zeros);
        assert_eq!(u32::from(zeros[13]), code(0, 13));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let try_shapes = |scheme, matrix: [u64; 2], codes: [u64; 2], zeros: [u64; 2], scales: [u64; 2]| {
            let shapes = Shapes {
                matrix: &matrix,
                codes: &codes,
                zeros: &zeros,
                scales: &scales,
            };
            Packed::new(scheme, None, &shapes).map(|own| own.bits)
        };
        let few = Shapes {
            matrix: &[8, 8],
            codes: &[1, 8],
            zeros: &[1, 1],
            scales: &[1, 8],
        };
        let with = |bits| Packed::new(Scheme::Gptq, bits, &few).map(|own| own.bits);
        assert_eq!(with(Some(3)), Ok(3));
        assert!(with(None).is_err() && with(Some(8)).is_err() && with(Some(5)).is_err());
        assert_eq!(
            try_shapes(Scheme::Gptq, [32, 64], [6, 32], [2, 3], [2, 32]),
            Ok(3)
        );
        for (codes, zeros, scales) in [
            ([5, 32], [2, 3], [2, 32]),
            ([6, 31], [2, 3], [2, 32]),
            ([6, 32], [2, 4], [2, 32]),
            ([6, 32], [3, 3], [2, 32]),
            ([6, 32], [2, 3], [2, 33]),
            ([6, 32], [0, 3], [0, 32]),
            ([6, 32], [65, 3], [65, 32]),
        ] {
            assert!(try_shapes(Scheme::Gptq, [32, 64], codes, zeros, scales).is_err());
        }
        assert!(try_shapes(Scheme::Awq, [32, 64], [64, 8], [1, 8], [1, 32]).is_err());
        let huge = u64::MAX;
        assert!(try_shapes(Scheme::Gptq, [huge, huge], [huge, huge], [1, huge], [1, huge]).is_err());
        let flat = Shapes {
            matrix: &[64],
            codes: &[8],
            zeros: &[1],
            scales: &[1],
        };
        assert!(Packed::new(Scheme::Gptq, None, &flat).is_err());
    }

    #[test]
    fn rows_are_near_or_outside() {
        let own = packed(Scheme::Gptq, 4, 8, 8, 1);
        let tolerance = Tolerance::new(&own, Float::F32, Float::F32);
        let group = (0.5_f32, 8_u8);
        let compare = |numbers: &[f32; 4], codes: [u8; 4]| {
            let mut near = Near::default();
            near.row(
                numbers,
                codes.into_iter().map(|code| (code, &group)),
                tolerance,
                40,
            );
            near
        };
        let exact = [-4.0, 0.0, 1.0, 3.5];
        let near = compare(&exact, [0, 8, 10, 15]);
        assert_eq!(
            (near.outside, near.farther, near.clipped, near.worst),
            (0, 0, 0, 0.0)
        );
        let near = compare(&[-4.4, 0.2, 1.2, 3.9], [0, 8, 10, 15]);
        assert_eq!((near.outside, near.farther, near.clipped), (0, 0, 2));
        let near = compare(&exact, [0, 8, 11, 15]);
        assert_eq!((near.outside, near.farther, near.first), (0, 1, Some(42)));
        let near = compare(&exact, [15, 10, 8, 0]);
        assert_eq!((near.outside, near.first_row), (1, Some(40)));
        let near = compare(&[f32::NAN, 0.0, 1.0, 3.5], [0, 8, 10, 15]);
        assert_eq!(near.outside, 1);
        // Zero points that are one off show in the mean.
        assert_eq!(compare(&exact, [1, 9, 11, 15]).mean(), -0.75);
    }
}
