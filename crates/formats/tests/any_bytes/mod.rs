//! Every parser of files of strangers, and what must hold of its answer whatever the bytes are.
//!
//! The mutation tests (`tests/mutations.rs`) and the targets of cargo-fuzz (`fuzz/` of the repository) call the same
//! function, so that both demand the same.

#![allow(dead_code, reason = "each user needs a part of it")]

pub mod listing;
pub mod table;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::archive::{tar, zip};
use lineaprint_formats::input::Input;
use lineaprint_formats::mds;
use lineaprint_formats::model::format::{self, Detected, Format};
use lineaprint_formats::model::listing::Listing;
use lineaprint_formats::model::safetensors::shards;
use lineaprint_formats::model::{onnx, pytorch};
use lineaprint_formats::pieces::{Compression, Pieces};
use lineaprint_formats::table::Format as TableFormat;
use lineaprint_formats::text::canonical;
use lineaprint_formats::tfrecord;
use std::sync::Arc;

/// A parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parser {
    /// A model of a known format. For TensorFlow.js the bytes are a [`folder`].
    Model(Format),
    /// safetensors, as its reference crate reads it.
    Lenient,
    /// A model whose format is found from its content.
    Detected,
    /// The pickle of a checkpoint, in the container that has the least around it.
    Pickle,
    /// The `graph` of an ONNX file.
    Graph,
    /// The index of a model in shards.
    Shards,
    /// A zip and the data of its members.
    Zip,
    /// A tar and the data of its members.
    Tar,
    /// The same in gzip and in zstd.
    PackedTar(Compression),
    /// The records of TensorFlow.
    TfRecord,
    /// The samples of a shard of MosaicML.
    Mds,
    /// The canonical form of JSON.
    Json,
    /// A table.
    Table(TableFormat),
}

/// Bytes of a zip that are decompressed.
const INFLATED: usize = 64 << 20;

/// Parse bytes as a file, and check the answer. Only an error of the parser is returned; anything that must not be panics.
pub fn answer(parser: Parser, bytes: &Bytes) -> Result<(), FormatError> {
    let outcome = match parser {
        Parser::Model(format) => model(format, false, bytes),
        Parser::Lenient => model(Format::Safetensors, true, bytes),
        Parser::Detected => match format::detect(bytes)? {
            Detected::Read(format) => model(format, false, bytes),
            Detected::Other(noun) => {
                assert!(!noun.is_empty());
                Err(FormatError::unsupported(noun))
            }
            Detected::Unknown => Err(FormatError::new("unknown")),
        },
        Parser::Pickle => model(Format::PyTorch, false, &stacked(bytes)),
        Parser::Graph => onnx::graph::describe::<Counted>(bytes, &mut |_| Ok([0; 32])).map(|_| ()),
        Parser::Shards => shards::parse(bytes).map(|index| {
            for shard in index.shards() {
                assert!(
                    !shard.contains(['/', '\\']) && shard != "..",
                    "{shard:?} leaves its folder"
                );
            }
        }),
        Parser::Zip => members(bytes),
        Parser::Tar => {
            let headers = tar_members(tar::Reader::headers(Arc::new(bytes.clone()))?, false)?;
            assert!(
                headers
                    .iter()
                    .all(|member| member.start + member.size <= bytes.len() as u64)
            );
            // With the data or without, the members are the same.
            let whole = tar::Reader::new(Arc::new(bytes.clone()), Compression::Plain)?;
            assert_eq!(tar_members(whole, true).as_ref(), Ok(&headers));
            tar::read(bytes).map(|_| ())
        }
        Parser::PackedTar(compression) => {
            let reader = tar::Reader::new(Arc::new(bytes.clone()), compression)?;
            tar_members(reader, true).map(|_| ())
        }
        Parser::TfRecord => {
            let mut records = tfrecord::Records::new(Pieces::uncompressed(Arc::new(bytes.clone())));
            let mut total = 0;
            while let Some(record) = records.next_record()? {
                total += record.len() + 16;
            }
            assert_eq!(total, bytes.len());
            Ok(())
        }
        Parser::Mds => samples(bytes),
        Parser::Json => match canonical::canonical(bytes) {
            // The canonical form is its own canonical form.
            Some(text) => {
                assert_eq!(canonical::canonical(&text).as_deref(), Some(&text[..]));
                Ok(())
            }
            None => Err(FormatError::new("no JSON")),
        },
        Parser::Table(format) => {
            let schema = [
                ("a".to_owned(), "int64".to_owned()),
                ("b".to_owned(), "utf8".to_owned()),
            ];
            let schema = (format == TableFormat::Jsonl).then_some(&schema[..]);
            table::read(bytes.clone(), format, schema).map(|_| ())
        }
    };
    if let Err(error) = &outcome {
        assert!(!error.is_internal, "{error}");
        assert!(!error.message.is_empty());
    }
    outcome
}

fn model(format: Format, is_lenient: bool, bytes: &Bytes) -> Result<(), FormatError> {
    let (bytes, others) = match format {
        Format::TensorFlowJs => files(bytes),
        _ => (bytes.clone(), Vec::new()),
    };
    let mut others = others.into_iter();
    let mut open = |_: &str| -> Result<Arc<dyn Input>, FormatError> {
        let next = others
            .next()
            .ok_or_else(|| FormatError::new("there is no such file"))?;
        Ok(Arc::new(next))
    };
    let listing: Listing = format::read(format, &bytes, is_lenient, &mut open)?;
    listing::check(&listing, &bytes);
    Ok(())
}

fn tar_members(mut reader: tar::Reader<'_>, with_data: bool) -> Result<Vec<tar::Member>, FormatError> {
    let mut members = Vec::new();
    while let Some(member) = reader.next_member()? {
        let escapes = member
            .path
            .split(|byte| *byte == b'/')
            .any(|segment| segment == b"..");
        assert!(!escapes && !member.path.starts_with(b"/"), "{member:?}");
        if with_data {
            let mut emitted = 0;
            reader.data(&mut |piece| {
                emitted += piece.len() as u64;
                Ok(())
            })?;
            assert_eq!(emitted, member.size);
        }
        members.push(member);
    }
    Ok(members)
}

fn members(bytes: &Bytes) -> Result<(), FormatError> {
    let archive = zip::Archive::read(bytes)?;
    let mut left = INFLATED;
    for member in archive.members() {
        assert!(
            member.start + member.stored <= bytes.len() as u64,
            "{member:?} is outside"
        );
        let mut emitted = 0;
        member.stream(bytes, &mut |piece| {
            emitted += piece.len() as u64;
            assert!(emitted <= member.length, "{member:?} emits more than it states");
            left = left
                .checked_sub(piece.len())
                .ok_or_else(|| FormatError::new("enough was decompressed"))?;
            Ok(())
        })?;
        assert_eq!(emitted, member.length, "{member:?}");
    }
    Ok(())
}

/// Return a folder as one file: each file as its length in four bytes and its bytes, the manifest first.
pub fn folder(files: &[Bytes]) -> Bytes {
    let mut all = Vec::new();
    for file in files {
        all.extend(u32::try_from(file.len()).expect("short").to_le_bytes());
        all.extend_from_slice(file);
    }
    all.into()
}

/// Split what [`folder`] joined; a length that lies reaches to the end.
fn files(all: &Bytes) -> (Bytes, Vec<Bytes>) {
    let mut rest = all.clone();
    let mut files = Vec::new();
    while rest.len() >= 4 {
        let length = rest.split_to(4);
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
        files.push(rest.split_to(length));
    }
    if files.is_empty() {
        return (rest, files);
    }
    (files.remove(0), files)
}

/// Return a checkpoint of stacked pickles with this pickle in it, and no storages.
pub fn stacked(pickle: &[u8]) -> Bytes {
    const START: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.";
    assert!(pytorch::recognise(START));
    Bytes::from([START, pickle, b"\x80\x02]."].concat())
}

/// A description of which only the size is kept.
#[derive(Default)]
struct Counted(usize);

impl onnx::graph::Write for Counted {
    fn array(&mut self, _: usize) {
        self.0 += 1;
    }

    fn integer(&mut self, _: i64) {
        self.0 += 1;
    }

    fn text(&mut self, value: &str) {
        self.0 += value.len();
    }

    fn bytes(&mut self, value: &[u8]) {
        self.0 += value.len();
    }

    fn null(&mut self) {
        self.0 += 1;
    }

    fn append(&mut self, other: Self) {
        self.0 += other.0;
    }
}

/// Read the samples of a shard with columns of both kinds. Its index states what the bytes say, so that all of them count.
fn samples(bytes: &Bytes) -> Result<(), FormatError> {
    let column = |name: &str, encoding: &str, size| mds::Column {
        name: name.to_owned(),
        encoding: encoding.to_owned(),
        size,
    };
    let count = bytes.first_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
    let raw = mds::Stated {
        bytes: bytes.len() as u64,
        checksums: Vec::new(),
    };
    let shard = mds::Shard {
        columns: vec![
            column("a", "bytes", None),
            column("b", "int", Some(8)),
            column("c", "str", None),
        ],
        samples: u64::from(count),
        raw,
        stored: None,
    };
    let mut samples = mds::Samples::new(Arc::new(bytes.clone()), shard)?;
    let (mut read, mut total) = (0, 0);
    while let Some(sample) = samples.next_sample()? {
        let values: usize = sample.values.iter().map(std::ops::Range::len).sum();
        assert_eq!(values + 8, sample.bytes.len());
        read += 1;
        total += sample.bytes.len();
    }
    assert_eq!(read, count);
    assert!(total + 8 <= bytes.len());
    // The end was checked, and stays the end.
    assert!(samples.next_sample()?.is_none());
    Ok(())
}
