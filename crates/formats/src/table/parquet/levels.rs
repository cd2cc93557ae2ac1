//! The levels of a page: which values are there, and which lists they are in.
//!
//! The crate takes them for true. Levels that no writer writes would give rows that other readers refuse.

use super::header::{PageHeader, implausible, stated};
use crate::error::FormatError;
use parquet::basic::{LogicalType, Repetition};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type};

/// Meaning of the levels of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nesting {
    /// For each list around the values, from the outermost: the definition level from which it has an element.
    lists: Vec<u8>,
    /// The level of a value that is there.
    defined: u8,
    /// True if the type of the column has no values.
    is_null: bool,
}

/// Return the nesting of each column.
pub fn nestings(schema: &SchemaDescriptor) -> Vec<Nesting> {
    let mut all = Vec::with_capacity(schema.num_columns());
    for field in schema.root_schema().get_fields() {
        descend(field, &Nesting::default(), &mut all);
    }
    all
}

fn descend(of: &Type, around: &Nesting, all: &mut Vec<Nesting>) {
    let mut nesting = around.clone();
    let info = of.get_basic_info();
    match info.has_repetition().then(|| info.repetition()) {
        Some(Repetition::OPTIONAL) => nesting.defined += 1,
        Some(Repetition::REPEATED) => {
            nesting.defined += 1;
            nesting.lists.push(nesting.defined);
        }
        _ => {}
    }
    if of.is_primitive() {
        nesting.is_null = info.logical_type_ref() == Some(&LogicalType::Unknown);
        all.push(nesting);
    } else {
        of.get_fields()
            .iter()
            .for_each(|field| descend(field, &nesting, all));
    }
}

const RLE: i64 = 3;

impl Nesting {
    /// Return whether levels can be wrong in more than their number: those of one bit cannot.
    fn is_checked(&self) -> bool {
        self.is_null || !self.lists.is_empty() || !(self.defined + 1).is_power_of_two()
    }

    /// Check the levels of a data page. `before` is the definition level of the value before the page in its column
    /// chunk: absent at the start of one, and where it is not known. In a page of version 2 the first `levels` bytes are
    /// levels.
    pub fn check(
        &self,
        header: &PageHeader,
        buffer: &[u8],
        before: &mut Before,
        column: &ColumnDescriptor,
    ) -> Result<(), FormatError> {
        if !self.is_checked()
            || usize::from(self.defined) != usize::try_from(column.max_def_level()).unwrap_or(0)
        {
            return Ok(());
        }
        let (repetition, definition) = match header {
            PageHeader::Data(data) => {
                let rle = |most: usize, encoding| most == 0 || encoding == RLE;
                let is_rle = rle(self.lists.len(), data.repetition_encoding)
                    && rle(usize::from(self.defined), data.definition_encoding);
                if !is_rle {
                    // The deprecated encoding, which only the crate reads.
                    *before = Before::Unknown;
                    return Ok(());
                }
                let mut rest = buffer;
                let repetition = if self.lists.is_empty() {
                    &[][..]
                } else {
                    prefixed(&mut rest)?
                };
                let definition = if self.defined == 0 {
                    &[][..]
                } else {
                    prefixed(&mut rest)?
                };
                (repetition, definition)
            }
            PageHeader::DataV2(data) => {
                let repetition: usize = stated(Some(data.repetition_bytes))?;
                let definition: usize = stated(Some(data.definition_bytes))?;
                let (repetition, rest) = buffer.split_at_checked(repetition).ok_or_else(implausible)?;
                (repetition, rest.get(..definition).ok_or_else(implausible)?)
            }
            PageHeader::Dictionary(_) | PageHeader::Index | PageHeader::Unknown(_) => return Ok(()),
        };
        let count: usize = stated(header.values())?;
        let mut repetition = Levels::new(repetition, self.lists.len());
        let mut definition = Levels::new(definition, usize::from(self.defined));
        let mut remaining = count;
        while remaining > 0 {
            let (repeated, first) = repetition.run(remaining).ok_or_else(wrong)?;
            let (defined, second) = definition.run(remaining).ok_or_else(wrong)?;
            let length = first.min(second);
            self.check_run(repeated, defined, length, before)?;
            repetition.pass(length);
            definition.pass(length);
            remaining -= length;
        }
        Ok(())
    }

    /// Check values of equal levels, one after the other.
    fn check_run(
        &self,
        repeated: u8,
        defined: u8,
        length: usize,
        before: &mut Before,
    ) -> Result<(), FormatError> {
        if defined > self.defined || (self.is_null && defined == self.defined) {
            return Err(wrong());
        }
        if repeated > 0 {
            // Another element of a list that has one: before it, and now.
            let least = *self.lists.get(usize::from(repeated) - 1).ok_or_else(wrong)?;
            let continues = match before {
                Before::Nothing => false,
                Before::Unknown => true,
                Before::Value(level) => *level >= least,
            };
            if !continues || defined < least {
                return Err(wrong());
            }
        }
        if length > 0 {
            *before = Before::Value(defined);
        }
        Ok(())
    }
}

/// The definition level of the value before a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The page is the first of its chunk.
    Nothing,
    /// Its page was passed over.
    Unknown,
    /// This one.
    Value(u8),
}

fn wrong() -> FormatError {
    FormatError::new("levels that do not form lists")
}

/// Take bytes behind their length.
fn prefixed<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], FormatError> {
    let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(implausible)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| implausible())?;
    let (levels, behind) = behind.split_at_checked(length).ok_or_else(implausible)?;
    *rest = behind;
    Ok(levels)
}

/// Levels in the hybrid of runs and packed bits. Source of the rules: `Encodings.md` of Apache Parquet.
struct Levels<'a> {
    bytes: &'a [u8],
    /// Bits of a level; none where there is only one.
    width: u32,
    run: Run<'a>,
}

enum Run<'a> {
    Repeated {
        level: u8,
        remaining: usize,
    },
    Packed {
        bytes: &'a [u8],
        index: usize,
        remaining: usize,
    },
}

impl<'a> Levels<'a> {
    const fn new(bytes: &'a [u8], most: usize) -> Self {
        Self {
            bytes,
            width: usize::BITS - most.leading_zeros(),
            run: Run::Repeated {
                level: 0,
                remaining: 0,
            },
        }
    }

    /// Return the next level, and how often it follows at least; at most `wanted` times. Nothing at the end.
    fn run(&mut self, wanted: usize) -> Option<(u8, usize)> {
        if self.width == 0 {
            return Some((0, wanted));
        }
        loop {
            match &self.run {
                Run::Repeated { remaining: 0, .. } | Run::Packed { remaining: 0, .. } => self.next_run()?,
                Run::Repeated { level, remaining } => return Some((*level, wanted.min(*remaining))),
                Run::Packed { bytes, index, .. } => {
                    let bit = index * self.width as usize;
                    let pair = [
                        *bytes.get(bit / 8)?,
                        bytes.get(bit / 8 + 1).copied().unwrap_or_default(),
                    ];
                    let level = u16::from_le_bytes(pair) >> (bit % 8) & ((1 << self.width) - 1);
                    return Some((level.to_le_bytes()[0], 1));
                }
            }
        }
    }

    fn pass(&mut self, count: usize) {
        match &mut self.run {
            _ if self.width == 0 => {}
            Run::Repeated { remaining, .. } => *remaining -= count,
            Run::Packed { index, remaining, .. } => {
                *index += count;
                *remaining -= count;
            }
        }
    }

    fn next_run(&mut self) -> Option<()> {
        let mut head = 0_u64;
        for shift in (0..35).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            head |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let count = usize::try_from(head >> 1).ok()?;
                return self.start(head & 1 == 1, count);
            }
        }
        None
    }

    fn start(&mut self, is_packed: bool, count: usize) -> Option<()> {
        if is_packed {
            // Groups of eight; writers cut the last one where the page ends.
            let length = count.checked_mul(self.width as usize)?.min(self.bytes.len());
            let (bytes, rest) = self.bytes.split_at(length);
            self.bytes = rest;
            let remaining = (count * 8).min(length * 8 / self.width as usize);
            self.run = Run::Packed {
                bytes,
                index: 0,
                remaining,
            };
        } else {
            let (level, rest) = self.bytes.split_at_checked(self.width.div_ceil(8) as usize)?;
            self.bytes = rest;
            self.run = Run::Repeated {
                level: *level.first()?,
                remaining: count,
            };
        }
        // A run of nothing at the end would be followed by nothing for ever.
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::DataHeader;
    use super::*;
    use parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    fn schema(text: &str) -> SchemaDescriptor {
        SchemaDescriptor::new(Arc::new(parse_message_type(text).expect("a schema")))
    }

    const LIST: &str =
        "message m { optional group a (LIST) { repeated group list { optional int32 element; } } }";

    /// Encode levels of two bits in runs of one.
    fn runs(levels: &[u8]) -> Vec<u8> {
        let bytes: Vec<u8> = levels.iter().flat_map(|level| [2, *level]).collect();
        let length = u32::try_from(bytes.len()).expect("short");
        [&length.to_le_bytes()[..], &bytes].concat()
    }

    fn check(schema: &SchemaDescriptor, levels: &[(u8, u8)], count: i64, mut before: Before) -> bool {
        let nesting = &nestings(schema)[0];
        let header = PageHeader::Data(DataHeader {
            values: Some(count),
            encoding: 0,
            definition_encoding: RLE,
            repetition_encoding: RLE,
        });
        let (repetition, definition): (Vec<u8>, Vec<u8>) = levels.iter().copied().unzip();
        let mut buffer = Vec::new();
        if !nesting.lists.is_empty() {
            buffer.extend(runs(&repetition));
        }
        buffer.extend(runs(&definition));
        nesting
            .check(&header, &buffer, &mut before, &schema.column(0))
            .is_ok()
    }

    #[test]
    fn nesting_follows_the_schema() {
        let received = nestings(&schema(
            "message m { required int32 a; optional group b { repeated group c { required int32 d; repeated int32 e; } } }",
        ));
        let nesting = |lists: &[u8], defined| Nesting {
            lists: lists.to_vec(),
            defined,
            is_null: false,
        };
        assert_eq!(received, [nesting(&[], 0), nesting(&[2], 2), nesting(&[2, 3], 3)]);
    }

    #[test]
    fn levels_of_lists_are_accepted() {
        let schema = schema(LIST);
        // [1, null], null, [], [2]
        let levels = [(0, 3), (1, 2), (0, 0), (0, 1), (0, 3)];
        assert!(check(&schema, &levels, 5, Before::Nothing));
        assert!(check(&schema, &[(1, 3), (0, 0)], 2, Before::Value(2)));
        assert!(check(&schema, &[(1, 3), (0, 0)], 2, Before::Unknown));
    }

    #[test]
    fn other_levels_are_refused() {
        let schema = schema(LIST);
        for (levels, count) in [
            // The first value of a chunk continues a list.
            (&[(1, 3)][..], 1),
            // A list continues that is null, or that is empty.
            (&[(0, 0), (1, 3)], 2),
            (&[(0, 1), (1, 3)], 2),
            // A list continues with no element.
            (&[(0, 3), (1, 1)], 2),
            // A list in a list that there is not.
            (&[(0, 3), (2, 3)], 2),
            // Fewer levels than values.
            (&[(0, 3), (1, 3)], 3),
        ] {
            assert!(!check(&schema, levels, count, Before::Nothing), "{levels:?}");
        }
        assert!(!check(&schema, &[(1, 3)], 1, Before::Value(1)));
    }

    #[test]
    fn flat_levels_have_a_range() {
        let two = schema("message m { optional group a { optional int32 b; } }");
        assert!(check(&two, &[(0, 2), (0, 0), (0, 1)], 3, Before::Nothing));
        assert!(!check(&two, &[(0, 2), (0, 3)], 2, Before::Nothing));
        let nothing = schema("message m { optional int32 a (UNKNOWN); }");
        assert!(check(&nothing, &[(0, 0), (0, 0)], 2, Before::Nothing));
        assert!(!check(&nothing, &[(0, 0), (0, 1)], 2, Before::Nothing));
    }

    #[test]
    fn packed_levels_are_read() {
        // 0 to 7 in three bits each, from the specification.
        let mut levels = Levels::new(&[3, 0x88, 0xc6, 0xfa], 7);
        let mut decoded = Vec::new();
        while let Some((level, _)) = levels.run(1) {
            decoded.push(level);
            levels.pass(1);
        }
        assert_eq!(decoded, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
