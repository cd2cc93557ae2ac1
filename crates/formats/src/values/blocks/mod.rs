//! Block types of ggml, dequantised as ggml does it: in `f32`, every operation rounded.
//!
//! - [`legacy`]: blocks of 32 elements with one scale.
//! - [`k`]: blocks of 256 elements with scales of their own for 16 or 32 elements.
//! - [`iq`]: blocks whose codes stand for vectors of a grid; [`grids`] has the vectors.
//! - [`other`]: blocks whose elements index a list of values, or have three values.
//!
//! Source: `dequantize_row_*` in `ggml-quants.c`, and `quants.py` of the Python package `gguf`.

mod grids;
mod iq;
mod k;
mod legacy;
mod other;

use crate::values::float;

/// The decoder of a block type.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Elements of a block.
    pub values: usize,
    /// Bytes of a block.
    pub bytes: usize,
    decode: DecodeBlock,
}

/// Decodes one block.
type DecodeBlock = fn(&[u8], &mut [f32]);

/// Block types of ggml that are not decoded: they are recent and rare, and the reference has no decoder.
pub const NOT_DECODED: [&str; 2] = ["GGML_Q1_0", "GGML_Q2_0"];

impl Block {
    /// Return the decoder of a block type, by the name of its dtype.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (values, bytes, decode): (usize, usize, DecodeBlock) = match name {
            "GGML_Q4_0" => (32, 18, legacy::q4_0),
            "GGML_Q4_1" => (32, 20, legacy::q4_1),
            "GGML_Q5_0" => (32, 22, legacy::q5_0),
            "GGML_Q5_1" => (32, 24, legacy::q5_1),
            "GGML_Q8_0" => (32, 34, legacy::q8_0),
            "GGML_Q8_1" => (32, 36, legacy::q8_1),
            "GGML_Q2_K" => (256, 84, k::q2),
            "GGML_Q3_K" => (256, 110, k::q3),
            "GGML_Q4_K" => (256, 144, k::q4),
            "GGML_Q5_K" => (256, 176, k::q5),
            "GGML_Q6_K" => (256, 210, k::q6),
            "GGML_Q8_K" => (256, 292, k::q8),
            "GGML_IQ1_S" => (256, 50, iq::iq1_s),
            "GGML_IQ1_M" => (256, 56, iq::iq1_m),
            "GGML_IQ2_XXS" => (256, 66, iq::iq2_xxs),
            "GGML_IQ2_XS" => (256, 74, iq::iq2_xs),
            "GGML_IQ2_S" => (256, 82, iq::iq2_s),
            "GGML_IQ3_XXS" => (256, 98, iq::iq3_xxs),
            "GGML_IQ3_S" => (256, 110, iq::iq3_s),
            "GGML_IQ4_NL" => (32, 18, other::iq4_nl),
            "GGML_IQ4_XS" => (256, 136, other::iq4_xs),
            "GGML_MXFP4" => (32, 17, other::mxfp4),
            "GGML_NVFP4" => (64, 36, other::nvfp4),
            "GGML_TQ1_0" => (256, 54, other::tq1_0),
            "GGML_TQ2_0" => (256, 66, other::tq2_0),
            _ => return None,
        };
        Some(Self {
            values,
            bytes,
            decode,
        })
    }

    /// Decode whole blocks; return how many values.
    pub(super) fn decode(&self, bytes: &[u8], into: &mut [f32]) -> usize {
        let blocks = bytes.chunks_exact(self.bytes);
        let mut count = 0;
        for (into, block) in into.chunks_exact_mut(self.values).zip(blocks) {
            (self.decode)(block, into);
            count += self.values;
        }
        count
    }
}

/// Return the half at a position.
fn half(block: &[u8], at: usize) -> f32 {
    float::f16(u16::from_le_bytes([block[at], block[at + 1]]))
}

/// Return a small whole number; all of those in blocks fit.
fn number(value: impl Into<i16>) -> f32 {
    f32::from(value.into())
}
