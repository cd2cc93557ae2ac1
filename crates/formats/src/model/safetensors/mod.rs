//! safetensors: eight bytes of header length, a JSON header, then the tensors' bytes without holes.
//!
//! The reference crate validates the layout, but keeps the tensors in a map: of two entries with one name the last
//! wins, so two readers can see two models in one file. It also accepts unknown fields and leading spaces, against its
//! own description. A header without any of this is read in one pass ([`one_pass`]), which takes less than the crate does: the
//! tests hold it against the crate. Any other goes through a strict pass that names what is wrong, and then through the
//! validation of the crate, which decides. Source of the rules: the format section of the safetensors README, and `tensor.rs` at version 0.8.

mod one_pass;
pub mod shards;

use crate::error::FormatError;
use crate::model::dtype::Dtype;
use crate::text::json::Members;
use serde::Deserialize;

/// Bytes of the length that a file starts with.
pub const LENGTH_BYTES: u64 = 8;

/// The longest header the reference crate reads, in bytes.
pub const HEADER_LIMIT: u64 = 100_000_000;

/// 2^53 - 1: the largest integer that every JSON reader (and JavaScript) keeps exactly (RFC 7493, 2.2).
const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Name as written.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Elements per axis; empty for a scalar.
    pub shape: Vec<u64>,
    /// First byte, counted from the start of the file.
    pub start: u64,
    /// One past the last byte, counted from the start of the file.
    pub end: u64,
}

impl Tensor {
    /// Return the number of elements. The product was checked when the header was read.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }
}

/// A validated header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The tensors in the order of their bytes; empty ones are sorted by their offset.
    pub tensors: Vec<Tensor>,
    /// `__metadata__`, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// First byte of the data, counted from the start of the file.
    pub data_start: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// The same as the reference crate takes it: with other fields, or as a list.
#[derive(Deserialize)]
struct LenientInfo {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// Points that the rules refuse: something that the reference crate takes and that two readers could take differently.
struct Deviations {
    /// The sentences, where they are collected instead of being errors.
    collected: Option<Vec<String>>,
}

impl Deviations {
    fn note(&mut self, error: FormatError) -> Result<(), FormatError> {
        match &mut self.collected {
            Some(collected) => {
                collected.push(error.to_string());
                Ok(())
            }
            None => Err(error),
        }
    }
}

/// Read the header's length from the first eight bytes, checked against the length of the file.
pub fn header_length(first: [u8; 8], file_length: u64) -> Result<u64, FormatError> {
    let length = u64::from_le_bytes(first);
    if length > HEADER_LIMIT {
        return Err(FormatError::new("the header is longer than the format allows")
            .with_expected(format!("at most {HEADER_LIMIT} bytes"), length));
    }
    let rest = file_length.saturating_sub(LENGTH_BYTES);
    if length > rest {
        return Err(FormatError::new("the file ends inside its header").with_expected(
            format!("{} bytes", length + LENGTH_BYTES),
            format!("{file_length} bytes"),
        ));
    }
    Ok(length)
}

/// Validate a header (the bytes after the length) of a file of `file_length` bytes.
pub fn parse(header: &[u8], file_length: u64) -> Result<Header, FormatError> {
    parse_with(header, file_length, &mut Deviations { collected: None })
}

/// Read a header as the reference crate does. Return it with a sentence for each point that [`parse`] refuses.
pub fn parse_lenient(header: &[u8], file_length: u64) -> Result<(Header, Vec<String>), FormatError> {
    let mut deviations = Deviations {
        collected: Some(Vec::new()),
    };
    let header = parse_with(header, file_length, &mut deviations)?;
    Ok((header, deviations.collected.unwrap_or_default()))
}

fn parse_with(header: &[u8], file_length: u64, deviations: &mut Deviations) -> Result<Header, FormatError> {
    let data_start = LENGTH_BYTES + header.len() as u64;
    let usual = one_pass::read(header, data_start);
    let is_usual = usual.is_some();
    let (mut tensors, metadata) = match usual {
        Some(usual) => (usual.tensors, usual.metadata),
        None => contents(header, data_start, deviations)?,
    };
    tensors.sort_by_key(|tensor| (tensor.start, tensor.end));
    check_tiling(&tensors, data_start, file_length)?;
    if !is_usual {
        check_with_reference(header)?;
    }
    Ok(Header {
        tensors,
        metadata,
        data_start,
    })
}

type Contents = (Vec<Tensor>, Vec<(String, String)>);

fn contents(header: &[u8], data_start: u64, deviations: &mut Deviations) -> Result<Contents, FormatError> {
    let text = std::str::from_utf8(header).map_err(|error| {
        FormatError::new(format!(
            "the header is not UTF-8 from byte {}",
            error.valid_up_to()
        ))
    })?;
    if !text.starts_with('{') {
        let first = text.chars().next();
        deviations.note(
            FormatError::new("the header does not start with {")
                .with_expected("'{'", first.map_or("nothing".into(), |c| format!("{c:?}"))),
        )?;
    }
    let text = text.trim_end_matches(' ');
    if !text.ends_with('}') {
        deviations.note(FormatError::new(
            "the header is followed by something other than spaces",
        ))?;
    }
    let entries: Members<&serde_json::value::RawValue> = serde_json::from_str(text)
        .map_err(|error| FormatError::new(format!("the header is not JSON: {error}")))?;
    let repeated = entries.duplicate().is_some();
    if let Some(name) = entries.duplicate() {
        deviations.note(
            FormatError::new(
                "the name appears twice in the header, so two readers could load different models",
            )
            .tensor(name),
        )?;
    }
    let mut tensors = Vec::new();
    let mut metadata = Vec::new();
    let entries = if repeated {
        last_of_each(entries.0)
    } else {
        entries.0
    };
    for (name, raw) in &entries {
        if name == "__metadata__" {
            metadata = read_metadata(raw.get(), deviations)?;
        } else {
            tensors.push(read_tensor(name, raw.get(), data_start, deviations)?);
        }
    }
    Ok((tensors, metadata))
}

/// Keep the last member of each name, as a map does.
fn last_of_each<T>(members: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut seen = std::collections::HashSet::new();
    let mut last: Vec<(String, T)> = members
        .into_iter()
        .rev()
        .filter(|(name, _)| seen.insert(name.clone()))
        .collect();
    last.reverse();
    last
}

/// Read `__metadata__` by the rules.
fn read_metadata_strictly(raw: &str) -> Result<Vec<(String, String)>, FormatError> {
    read_metadata(raw, &mut Deviations { collected: None })
}

/// Read `__metadata__`; `null` is none, as for the reference crate.
fn read_metadata(raw: &str, deviations: &mut Deviations) -> Result<Vec<(String, String)>, FormatError> {
    if raw == "null" {
        return Ok(Vec::new());
    }
    let members: Members<String> = serde_json::from_str(raw)
        .map_err(|error| FormatError::new(format!("__metadata__ does not map text to text: {error}")))?;
    let mut metadata = Vec::new();
    match members.duplicate() {
        Some(key) => {
            deviations.note(FormatError::new(format!(
                "__metadata__ has the key {key:?} twice"
            )))?;
            metadata.extend(last_of_each(members.0));
        }
        None => metadata.extend(members.0),
    }
    metadata.sort();
    Ok(metadata)
}

fn read_tensor(
    name: &str,
    raw: &str,
    data_start: u64,
    deviations: &mut Deviations,
) -> Result<Tensor, FormatError> {
    // The deserialiser would take a list of the fields for the object as well.
    if !raw.starts_with('{') {
        deviations.note(FormatError::new("its entry is malformed: it is not an object").tensor(name))?;
    }
    let malformed =
        |error: serde_json::Error| FormatError::new(format!("its entry is malformed: {error}")).tensor(name);
    let info = match serde_json::from_str::<Info>(raw) {
        Ok(info) => info,
        Err(error) => {
            deviations.note(malformed(error))?;
            let LenientInfo {
                dtype,
                shape,
                data_offsets,
            } = serde_json::from_str(raw).map_err(malformed)?;
            Info {
                dtype,
                shape,
                data_offsets,
            }
        }
    };
    if let Some(length) = info.shape.iter().find(|length| **length > LARGEST_INTEGER) {
        deviations.note(
            FormatError::new("a dimension is beyond what JSON carries exactly")
                .with_expected(format!("at most {LARGEST_INTEGER}"), length)
                .tensor(name),
        )?;
    }
    tensor(
        name.to_owned(),
        &info.dtype,
        info.shape,
        info.data_offsets,
        data_start,
    )
}

/// Check an entry: its offsets must fit its dtype and shape.
fn tensor(
    name: String,
    dtype: &str,
    shape: Vec<u64>,
    (start, end): (u64, u64),
    data_start: u64,
) -> Result<Tensor, FormatError> {
    let dtype = Dtype::named(dtype).ok_or_else(|| {
        FormatError::new("unknown dtype")
            .with_expected("a dtype of safetensors 0.8", dtype)
            .tensor(&name)
    })?;
    let too_large = || FormatError::new("its size overflows 64 bits").tensor(&name);
    let elements = shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length))
        .ok_or_else(too_large)?;
    let bits = elements.checked_mul(dtype.bits).ok_or_else(too_large)?;
    if !bits.is_multiple_of(8) {
        return Err(FormatError::new("it does not end on a byte boundary")
            .with_expected("a multiple of 8 bits", bits)
            .tensor(&name));
    }
    if start > end || end - start != bits / 8 {
        return Err(
            FormatError::new("its data_offsets do not fit its dtype and shape")
                .with_expected(format!("{} bytes", bits / 8), format!("[{start}, {end}]"))
                .tensor(&name),
        );
    }
    let (start, end) = (
        start.checked_add(data_start).ok_or_else(too_large)?,
        end.checked_add(data_start).ok_or_else(too_large)?,
    );
    Ok(Tensor {
        name,
        dtype,
        shape,
        start,
        end,
    })
}

/// Check that the tensors cover the data from its first byte to the end of the file, without hole or overlap.
fn check_tiling(tensors: &[Tensor], data_start: u64, file_length: u64) -> Result<(), FormatError> {
    let mut position = data_start;
    for tensor in tensors {
        if tensor.start != position {
            let message = if tensor.start < position {
                "it overlaps the tensor before it"
            } else {
                "there is a gap before it"
            };
            return Err(FormatError::new(message)
                .with_expected(
                    format!("offset {}", position - data_start),
                    tensor.start - data_start,
                )
                .tensor(&tensor.name));
        }
        position = tensor.end;
    }
    if position != file_length {
        let message = if position < file_length {
            "bytes follow the last tensor"
        } else {
            "the file ends before its last tensor"
        };
        return Err(FormatError::new(message)
            .with_expected(format!("{position} bytes"), format!("{file_length} bytes")));
    }
    Ok(())
}

/// Run the reference crate's own parsing and validation over the header.
///
/// Its only public function takes a whole file as one slice, so it gets the header alone. It answers
/// `MetadataIncompleteBuffer` after everything in the header has passed. That says only that the data is missing, which
/// [`check_tiling`] has checked.
fn check_with_reference(header: &[u8]) -> Result<(), FormatError> {
    use safetensors::SafeTensorError::MetadataIncompleteBuffer;
    let mut file = Vec::with_capacity(header.len() + 8);
    file.extend_from_slice(&(header.len() as u64).to_le_bytes());
    file.extend_from_slice(header);
    match safetensors::SafeTensors::read_metadata(&file) {
        Ok(_) | Err(MetadataIncompleteBuffer) => Ok(()),
        Err(error) => Err(FormatError::new(format!(
            "refused by the safetensors crate: {error}"
        ))),
    }
}
