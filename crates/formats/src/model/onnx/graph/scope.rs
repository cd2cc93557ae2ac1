//! The names of one graph or function body, and what makes each value.

use super::super::tensor::Proto;
use super::super::wire::{Span, Value, Wire, once};
use super::unknown;
use crate::error::FormatError;
use crate::input::Input;
use std::collections::HashMap;

/// The most nodes, names, attributes and graphs of a small file; a large one may have more.
const PARTS_OF_A_SMALL_FILE: u64 = 300_000;

/// The most inputs of all nodes of a small file; a large one may have more.
const INPUTS_OF_A_SMALL_FILE: u64 = 1_000_000;

/// Bytes of a file for each further part or input.
const BYTES_OF_A_PART: u64 = 32;

/// The number of a name. 0 is the empty name, which stands for a value that is left out.
pub(super) type Name = u32;

/// State that all scopes share: the names, and the number of parts that may still be read.
pub(super) struct Reading {
    names: HashMap<Vec<u8>, Name>,
    parts: u64,
    inputs: u64,
}

impl Reading {
    pub fn new(input: &dyn Input) -> Self {
        Self {
            names: HashMap::from([(Vec::new(), 0)]),
            parts: PARTS_OF_A_SMALL_FILE + input.length() / BYTES_OF_A_PART,
            inputs: INPUTS_OF_A_SMALL_FILE + input.length() / BYTES_OF_A_PART,
        }
    }

    pub fn name(&mut self, wire: &mut Wire<'_>, value: Value) -> Result<Name, FormatError> {
        let bytes = wire.bytes(value.span()?)?;
        if let Some(name) = self.names.get(bytes.as_ref()) {
            return Ok(*name);
        }
        self.count()?;
        let name = Name::try_from(self.names.len()).unwrap_or(Name::MAX);
        self.names.insert(bytes.to_vec(), name);
        Ok(name)
    }

    /// Count a part, and refuse one too many.
    pub fn count(&mut self) -> Result<(), FormatError> {
        let parts = self.parts.checked_sub(1);
        self.parts = parts.ok_or_else(|| {
            FormatError::new("the file has too many nodes, names, attributes and graphs for its length")
        })?;
        Ok(())
    }

    fn count_input(&mut self) -> Result<(), FormatError> {
        let inputs = self.inputs.checked_sub(1);
        self.inputs = inputs
            .ok_or_else(|| FormatError::new("the nodes of the file have too many inputs for its length"))?;
        Ok(())
    }
}

/// The origin of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Maker {
    /// The input of this place.
    Input(usize),
    /// The initialiser with this message.
    Initialiser(Span),
    /// The sparse initialiser with this message.
    Sparse(Span),
    /// An output of a node.
    Node { node: usize, output: usize },
}

/// A node: its message, and the names of its values.
#[derive(Debug)]
pub(super) struct Node {
    pub span: Span,
    pub inputs: Vec<Name>,
    /// Number of outputs, without those left out at the end.
    pub outputs: usize,
}

/// One graph or function body.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub makers: HashMap<Name, Maker>,
    pub nodes: Vec<Node>,
    /// Messages of the inputs that no initialiser has the name of. A function has none.
    pub input_infos: Vec<Span>,
    pub inputs: usize,
    pub outputs: Vec<Name>,
    /// Scope around it.
    pub parent: Option<usize>,
    pub depth: usize,
}

impl Scope {
    fn add(&mut self, name: Name, maker: Maker) -> Result<(), FormatError> {
        match self.makers.insert(name, maker) {
            None => Ok(()),
            Some(_) => Err(FormatError::new("two values of a graph have one name")),
        }
    }

    fn add_node(
        &mut self,
        wire: &mut Wire<'_>,
        span: Span,
        reading: &mut Reading,
    ) -> Result<(), FormatError> {
        reading.count()?;
        let mut node = Node {
            span,
            inputs: Vec::new(),
            outputs: 0,
        };
        let mut outputs = Vec::new();
        wire.fields(span, &mut |wire, number, value| {
            match number {
                1 => {
                    reading.count_input()?;
                    node.inputs.push(reading.name(wire, value)?);
                }
                2 => outputs.push(reading.name(wire, value)?),
                _ => {}
            }
            Ok(())
        })?;
        trim(&mut node.inputs);
        trim(&mut outputs);
        node.outputs = outputs.len();
        for (output, name) in outputs.into_iter().enumerate().filter(|(_, name)| *name != 0) {
            let node = self.nodes.len();
            self.add(name, Maker::Node { node, output })?;
        }
        self.nodes.push(node);
        Ok(())
    }
}

/// Remove what is left out at the end.
fn trim(names: &mut Vec<Name>) {
    while names.last() == Some(&0) {
        names.pop();
    }
}

/// Read the names of a graph.
pub(super) fn graph(wire: &mut Wire<'_>, span: Span, reading: &mut Reading) -> Result<Scope, FormatError> {
    let mut scope = Scope::default();
    let mut inputs = Vec::new();
    wire.fields(span, &mut |wire, number, value| match number {
        1 => scope.add_node(wire, value.span()?, reading),
        5 => {
            let name = tensor_name(wire, value.span()?, reading)?;
            scope.add(name, Maker::Initialiser(value.span()?))
        }
        11 => {
            inputs.push((info_name(wire, value.span()?, reading)?, value.span()?));
            Ok(())
        }
        12 => {
            scope.outputs.push(info_name(wire, value.span()?, reading)?);
            Ok(())
        }
        15 => {
            let mut name = None;
            wire.fields(value.span()?, &mut |wire, number, value| match number {
                1 => once(
                    &mut name,
                    tensor_name(wire, value.span()?, reading)?,
                    "the values of a sparse tensor",
                ),
                _ => Ok(()),
            })?;
            scope.add(name.unwrap_or(0), Maker::Sparse(value.span()?))
        }
        2 | 10 | 13 | 14 | 16 => Ok(()),
        _ => Err(unknown("a graph", number)),
    })?;
    for (name, info) in inputs {
        // An input with an initialiser is an initialiser: before IR version 4 every initialiser had to be an input.
        if matches!(
            scope.makers.get(&name),
            Some(Maker::Initialiser(_) | Maker::Sparse(_))
        ) {
            continue;
        }
        scope.add(name, Maker::Input(scope.inputs))?;
        scope.inputs += 1;
        scope.input_infos.push(info);
    }
    Ok(scope)
}

/// Read the names of the body of a function.
pub(super) fn function(wire: &mut Wire<'_>, span: Span, reading: &mut Reading) -> Result<Scope, FormatError> {
    let mut scope = Scope::default();
    wire.fields(span, &mut |wire, number, value| match number {
        4 => {
            let name = reading.name(wire, value)?;
            scope.add(name, Maker::Input(scope.inputs))?;
            scope.inputs += 1;
            Ok(())
        }
        5 => {
            scope.outputs.push(reading.name(wire, value)?);
            Ok(())
        }
        7 => scope.add_node(wire, value.span()?, reading),
        _ => Ok(()),
    })?;
    Ok(scope)
}

fn tensor_name(wire: &mut Wire<'_>, span: Span, reading: &mut Reading) -> Result<Name, FormatError> {
    // The whole head is read for its checks, and the name again for its number.
    Proto::read(wire, span)?;
    field_name(wire, span, 8, reading)
}

fn info_name(wire: &mut Wire<'_>, span: Span, reading: &mut Reading) -> Result<Name, FormatError> {
    reading.count()?;
    field_name(wire, span, 1, reading)
}

fn field_name(
    wire: &mut Wire<'_>,
    span: Span,
    field: u32,
    reading: &mut Reading,
) -> Result<Name, FormatError> {
    let mut name = None;
    wire.fields(span, &mut |wire, number, value| {
        if number == field {
            return once(&mut name, reading.name(wire, value)?, "the name of a value");
        }
        Ok(())
    })?;
    Ok(name.unwrap_or(0))
}
