//! Datatypes.

use super::fields::Fields;
use crate::error::FormatError;
use crate::model::dtype::Dtype;

/// The kind of elements of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers. Units of `swap` bytes are big-endian; 1 if none are.
    Elements { dtype: Dtype, swap: usize },
    /// Bytes without a meaning.
    Opaque(u32),
    /// Text of a fixed length.
    Text,
    /// Text of any length, in a heap of the file.
    VariableText,
    /// No tensor, and why.
    NoTensor(&'static str),
    /// A number of a form that `docs/format.md` does not name.
    Unknown(String),
}

/// A datatype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Datatype {
    pub(super) kind: Kind,
    /// Bytes of an element.
    pub(super) size: u32,
}

/// Read a datatype message.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Datatype, FormatError> {
    let first = fields.byte()?;
    let bits = fields.take(3)?;
    let size = fields.word()?;
    if size == 0 {
        return Err(fields.error("a type has elements of no bytes"));
    }
    let (class, version) = (first & 0x0f, first >> 4);
    let kind = match class {
        0 => fixed(fields, bits[0], size)?,
        1 => float(fields, [bits[0], bits[1]], size)?,
        2 => Kind::NoTensor("Its elements are times."),
        3 => Kind::Text,
        4 => Kind::NoTensor("Its elements are bit fields."),
        5 => Kind::Opaque(size),
        6 => compound(
            fields,
            version,
            usize::from(bits[0]) | usize::from(bits[1]) << 8,
            size,
        )?,
        7 => Kind::NoTensor("Its elements are references to other parts of the file."),
        8 => enumeration(fields, version, usize::from(bits[0]) | usize::from(bits[1]) << 8)?,
        9 if bits[0] & 0x0f == 1 => Kind::VariableText,
        9 => Kind::NoTensor("Its elements are lists of several lengths."),
        10 => Kind::NoTensor("Its elements are arrays."),
        class => Kind::Unknown(format!("class {class} of HDF5")),
    };
    Ok(Datatype { kind, size })
}

fn named(name: &str, swap: usize) -> Kind {
    let dtype = Dtype::named(name).or_else(|| (name == "C128").then(|| Dtype::plain("C128", 128)));
    match dtype {
        Some(dtype) => Kind::Elements { dtype, swap },
        None => Kind::Unknown(name.to_owned()),
    }
}

fn fixed(fields: &mut Fields<'_>, bits: u8, size: u32) -> Result<Kind, FormatError> {
    let (offset, precision) = (fields.short()?, fields.short()?);
    let sign = if bits & 0x08 == 0 { 'U' } else { 'I' };
    if offset != 0 || precision as u64 != u64::from(size) * 8 {
        return Ok(Kind::Unknown(format!(
            "an integer of {precision} bits from bit {offset} of {size} bytes"
        )));
    }
    let swap = if bits & 1 == 0 { 1 } else { size as usize };
    Ok(named(&format!("{sign}{precision}"), swap))
}

fn float(fields: &mut Fields<'_>, bits: [u8; 2], size: u32) -> Result<Kind, FormatError> {
    let (offset, precision) = (fields.short()?, fields.short()?);
    let form = fields.take(4)?;
    let excess = fields.word()?;
    let simple = offset == 0
        && precision as u64 == u64::from(size) * 8
        && bits[0] & 0x30 == 0x20
        && bits[0] & 0x40 == 0
        && usize::from(bits[1]) + 1 == precision;
    // Size, position and bits of the exponent, position and bits of the fraction, bias.
    let name = match (size, form, excess) {
        (2, [10, 5, 0, 10], 15) => "F16",
        (2, [7, 8, 0, 7], 127) => "BF16",
        (4, [23, 8, 0, 23], 127) => "F32",
        (8, [52, 11, 0, 52], 1023) => "F64",
        (1, [2, 5, 0, 2], 15) => "F8_E5M2",
        _ => "",
    };
    if !simple || name.is_empty() {
        return Ok(Kind::Unknown(format!(
            "a float of {precision} bits with {} for the exponent and {} for the fraction, bias {excess}",
            form[1], form[3]
        )));
    }
    Ok(named(name, if bits[0] & 1 == 0 { 1 } else { size as usize }))
}

/// Read a compound; h5py writes complex numbers as one of the members `r` and `i`.
fn compound(fields: &mut Fields<'_>, version: u8, count: usize, size: u32) -> Result<Kind, FormatError> {
    const COMPOUND: Kind = Kind::NoTensor("Its elements are structures.");
    if count != 2 {
        return Ok(COMPOUND);
    }
    let mut parts = Vec::new();
    for expected in [b"r", b"i"] {
        if name(fields, version)? != expected {
            return Ok(COMPOUND);
        }
        let width = match (version, size) {
            (1 | 2, _) => 4,
            (_, 0..=0xff) => 1,
            (_, 0x100..=0xffff) => 2,
            _ => 4,
        };
        let offset = fields.number(width)?;
        if version == 1 {
            let axes = fields.byte()?;
            fields.skip(27)?;
            if axes != 0 {
                return Ok(COMPOUND);
            }
        }
        let (first, bits) = (fields.byte()?, fields.take(3)?);
        let part = fields.word()?;
        if first & 0x0f != 1 {
            return Ok(COMPOUND);
        }
        parts.push((offset, float(fields, [bits[0], bits[1]], part)?));
    }
    let half = u64::from(size / 2);
    let Kind::Elements { dtype, swap } = &parts[0].1 else {
        return Ok(COMPOUND);
    };
    if parts[0].0 != 0 || parts[1].0 != half || parts[1].1 != parts[0].1 || dtype.bits != u64::from(size) * 4
    {
        return Ok(COMPOUND);
    }
    Ok(match dtype.name() {
        "F32" => named("C64", *swap),
        "F64" => named("C128", *swap),
        name => Kind::Unknown(format!("a complex number of two {name}")),
    })
}

/// Read an enumeration; h5py writes booleans as one of FALSE and TRUE.
fn enumeration(fields: &mut Fields<'_>, version: u8, count: usize) -> Result<Kind, FormatError> {
    const ENUMERATION: Kind = Kind::NoTensor("Its elements are names of an enumeration.");
    let (first, _) = (fields.byte()?, fields.take(3)?);
    let size = fields.word()?;
    if first & 0x0f != 0 || size != 1 || count != 2 {
        return Ok(ENUMERATION);
    }
    fields.skip(4)?;
    let names = [name(fields, version)?, name(fields, version)?];
    let values = fields.take(2)?;
    match (names, values) {
        ([b"FALSE", b"TRUE"], [0, 1]) => Ok(named("BOOL", 1)),
        _ => Ok(ENUMERATION),
    }
}

/// Read the name of a member, which old versions pad to eight bytes.
fn name<'a>(fields: &mut Fields<'a>, version: u8) -> Result<&'a [u8], FormatError> {
    let name = fields.terminated()?;
    if version < 3 {
        fields.skip((name.len() + 1).next_multiple_of(8) - name.len() - 1)?;
    }
    Ok(name)
}
