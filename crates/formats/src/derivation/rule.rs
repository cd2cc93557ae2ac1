//! Rules by which the elements of a tensor follow from others, and the comparison of what they give with what is there.

use super::float::{Float, Rounding};
use super::quantise::{Arithmetic, BLOCK, Recipe};
use crate::error::FormatError;
use crate::model::dtype::Dtype;

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
        /// Whether the type of the source holds the sum before it is cast.
        narrow: bool,
    },
    /// Block quantisation.
    Quantise(Arithmetic),
}

/// A rule with the types it goes between, ready to be applied to elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    rule: Rule,
    kind: Kind,
    /// Elements, and bytes of the target, that belong together.
    block: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Copy,
    Floats { from: Float, to: Float },
    Integers { from: Integer, to: Integer },
    Blocks { from: Float, recipe: Recipe },
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

/// What a comparison found.
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
    pub fn is_copy(&self) -> bool {
        self.kind == Kind::Copy
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

    /// Compare what elements become with what is there; both are whole elements or blocks. `first` is the number of the
    /// first element.
    pub fn compare(&self, elements: &[u8], there: &[u8], first: u64, scratch: &mut Scratch) -> Comparison {
        let mut expected = std::mem::take(&mut scratch.expected);
        let known = self.apply(elements, scratch, &mut expected).is_some();
        let found = if known && expected == there {
            Comparison::default()
        } else {
            self.differences(elements, &expected, there, first)
        };
        scratch.expected = expected;
        found
    }

    /// Count the differences one by one; the slow way, taken where there are some.
    fn differences(&self, elements: &[u8], expected: &[u8], there: &[u8], first: u64) -> Comparison {
        let mut found = Comparison::default();
        let (count, bytes) = self.block;
        let source = elements.len() / (there.len() / bytes).max(1);
        for (index, there) in there.chunks_exact(bytes).enumerate() {
            let expected = expected.get(index * bytes..(index + 1) * bytes);
            if expected == Some(there) {
                continue;
            }
            if let (Kind::Floats { to, .. }, Some(expected)) = (self.kind, expected)
                && to.value(expected).is_nan()
                && to.value(there).is_nan()
            {
                found.other_nan += 1;
                continue;
            }
            found.different += 1;
            found.first.get_or_insert(first + (index * count) as u64);
            let element = &elements[index * source..(index + 1) * source];
            match self.kind {
                Kind::Floats { from, to } => found.numbers(from, to, element, expected, there),
                Kind::Blocks { recipe, .. } => {
                    let codes = recipe.scale_bytes();
                    found.scales += u64::from(expected.is_some_and(|block| block[codes..] == there[codes..]));
                }
                Kind::Copy | Kind::Integers { .. } => {}
            }
        }
        found
    }
}

impl Comparison {
    /// Add an element that differs.
    fn numbers(&mut self, from: Float, to: Float, element: &[u8], expected: Option<&[u8]>, there: &[u8]) {
        let (source, found) = (from.value(element), to.value(there));
        if let Some(expected) = expected {
            let distance = (to.value(expected) - found).abs();
            self.largest = if distance.is_nan() || self.largest.is_nan() {
                f64::NAN
            } else {
                self.largest.max(distance)
            };
        }
        let difference = found - source;
        self.range = Some(self.range.map_or((difference, difference), |(least, greatest)| {
            (least.min(difference), greatest.max(difference))
        }));
        self.cut_off += u64::from(expected.is_some_and(|expected| {
            // Codes of one sign are in the order of their magnitudes.
            to.value(expected).abs() > source.abs() && code_of(expected).wrapping_sub(1) == code_of(there)
        }));
    }
}

fn code_of(element: &[u8]) -> u64 {
    let mut code = [0; 8];
    code[..element.len()].copy_from_slice(element);
    u64::from_le_bytes(code)
}

/// Memory that one thread uses again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    singles: Vec<f32>,
    doubles: Vec<f64>,
    expected: Vec<u8>,
}
