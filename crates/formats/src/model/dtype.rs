//! Element types and their widths.

use std::fmt;

/// An element type, spelled as `docs/format.md` spells it: as safetensors does, where safetensors has it.
///
/// A type of blocks (`GGML_Q4_0`) stores a fixed number of elements in a fixed number of bytes; every other type is a
/// block of one element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dtype {
    name: Name,
    /// Elements of a block; 1 for types without blocks.
    pub block: u64,
    /// Bits of a block; below 8 the elements are packed, lowest bits first.
    pub bits: u64,
}

/// A spelling of at most 16 bytes, kept in place so that a dtype is a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Name {
    bytes: [u8; 16],
    length: u8,
}

impl Name {
    const fn new(text: &str) -> Self {
        let text = text.as_bytes();
        assert!(text.len() <= 16, "a spelling has at most 16 bytes");
        let (mut bytes, mut at) = ([0; 16], 0);
        while at < text.len() {
            bytes[at] = text[at];
            at += 1;
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most 16")]
        let length = text.len() as u8;
        Self { bytes, length }
    }
}

/// Every dtype of the safetensors format (`Dtype` in version 0.8 of its reference crate).
pub const DTYPES: [Dtype; 22] = [
    Dtype::plain("BOOL", 8),
    Dtype::plain("F4", 4),
    Dtype::plain("F6_E2M3", 6),
    Dtype::plain("F6_E3M2", 6),
    Dtype::plain("U8", 8),
    Dtype::plain("I8", 8),
    Dtype::plain("F8_E5M2", 8),
    Dtype::plain("F8_E4M3", 8),
    Dtype::plain("F8_E8M0", 8),
    Dtype::plain("F8_E4M3FNUZ", 8),
    Dtype::plain("F8_E5M2FNUZ", 8),
    Dtype::plain("I16", 16),
    Dtype::plain("U16", 16),
    Dtype::plain("F16", 16),
    Dtype::plain("BF16", 16),
    Dtype::plain("I32", 32),
    Dtype::plain("U32", 32),
    Dtype::plain("F32", 32),
    Dtype::plain("C64", 64),
    Dtype::plain("F64", 64),
    Dtype::plain("I64", 64),
    Dtype::plain("U64", 64),
];

/// Dtypes that other formats have and safetensors has not.
pub const OTHER_DTYPES: [Dtype; 5] = [
    Dtype::plain("C128", 128),
    Dtype::plain("U4", 4),
    Dtype::plain("I4", 4),
    Dtype::plain("U2", 2),
    Dtype::plain("I2", 2),
];

impl Dtype {
    /// Return a dtype without blocks.
    pub(crate) const fn plain(name: &str, bits: u64) -> Self {
        Self::blocks(name, 1, bits)
    }

    /// Return a dtype whose blocks hold `block` elements in `bits` bits.
    pub(crate) const fn blocks(name: &str, block: u64, bits: u64) -> Self {
        Self {
            name: Name::new(name),
            block,
            bits,
        }
    }

    /// Return the dtype of safetensors spelled `name`.
    pub fn named(name: &str) -> Option<Self> {
        // The bytes are compared, because a file can have a million tensors.
        let is_named = |dtype: &&Self| dtype.name.bytes[..usize::from(dtype.name.length)] == *name.as_bytes();
        DTYPES.iter().find(is_named).copied()
    }

    /// Return the dtype of elements of `bytes` bytes whose meaning the file does not say.
    pub fn opaque(bytes: u32) -> Self {
        // "OPAQUE" and ten digits fill the 16 bytes of a spelling.
        Self::plain(&format!("OPAQUE{bytes}"), u64::from(bytes) * 8)
    }

    /// Return the spelling that enters a digest.
    pub fn name(&self) -> &str {
        let text = &self.name.bytes[..usize::from(self.name.length)];
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Return the bytes of `elements` elements; `None` if that overflows, or if they end inside a block or a byte.
    pub fn bytes_of(&self, elements: u64) -> Option<u64> {
        if !elements.is_multiple_of(self.block) {
            return None;
        }
        let bits = (elements / self.block).checked_mul(self.bits)?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }
}

impl fmt::Debug for Dtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_survives() {
        assert_eq!(Dtype::opaque(u32::MAX).name(), "OPAQUE4294967295");
        assert_eq!(OTHER_DTYPES[0].name(), "C128");
        assert!(Dtype::named("C128").is_none());
    }

    #[test]
    fn bytes_are_whole_blocks_and_bytes() {
        let q4 = Dtype::blocks("GGML_Q4_0", 32, 144);
        assert_eq!(q4.bytes_of(64), Some(36));
        assert_eq!(q4.bytes_of(33), None);
        assert_eq!(OTHER_DTYPES[1].bytes_of(3), None);
        assert_eq!(Dtype::plain("F64", 64).bytes_of(u64::MAX), None);
    }
}
