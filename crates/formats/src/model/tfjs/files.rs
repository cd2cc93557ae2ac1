//! The files of weights: where each weight lies, once their lengths are known.

use super::manifest::{Group, Manifest, Weight};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::catalog::Catalog;
use crate::model::dtype::Dtype;
use crate::model::listing::{Decode, Elements, Listing, Tensor};
use crate::model::pieces::read_pieces;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// Texts of all weights of type `string` that are passed over.
const TEXTS: u64 = 1 << 20;

/// A function that opens a file of weights by its path, which [`super::parse`] has checked; the engine decides what may be opened.
pub type Open<'a> = dyn FnMut(&str) -> Result<Arc<dyn Input>, FormatError> + 'a;

/// Return the tensors of a model. A weight in one file is [`Elements::External`]; one in several is decoded from them.
pub fn listing(manifest: &Manifest, open: &mut Open<'_>) -> Result<Listing, FormatError> {
    let mut groups = Vec::new();
    let mut length = 0_u64;
    for group in &manifest.groups {
        let mut sequence = Sequence::default();
        for path in &group.paths {
            sequence.add(path, open(path)?)?;
        }
        length = length.saturating_add(sequence.length);
        groups.push((group, sequence));
    }
    let names: u64 = manifest
        .groups
        .iter()
        .flat_map(|group| &group.weights)
        .map(|weight| weight.name.len() as u64 + 32)
        .sum();
    let mut catalog = Catalog::new(length.saturating_add(names));
    let mut texts = TEXTS;
    for (group, sequence) in groups {
        list_group(group, &sequence, &mut catalog, &mut texts)?;
    }
    catalog.listing.metadata.clone_from(&manifest.metadata);
    catalog.finish()
}

fn list_group(
    group: &Group,
    sequence: &Sequence,
    catalog: &mut Catalog,
    texts: &mut u64,
) -> Result<(), FormatError> {
    let mut position = 0;
    for weight in &group.weights {
        let Some(dtype) = weight.dtype else {
            position =
                pass_texts(weight, sequence, position, texts).map_err(|error| error.tensor(&weight.name))?;
            catalog.not_read(&weight.name, "Its elements are text.")?;
            continue;
        };
        let end = position
            .checked_add(weight.bytes)
            .filter(|end| *end <= sequence.length);
        let end = end.ok_or_else(|| short(sequence.length).tensor(&weight.name))?;
        catalog.tensor(Tensor {
            name: weight.name.clone(),
            dtype,
            shape: weight.shape.clone(),
            elements: sequence.elements(position, end),
        })?;
        list_parameters(weight, catalog)?;
        position = end;
    }
    if position != sequence.length {
        return Err(FormatError::new("bytes follow the last weight of a group")
            .with_expected(format!("{position} bytes"), format!("{} bytes", sequence.length)));
    }
    Ok(())
}

fn short(length: u64) -> FormatError {
    FormatError::new("the files of its group end before it does")
        .with_expected("all its bytes", format!("{length} bytes in all"))
}

fn list_parameters(weight: &Weight, catalog: &mut Catalog) -> Result<(), FormatError> {
    let Some(quantization) = &weight.quantization else {
        return Ok(());
    };
    for (key, value) in [("scale", quantization.scale), ("min", quantization.min)] {
        catalog.tensor(Tensor {
            name: format!("{}.{}.{key}", weight.name, quantization.restored),
            dtype: Dtype::plain("F64", 64),
            shape: Vec::new(),
            elements: Elements::Held(Bytes::copy_from_slice(&value.to_le_bytes())),
        })?;
    }
    Ok(())
}

/// Return where the texts of a weight end: each is a length of four bytes, and its bytes.
fn pass_texts(
    weight: &Weight,
    sequence: &Sequence,
    start: u64,
    remaining: &mut u64,
) -> Result<u64, FormatError> {
    // The product was checked when the manifest was read.
    let count: u64 = weight.shape.iter().product();
    *remaining = remaining.checked_sub(count).ok_or_else(|| {
        FormatError::unsupported("it has too many texts to be passed over")
            .with_expected(format!("at most {TEXTS}"), count)
    })?;
    let mut position = start;
    for _ in 0..count {
        let mut length = [0; 4];
        let after = position.checked_add(4).filter(|after| *after <= sequence.length);
        let after = after.ok_or_else(|| short(sequence.length))?;
        let mut read = 0;
        for (_, input, from, to) in sequence.parts(position, after) {
            let bytes = read_checked(input.as_ref(), from, to - from, "a length of text")?;
            length[read..read + bytes.len()].copy_from_slice(&bytes);
            read += bytes.len();
        }
        let end = after.checked_add(u64::from(u32::from_le_bytes(length)));
        position = end
            .filter(|end| *end <= sequence.length)
            .ok_or_else(|| short(sequence.length))?;
    }
    Ok(position)
}

/// A file within a sequence.
struct Part {
    path: String,
    input: Arc<dyn Input>,
    /// Its first byte in the sequence.
    start: u64,
}

/// Files whose bytes follow each other.
#[derive(Default)]
struct Sequence {
    files: Vec<Part>,
    length: u64,
}

/// A span of a file: its path, the file, and the span.
type Span<'a> = (&'a str, &'a Arc<dyn Input>, u64, u64);

impl Sequence {
    fn add(&mut self, path: &str, input: Arc<dyn Input>) -> Result<(), FormatError> {
        let start = self.length;
        let end = start.checked_add(input.length());
        self.length =
            end.ok_or_else(|| FormatError::new("the files of a group are longer than 64 bits count"))?;
        self.files.push(Part {
            path: path.to_owned(),
            input,
            start,
        });
        Ok(())
    }

    /// Return the spans of the files that a span of the sequence takes.
    fn parts(&self, start: u64, end: u64) -> impl Iterator<Item = Span<'_>> {
        let first = self
            .files
            .partition_point(|part| part.start + part.input.length() <= start);
        self.files[first..]
            .iter()
            .take_while(move |part| part.start < end)
            .filter_map(move |part| {
                let from = start.max(part.start) - part.start;
                let to = end.min(part.start + part.input.length()) - part.start;
                (from < to).then_some((part.path.as_str(), &part.input, from, to))
            })
    }

    fn elements(&self, start: u64, end: u64) -> Elements {
        let spans: Vec<Span<'_>> = self.parts(start, end).collect();
        match spans[..] {
            [] => Elements::Held(Bytes::new()),
            [(path, _, start, end)] => Elements::External {
                path: path.to_owned(),
                start,
                end: Some(end),
            },
            _ => Elements::Decoded(Arc::new(Joined {
                parts: spans
                    .into_iter()
                    .map(|(_, input, from, to)| (Arc::clone(input), from, to))
                    .collect(),
            })),
        }
    }
}

/// A weight that lies in several files.
struct Joined {
    parts: Vec<(Arc<dyn Input>, u64, u64)>,
}

impl fmt::Debug for Joined {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Joined({} files)", self.parts.len())
    }
}

impl Decode for Joined {
    fn length(&self) -> u64 {
        self.parts.iter().map(|(_, from, to)| to - from).sum()
    }

    fn decode(
        &self,
        _: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        for (input, from, to) in &self.parts {
            let span = (*from, *to);
            read_pieces(input.as_ref(), span, "a file of weights", &mut |piece, _| {
                emit(&piece)
            })?;
        }
        Ok(())
    }
}
