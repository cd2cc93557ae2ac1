//! The element types of ggml: their numbers, names, and the elements and bytes of a block.

use crate::model::dtype::Dtype;

/// A type, as far as its number is known.
pub(super) enum Known {
    /// Its elements are stored one by one, as in other formats.
    Plain(Dtype),
    /// Its elements are stored in blocks, which only ggml takes apart.
    Block(Dtype),
    /// ggml has given up this type, with its size.
    Removed(&'static str),
    /// The number is not known.
    Unknown,
}

/// Return what is known of a type.
///
/// Source: `ggml_type` in `ggml.h` and the assertions about sizes in `ggml-common.h`. (The Python package `gguf` states
/// 40 bytes for Q8_1; ggml asserts 36.)
pub(super) const fn known(number: u32) -> Known {
    let (name, elements, bytes) = match number {
        0 => return Known::Plain(Dtype::plain("F32", 32)),
        1 => return Known::Plain(Dtype::plain("F16", 16)),
        24 => return Known::Plain(Dtype::plain("I8", 8)),
        25 => return Known::Plain(Dtype::plain("I16", 16)),
        26 => return Known::Plain(Dtype::plain("I32", 32)),
        27 => return Known::Plain(Dtype::plain("I64", 64)),
        28 => return Known::Plain(Dtype::plain("F64", 64)),
        30 => return Known::Plain(Dtype::plain("BF16", 16)),
        2 => ("GGML_Q4_0", 32, 18),
        3 => ("GGML_Q4_1", 32, 20),
        6 => ("GGML_Q5_0", 32, 22),
        7 => ("GGML_Q5_1", 32, 24),
        8 => ("GGML_Q8_0", 32, 34),
        9 => ("GGML_Q8_1", 32, 36),
        10 => ("GGML_Q2_K", 256, 84),
        11 => ("GGML_Q3_K", 256, 110),
        12 => ("GGML_Q4_K", 256, 144),
        13 => ("GGML_Q5_K", 256, 176),
        14 => ("GGML_Q6_K", 256, 210),
        15 => ("GGML_Q8_K", 256, 292),
        16 => ("GGML_IQ2_XXS", 256, 66),
        17 => ("GGML_IQ2_XS", 256, 74),
        18 => ("GGML_IQ3_XXS", 256, 98),
        19 => ("GGML_IQ1_S", 256, 50),
        20 => ("GGML_IQ4_NL", 32, 18),
        21 => ("GGML_IQ3_S", 256, 110),
        22 => ("GGML_IQ2_S", 256, 82),
        23 => ("GGML_IQ4_XS", 256, 136),
        29 => ("GGML_IQ1_M", 256, 56),
        34 => ("GGML_TQ1_0", 256, 54),
        35 => ("GGML_TQ2_0", 256, 66),
        39 => ("GGML_MXFP4", 32, 17),
        40 => ("GGML_NVFP4", 64, 36),
        41 => ("GGML_Q1_0", 128, 18),
        42 => ("GGML_Q2_0", 64, 18),
        4 => return Known::Removed("Q4_2"),
        5 => return Known::Removed("Q4_3"),
        31 => return Known::Removed("Q4_0_4_4"),
        32 => return Known::Removed("Q4_0_4_8"),
        33 => return Known::Removed("Q4_0_8_8"),
        36 => return Known::Removed("IQ4_NL_4_4"),
        37 => return Known::Removed("IQ4_NL_4_8"),
        38 => return Known::Removed("IQ4_NL_8_8"),
        _ => return Known::Unknown,
    };
    Known::Block(Dtype::blocks(name, elements, bytes * 8))
}

/// The largest number of a type that is known.
const LAST: u32 = 42;

/// Return the dtypes of all block types.
pub fn block_dtypes() -> impl Iterator<Item = Dtype> {
    (0..=LAST).filter_map(|number| match known(number) {
        Known::Block(dtype) => Some(dtype),
        Known::Plain(_) | Known::Removed(_) | Known::Unknown => None,
    })
}
