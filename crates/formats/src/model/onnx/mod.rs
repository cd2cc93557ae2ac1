//! ONNX: a protocol buffer of a graph, whose initialisers are the weights.
//!
//! Data stays where it is: a tensor of raw data is a span of the file. Source: `onnx.proto3` of ONNX.

mod external;
pub mod graph;
mod sparse;
mod tensor;
mod types;
mod wire;

use crate::error::FormatError;
use crate::input::Input;
use crate::model::listing::{Listing, NotRead, Tensor};
use external::pair;
use sparse::Sparse;
use std::collections::{BTreeMap, HashSet};
use tensor::Proto;
use wire::{Span, Wire, once};

/// The deepest nesting of graphs in attributes of nodes.
const DEEPEST_GRAPH: usize = 32;

/// The reason why an initialiser of an inner graph is no weight.
const INNER: &str =
    "it is an initialiser of a graph inside a node, and the weights are those of the main graph";

/// Texts of at most so many bytes are shown as metadata.
const SHOWN_TEXT: u64 = 64 << 10;

/// The parts that are no weights are listed up to this number.
const MOST_NOT_READ: usize = 1000;

/// The most tensors of a small file; a large one may have more.
const TENSORS_OF_A_SMALL_FILE: u64 = 50_000;

/// Bytes of a file for each further tensor.
const BYTES_OF_A_TENSOR: u64 = 64;

/// The most entries of the metadata.
const MOST_METADATA: usize = 1 << 14;

/// Read an ONNX file. The weights are the initialisers of its main graph, under their names.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let mut wire = Wire::new(input);
    let mut reader = Reader {
        most_tensors: TENSORS_OF_A_SMALL_FILE + input.length() / BYTES_OF_A_TENSOR,
        ..Reader::default()
    };
    let (mut graph, mut version) = (None, None);
    let whole = wire.whole();
    wire.fields(whole, &mut |wire, number, value| match number {
        1 => once(&mut version, value.number()?, "the IR version"),
        7 => once(&mut graph, value.span()?, "the graph"),
        _ => reader.of_model(wire, number, value),
    })?;
    let graph = graph.ok_or_else(|| FormatError::new("it has no graph, so it is no ONNX model"))?;
    let version = version.ok_or_else(|| FormatError::new("it has no IR version, so it is no ONNX model"))?;
    reader.pair("ir_version".to_owned(), version.to_string())?;
    reader.graph(&mut wire, graph, 0)?;
    Ok(reader.finish())
}

/// The listing as far as it has been read.
#[derive(Default)]
struct Reader {
    listing: Listing,
    names: HashSet<String>,
    metadata: BTreeMap<String, String>,
    most_tensors: u64,
    /// Parts beyond [`MOST_NOT_READ`].
    more_not_read: u64,
    /// Tensors in attributes of nodes, and the bytes of their messages.
    constants: (u64, u64),
    checksums: bool,
}

impl Reader {
    fn of_model(&mut self, wire: &mut Wire<'_>, number: u32, value: wire::Value) -> Result<(), FormatError> {
        match number {
            2 => self.text(wire, "producer_name", value.span()?),
            3 => self.text(wire, "producer_version", value.span()?),
            4 => self.text(wire, "domain", value.span()?),
            5 => self.pair(
                "model_version".to_owned(),
                value.number()?.cast_signed().to_string(),
            ),
            6 => self.text(wire, "doc_string", value.span()?),
            8 => self.opset(wire, value.span()?),
            14 => {
                let (key, value) = pair(wire, value.span()?, "an entry of metadata_props")?;
                self.pair(format!("metadata_props.{key}"), value)
            }
            20 => {
                self.not_read(
                    "training_info",
                    "it is a graph for training, and no part of the weights",
                );
                Ok(())
            }
            25 => self.nodes(wire, value.span()?, 7, 0),
            _ => Ok(()),
        }
    }

    fn text(&mut self, wire: &mut Wire<'_>, key: &str, span: Span) -> Result<(), FormatError> {
        let value = if span.length() > SHOWN_TEXT {
            format!("text of {} bytes, not shown", span.length())
        } else {
            String::from_utf8_lossy(&wire.bytes(span)?).into_owned()
        };
        self.pair(key.to_owned(), value)
    }

    fn pair(&mut self, key: String, value: String) -> Result<(), FormatError> {
        if self.metadata.len() == MOST_METADATA {
            return Err(FormatError::new("the file has too many entries of metadata")
                .with_expected(format!("at most {MOST_METADATA}"), "more"));
        }
        let message = format!("{key:?} appears twice, so two readers could see different values");
        match self.metadata.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(FormatError::new(message)),
        }
    }

    fn opset(&mut self, wire: &mut Wire<'_>, span: Span) -> Result<(), FormatError> {
        let (domain, version) = opset(wire, span)?;
        self.pair(format!("opset_import.{domain}"), version.to_string())
    }

    fn not_read(&mut self, name: &str, reason: &str) {
        if self.listing.not_read.len() < MOST_NOT_READ {
            let (name, reason) = (name.to_owned(), reason.to_owned());
            self.listing.not_read.push(NotRead { name, reason });
        } else {
            self.more_not_read += 1;
        }
    }

    fn graph(&mut self, wire: &mut Wire<'_>, graph: Span, depth: usize) -> Result<(), FormatError> {
        if depth > DEEPEST_GRAPH {
            return Err(FormatError::new(format!(
                "graphs lie in each other more than {DEEPEST_GRAPH} deep"
            )));
        }
        wire.fields(graph, &mut |wire, number, value| match number {
            1 => self.node(wire, value.span()?, depth),
            5 if depth == 0 => self.initialiser(wire, value.span()?),
            5 => {
                let name = Proto::read(wire, value.span()?)?.name.unwrap_or_default();
                self.not_read(&name, INNER);
                Ok(())
            }
            15 => self.sparse(wire, value.span()?, depth),
            _ => Ok(()),
        })
    }

    /// Walk the nodes of a graph or a function, which are in the field `of`.
    fn nodes(
        &mut self,
        wire: &mut Wire<'_>,
        message: Span,
        of: u32,
        depth: usize,
    ) -> Result<(), FormatError> {
        wire.fields(message, &mut |wire, number, value| {
            if number == of {
                self.node(wire, value.span()?, depth)
            } else {
                Ok(())
            }
        })
    }

    fn node(&mut self, wire: &mut Wire<'_>, node: Span, depth: usize) -> Result<(), FormatError> {
        wire.fields(node, &mut |wire, number, value| match number {
            5 => self.attribute(wire, value.span()?, depth),
            _ => Ok(()),
        })
    }

    fn attribute(&mut self, wire: &mut Wire<'_>, attribute: Span, depth: usize) -> Result<(), FormatError> {
        wire.fields(attribute, &mut |wire, number, value| {
            match number {
                5 | 10 | 22 | 23 => {
                    self.constants.0 += 1;
                    self.constants.1 += value.span()?.length();
                }
                6 | 11 => self.graph(wire, value.span()?, depth + 1)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn new_name(&mut self, name: &str) -> Result<(), FormatError> {
        if name.is_empty() {
            return Err(FormatError::new("an initialiser has no name"));
        }
        if self.names.len() as u64 >= self.most_tensors {
            return Err(FormatError::new("the file has too many tensors")
                .with_expected(format!("at most {}", self.most_tensors), "more"));
        }
        if !self.names.insert(name.to_owned()) {
            return Err(FormatError::new(
                "two initialisers have the name, so two readers could load different models",
            )
            .tensor(name));
        }
        Ok(())
    }

    fn initialiser(&mut self, wire: &mut Wire<'_>, span: Span) -> Result<(), FormatError> {
        let mut proto = Proto::read(wire, span)?;
        let name = proto.name.clone().unwrap_or_default();
        self.new_name(&name)?;
        self.checksums |= proto.has_checksum();
        let Some(dtype) = types::dtype(proto.kind) else {
            if proto.kind == types::TEXT {
                self.not_read(&name, "its elements are texts, and texts are no tensors");
            } else {
                let reason = format!("its data type {} is not known", proto.kind.cast_signed());
                self.not_read(&name, &reason);
                self.incomplete(format!(
                    "the data type {} of the tensor {name:?} is not known",
                    proto.kind.cast_signed()
                ));
            }
            return Ok(());
        };
        let elements = proto.elements(wire, dtype)?;
        let shape = proto.shape;
        self.listing.tensors.push(Tensor {
            name,
            dtype,
            shape,
            elements,
        });
        Ok(())
    }

    /// Read a sparse initialiser as the dense tensor that it is.
    fn sparse(&mut self, wire: &mut Wire<'_>, span: Span, depth: usize) -> Result<(), FormatError> {
        let sparse = Sparse::read(wire, span)?;
        let name = sparse.name().to_owned();
        if depth > 0 {
            self.not_read(&name, INNER);
            return Ok(());
        }
        self.new_name(&name)?;
        let shape = sparse.shape().to_vec();
        if let Some((dtype, elements)) = sparse.elements(wire).map_err(|error| error.tensor(&name))? {
            self.listing.tensors.push(Tensor {
                name,
                dtype,
                shape,
                elements,
            });
        } else {
            self.incomplete(format!("the sparse tensor {name:?} is not read"));
            self.not_read(
                &name,
                "it is a sparse tensor of texts, of elements below a byte, in another file, or too large",
            );
        }
        Ok(())
    }

    fn incomplete(&mut self, reason: String) {
        self.listing.incomplete.get_or_insert(reason);
    }

    fn finish(self) -> Listing {
        let mut listing = self.listing;
        listing.metadata = self.metadata.into_iter().collect();
        if self.more_not_read > 0 {
            let remark = format!(
                "{} further parts are no weights and not listed",
                self.more_not_read
            );
            listing.remarks.push(remark);
        }
        if self.constants.0 > 0 {
            listing.remarks.push(format!(
                "{} tensors ({} bytes) are constants of nodes and no part of the weights",
                self.constants.0, self.constants.1
            ));
        }
        if self.checksums {
            let remark = "the checksums (SHA-1) of external data that the file states are not checked";
            listing.remarks.push(remark.to_owned());
        }
        listing
    }
}

/// Read an entry of `opset_import`. The domain `ai.onnx` is the empty one.
fn opset(wire: &mut Wire<'_>, span: Span) -> Result<(String, i64), FormatError> {
    let (mut domain, mut version) = (None, None);
    wire.fields(span, &mut |wire, number, value| match number {
        1 => {
            let text = wire.name(value.span()?, "the domain of an operator set")?;
            once(&mut domain, text, "the domain of an operator set")
        }
        2 => once(
            &mut version,
            value.number()?.cast_signed(),
            "the version of an operator set",
        ),
        _ => Ok(()),
    })?;
    let domain = domain.filter(|domain| !domain.is_empty());
    Ok((
        domain.unwrap_or_else(|| "ai.onnx".to_owned()),
        version.unwrap_or(0),
    ))
}
