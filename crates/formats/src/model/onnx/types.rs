//! The element types of ONNX (`TensorProto.DataType`).

use super::wire::Packing;
use crate::model::dtype::{Dtype, OTHER_DTYPES};

/// Number of the type of texts.
pub(super) const TEXT: u64 = 8;

/// Return the dtype of a type with numbers for elements; `None` for texts and for what is not known.
pub(super) fn dtype(number: u64) -> Option<Dtype> {
    let name = match number {
        1 => "F32",
        2 => "U8",
        3 => "I8",
        4 => "U16",
        5 => "I16",
        6 => "I32",
        7 => "I64",
        9 => "BOOL",
        10 => "F16",
        11 => "F64",
        12 => "U32",
        13 => "U64",
        14 => "C64",
        15 => "C128",
        16 => "BF16",
        17 => "F8_E4M3",
        18 => "F8_E4M3FNUZ",
        19 => "F8_E5M2",
        20 => "F8_E5M2FNUZ",
        21 => "U4",
        22 => "I4",
        23 => "F4",
        24 => "F8_E8M0",
        25 => "U2",
        26 => "I2",
        _ => return None,
    };
    Dtype::named(name).or_else(|| OTHER_DTYPES.into_iter().find(|dtype| dtype.name() == name))
}

/// The form of the elements of a type that are not raw bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed {
    /// Number of the field.
    pub field: u32,
    /// Form of the numbers of the field.
    pub packing: Packing,
    /// Bytes of a number that count.
    pub width: usize,
    /// The smallest and the largest number, as the field's numbers are understood.
    pub range: (i64, i64),
}

/// Return how the elements of a type are written when they are not raw bytes.
///
/// Elements below a byte are packed into bytes first. These bytes are read by their bits, whatever their sign.
pub(super) fn typed(number: u64) -> Option<Typed> {
    let (field, packing, width, range) = match number {
        1 | 14 => (4, Packing::Fixed32, 4, (0, i64::MAX)),
        11 | 15 => (10, Packing::Fixed64, 8, (i64::MIN, i64::MAX)),
        6 => (5, Packing::Varint, 4, (i64::from(i32::MIN), i64::from(i32::MAX))),
        3 => (5, Packing::Varint, 1, (-128, 127)),
        5 => (5, Packing::Varint, 2, (-32_768, 32_767)),
        2 | 9 | 17..=20 | 24 => (5, Packing::Varint, 1, (0, 255)),
        4 | 10 | 16 => (5, Packing::Varint, 2, (0, 65_535)),
        21..=23 | 25 | 26 => (5, Packing::Varint, 1, (-128, 255)),
        7 => (7, Packing::Varint, 8, (i64::MIN, i64::MAX)),
        12 => (11, Packing::Varint, 4, (0, i64::from(u32::MAX))),
        13 => (11, Packing::Varint, 8, (i64::MIN, i64::MAX)),
        _ => return None,
    };
    Some(Typed {
        field,
        packing,
        width,
        range,
    })
}
