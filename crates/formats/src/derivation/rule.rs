//! Rules by which the elements of a tensor follow from others, and the comparison of what they give with what is there.

use super::float::{Float, Rounding, brain};
use super::quantise::{Arithmetic, BLOCK, Recipe};
use crate::error::FormatError;
use crate::model::dtype::Dtype;
use crate::values::Decoder;

/// A rule that gives every byte.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// The bytes themselves.
    Copy,
    /// The same numbers in another type.
    Cast(Rounding),
    /// A constant is added in single precision; the sum is rounded to the type of the source first where `narrow`.
    Offset {
        /// The constant.
        constant: f32,
        /// True if the type of the source holds the sum before it is cast.
        narrow: bool,
    },
    /// Block quantisation.
    Quantise(Arithmetic),
    /// The numbers that blocks stand for, rounded to nearest even where the target is narrower than a single.
    Dequantise,
    /// Block quantisation of which the recipe is not recomputed: the blocks stand for numbers near those of the source.
    Near,
}

/// A rule with the types it goes between, ready to be applied to elements.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    rule: Rule,
    kind: Kind,
    /// Elements, and bytes of the target, that belong together.
    block: (usize, usize),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Copy,
    Floats { from: Float, to: Float },
    Integers { from: Integer, to: Integer },
    Blocks { from: Float, recipe: Recipe },
    Numbers { from: Decoder, to: Float },
    Near { from: Float, to: Decoder, bound: f64 },
}

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Integer {
    bytes: usize,
    signed: bool,
}

impl Integer {
    fn of(dtype: Dtype) -> Option<Self> {
        let signed = match dtype.name() {
            "I8" | "I16" | "I32" | "I64" => true,
            "U8" | "U16" | "U32" | "U64" | "BOOL" => false,
            _ => return None,
        };
        let bytes = usize::try_from(dtype.bits / 8).ok()?;
        Some(Self { bytes, signed })
    }

    fn decode(self, element: &[u8]) -> i128 {
        let mut wide = [0; 16];
        if self.signed && element.last().is_some_and(|byte| byte & 0x80 != 0) {
            wide = [0xff; 16];
        }
        wide[..element.len()].copy_from_slice(element);
        i128::from_le_bytes(wide)
    }
}

/// Result of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Elements, or blocks of them, that differ.
    pub different: u64,
    /// The first element that differs, or the first of its block.
    pub first: Option<u64>,
    /// Elements that are NaN on both sides in other bits, which count as equal.
    pub other_nan: u64,
    /// Of the different ones, those that are the value cut off where it had to be rounded up.
    pub cut_off: u64,
    /// Of the different blocks, those that differ in their scales alone.
    pub scales: u64,
    /// The largest distance of two numbers; NaN where one is no number.
    pub largest: f64,
    /// The largest error of a block as a share of its length (as vectors of numbers); only of [`Rule::Near`].
    pub worst: f64,
    /// The least and the greatest difference of the numbers, there minus source.
    pub range: Option<(f64, f64)>,
}

impl Comparison {
    /// Add what was found in another range.
    pub fn add(&mut self, other: &Self) {
        self.different += other.different;
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.other_nan += other.other_nan;
        self.cut_off += other.cut_off;
        self.scales += other.scales;
        self.largest = if self.largest.is_nan() || other.largest.is_nan() {
            f64::NAN
        } else {
            self.largest.max(other.largest)
        };
        self.worst = self.worst.max(other.worst);
        self.range = match (self.range, other.range) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }
}

impl Conversion {
    /// Return the conversion of one dtype into another by a rule; an error where the rule does not apply to them.
    pub fn new(rule: Rule, from: Dtype, to: Dtype) -> Result<Self, FormatError> {
        let refused = || {
            FormatError::new(format!(
                "{} elements do not become {} elements by this rule",
                from.name(),
                to.name()
            ))
        };
        let single = |bits: u64| usize::try_from(bits / 8).map_err(|_| refused());
        let (kind, block) = match rule {
            Rule::Copy if from == to && to.bits.is_multiple_of(8) => {
                let elements = usize::try_from(to.block).map_err(|_| refused())?;
                (Kind::Copy, (elements, single(to.bits)?))
            }
            Rule::Quantise(_) => {
                let recipe = Recipe::of(to.name()).ok_or_else(refused)?;
                let from = Float::of(from).ok_or_else(refused)?;
                (Kind::Blocks { from, recipe }, (BLOCK, recipe.block_bytes()))
            }
            Rule::Dequantise => {
                let decoder = Decoder::of(from).filter(|_| from.block > 1).ok_or_else(refused)?;
                let to = Float::of(to).ok_or_else(refused)?;
                (Kind::Numbers { from: decoder, to }, (1, to.bytes()))
            }
            Rule::Near => {
                let bound = near_bound(to.name()).ok_or_else(refused)?;
                let decoder = Decoder::of(to).ok_or_else(refused)?;
                let from = Float::of(from).ok_or_else(refused)?;
                let elements = usize::try_from(to.block).map_err(|_| refused())?;
                (
                    Kind::Near {
                        from,
                        to: decoder,
                        bound,
                    },
                    (elements, single(to.bits)?),
                )
            }
            Rule::Cast(_) if Integer::of(from).is_some() => {
                let from = Integer::of(from).ok_or_else(refused)?;
                let to = Integer::of(to).ok_or_else(refused)?;
                (Kind::Integers { from, to }, (1, to.bytes))
            }
            Rule::Cast(_) | Rule::Offset { .. } => {
                let from = Float::of(from).ok_or_else(refused)?;
                let to = Float::of(to).ok_or_else(refused)?;
                (Kind::Floats { from, to }, (1, to.bytes()))
            }
            Rule::Copy => return Err(refused()),
        };
        Ok(Self { rule, kind, block })
    }

    /// Return elements, and bytes of the target, that belong together.
    pub const fn block(&self) -> (usize, usize) {
        self.block
    }

    /// Return whether the result is the bytes of the source.
    pub const fn is_copy(&self) -> bool {
        matches!(self.kind, Kind::Copy)
    }

    /// Compute the bytes that elements become. `None` for a value that the target does not hold.
    pub fn apply(&self, elements: &[u8], scratch: &mut Scratch, into: &mut Vec<u8>) -> Option<()> {
        into.clear();
        match self.kind {
            Kind::Copy => into.extend_from_slice(elements),
            Kind::Integers { from, to } => {
                for element in elements.chunks_exact(from.bytes) {
                    let value = from.decode(element);
                    let bytes = &value.to_le_bytes()[..to.bytes];
                    if to.decode(bytes) != value {
                        return None;
                    }
                    into.extend_from_slice(bytes);
                }
            }
            Kind::Blocks { from, recipe } => {
                from.decode_single(elements, &mut scratch.singles);
                let arithmetic = match self.rule {
                    Rule::Quantise(arithmetic) => arithmetic,
                    _ => Arithmetic::Separate,
                };
                recipe.quantise(&scratch.singles, arithmetic, into);
            }
            Kind::Floats { from, to } => self.floats(from, to, elements, scratch, into),
            Kind::Numbers { from, to } => {
                decode_blocks(from, elements, &mut scratch.singles);
                to.encode_single(&scratch.singles, into);
            }
            Kind::Near { .. } => return None,
        }
        Some(())
    }

    fn floats(&self, from: Float, to: Float, elements: &[u8], scratch: &mut Scratch, into: &mut Vec<u8>) {
        match self.rule {
            Rule::Cast(Rounding::NearestEven) if from == Float::F64 => {
                from.decode_double(elements, &mut scratch.doubles);
                to.encode_double(&scratch.doubles, into);
            }
            Rule::Offset { constant, narrow } => {
                from.decode_single(elements, &mut scratch.singles);
                for value in &mut scratch.singles {
                    *value += constant;
                }
                if narrow {
                    let mut rounded = Vec::new();
                    from.encode_single(&scratch.singles, &mut rounded);
                    from.decode_single(&rounded, &mut scratch.singles);
                }
                to.encode_single(&scratch.singles, into);
            }
            _ => {
                from.decode_single(elements, &mut scratch.singles);
                to.encode_single(&scratch.singles, into);
            }
        }
    }

    /// Return whether elements become exactly the bytes that are there, or `None` for a conversion that [`Self::compare`]
    /// alone checks. The loops are compiled with the instructions of the caller.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "so that a caller's vector instructions are used"
    )]
    pub fn gives(&self, elements: &[u8], stored: &[u8]) -> Option<bool> {
        match (self.kind, self.rule) {
            (Kind::Copy, _) => Some(elements == stored),
            (
                Kind::Floats {
                    from: Float::Bf16,
                    to: Float::F32,
                },
                Rule::Cast(_),
            ) => Some(gives_widened(elements, stored)),
            (
                Kind::Floats {
                    from: Float::F32,
                    to: Float::Bf16,
                },
                Rule::Cast(_),
            ) => Some(gives_brains(elements, stored)),
            _ => None,
        }
    }

    /// Compare what elements become with what is there; both are whole elements or blocks. `first` is the number of the
    /// first element.
    pub fn compare(&self, elements: &[u8], stored: &[u8], first: u64, scratch: &mut Scratch) -> Comparison {
        if let Kind::Near { from, to, bound } = self.kind {
            return self.near(from, to, bound, elements, stored, first, scratch);
        }
        let mut expected = std::mem::take(&mut scratch.expected);
        let known = self.apply(elements, scratch, &mut expected).is_some();
        let comparison = if known && expected == stored {
            Comparison::default()
        } else {
            self.differences(elements, &expected, stored, first)
        };
        scratch.expected = expected;
        comparison
    }

    /// Compare what blocks stand for with the source, block by block.
    #[allow(clippy::too_many_arguments, reason = "the parts of one comparison")]
    fn near(
        &self,
        from: Float,
        to: Decoder,
        bound: f64,
        elements: &[u8],
        stored: &[u8],
        first: u64,
        scratch: &mut Scratch,
    ) -> Comparison {
        let mut comparison = Comparison::default();
        from.decode_single(elements, &mut scratch.singles);
        let mut numbers = Vec::new();
        decode_blocks(to, stored, &mut numbers);
        let count = self.block.0;
        let blocks = scratch.singles.chunks(count).zip(numbers.chunks(count));
        for (index, (source, stored)) in blocks.enumerate() {
            let (mut error, mut length) = (0.0_f64, 0.0_f64);
            for (source, stored) in source.iter().zip(stored) {
                let (source, stored) = (f64::from(*source), f64::from(*stored));
                let distance = (source - stored).abs();
                error += distance * distance;
                length += source * source;
                comparison.largest = if distance.is_nan() {
                    f64::NAN
                } else {
                    comparison.largest.max(distance)
                };
            }
            let share = if error == 0.0 {
                0.0
            } else {
                (error / length).sqrt()
            };
            // NaN is within no bound.
            if share <= bound {
                comparison.worst = comparison.worst.max(share);
            } else {
                comparison.different += 1;
                comparison.first.get_or_insert(first + (index * count) as u64);
                comparison.worst = f64::INFINITY;
            }
        }
        comparison
    }

    /// Count the differences one by one; the slow way, taken where there are some.
    fn differences(&self, elements: &[u8], expected: &[u8], stored: &[u8], first: u64) -> Comparison {
        let mut comparison = Comparison::default();
        let (count, bytes) = self.block;
        let source = elements.len() / (stored.len() / bytes).max(1);
        for (index, stored) in stored.chunks_exact(bytes).enumerate() {
            let expected = expected.get(index * bytes..(index + 1) * bytes);
            if expected == Some(stored) {
                continue;
            }
            if let (Kind::Floats { to, .. }, Some(expected)) = (self.kind, expected)
                && to.value(expected).is_nan()
                && to.value(stored).is_nan()
            {
                comparison.other_nan += 1;
                continue;
            }
            comparison.different += 1;
            comparison.first.get_or_insert(first + (index * count) as u64);
            match self.kind {
                Kind::Floats { from, to } => {
                    let element = &elements[index * source..(index + 1) * source];
                    comparison.numbers(from, to, element, expected, stored);
                }
                Kind::Blocks { recipe, .. } => {
                    let codes = recipe.scale_bytes();
                    comparison.scales +=
                        u64::from(expected.is_some_and(|block| block[codes..] == stored[codes..]));
                }
                Kind::Copy | Kind::Integers { .. } | Kind::Numbers { .. } | Kind::Near { .. } => {}
            }
        }
        comparison
    }
}

impl Comparison {
    /// Add an element that differs.
    fn numbers(&mut self, from: Float, to: Float, element: &[u8], expected: Option<&[u8]>, stored: &[u8]) {
        let (source, comparison) = (from.value(element), to.value(stored));
        if let Some(expected) = expected {
            let distance = (to.value(expected) - comparison).abs();
            self.largest = if distance.is_nan() || self.largest.is_nan() {
                f64::NAN
            } else {
                self.largest.max(distance)
            };
        }
        let difference = comparison - source;
        self.range = Some(self.range.map_or((difference, difference), |(least, greatest)| {
            (least.min(difference), greatest.max(difference))
        }));
        self.cut_off += u64::from(expected.is_some_and(|expected| {
            // Codes of one sign are in the order of their magnitudes.
            to.value(expected).abs() > source.abs() && code_of(expected).wrapping_sub(1) == code_of(stored)
        }));
    }
}

/// Elements that are checked between two looks at the result.
const CHECKED: usize = 256;

/// Check whether singles are the numbers of `BF16` codes.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "so that a caller's vector instructions are used"
)]
fn gives_widened(codes: &[u8], singles: &[u8]) -> bool {
    let (codes, left) = codes.as_chunks::<2>();
    let (singles, right) = singles.as_chunks::<4>();
    let equal = |(codes, singles): (&[[u8; 2]], &[[u8; 4]])| {
        let pairs = codes.iter().zip(singles);
        let different = pairs.fold(0, |different, (code, single)| {
            let expected = u32::from(u16::from_le_bytes(*code)) << 16;
            different | (expected ^ u32::from_le_bytes(*single))
        });
        different == 0
    };
    let is_whole = left.is_empty() && right.is_empty() && codes.len() == singles.len();
    is_whole && codes.chunks(CHECKED).zip(singles.chunks(CHECKED)).all(equal)
}

/// Check whether codes of `BF16` are singles rounded to nearest even. Codes of NaN must be those that rounding gives.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "so that a caller's vector instructions are used"
)]
fn gives_brains(singles: &[u8], codes: &[u8]) -> bool {
    let (singles, left) = singles.as_chunks::<4>();
    let (codes, right) = codes.as_chunks::<2>();
    let equal = |(singles, codes): (&[[u8; 4]], &[[u8; 2]])| {
        let pairs = singles.iter().zip(codes);
        let different = pairs.fold(0, |different, (single, code)| {
            let expected = brain(f32::from_le_bytes(*single));
            different | (expected ^ u16::from_le_bytes(*code))
        });
        different == 0
    };
    let is_whole = left.is_empty() && right.is_empty() && codes.len() == singles.len();
    is_whole && singles.chunks(CHECKED).zip(codes.chunks(CHECKED)).all(equal)
}

fn code_of(element: &[u8]) -> u64 {
    let mut code = [0; 8];
    code[..element.len()].copy_from_slice(element);
    u64::from_le_bytes(code)
}

/// Decode whole blocks.
fn decode_blocks(decoder: Decoder, bytes: &[u8], into: &mut Vec<f32>) {
    let unit = decoder.unit();
    into.clear();
    into.resize(bytes.len() / unit.bytes * unit.values, 0.0);
    decoder.decode_f32(bytes, into);
}

/// Return the largest error of a block, as a share of its length, that quantisation to a type leaves.
///
/// Each bound is what rounding to the codes of the type leaves in the worst block: one large number and others of half a
/// step. Those of the IQ types are above what the quantisers of ggml leave in blocks of a distribution with heavy tails
/// (Student's, of three degrees). Two tensors that have nothing to do with each other are farther apart than the length of
/// either.
pub fn near_bound(dtype: &str) -> Option<f64> {
    Some(match dtype {
        "GGML_IQ1_S" | "GGML_IQ1_M" | "GGML_IQ2_XXS" => 0.95,
        "GGML_Q2_K" | "GGML_IQ2_XS" | "GGML_IQ2_S" => 0.75,
        "GGML_Q3_K" | "GGML_IQ3_XXS" | "GGML_IQ3_S" => 0.5,
        "GGML_Q4_K" | "GGML_IQ4_NL" | "GGML_IQ4_XS" | "GGML_NVFP4" => 0.25,
        "GGML_Q5_K" => 0.125,
        "GGML_Q6_K" | "GGML_TQ1_0" | "GGML_TQ2_0" => 0.0625,
        "GGML_Q8_1" | "GGML_Q8_K" => 0.03125,
        _ => return None,
    })
}

/// Memory that one thread uses again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    singles: Vec<f32>,
    doubles: Vec<f64>,
    expected: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gguf::block_dtypes;

    fn dtype(name: &str) -> Dtype {
        let blocks = block_dtypes().find(|dtype| dtype.name() == name);
        blocks.or_else(|| Dtype::named(name)).expect("a dtype")
    }

    fn singles(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn compare(rule: Rule, from: &str, to: &str, elements: &[u8], stored: &[u8]) -> Comparison {
        let conversion = Conversion::new(rule, dtype(from), dtype(to)).expect("it applies");
        conversion.compare(elements, stored, 100, &mut Scratch::default())
    }

    #[test]
    fn casts_keep_nan_and_find_what_was_cut_off() {
        let cast = Rule::Cast(Rounding::NearestEven);
        // 1 + 3/256 is in the middle, and the even one of its neighbours is above.
        let source = singles(&[1.0, 1.0 + 3.0 / 256.0, f32::NAN]);
        let codes = |middle: u16| [0x3f80, middle, 0x7fff].map(u16::to_le_bytes).concat();
        let comparison = compare(cast, "F32", "BF16", &source, &codes(0x3f82));
        assert_eq!((comparison.different, comparison.other_nan), (0, 1));
        let comparison = compare(cast, "F32", "BF16", &source, &codes(0x3f81));
        assert_eq!(
            (comparison.different, comparison.first, comparison.cut_off),
            (1, Some(101), 1)
        );
        let comparison = compare(cast, "F32", "BF16", &source, &codes(0x3f83));
        assert_eq!((comparison.different, comparison.cut_off), (1, 0));
    }

    #[test]
    fn blocks_are_recomputed_and_a_scale_is_distinguished() {
        let values: Vec<f32> = (0..64_u8).map(|value| f32::from(value) - 20.0).collect();
        for name in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "MXFP4"] {
            let name = format!("GGML_{name}");
            let rule = Rule::Quantise(Arithmetic::Separate);
            let conversion = Conversion::new(rule, dtype("F32"), dtype(&name)).expect("it applies");
            let mut blocks = Vec::new();
            let source = singles(&values);
            conversion
                .apply(&source, &mut Scratch::default(), &mut blocks)
                .expect("it gives bytes");
            assert_eq!(
                blocks.len() as u64,
                dtype(&name).bytes_of(64).expect("whole blocks"),
                "{name}"
            );
            assert_eq!(
                compare(rule, "F32", &name, &source, &blocks),
                Comparison::default()
            );
            let second = blocks.len() / 2;
            blocks[second] ^= 1;
            let comparison = compare(rule, "F32", &name, &source, &blocks);
            assert_eq!(
                (comparison.different, comparison.first, comparison.scales),
                (1, Some(132), 1),
                "{name}"
            );
            *blocks.last_mut().expect("bytes") ^= 1;
            assert_eq!(compare(rule, "F32", &name, &source, &blocks).scales, 0, "{name}");
        }
    }

    #[test]
    fn blocks_stand_for_numbers_exactly_and_for_others_nearly() {
        let values: Vec<f32> = (0..32_u8).map(|value| f32::from(value) / 32.0 - 0.4).collect();
        let rule = Rule::Quantise(Arithmetic::Separate);
        let conversion = Conversion::new(rule, dtype("F32"), dtype("GGML_Q8_0")).expect("it applies");
        let mut blocks = Vec::new();
        conversion
            .apply(&singles(&values), &mut Scratch::default(), &mut blocks)
            .expect("bytes");
        let back = Conversion::new(Rule::Dequantise, dtype("GGML_Q8_0"), dtype("F32")).expect("it applies");
        let mut numbers = Vec::new();
        back.apply(&blocks, &mut Scratch::default(), &mut numbers)
            .expect("bytes");
        assert_eq!(
            compare(Rule::Dequantise, "GGML_Q8_0", "F32", &blocks, &numbers),
            Comparison::default()
        );
        numbers[9] ^= 1;
        assert_eq!(
            compare(Rule::Dequantise, "GGML_Q8_0", "F32", &blocks, &numbers).first,
            Some(102)
        );
        // A block of zeros is as far from the source as the source is long.
        let zeros = vec![0; 18];
        let comparison = compare(Rule::Near, "F32", "GGML_IQ4_NL", &singles(&values), &zeros);
        assert_eq!((comparison.different, comparison.first), (1, Some(100)));
        let comparison = compare(Rule::Near, "F32", "GGML_IQ4_NL", &singles(&[0.0; 32]), &zeros);
        assert_eq!((comparison.different, comparison.worst), (0, 0.0));
    }

    #[test]
    fn fast_checks_of_casts_agree_with_the_conversion() {
        let single = |bits: u32| bits.to_le_bytes();
        // Every code with rests that are cut off, in the middle and rounded up: NaN, infinities and zeros among them.
        let rests = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        let bits = (0..=u16::MAX).zip(rests.into_iter().cycle());
        let singles: Vec<u8> = bits
            .flat_map(|(code, rest)| single(u32::from(code) << 16 | rest))
            .collect();
        let codes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        for (from, to, elements) in [
            ("F32", "BF16", &singles),
            ("BF16", "F32", &codes),
            ("F32", "F32", &singles),
        ] {
            let rule = if from == to {
                Rule::Copy
            } else {
                Rule::Cast(Rounding::NearestEven)
            };
            let conversion = Conversion::new(rule, dtype(from), dtype(to)).expect("it applies");
            let mut expected = Vec::new();
            conversion
                .apply(elements, &mut Scratch::default(), &mut expected)
                .expect("bytes");
            assert_eq!(conversion.gives(elements, &expected), Some(true), "{from} {to}");
            for at in [0, 1, expected.len() / 2 - 1, expected.len() - 1] {
                for bit in [1, 0x80] {
                    expected[at] ^= bit;
                    assert_eq!(
                        conversion.gives(elements, &expected),
                        Some(false),
                        "{from} {to} {at}"
                    );
                    expected[at] ^= bit;
                }
            }
            expected.pop();
            assert_eq!(conversion.gives(elements, &expected), Some(false), "shorter");
        }
    }

    #[test]
    fn offsets_and_integers() {
        let offset = Rule::Offset {
            constant: 1.0,
            narrow: false,
        };
        let (source, stored) = (singles(&[0.5, -1.0]), singles(&[1.5, 0.0]));
        assert_eq!(compare(offset, "F32", "F32", &source, &stored).different, 0);
        let comparison = compare(offset, "F32", "F32", &source, &singles(&[1.5, 0.5]));
        assert_eq!(
            (comparison.different, comparison.largest, comparison.range),
            (1, 0.5, Some((1.5, 1.5)))
        );
        let cast = Rule::Cast(Rounding::NearestEven);
        assert_eq!(
            compare(
                cast,
                "I64",
                "I32",
                &(-5_i64).to_le_bytes(),
                &(-5_i32).to_le_bytes()
            )
            .different,
            0
        );
        assert_eq!(
            compare(
                cast,
                "I64",
                "I32",
                &(1_i64 << 40).to_le_bytes(),
                &0_i32.to_le_bytes()
            )
            .different,
            1
        );
        assert!(Conversion::new(cast, dtype("F32"), dtype("I32")).is_err());
        assert!(Conversion::new(Rule::Copy, dtype("F32"), dtype("F16")).is_err());
    }
}
