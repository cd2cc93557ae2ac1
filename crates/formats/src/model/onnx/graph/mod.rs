//! The description of the computation in an ONNX file, as `docs/format.md` defines it for the kind `graph`.
//!
//! - [`scope`]: the names of one graph or function body, and what makes each value.
//! - [`walk`]: visit everything that the outputs need, and number it on the way.
//! - [`content`]: write attributes and tensors.
//! - [`value_type`]: write the types of values.
//!
//! Names and the order of nodes do not count, so a value is written as a reference by number. The numbers follow from a
//! walk that starts at the outputs.

mod content;
mod scope;
mod value_type;
mod walk;

use super::wire::{Span, Wire, once};
use crate::error::FormatError;
use crate::input::Input;
use crate::model::listing::Tensor;
use scope::Reading;
use std::collections::{BTreeMap, BTreeSet};
use walk::Walk;

/// Writes the items of a description. The engine does so in deterministic CBOR.
pub trait Write: Default {
    /// Start an array; exactly `length` items follow.
    fn array(&mut self, length: usize);
    /// Write an integer.
    fn integer(&mut self, value: i64);
    /// Write a text.
    fn text(&mut self, value: &str);
    /// Write bytes.
    fn bytes(&mut self, value: &[u8]);
    /// Write null.
    fn null(&mut self);
    /// Write the items of another one.
    fn append(&mut self, other: Self);
}

/// Computes the plain digest of the elements of a tensor, which may lie in another file.
pub type DigestOf<'a> = dyn FnMut(&Tensor) -> Result<[u8; 32], FormatError> + 'a;

/// The number of items of a `graph` behind the tag.
pub const ITEMS: usize = 6;

/// Domain, name and overload of a function.
type FunctionName = (String, String, String);

/// Write the items of the `graph` of an ONNX file: operator sets, types of the inputs, initialisers, nodes, outputs and
/// functions.
pub fn describe<W: Write>(input: &dyn Input, digest_of: &mut DigestOf<'_>) -> Result<W, FormatError> {
    let mut wire = Wire::new(input);
    let whole = wire.whole();
    let mut graph = None;
    let mut opsets = BTreeMap::new();
    let mut functions = BTreeMap::new();
    wire.fields(whole, &mut |wire, number, value| match number {
        7 => once(&mut graph, value.span()?, "the graph"),
        8 => add_opset(wire, value.span()?, &mut opsets),
        25 => {
            let function = value.span()?;
            let name = function_name(wire, function)?;
            match functions.insert(name, function) {
                None => Ok(()),
                Some(_) => Err(FormatError::new("two functions have one name")),
            }
        }
        1..=6 | 14 | 20 | 26 => Ok(()),
        _ => Err(unknown("a model", number)),
    })?;
    let graph = graph.ok_or_else(|| FormatError::new("it has no graph, so it is no ONNX model"))?;
    let mut reading = Reading::new(input);
    let mut walk = Walk::<W>::new(&functions, digest_of);
    let root = scope::graph(&mut wire, graph, &mut reading)?;
    let outputs = walk.main(&mut wire, &mut reading, root)?;
    let mut out = W::default();
    write_opsets(&opsets, &mut out);
    let mut called = walk.finish(outputs, &mut out);
    let (mut done, mut written) = (BTreeSet::new(), BTreeMap::new());
    while let Some(name) = called.pop_first() {
        if !done.insert(name.clone()) {
            continue;
        }
        let mut part = W::default();
        called.extend(function::<W>(
            &mut wire,
            &mut reading,
            &functions,
            &name,
            digest_of,
            &mut part,
        )?);
        written.insert(name, part);
    }
    out.array(written.len());
    for part in written.into_values() {
        out.append(part);
    }
    Ok(out)
}

/// Write a function, and return the functions that it calls.
fn function<W: Write>(
    wire: &mut Wire<'_>,
    reading: &mut Reading,
    functions: &BTreeMap<FunctionName, Span>,
    name: &FunctionName,
    digest_of: &mut DigestOf<'_>,
    out: &mut W,
) -> Result<BTreeSet<FunctionName>, FormatError> {
    let span = functions.get(name);
    let span = *span.ok_or_else(|| FormatError::internal("a function that is not there"))?;
    let (mut opsets, mut required, mut defaults) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    wire.fields(span, &mut |wire, number, value| match number {
        6 => {
            required.insert(wire.name(value.span()?, "the name of an attribute")?);
            Ok(())
        }
        9 => add_opset(wire, value.span()?, &mut opsets),
        11 => {
            defaults.push(value.span()?);
            Ok(())
        }
        1 | 4 | 5 | 7 | 8 | 10 | 12..=14 => Ok(()),
        _ => Err(unknown("a function", number)),
    })?;
    let body = scope::function(wire, span, reading)?;
    let mut walk = Walk::<W>::new(functions, digest_of);
    let (defaults, outputs) = walk.function(wire, reading, body, &defaults)?;
    out.array(10);
    out.text(&name.0);
    out.text(&name.1);
    out.text(&name.2);
    write_opsets(&opsets, out);
    out.array(required.len());
    for attribute in &required {
        out.text(attribute);
    }
    out.append(defaults);
    Ok(walk.finish(outputs, out))
}

fn add_opset(wire: &mut Wire<'_>, span: Span, opsets: &mut BTreeMap<String, i64>) -> Result<(), FormatError> {
    let (domain, version) = super::opset(wire, span)?;
    match opsets.insert(normal_domain(domain), version) {
        None => Ok(()),
        Some(_) => Err(FormatError::new("an operator set is imported twice")),
    }
}

/// Return the domain; the operators of ONNX itself have the empty one, which may be written as `ai.onnx`.
fn normal_domain(domain: String) -> String {
    if domain == "ai.onnx" {
        String::new()
    } else {
        domain
    }
}

fn write_opsets<W: Write>(opsets: &BTreeMap<String, i64>, out: &mut W) {
    out.array(opsets.len());
    for (domain, version) in opsets {
        out.array(2);
        out.text(domain);
        out.integer(*version);
    }
}

fn function_name(wire: &mut Wire<'_>, span: Span) -> Result<FunctionName, FormatError> {
    let (mut name, mut domain, mut overload) = (None, None, None);
    wire.fields(span, &mut |wire, number, value| {
        let slot = match number {
            1 => &mut name,
            10 => &mut domain,
            13 => &mut overload,
            _ => return Ok(()),
        };
        let text = wire.name(value.span()?, "the name of a function")?;
        once(slot, text, "the name of a function")
    })?;
    Ok((
        normal_domain(domain.unwrap_or_default()),
        name.unwrap_or_default(),
        overload.unwrap_or_default(),
    ))
}

/// Create the error about a field that the description does not define: it could change what is computed.
fn unknown(what: &str, number: u32) -> FormatError {
    FormatError::unsupported(format!(
        "{what} has the field {number}, which is not known, so the graph has no digest"
    ))
}
