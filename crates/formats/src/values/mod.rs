//! Elements of tensors as numbers.
//!
//! - [`float`]: binary floats of 4 to 16 bits.
//! - [`blocks`]: block types of ggml.
//!
//! A [`Decoder`] takes the bytes of elements as a data digest sees them (C order, little-endian, sub-byte elements from
//! the lowest bits) and returns numbers. It neither reads nor allocates.

pub mod blocks;
pub mod float;

use crate::model::dtype::Dtype;
use blocks::Block;

/// The decoder of the elements of one dtype.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    form: Form,
    unit: Unit,
}

/// The least values that take whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Numbers: those of a block, of the elements that fill whole bytes, or the two parts of a complex number.
    pub values: usize,
    /// Bytes that hold them.
    pub bytes: usize,
}

/// The kind of numbers that a dtype holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Floating-point numbers.
    Float,
    /// Pairs of floating-point numbers: the real part, then the imaginary part.
    Complex,
    /// Whole numbers, BOOL among them.
    Integer,
    /// Blocks of whole numbers with a scale, which stand for floating-point numbers.
    Block,
}

/// The form of the elements.
#[derive(Clone, Copy, Debug)]
enum Form {
    F32,
    F64,
    F16,
    BF16,
    /// One byte each.
    Byte(&'static [f32; 256]),
    /// Two in a byte.
    Nibble(&'static [f32; 16]),
    /// Four in three bytes.
    Six(&'static [f32; 64]),
    /// Four in a byte.
    Two([f32; 4]),
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    Block(Block),
}

const NIBBLE_UNSIGNED: [f32; 16] = [
    0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.,
];
const NIBBLE_SIGNED: [f32; 16] = [
    0., 1., 2., 3., 4., 5., 6., 7., -8., -7., -6., -5., -4., -3., -2., -1.,
];

impl Decoder {
    /// Return the decoder of a dtype; `None` if its elements are not decoded: OPAQUE, and the block types of
    /// [`blocks::NOT_DECODED`].
    pub fn of(dtype: Dtype) -> Option<Self> {
        let (form, values, bytes) = match dtype.name() {
            "F64" => (Form::F64, 1, 8),
            "F32" => (Form::F32, 1, 4),
            "F16" => (Form::F16, 1, 2),
            "BF16" => (Form::BF16, 1, 2),
            "C64" => (Form::F32, 2, 8),
            "C128" => (Form::F64, 2, 16),
            "F8_E5M2" => (Form::Byte(&float::F8_E5M2), 1, 1),
            "F8_E4M3" => (Form::Byte(&float::F8_E4M3), 1, 1),
            "F8_E5M2FNUZ" => (Form::Byte(&float::F8_E5M2FNUZ), 1, 1),
            "F8_E4M3FNUZ" => (Form::Byte(&float::F8_E4M3FNUZ), 1, 1),
            "F8_E8M0" => (Form::Byte(&float::F8_E8M0), 1, 1),
            "F6_E2M3" => (Form::Six(&float::F6_E2M3), 4, 3),
            "F6_E3M2" => (Form::Six(&float::F6_E3M2), 4, 3),
            "F4" => (Form::Nibble(&float::F4), 2, 1),
            "U4" => (Form::Nibble(&NIBBLE_UNSIGNED), 2, 1),
            "I4" => (Form::Nibble(&NIBBLE_SIGNED), 2, 1),
            "U2" => (Form::Two([0., 1., 2., 3.]), 4, 1),
            "I2" => (Form::Two([0., 1., -2., -1.]), 4, 1),
            "BOOL" | "U8" => (Form::U8, 1, 1),
            "I8" => (Form::I8, 1, 1),
            "U16" => (Form::U16, 1, 2),
            "I16" => (Form::I16, 1, 2),
            "U32" => (Form::U32, 1, 4),
            "I32" => (Form::I32, 1, 4),
            "U64" => (Form::U64, 1, 8),
            "I64" => (Form::I64, 1, 8),
            name => {
                let block = Block::named(name)?;
                (Form::Block(block), block.values, block.bytes)
            }
        };
        let unit = Unit { values, bytes };
        Some(Self { form, unit })
    }

    /// Return the least values that take whole bytes.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Return the numbers of an element: 2 for complex numbers, else 1.
    pub const fn values_per_element(&self) -> usize {
        match self.kind() {
            Kind::Complex => 2,
            Kind::Float | Kind::Integer | Kind::Block => 1,
        }
    }

    /// Return the kind of numbers.
    pub const fn kind(&self) -> Kind {
        match self.form {
            Form::F32 | Form::F64 if self.unit.values == 2 => Kind::Complex,
            Form::F32 | Form::F64 | Form::F16 | Form::BF16 | Form::Byte(_) | Form::Six(_) => Kind::Float,
            // Those of F4 have a fraction, those of U4 and I4 have none.
            Form::Nibble(table) if table[1] < 1. => Kind::Float,
            Form::Block(_) => Kind::Block,
            Form::Nibble(_)
            | Form::Two(_)
            | Form::U8
            | Form::I8
            | Form::U16
            | Form::I16
            | Form::U32
            | Form::I32
            | Form::U64
            | Form::I64 => Kind::Integer,
        }
    }

    /// Return whether the values are the upper halves of `f32`, one in two bytes.
    pub const fn is_brain(&self) -> bool {
        matches!(self.form, Form::BF16)
    }

    /// Return whether every value fits `f32` exactly.
    pub const fn fits_f32(&self) -> bool {
        !matches!(
            self.form,
            Form::F64 | Form::U32 | Form::I32 | Form::U64 | Form::I64
        )
    }

    /// Return whether every value fits `f64` exactly: all but the 64-bit integers.
    pub const fn fits_f64(&self) -> bool {
        !matches!(self.form, Form::U64 | Form::I64)
    }

    /// Return the 64-bit integers in `bytes`, widened; `None` for other dtypes.
    pub fn wide(&self, bytes: &[u8; 8]) -> Option<i128> {
        match self.form {
            Form::U64 => Some(i128::from(u64::from_le_bytes(*bytes))),
            Form::I64 => Some(i128::from(i64::from_le_bytes(*bytes))),
            _ => None,
        }
    }

    /// Decode `bytes` into `f32`, rounded to the nearest where a value does not fit. Return how many values were
    /// decoded: all that `into` has room for, or fewer where `bytes` ends before.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "so that a caller's vector instructions are used"
    )]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "the documented rounding"
    )]
    pub fn decode_f32(&self, bytes: &[u8], into: &mut [f32]) -> usize {
        match self.form {
            Form::F32 => each(bytes, into, f32::from_le_bytes),
            Form::F64 => each(bytes, into, |bytes| f64::from_le_bytes(bytes) as f32),
            Form::F16 => each(bytes, into, |bytes| float::f16(u16::from_le_bytes(bytes))),
            Form::BF16 => each(bytes, into, |bytes| float::bf16(u16::from_le_bytes(bytes))),
            Form::Byte(table) => each(bytes, into, |[byte]| table[usize::from(byte)]),
            Form::Nibble(table) => nibbles(bytes, into, table),
            Form::Six(table) => sixes(bytes, into, table),
            Form::Two(table) => twos(bytes, into, &table),
            Form::U8 => each(bytes, into, |[byte]| f32::from(byte)),
            Form::I8 => each(bytes, into, |bytes| f32::from(i8::from_le_bytes(bytes))),
            Form::U16 => each(bytes, into, |bytes| f32::from(u16::from_le_bytes(bytes))),
            Form::I16 => each(bytes, into, |bytes| f32::from(i16::from_le_bytes(bytes))),
            Form::U32 => each(bytes, into, |bytes| u32::from_le_bytes(bytes) as f32),
            Form::I32 => each(bytes, into, |bytes| i32::from_le_bytes(bytes) as f32),
            Form::U64 => each(bytes, into, |bytes| u64::from_le_bytes(bytes) as f32),
            Form::I64 => each(bytes, into, |bytes| i64::from_le_bytes(bytes) as f32),
            Form::Block(block) => block.decode(bytes, into),
        }
    }

    /// Decode `bytes` into `f64`: exactly, but for 64-bit integers, which are rounded to the nearest. The rest is as in
    /// [`Self::decode_f32`].
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "so that a caller's vector instructions are used"
    )]
    #[allow(clippy::cast_precision_loss, reason = "the documented rounding")]
    pub fn decode_f64(&self, bytes: &[u8], into: &mut [f64]) -> usize {
        match self.form {
            Form::F64 => each(bytes, into, f64::from_le_bytes),
            Form::U32 => each(bytes, into, |bytes| f64::from(u32::from_le_bytes(bytes))),
            Form::I32 => each(bytes, into, |bytes| f64::from(i32::from_le_bytes(bytes))),
            Form::U64 => each(bytes, into, |bytes| u64::from_le_bytes(bytes) as f64),
            Form::I64 => each(bytes, into, |bytes| i64::from_le_bytes(bytes) as f64),
            _ => self.through_f32(bytes, into),
        }
    }

    /// Decode values that fit `f32` into `f64`.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "so that a caller's vector instructions are used"
    )]
    fn through_f32(&self, bytes: &[u8], into: &mut [f64]) -> usize {
        // A multiple of the values of every unit.
        let mut room = [0_f32; 1024];
        let stride = room.len() / self.unit.values * self.unit.bytes;
        let mut done = 0;
        for (into, bytes) in into.chunks_mut(room.len()).zip(bytes.chunks(stride)) {
            let room = &mut room[..into.len()];
            let count = self.decode_f32(bytes, room);
            for (into, value) in into.iter_mut().zip(&room[..count]) {
                *into = f64::from(*value);
            }
            done += count;
        }
        done
    }
}

/// Decode numbers of `N` bytes.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "so that a caller's vector instructions are used"
)]
fn each<const N: usize, T>(bytes: &[u8], into: &mut [T], decode: impl Fn([u8; N]) -> T) -> usize {
    let (numbers, _) = bytes.as_chunks::<N>();
    let count = numbers.len().min(into.len());
    for (into, number) in into[..count].iter_mut().zip(&numbers[..count]) {
        *into = decode(*number);
    }
    count
}

fn nibbles(bytes: &[u8], into: &mut [f32], table: &[f32; 16]) -> usize {
    let count = into.len().min(bytes.len() * 2);
    for (into, byte) in into.chunks_mut(2).zip(bytes) {
        for (into, shift) in into.iter_mut().zip([0, 4]) {
            *into = table[usize::from(byte >> shift & 15)];
        }
    }
    count
}

fn sixes(bytes: &[u8], into: &mut [f32], table: &[f32; 64]) -> usize {
    let count = into.len().min(bytes.len() * 8 / 6);
    for (into, bytes) in into[..count].chunks_mut(4).zip(bytes.chunks(3)) {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        let word = u32::from_le_bytes(word);
        for (into, shift) in into.iter_mut().zip([0, 6, 12, 18]) {
            *into = table[(word >> shift & 63) as usize];
        }
    }
    count
}

fn twos(bytes: &[u8], into: &mut [f32], table: &[f32; 4]) -> usize {
    let count = into.len().min(bytes.len() * 4);
    for (into, byte) in into.chunks_mut(4).zip(bytes) {
        for (into, shift) in into.iter_mut().zip([0, 2, 4, 6]) {
            *into = table[usize::from(byte >> shift & 3)];
        }
    }
    count
}
