//! Write attributes and tensors.

use super::super::sparse::Sparse;
use super::super::tensor::Proto;
use super::super::types;
use super::super::wire::{Packing, Span, Value, Wire, once};
use super::value_type::value_type;
use super::{DigestOf, FunctionName, Write, normal_domain, unknown};
use crate::error::FormatError;
use crate::model::dtype::Dtype;
use crate::model::listing::{Elements, Tensor};
use bytes::Bytes;

/// The kinds of attributes: the number of the type, the field of the value, and the word that stands for it.
const KINDS: [(u64, u32, &str); 14] = [
    (1, 2, "float"),
    (2, 3, "int"),
    (3, 4, "string"),
    (4, 5, "tensor"),
    (5, 6, "graph"),
    (6, 7, "floats"),
    (7, 8, "ints"),
    (8, 9, "strings"),
    (9, 10, "tensors"),
    (10, 11, "graphs"),
    (11, 22, "sparse_tensor"),
    (12, 23, "sparse_tensors"),
    (13, 14, "type"),
    (14, 15, "types"),
];

/// An attribute without its value.
pub(super) struct Attribute {
    pub name: String,
    /// Messages of the graphs that are its value.
    pub graph_spans: Vec<Span>,
    /// Scopes of these graphs.
    pub graphs: Vec<usize>,
    span: Span,
    field: u32,
    kind: &'static str,
    /// The attribute of the function that gives the value.
    reference: Option<String>,
}

/// Return the messages of the attributes of a node.
pub(super) fn attributes_of(wire: &mut Wire<'_>, node: Span) -> Result<Vec<Span>, FormatError> {
    let mut spans = Vec::new();
    wire.fields(node, &mut |_, number, value| {
        match number {
            5 => spans.push(value.span()?),
            1..=4 | 6..=10 => {}
            _ => return Err(unknown("a node", number)),
        }
        Ok(())
    })?;
    Ok(spans)
}

/// Return domain, type and overload of the operator of a node.
pub(super) fn operator(wire: &mut Wire<'_>, node: Span) -> Result<FunctionName, FormatError> {
    let (mut kind, mut domain, mut overload) = (None, None, None);
    wire.fields(node, &mut |wire, number, value| {
        let slot = match number {
            4 => &mut kind,
            7 => &mut domain,
            8 => &mut overload,
            _ => return Ok(()),
        };
        let text = wire.name(value.span()?, "the operator of a node")?;
        once(slot, text, "the operator of a node")
    })?;
    Ok((
        normal_domain(domain.unwrap_or_default()),
        kind.unwrap_or_default(),
        overload.unwrap_or_default(),
    ))
}

impl Attribute {
    /// Read all but the value.
    pub fn read(wire: &mut Wire<'_>, span: Span) -> Result<Self, FormatError> {
        let (mut name, mut kind, mut reference) = (None, None, None);
        let (mut graph_spans, mut fields) = (Vec::new(), 0_u32);
        wire.fields(span, &mut |wire, number, value| match number {
            1 => once(
                &mut name,
                wire.name(value.span()?, "the name of an attribute")?,
                "the name of an attribute",
            ),
            20 => once(&mut kind, value.number()?, "the type of an attribute"),
            21 => {
                let text = wire.name(value.span()?, "the name of an attribute")?;
                once(&mut reference, text, "the name of an attribute")
            }
            13 => Ok(()),
            _ if KINDS.iter().any(|(_, field, _)| *field == number) => {
                if matches!(number, 6 | 11) {
                    graph_spans.push(value.span()?);
                }
                fields |= 1 << number;
                Ok(())
            }
            _ => Err(unknown("an attribute", number)),
        })?;
        let name = name.unwrap_or_default();
        let reference = reference.filter(|reference| !reference.is_empty());
        let kind = kind.unwrap_or(0);
        let known = KINDS.into_iter().find(|(number, ..)| *number == kind);
        let (_, field, kind) = known.ok_or_else(|| {
            FormatError::unsupported(format!("the attribute {name:?} has a type that is not known"))
                .with_expected("1 to 14", kind)
        })?;
        let allowed = if reference.is_some() { 0 } else { 1 << field };
        if fields & !allowed != 0 {
            return Err(FormatError::new(format!(
                "the attribute {name:?} has a value of another type, so two readers could see two graphs"
            )));
        }
        Ok(Self {
            name,
            graph_spans,
            graphs: Vec::new(),
            span,
            field,
            kind,
            reference,
        })
    }

    /// Write name, kind and value. `graphs` are the graphs among the value.
    pub fn write<W: Write>(
        &self,
        wire: &mut Wire<'_>,
        graphs: Vec<W>,
        digest_of: &mut DigestOf<'_>,
        out: &mut W,
    ) -> Result<(), FormatError> {
        out.array(if self.reference.is_some() { 4 } else { 3 });
        out.text(&self.name);
        out.text(self.kind);
        if let Some(reference) = &self.reference {
            out.null();
            out.text(reference);
            return Ok(());
        }
        match self.kind {
            "float" | "floats" => self.floats(wire, out),
            "ints" => self.ints(wire, out),
            "graph" | "graphs" => self.items(graphs, out),
            _ => {
                let mut written = Vec::new();
                wire.fields(self.span, &mut |wire, number, value| {
                    if number == self.field {
                        let mut item = W::default();
                        write_one(wire, self.kind, value, digest_of, &mut item)?;
                        written.push(item);
                    }
                    Ok(())
                })?;
                self.items(written, out)
            }
        }
    }

    /// Write the one item, or a list of items. A number or text that is not there is zero or empty.
    fn items<W: Write>(&self, mut items: Vec<W>, out: &mut W) -> Result<(), FormatError> {
        if self.kind.ends_with('s') {
            out.array(items.len());
            for item in items {
                out.append(item);
            }
            return Ok(());
        }
        match (items.len(), items.pop(), self.kind) {
            (1, Some(item), _) => out.append(item),
            (0, _, "int") => out.integer(0),
            (0, _, "string") => out.bytes(&[]),
            (count, ..) => {
                return Err(
                    FormatError::new(format!("the attribute {:?} must have one value", self.name))
                        .with_expected("1", count),
                );
            }
        }
        Ok(())
    }

    fn floats<W: Write>(&self, wire: &mut Wire<'_>, out: &mut W) -> Result<(), FormatError> {
        let mut bytes = Vec::new();
        wire.fields(self.span, &mut |wire, number, value| {
            if number != self.field {
                return Ok(());
            }
            wire.numbers(value, Packing::Fixed32, &mut |bits| {
                bytes.extend_from_slice(&bits.to_le_bytes()[..4]);
                Ok(())
            })
        })?;
        if self.kind == "float" {
            if bytes.is_empty() {
                bytes = vec![0; 4];
            }
            if bytes.len() != 4 {
                return Err(FormatError::new(format!(
                    "the attribute {:?} must have one value",
                    self.name
                )));
            }
        }
        out.bytes(&bytes);
        Ok(())
    }

    fn ints<W: Write>(&self, wire: &mut Wire<'_>, out: &mut W) -> Result<(), FormatError> {
        let (mut count, mut items) = (0, W::default());
        wire.fields(self.span, &mut |wire, number, value| {
            if number != self.field {
                return Ok(());
            }
            wire.numbers(value, Packing::Varint, &mut |number| {
                count += 1;
                items.integer(number.cast_signed());
                Ok(())
            })
        })?;
        out.array(count);
        out.append(items);
        Ok(())
    }
}

fn write_one<W: Write>(
    wire: &mut Wire<'_>,
    kind: &str,
    value: Value,
    digest_of: &mut DigestOf<'_>,
    out: &mut W,
) -> Result<(), FormatError> {
    match kind {
        "int" => out.integer(value.number()?.cast_signed()),
        "string" | "strings" => out.bytes(&wire.bytes(value.span()?)?),
        "tensor" | "tensors" => {
            out.array(3);
            tensor(wire, value.span()?, digest_of, out)?;
        }
        "sparse_tensor" | "sparse_tensors" => {
            out.array(3);
            sparse(wire, value.span()?, digest_of, out)?;
        }
        _ => value_type(wire, value.span()?, 0, out)?,
    }
    Ok(())
}

/// Write dtype, dimensions and digest of the elements.
fn tensor<W: Write>(
    wire: &mut Wire<'_>,
    span: Span,
    digest_of: &mut DigestOf<'_>,
    out: &mut W,
) -> Result<(), FormatError> {
    let mut proto = Proto::read(wire, span)?;
    let (word, dtype, elements) = if proto.kind == types::TEXT {
        let texts = texts(wire, span, &proto)?;
        ("TEXT".to_owned(), Dtype::plain("U8", 8), Elements::Held(texts))
    } else {
        let dtype = dtype(proto.kind)?;
        (dtype.name().to_owned(), dtype, proto.elements(wire, dtype)?)
    };
    head(&word, &proto.shape, out);
    let name = proto.name.unwrap_or_default();
    let shape = proto.shape;
    out.bytes(&digest_of(&Tensor {
        name,
        dtype,
        shape,
        elements,
    })?);
    Ok(())
}

/// Write dtype and dimensions: two items.
fn head<W: Write>(dtype: &str, shape: &[u64], out: &mut W) {
    out.text(dtype);
    out.array(shape.len());
    for length in shape {
        out.integer(length.cast_signed());
    }
}

/// Return the dtype of a type with numbers for elements.
pub(super) fn dtype(kind: u64) -> Result<Dtype, FormatError> {
    types::dtype(kind).ok_or_else(|| {
        FormatError::unsupported("a graph uses a data type that is not known")
            .with_expected("1 to 26", kind.cast_signed())
    })
}

/// Return the texts of a tensor: the length of each in eight bytes, and its bytes.
fn texts(wire: &mut Wire<'_>, span: Span, proto: &Proto) -> Result<Bytes, FormatError> {
    let (mut count, mut bytes) = (0_u64, Vec::new());
    wire.fields(span, &mut |wire, number, value| {
        if number == 6 {
            let text = wire.bytes(value.span()?)?;
            count += 1;
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&text);
        }
        Ok(())
    })?;
    let expected = proto.count()?;
    if count != expected {
        return Err(
            proto.about(FormatError::new("its texts do not fit its shape").with_expected(expected, count))
        );
    }
    Ok(Bytes::from(bytes))
}

/// Write dimensions, values and indices: three items.
fn sparse<W: Write>(
    wire: &mut Wire<'_>,
    span: Span,
    digest_of: &mut DigestOf<'_>,
    out: &mut W,
) -> Result<(), FormatError> {
    let (mut values, mut indices, mut shape) = (None, None, Vec::new());
    wire.fields(span, &mut |wire, number, value| match number {
        1 => once(&mut values, value.span()?, "the values of a sparse tensor"),
        2 => once(&mut indices, value.span()?, "the indices of a sparse tensor"),
        3 => wire.numbers(value, Packing::Varint, &mut |length| {
            shape.push(length);
            Ok(())
        }),
        _ => Err(unknown("a sparse tensor", number)),
    })?;
    let missing = || FormatError::new("a sparse tensor has no values or no indices");
    out.array(shape.len());
    for length in shape {
        out.integer(length.cast_signed());
    }
    for part in [values, indices] {
        out.array(3);
        tensor(wire, part.ok_or_else(missing)?, digest_of, out)?;
    }
    Ok(())
}

/// Write an initialiser: by dtype and dimensions if `weights` lists it, and otherwise with its content.
pub(super) fn initialiser<W: Write>(
    wire: &mut Wire<'_>,
    scope: usize,
    span: Span,
    digest_of: &mut DigestOf<'_>,
    out: &mut W,
) -> Result<(), FormatError> {
    let proto = Proto::read(wire, span)?;
    let is_weight = scope == 0 && proto.kind != types::TEXT;
    out.array(if is_weight { 3 } else { 4 });
    out.integer(i64::try_from(scope).unwrap_or(i64::MAX));
    if is_weight {
        head(dtype(proto.kind)?.name(), &proto.shape, out);
        return Ok(());
    }
    tensor(wire, span, digest_of, out)
}

/// Write a sparse initialiser: in the main graph like the dense tensor that it is, and otherwise with its content.
pub(super) fn sparse_initialiser<W: Write>(
    wire: &mut Wire<'_>,
    scope: usize,
    span: Span,
    digest_of: &mut DigestOf<'_>,
    out: &mut W,
) -> Result<(), FormatError> {
    if scope == 0 {
        let sparse = Sparse::read(wire, span)?;
        out.array(3);
        out.integer(0);
        head(dtype(sparse.kind())?.name(), sparse.shape(), out);
        return Ok(());
    }
    out.array(5);
    out.integer(i64::try_from(scope).unwrap_or(i64::MAX));
    out.text("sparse");
    sparse(wire, span, digest_of, out)
}
