//! Visit everything that the outputs need, and number it on the way.
//!
//! A node gets its number when everything it needs has one: its inputs in their order, then the outputs of the graphs
//! in its attributes. An initialiser gets its number when it is first met. The walk keeps its own stack, so that a long
//! chain of nodes does not exhaust that of the thread.

use super::super::wire::{Span, Wire};
use super::content::{self, Attribute};
use super::scope::{self, Maker, Name, Reading, Scope};
use super::value_type;
use super::{DigestOf, FunctionName, Write};
use crate::error::FormatError;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The deepest nesting of graphs in attributes of nodes.
const DEEPEST: usize = 32;

/// A name in a scope.
type Named = (usize, Name);

/// The state of a visit to a node.
#[derive(Clone, Copy)]
enum State {
    /// Something that it needs is being visited.
    Open,
    /// It has its number.
    Done(u64),
}

/// A node whose needs are being visited.
struct Open {
    scope: usize,
    node: usize,
    /// None before its inputs have been visited.
    attributes: Option<Vec<Attribute>>,
}

/// Values to be visited, and the node that needs them.
struct Frame {
    open: Option<Open>,
    needs: Vec<Named>,
    next: usize,
}

pub(super) struct Walk<'a, 'b, W> {
    functions: &'a BTreeMap<FunctionName, Span>,
    digest_of: &'a mut DigestOf<'b>,
    scopes: Vec<Scope>,
    states: HashMap<(usize, usize), State>,
    initialisers: HashMap<Named, u64>,
    written_initialisers: W,
    nodes: u64,
    written_nodes: W,
    /// The types of the inputs of a graph, or the number of those of a function.
    written_inputs: W,
    called: BTreeSet<FunctionName>,
}

impl<'a, 'b, W: Write> Walk<'a, 'b, W> {
    pub fn new(functions: &'a BTreeMap<FunctionName, Span>, digest_of: &'a mut DigestOf<'b>) -> Self {
        Self {
            functions,
            digest_of,
            scopes: Vec::new(),
            states: HashMap::new(),
            initialisers: HashMap::new(),
            written_initialisers: W::default(),
            nodes: 0,
            written_nodes: W::default(),
            written_inputs: W::default(),
            called: BTreeSet::new(),
        }
    }

    /// Visit the main graph, and return its outputs.
    pub fn main(
        &mut self,
        wire: &mut Wire<'_>,
        reading: &mut Reading,
        graph: Scope,
    ) -> Result<W, FormatError> {
        value_type::input_types(wire, &graph.input_infos, &mut self.written_inputs)?;
        let outputs: Vec<Named> = graph.outputs.iter().map(|name| (0, *name)).collect();
        self.scopes.push(graph);
        self.visit(wire, reading, outputs.clone())?;
        self.references(&outputs)
    }

    /// Visit the body of a function, and return the defaults of its attributes and its outputs.
    pub fn function(
        &mut self,
        wire: &mut Wire<'_>,
        reading: &mut Reading,
        body: Scope,
        defaults: &[Span],
    ) -> Result<(W, W), FormatError> {
        self.written_inputs
            .integer(i64::try_from(body.inputs).unwrap_or(i64::MAX));
        let outputs: Vec<Named> = body.outputs.iter().map(|name| (0, *name)).collect();
        self.scopes.push(body);
        let defaults = self.open_attributes(wire, reading, 0, defaults)?;
        let mut needs = self.needs_of(&defaults);
        needs.extend(&outputs);
        self.visit(wire, reading, needs)?;
        let mut written = W::default();
        self.attributes(wire, &defaults, &mut written)?;
        Ok((written, self.references(&outputs)?))
    }

    /// Write inputs, initialisers, nodes and outputs, and return the functions that are called.
    pub fn finish(self, outputs: W, out: &mut W) -> BTreeSet<FunctionName> {
        out.append(self.written_inputs);
        out.array(self.initialisers.len());
        out.append(self.written_initialisers);
        out.array(usize::try_from(self.nodes).unwrap_or(usize::MAX));
        out.append(self.written_nodes);
        out.append(outputs);
        self.called
    }

    fn visit(
        &mut self,
        wire: &mut Wire<'_>,
        reading: &mut Reading,
        needs: Vec<Named>,
    ) -> Result<(), FormatError> {
        let mut stack = vec![Frame {
            open: None,
            needs,
            next: 0,
        }];
        while let Some(frame) = stack.last_mut() {
            if let Some((scope, name)) = frame.needs.get(frame.next).copied() {
                frame.next += 1;
                if name == 0 {
                    continue;
                }
                let (scope, maker) = self.maker(scope, name)?;
                match maker {
                    Maker::Input(_) => {}
                    Maker::Initialiser(_) | Maker::Sparse(_) => {
                        self.initialiser(wire, (scope, name), maker)?;
                    }
                    Maker::Node { node, .. } => {
                        stack.extend(self.open(scope, node)?);
                    }
                }
            } else if let Some(open) = frame.open.as_mut().filter(|open| open.attributes.is_none()) {
                let span = self.scopes[open.scope].nodes[open.node].span;
                let spans = content::attributes_of(wire, span)?;
                let attributes = self.open_attributes(wire, reading, open.scope, &spans)?;
                frame.needs = self.needs_of(&attributes);
                frame.next = 0;
                open.attributes = Some(attributes);
            } else if let Some(Frame { open: Some(open), .. }) = stack.pop() {
                self.close(wire, &open)?;
            }
        }
        Ok(())
    }

    /// Return what makes a name: in its scope, or in one around it.
    fn maker(&self, scope: usize, name: Name) -> Result<(usize, Maker), FormatError> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(maker) = self.scopes[scope].makers.get(&name) {
                return Ok((scope, *maker));
            }
            at = self.scopes[scope].parent;
        }
        Err(FormatError::new("a graph uses a value that nothing in it makes"))
    }

    fn initialiser(&mut self, wire: &mut Wire<'_>, named: Named, maker: Maker) -> Result<(), FormatError> {
        if self.initialisers.contains_key(&named) {
            return Ok(());
        }
        let number = self.initialisers.len() as u64;
        self.initialisers.insert(named, number);
        let out = &mut self.written_initialisers;
        match maker {
            Maker::Sparse(span) => content::sparse_initialiser(wire, named.0, span, self.digest_of, out),
            Maker::Initialiser(span) => content::initialiser(wire, named.0, span, self.digest_of, out),
            _ => Ok(()),
        }
    }

    /// Start the visit of a node, if it has not been visited.
    fn open(&mut self, scope: usize, node: usize) -> Result<Option<Frame>, FormatError> {
        match self.states.insert((scope, node), State::Open) {
            None => {}
            Some(State::Open) => {
                return Err(FormatError::new(
                    "a node of a graph needs its own output: a cycle",
                ));
            }
            Some(done) => {
                self.states.insert((scope, node), done);
                return Ok(None);
            }
        }
        let inputs = self.scopes[scope].nodes[node].inputs.iter();
        let open = Open {
            scope,
            node,
            attributes: None,
        };
        Ok(Some(Frame {
            needs: inputs.map(|name| (scope, *name)).collect(),
            open: Some(open),
            next: 0,
        }))
    }

    /// Read the heads of attributes, sort them by their names, and read the graphs in them.
    fn open_attributes(
        &mut self,
        wire: &mut Wire<'_>,
        reading: &mut Reading,
        scope: usize,
        spans: &[Span],
    ) -> Result<Vec<Attribute>, FormatError> {
        let mut attributes = Vec::new();
        for span in spans {
            reading.count()?;
            attributes.push(Attribute::read(wire, *span)?);
        }
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        if attributes.windows(2).any(|pair| pair[0].name == pair[1].name) {
            return Err(FormatError::new("two attributes of a node have one name"));
        }
        let depth = self.scopes[scope].depth + 1;
        for attribute in &mut attributes {
            for span in &attribute.graph_spans {
                if depth > DEEPEST {
                    return Err(FormatError::new(format!(
                        "graphs lie in each other more than {DEEPEST} deep"
                    )));
                }
                reading.count()?;
                let mut inner = scope::graph(wire, *span, reading)?;
                (inner.parent, inner.depth) = (Some(scope), depth);
                attribute.graphs.push(self.scopes.len());
                self.scopes.push(inner);
            }
        }
        Ok(attributes)
    }

    /// Return the outputs of the graphs in attributes.
    fn needs_of(&self, attributes: &[Attribute]) -> Vec<Named> {
        let graphs = attributes.iter().flat_map(|attribute| &attribute.graphs);
        graphs
            .flat_map(|graph| {
                self.scopes[*graph]
                    .outputs
                    .iter()
                    .map(move |name| (*graph, *name))
            })
            .collect()
    }

    /// Give a node its number, and write it.
    fn close(&mut self, wire: &mut Wire<'_>, open: &Open) -> Result<(), FormatError> {
        let Open {
            scope,
            node,
            ref attributes,
        } = *open;
        let of = &self.scopes[scope].nodes[node];
        let (span, outputs) = (of.span, of.outputs);
        let inputs: Vec<Named> = of.inputs.iter().map(|name| (scope, *name)).collect();
        let operator = content::operator(wire, span)?;
        let mut out = W::default();
        out.array(7);
        out.integer(i64::try_from(scope).unwrap_or(i64::MAX));
        out.text(&operator.0);
        out.text(&operator.1);
        out.text(&operator.2);
        self.attributes(wire, attributes.as_deref().unwrap_or_default(), &mut out)?;
        out.append(self.references(&inputs)?);
        out.integer(i64::try_from(outputs).unwrap_or(i64::MAX));
        self.written_nodes.append(out);
        self.states.insert((scope, node), State::Done(self.nodes));
        self.nodes += 1;
        if self.functions.contains_key(&operator) {
            self.called.insert(operator);
        }
        Ok(())
    }

    fn attributes(
        &mut self,
        wire: &mut Wire<'_>,
        attributes: &[Attribute],
        out: &mut W,
    ) -> Result<(), FormatError> {
        out.array(attributes.len());
        for attribute in attributes {
            let mut graphs = Vec::new();
            for graph in &attribute.graphs {
                let scope = &self.scopes[*graph];
                let outputs: Vec<Named> = scope.outputs.iter().map(|name| (*graph, *name)).collect();
                let mut written = W::default();
                written.array(3);
                written.integer(i64::try_from(*graph).unwrap_or(i64::MAX));
                value_type::input_types(wire, &scope.input_infos, &mut written)?;
                written.append(self.references(&outputs)?);
                graphs.push(written);
            }
            attribute.write(wire, graphs, self.digest_of, out)?;
        }
        Ok(())
    }

    /// Write values by their numbers.
    fn references(&self, values: &[Named]) -> Result<W, FormatError> {
        let mut out = W::default();
        out.array(values.len());
        for (scope, name) in values {
            if *name == 0 {
                out.null();
                continue;
            }
            let (scope, maker) = self.maker(*scope, *name)?;
            let (kind, numbers) = match maker {
                Maker::Input(index) => (0, [Some(scope as u64), Some(index as u64)]),
                Maker::Initialiser(_) | Maker::Sparse(_) => {
                    (1, [self.initialisers.get(&(scope, *name)).copied(), None])
                }
                Maker::Node { node, output } => match self.states.get(&(scope, node)) {
                    Some(State::Done(number)) => (2, [Some(*number), Some(output as u64)]),
                    _ => return Err(FormatError::internal("a node without a number")),
                },
            };
            let numbers = numbers.iter().flatten();
            out.array(1 + numbers.clone().count());
            out.integer(kind);
            for number in numbers {
                out.integer(i64::try_from(*number).unwrap_or(i64::MAX));
            }
        }
        Ok(out)
    }
}
