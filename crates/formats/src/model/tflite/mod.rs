//! TensorFlow Lite: a FlatBuffer of graphs, whose tensors with data are the weights.
//!
//! Data lies in the FlatBuffer or behind it, and stays where it is. Source: `schema.fbs` of LiteRT.

mod flatbuffer;

use crate::error::FormatError;
use crate::input::Input;
use crate::model::dtype::{Dtype, OTHER_DTYPES};
use crate::model::listing::{Elements, Listing, NotRead, Tensor};
use crate::model::packed;
use flatbuffer::{FlatBuffer, Table, Vector};
use std::collections::{BTreeMap, HashSet};

/// The most dimensions of a tensor.
const MOST_DIMENSIONS: u64 = 16;

/// The most tensors of a small file; a large one may have more.
const TENSORS_OF_A_SMALL_FILE: u64 = 20_000;

/// Bytes of a file for each further tensor.
const BYTES_OF_A_TENSOR: u64 = 64;

/// The most entries of metadata.
const MOST_METADATA: u64 = 1 << 12;

/// Read a TensorFlow Lite file. The weights are the tensors that have data.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let identifier = input.read(0, usize::try_from(input.length().min(8)).unwrap_or(0))?;
    if identifier.get(4..) != Some(b"TFL3") {
        return Err(FormatError::new("it is no TensorFlow Lite file")
            .with_expected("\"TFL3\" at byte 4", format!("\"{}\"", identifier.escape_ascii())));
    }
    let mut file = FlatBuffer::new(input);
    let root = file.follow(0)?;
    let model = file.table(root)?;
    let buffers = file.vector_field(&model, 4, 4)?;
    let mut reader = Reader {
        input,
        file,
        buffers,
        listing: Listing::default(),
        names: HashSet::new(),
        sharing: BTreeMap::new(),
        quantised: 0,
        tensors_left: TENSORS_OF_A_SMALL_FILE + input.length() / BYTES_OF_A_TENSOR,
    };
    reader.metadata(&model)?;
    let graphs = reader.file.vector_field(&model, 2, 4)?;
    for graph in 0..graphs.count {
        reader.graph(graphs, graph)?;
    }
    Ok(reader.finish())
}

struct Reader<'a> {
    input: &'a dyn Input,
    file: FlatBuffer<'a>,
    buffers: Vector,
    listing: Listing,
    names: HashSet<String>,
    /// Names of the tensors of each buffer.
    sharing: BTreeMap<u64, Vec<String>>,
    /// Tensors with quantisation parameters.
    quantised: u64,
    /// Graphs may share tensors, so a small file could repeat them for ever.
    tensors_left: u64,
}

impl Reader<'_> {
    fn metadata(&mut self, model: &Table) -> Result<(), FormatError> {
        let mut pairs = BTreeMap::new();
        pairs.insert("version".to_owned(), self.file.u32_field(model, 0)?.to_string());
        let description = self.file.text_field(model, 3, "the description")?;
        pairs.insert("description".to_owned(), description);
        let entries = self.file.vector_field(model, 6, 4)?;
        if entries.count > MOST_METADATA {
            return Err(FormatError::new("the file has too many entries of metadata")
                .with_expected(format!("at most {MOST_METADATA}"), entries.count));
        }
        for entry in 0..entries.count {
            let entry = self.file.table_in(entries, entry)?;
            let name = self
                .file
                .text_field(&entry, 0, "the name of an entry of metadata")?;
            let buffer = self.file.u32_field(&entry, 1)?;
            let length = self.data(buffer)?.map_or(0, |(start, end)| end - start);
            pairs.insert(format!("metadata.{name}"), format!("{length} bytes, not shown"));
        }
        self.listing.metadata = pairs.into_iter().collect();
        Ok(())
    }

    fn graph(&mut self, graphs: Vector, graph: u64) -> Result<(), FormatError> {
        let table = self.file.table_in(graphs, graph)?;
        let tensors = self.file.vector_field(&table, 0, 4)?;
        for tensor in 0..tensors.count {
            self.tensors_left = self
                .tensors_left
                .checked_sub(1)
                .ok_or_else(|| FormatError::new("the file has too many tensors"))?;
            let table = self.file.table_in(tensors, tensor)?;
            let buffer = self.file.u32_field(&table, 2)?;
            let elsewhere = self.file.u32_field(&table, 10)? != 0;
            let span = self.data(buffer)?;
            if span.is_none() && !elsewhere {
                continue;
            }
            let name = self.name(&table, graph, tensor)?;
            let Some(span) = span.filter(|_| !elsewhere) else {
                let reason = format!("the data of the tensor {name:?} lies in another file");
                self.listing.incomplete.get_or_insert(reason);
                self.not_read(
                    &name,
                    "its data lies in another file, which is not read".to_owned(),
                );
                continue;
            };
            let is_read = self
                .tensor(&table, &name, span)
                .map_err(|error| error.tensor(&name))?;
            if is_read {
                self.sharing.entry(buffer).or_default().push(name);
            }
        }
        Ok(())
    }

    /// Return where the data of a buffer lies; `None` if it has none.
    fn data(&mut self, buffer: u64) -> Result<Option<(u64, u64)>, FormatError> {
        if buffer == 0 && self.buffers.count == 0 {
            return Ok(None);
        }
        if buffer >= self.buffers.count {
            return Err(FormatError::new("the file has no buffer of this number")
                .with_expected(format!("below {}", self.buffers.count), buffer));
        }
        let table = self.file.table_in(self.buffers, buffer)?;
        let inside = self.file.vector_field(&table, 0, 1)?;
        let (offset, size) = (self.file.u64_field(&table, 1)?, self.file.u64_field(&table, 2)?);
        // The schema says that an offset of 1 or less is none.
        let outside = offset > 1 && size > 0;
        if outside && inside.count > 0 {
            return Err(FormatError::new(
                "a buffer has its data in two places, so two readers could see two models",
            ));
        }
        let (start, length) = if outside {
            (offset, size)
        } else {
            (inside.start, inside.count)
        };
        match start
            .checked_add(length)
            .filter(|end| *end <= self.input.length())
        {
            Some(end) => Ok((length > 0).then_some((start, end))),
            None => Err(FormatError::new("a buffer lies outside the file").with_expected(
                format!("at most {} bytes", self.input.length()),
                format!("{length} bytes from byte {start}"),
            )),
        }
    }

    /// Return the name of a tensor: as the file spells it; with the number of the graph before it, if it is not the
    /// main one; and with the number of the tensor behind it, if it has no name or the name of another one.
    fn name(&mut self, table: &Table, graph: u64, tensor: u64) -> Result<String, FormatError> {
        let mut name = self.file.text_field(table, 3, "the name of a tensor")?;
        if graph > 0 {
            name = format!("{graph}:{name}");
        }
        if name.is_empty() || name.ends_with(':') && graph > 0 || self.names.contains(&name) {
            name = format!("{name}#{tensor}");
        }
        self.add_name(name)
    }

    fn add_name(&mut self, name: String) -> Result<String, FormatError> {
        if !self.names.insert(name.clone()) {
            return Err(FormatError::new("two tensors have the name").tensor(&name));
        }
        Ok(name)
    }

    /// Add a tensor; false if it is only listed as not read.
    fn tensor(&mut self, table: &Table, name: &str, (start, end): (u64, u64)) -> Result<bool, FormatError> {
        let kind = self.file.byte_field(table, 1)?;
        let Some(dtype) = dtype(kind) else {
            let reason = match kind {
                5 => "its elements are texts, and texts are no tensors".to_owned(),
                _ => format!("its type {kind} is not known"),
            };
            if kind != 5 {
                let reason = format!("the type {kind} of the tensor {name:?} is not known");
                self.listing.incomplete.get_or_insert(reason);
            }
            self.not_read(name, reason);
            return Ok(false);
        };
        let shape = self.shape(table)?;
        if self.file.table_field(table, 6)?.is_some() {
            let reason = format!("the tensor {name:?} is sparse");
            self.listing.incomplete.get_or_insert(reason);
            self.not_read(name, "it is a sparse tensor, which is not read".to_owned());
            return Ok(false);
        }
        let bits = shape
            .iter()
            .try_fold(1_u64, |product, length| product.checked_mul(*length))
            .and_then(|elements| elements.checked_mul(dtype.bits))
            .ok_or_else(|| {
                FormatError::new("its shape overflows")
                    .with_expected("fewer than 2^64 bits", format!("{shape:?}"))
            })?;
        if bits.div_ceil(8) != end - start {
            return Err(FormatError::new("its data does not fit its shape").with_expected(
                format!("{} bytes", bits.div_ceil(8)),
                format!("{} bytes", end - start),
            ));
        }
        self.quantisation(table, name, &shape)?;
        self.listing.tensors.push(Tensor {
            name: name.to_owned(),
            dtype,
            shape,
            elements: packed::in_file(self.input, start, end, bits)?,
        });
        Ok(true)
    }

    fn not_read(&mut self, name: &str, reason: String) {
        let name = name.to_owned();
        self.listing.not_read.push(NotRead { name, reason });
    }

    fn shape(&mut self, table: &Table) -> Result<Vec<u64>, FormatError> {
        let vector = self.file.vector_field(table, 0, 4)?;
        if vector.count > MOST_DIMENSIONS {
            return Err(FormatError::new("it has too many dimensions")
                .with_expected(format!("at most {MOST_DIMENSIONS}"), vector.count));
        }
        let mut shape = Vec::new();
        for place in 0..vector.count {
            let length = self.file.u32(vector.start + 4 * place)?;
            if length > u64::from(u32::MAX >> 1) {
                return Err(FormatError::new("a dimension is negative")
                    .with_expected("at least 0", length.cast_signed() - (1 << 32)));
            }
            shape.push(length);
        }
        Ok(shape)
    }

    /// List the scales and zero points of a tensor as tensors of their own: the elements mean nothing without them.
    ///
    /// Where there is one for each place of an axis, their shape says which axis that is.
    fn quantisation(&mut self, table: &Table, name: &str, shape: &[u64]) -> Result<(), FormatError> {
        let Some(quantisation) = self.file.table_field(table, 4)? else {
            return Ok(());
        };
        match self.file.byte_field(&quantisation, 4)? {
            // Of blocks: scales and zero points are tensors of the file.
            0 | 2 => {}
            kind => {
                let reason = format!(
                    "the tensor {name:?} has quantisation details of kind {kind}, which is not known"
                );
                self.listing.incomplete.get_or_insert(reason);
            }
        }
        let axis = usize::try_from(self.file.u32_field(&quantisation, 6)?).unwrap_or(usize::MAX);
        let parts = [("scale", 2, "F32"), ("zero_point", 3, "I64")];
        for (part, field, dtype) in parts {
            let Some(dtype) = Dtype::named(dtype) else {
                continue;
            };
            let width = dtype.bits / 8;
            let values = self.file.vector_field(&quantisation, field, width)?;
            if values.count == 0 {
                continue;
            }
            let mut of = vec![1; shape.len()];
            match of.get_mut(axis) {
                _ if values.count == 1 => of.clear(),
                Some(length) if shape[axis] == values.count => *length = values.count,
                _ => of = vec![values.count],
            }
            let name = self.add_name(format!("{name}#{part}"))?;
            let (start, end) = (values.start, values.start + values.count * width);
            let elements = Elements::InPlace { start, end };
            self.listing.tensors.push(Tensor {
                name,
                dtype,
                shape: of,
                elements,
            });
            self.quantised += u64::from(part == "scale");
        }
        Ok(())
    }

    fn finish(self) -> Listing {
        let mut listing = self.listing;
        listing.shared = self
            .sharing
            .into_values()
            .filter(|names| names.len() > 1)
            .collect();
        if self.quantised > 0 {
            listing.remarks.push(format!(
                "{} tensors are quantised: their scales and zero points are listed as tensors behind their names",
                self.quantised
            ));
        }
        listing
    }
}

/// Return the dtype of a type (`TensorType`) with numbers for elements.
fn dtype(kind: u64) -> Option<Dtype> {
    let name = match kind {
        0 => "F32",
        1 => "F16",
        2 => "I32",
        3 => "U8",
        4 => "I64",
        6 => "BOOL",
        7 => "I16",
        8 => "C64",
        9 => "I8",
        10 => "F64",
        11 => "C128",
        12 => "U64",
        15 => "U32",
        16 => "U16",
        17 => "I4",
        18 => "BF16",
        19 => "I2",
        20 => "U4",
        21 => "F8_E4M3",
        22 => "F8_E5M2",
        _ => return None,
    };
    Dtype::named(name).or_else(|| OTHER_DTYPES.into_iter().find(|dtype| dtype.name() == name))
}
