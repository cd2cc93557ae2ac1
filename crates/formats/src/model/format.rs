//! The format of a model file, found from its content.

use crate::archive::zip;
use crate::error::FormatError;
use crate::input::Input;
use crate::model::listing::{Elements, Listing, Tensor};
use crate::model::{flax, gguf, hdf5, keras, npy, onnx, protobuf, pytorch, safetensors, tfjs, tflite};

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// safetensors.
    Safetensors,
    /// PyTorch.
    PyTorch,
    /// GGUF.
    Gguf,
    /// One array of NumPy.
    Npy,
    /// An archive of arrays of NumPy.
    Npz,
    /// ONNX.
    Onnx,
    /// Keras.
    Keras,
    /// HDF5.
    Hdf5,
    /// TensorFlow.js.
    TensorFlowJs,
    /// TensorFlow Lite.
    Tflite,
    /// Flax.
    Flax,
}

impl Format {
    /// Return the name that reports show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::PyTorch => "pytorch",
            Self::Gguf => "gguf",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Onnx => "onnx",
            Self::Keras => "keras",
            Self::Hdf5 => "hdf5",
            Self::TensorFlowJs => "tfjs",
            Self::Tflite => "tflite",
            Self::Flax => "flax",
        }
    }
}

/// Formats that are known and not read, or not read here: the noun, and the bytes at a position.
const OTHERS: [(&str, usize, &[u8]); 29] = [
    ("a GGML file of before GGUF", 0, b"lmgg"),
    ("a GGML file of before GGUF", 0, b"fmgg"),
    ("a GGML file of before GGUF", 0, b"tjgg"),
    ("a Parquet file", 0, b"PAR1"),
    ("an Arrow file", 0, b"ARROW1"),
    ("an ExecuTorch program", 4, b"ET12"),
    ("a LightGBM model", 0, b"tree\nversion="),
    ("a gzip file", 0, b"\x1f\x8b\x08"),
    ("a bzip2 file", 0, b"BZh"),
    ("an xz file", 0, b"\xfd7zXZ\0"),
    ("a zstd file", 0, b"\x28\xb5\x2f\xfd"),
    ("a zlib stream, as joblib writes it", 0, b"ZF"),
    ("a 7z archive", 0, b"7z\xbc\xaf\x27\x1c"),
    ("a RAR archive", 0, b"Rar!\x1a\x07"),
    ("a SQLite database", 0, b"SQLite format 3\0"),
    ("a MATLAB file", 0, b"MATLAB 5.0 MAT-file"),
    ("a TensorRT engine", 0, b"ftrt"),
    ("a program", 0, b"\x7fELF"),
    ("a PDF document", 0, b"%PDF-"),
    ("a PNG image", 0, b"\x89PNG\r\n\x1a\n"),
    ("a JPEG image", 0, b"\xff\xd8\xff"),
    ("a WebAssembly module", 0, b"\0asm"),
    ("an LLVM bitcode file", 0, b"BC\xc0\xde"),
    ("an NCNN parameter file", 0, b"7767517\n"),
    // Those of PyTorch are known by what is in them.
    ("a Python pickle", 0, b"\x80\x02"),
    ("a Python pickle", 0, b"\x80\x03"),
    ("a Python pickle", 0, b"\x80\x04"),
    ("a Python pickle", 0, b"\x80\x05"),
    ("a tar archive", 257, b"ustar"),
];

/// Bytes that the format is found from, at most; what a name is deeper in the file is looked up where it lies.
const HEAD: u64 = 2048;

/// Kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// A format that is read.
    Read(Format),
    /// Something that is not read: a noun.
    Other(&'static str),
    /// Nothing that is known.
    Unknown,
}

/// Find the format of a file from its content.
pub fn detect(input: &dyn Input) -> Result<Detected, FormatError> {
    let head = input.read(0, usize::try_from(input.length().min(HEAD)).unwrap_or_default())?;
    if is_safetensors(&head) {
        return Ok(Detected::Read(Format::Safetensors));
    }
    if head.starts_with(npy::MAGIC) {
        return Ok(Detected::Read(Format::Npy));
    }
    if head.starts_with(b"GGUF") {
        return Ok(Detected::Read(Format::Gguf));
    }
    if zip::recognise(&head) {
        return Ok(archive(&zip::names(input)?));
    }
    if head.get(4..8) == Some(b"TFL3") {
        return Ok(Detected::Read(Format::Tflite));
    }
    if pytorch::recognise(&head) {
        return Ok(Detected::Read(Format::PyTorch));
    }
    if hdf5::recognise(&head) {
        return Ok(Detected::Read(Format::Hdf5));
    }
    if flax::recognise(&head) {
        return Ok(Detected::Read(Format::Flax));
    }
    let other = OTHERS
        .iter()
        .find(|(_, at, bytes)| head.get(*at..).is_some_and(|rest| rest.starts_with(bytes)));
    if let Some((noun, ..)) = other {
        return Ok(Detected::Other(noun));
    }
    if is_text(&head) {
        return text(input, &head);
    }
    Ok(match protobuf::fields(input, FIELDS)? {
        Some(fields) => message(&fields),
        None => Detected::Unknown,
    })
}

/// Find out what an archive holds, from the names of its members.
fn archive(members: &[String]) -> Detected {
    let names = || members.iter().map(String::as_str);
    let has = |name: &str| names().any(|member| member == name);
    if pytorch::root(names()).is_some() {
        return Detected::Read(Format::PyTorch);
    }
    if keras::recognise(names()) {
        return Detected::Read(Format::Keras);
    }
    if npy::archive::recognise(names()) {
        return Detected::Read(Format::Npz);
    }
    Detected::Other(if has("[Content_Types].xml") {
        "an Office document"
    } else if has("META-INF/MANIFEST.MF") {
        "a Java archive"
    } else {
        "a zip archive of other files"
    })
}

/// Read the tensors of a file of a known format. `lenient` takes a safetensors file as its reference crate takes it; its
/// deviations from the rules are remarks. `open` opens a file beside it by its path, which may be refused.
pub fn read(
    format: Format,
    input: &dyn Input,
    lenient: bool,
    open: &mut tfjs::Open<'_>,
) -> Result<Listing, FormatError> {
    match format {
        Format::Safetensors => read_safetensors(input, lenient),
        Format::PyTorch => pytorch::read(input),
        Format::Gguf => gguf::read(input),
        Format::Npy => npy::read(input),
        Format::Npz => npy::archive::read(input),
        Format::Onnx => onnx::read(input),
        Format::Keras => keras::read(input),
        Format::Hdf5 => hdf5::read(input),
        Format::TensorFlowJs => read_tfjs(input, open),
        Format::Tflite => tflite::read(input),
        Format::Flax => flax::read(input),
    }
}

/// Return whether a file starts with the length of a header, which is far below 2^32, and a header.
fn is_safetensors(head: &[u8]) -> bool {
    let first = head
        .get(8..)
        .and_then(|rest| rest.iter().find(|byte| !byte.is_ascii_whitespace()));
    head.get(4..8) == Some(&[0; 4]) && first == Some(&b'{')
}

fn read_safetensors(input: &dyn Input, lenient: bool) -> Result<Listing, FormatError> {
    let size = input.length();
    if size < safetensors::LENGTH_BYTES {
        return Err(FormatError::new("it is too short for a safetensors file")
            .with_expected("at least 8 bytes", format!("{size} bytes")));
    }
    let mut first = [0; 8];
    first.copy_from_slice(&input.read(0, 8)?);
    let length = safetensors::header_length(first, size)?;
    let length =
        usize::try_from(length).map_err(|_| FormatError::new("its header does not fit into memory"))?;
    // At most HEADER_LIMIT, and at most the rest of the file.
    let text = input.read(safetensors::LENGTH_BYTES, length)?;
    let (header, remarks) = if lenient {
        safetensors::parse_lenient(&text, size)?
    } else {
        (safetensors::parse(&text, size)?, Vec::new())
    };
    // It may be nearly as long as all that was read from it.
    drop(text);
    let tensors = header.tensors.into_iter().map(|tensor| Tensor {
        name: tensor.name,
        dtype: tensor.dtype,
        shape: tensor.shape,
        elements: Elements::InPlace {
            start: tensor.start,
            end: tensor.end,
        },
    });
    Ok(Listing {
        tensors: tensors.collect(),
        metadata: header.metadata,
        remarks,
        ..Listing::default()
    })
}

/// The longest `model.json`, in bytes.
const MANIFEST_LIMIT: u64 = 256 << 20;

fn read_tfjs(input: &dyn Input, open: &mut tfjs::Open<'_>) -> Result<Listing, FormatError> {
    if input.length() > MANIFEST_LIMIT {
        return Err(FormatError::new("it is too long for a model.json").with_expected(
            format!("at most {MANIFEST_LIMIT} bytes"),
            format!("{} bytes", input.length()),
        ));
    }
    let text = input.read(0, usize::try_from(input.length()).unwrap_or_default())?;
    tfjs::listing(&tfjs::parse(&text)?, open)
}

/// Return whether bytes are UTF-8, perhaps cut inside a character, without control characters but those that end or
/// indent lines.
fn is_text(head: &[u8]) -> bool {
    let is_utf8 = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    let is_control =
        |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r') || *byte == 0x7f;
    !head.is_empty() && is_utf8 && !head.iter().any(is_control)
}

/// JSON models are looked at whole, up to this many bytes.
const TEXT_LIMIT: u64 = 16 << 20;

fn text(input: &dyn Input, head: &[u8]) -> Result<Detected, FormatError> {
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Ok(Detected::Other("text"));
    }
    let length = usize::try_from(input.length().min(TEXT_LIMIT)).unwrap_or_default();
    let text = input.read(0, length)?;
    let has = |key: &[u8]| text.windows(key.len()).any(|window| window == key);
    if tfjs::recognise(&text) {
        return Ok(Detected::Read(Format::TensorFlowJs));
    }
    Ok(Detected::Other(if has(b"\"gradient_booster\"") {
        "an XGBoost model"
    } else if has(b"\"weight_map\"") {
        "a shard index"
    } else {
        "JSON text"
    }))
}

/// Fields of a protobuf message that are looked at.
const FIELDS: usize = 4096;

fn message(fields: &[protobuf::Field]) -> Detected {
    use protobuf::Kind::{Bytes, Varint};
    let only = |allowed: &[(u64, protobuf::Kind)]| {
        fields
            .iter()
            .all(|field| allowed.contains(&(field.number, field.kind)))
    };
    let has = |number| fields.iter().any(|field| field.number == number);
    // ModelProto: its version, producer, graph, operators, metadata, training and functions.
    let onnx = [
        (1, Varint),
        (2, Bytes),
        (3, Bytes),
        (4, Bytes),
        (5, Varint),
        (6, Bytes),
        (7, Bytes),
        (8, Bytes),
        (14, Bytes),
        (20, Bytes),
        (25, Bytes),
        (26, Bytes),
    ];
    if has(7) && only(&onnx) {
        return Detected::Read(Format::Onnx);
    }
    // SavedModel: a version, and graphs. FrozenGraph: nodes, their versions and a library.
    if has(1) && has(2) && only(&[(1, Varint), (2, Bytes)]) {
        return Detected::Other("a TensorFlow SavedModel");
    }
    if has(1) && only(&[(1, Bytes), (2, Bytes), (3, Varint), (4, Bytes)]) {
        return Detected::Other("a TensorFlow graph");
    }
    Detected::Unknown
}
