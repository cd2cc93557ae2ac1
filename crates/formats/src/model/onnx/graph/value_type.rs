//! Write the types of values.

use super::super::types;
use super::super::wire::{Span, Value, Wire, once};
use super::content::dtype;
use super::{Write, unknown};
use crate::error::FormatError;

/// The deepest nesting of types.
const DEEPEST_TYPE: usize = 32;

/// Write the types of inputs.
pub(super) fn input_types<W: Write>(
    wire: &mut Wire<'_>,
    infos: &[Span],
    out: &mut W,
) -> Result<(), FormatError> {
    out.array(infos.len());
    for info in infos {
        let mut of = None;
        wire.fields(*info, &mut |_, number, value| match number {
            2 => once(&mut of, value.span()?, "the type of an input"),
            1 | 3 | 4 => Ok(()),
            _ => Err(unknown("an input", number)),
        })?;
        match of {
            Some(of) => value_type(wire, of, 0, out)?,
            None => out.null(),
        }
    }
    Ok(())
}

/// Write the type of a value; null if it is not stated.
pub(super) fn value_type<W: Write>(
    wire: &mut Wire<'_>,
    span: Span,
    depth: usize,
    out: &mut W,
) -> Result<(), FormatError> {
    if depth > DEEPEST_TYPE {
        return Err(FormatError::new(format!(
            "types lie in each other more than {DEEPEST_TYPE} deep"
        )));
    }
    let mut of = None;
    wire.fields(span, &mut |_, number, value| match number {
        1 | 4 | 5 | 7 | 8 | 9 => once(&mut of, (number, value.span()?), "the type of a value"),
        6 => Ok(()),
        _ => Err(unknown("a type", number)),
    })?;
    let Some((kind, message)) = of else {
        out.null();
        return Ok(());
    };
    let (mut first, mut second) = (None, None);
    wire.fields(message, &mut |_, number, value| match number {
        1 => once(&mut first, value, "a part of a type"),
        2 => once(&mut second, value, "a part of a type"),
        _ => Err(unknown("a type", number)),
    })?;
    match kind {
        1 | 8 => {
            out.array(3);
            out.text(if kind == 1 { "tensor" } else { "sparse_tensor" });
            element(first, out)?;
            match second {
                Some(shape) => dimensions(wire, shape.span()?, out)?,
                None => out.null(),
            }
        }
        5 => {
            out.array(3);
            out.text("map");
            element(first, out)?;
            inner(wire, second, depth, out)?;
        }
        7 => {
            out.array(3);
            out.text("opaque");
            for part in [first, second] {
                let text = part.map(|part| wire.name(part.span()?, "the name of a type"));
                out.text(&text.transpose()?.unwrap_or_default());
            }
        }
        _ => {
            out.array(2);
            out.text(if kind == 4 { "sequence" } else { "optional" });
            inner(wire, first, depth, out)?;
        }
    }
    Ok(())
}

fn inner<W: Write>(
    wire: &mut Wire<'_>,
    part: Option<Value>,
    depth: usize,
    out: &mut W,
) -> Result<(), FormatError> {
    if let Some(part) = part {
        return value_type(wire, part.span()?, depth + 1, out);
    }
    out.null();
    Ok(())
}

/// Write the type of elements; null if it is not stated.
fn element<W: Write>(part: Option<Value>, out: &mut W) -> Result<(), FormatError> {
    match part.map(Value::number).transpose()?.unwrap_or(0) {
        0 => out.null(),
        types::TEXT => out.text("TEXT"),
        kind => out.text(dtype(kind)?.name()),
    }
    Ok(())
}

/// Write the dimensions of a type; null for one without a number.
fn dimensions<W: Write>(wire: &mut Wire<'_>, span: Span, out: &mut W) -> Result<(), FormatError> {
    let (mut count, mut items) = (0, W::default());
    wire.fields(span, &mut |wire, number, value| {
        if number != 1 {
            return Err(unknown("a shape", number));
        }
        let (mut length, mut is_symbol) = (None, false);
        wire.fields(value.span()?, &mut |_, number, value| match number {
            1 => once(&mut length, value.number()?, "a dimension"),
            2 => {
                is_symbol = true;
                Ok(())
            }
            3 => Ok(()),
            _ => Err(unknown("a dimension", number)),
        })?;
        count += 1;
        match length {
            Some(_) if is_symbol => return Err(FormatError::new("a dimension has a number and a name")),
            Some(length) => items.integer(length.cast_signed()),
            None => items.null(),
        }
        Ok(())
    })?;
    out.array(count);
    out.append(items);
    Ok(())
}
