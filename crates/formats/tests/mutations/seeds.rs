//! Files to start from: those of the reference writers in `vectors/models`, which are committed.

use super::any_bytes::{Parser, folder};
use bytes::Bytes;
use lineaprint_formats::model::format::Format;
use lineaprint_formats::pieces::Compression;
use lineaprint_formats::table::Format as TableFormat;
use lineaprint_formats::tfrecord;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Longer files hold more of the same.
const LONGEST: u64 = 100_000;

/// Return the files that a parser is for.
pub fn of(parser: Parser) -> Vec<Bytes> {
    let files = |folder: &str, suffixes: &[&str]| -> Vec<Bytes> { files(folder, suffixes) };
    let files = match parser {
        Parser::Model(Format::Safetensors) | Parser::Lenient => safetensors(),
        Parser::Model(Format::PyTorch) | Parser::Zip => {
            [files("pytorch", &[".pt"]), files("table", &[".pt"])].concat()
        }
        Parser::Model(Format::Gguf) => [files("gguf", &[".gguf"]), files("table", &[".gguf"])].concat(),
        Parser::Model(Format::Npy) => arrays(),
        Parser::Model(Format::Npz) => files("table", &[".npz"]),
        Parser::Model(Format::Onnx) => [files("onnx", &[".onnx"]), files("table", &[".onnx"])].concat(),
        Parser::Graph => files("graph", &[".onnx"]),
        Parser::Model(Format::Keras) => [files("keras", &[".keras"]), files("table", &[".keras"])].concat(),
        Parser::Model(Format::Hdf5) => [
            files("hdf5", &[".h5"]),
            files("keras", &[".h5"]),
            files("table", &[".h5"]),
        ]
        .concat(),
        Parser::Model(Format::TensorFlowJs) => ["plain", "quantised", "sharded", "texts"]
            .map(|name| tfjs(&root().join("tfjs").join(name)))
            .to_vec(),
        Parser::Model(Format::Tflite) => files("tflite", &[".tflite"]),
        Parser::Model(Format::Flax) => [files("flax", &[".msgpack"]), files("table", &[".msgpack"])].concat(),
        Parser::Pickle => pickles(),
        Parser::Shards => {
            let map = r#"{"metadata":{"total_size":12},"weight_map":{"a":"m-1-of-2.safetensors","b":"m-2-of-2.safetensors"}}"#;
            vec![Bytes::from(map)]
        }
        Parser::Tar => [files("pytorch", &["old.tar.pt"]), vec![tar()]].concat(),
        Parser::PackedTar(Compression::Zstd) => {
            vec![zstd::encode_all(&tar()[..], 3).expect("is compressed").into()]
        }
        Parser::PackedTar(_) => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&tar()).expect("is compressed");
            vec![encoder.finish().expect("is compressed").into()]
        }
        Parser::TfRecord => vec![records()],
        Parser::Mds => vec![shard()],
        Parser::Table(TableFormat::Sqlite) => ["rows.sqlite", "keys.sqlite"]
            .map(|name| {
                let path = root().join("../databases").join(name);
                Bytes::from(std::fs::read(&path).expect("a vector"))
            })
            .to_vec(),
        Parser::Detected | Parser::Json | Parser::Table(_) => Vec::new(),
    };
    assert!(!files.is_empty(), "{parser:?} has no file to start from");
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/models")
}

fn read(path: &Path) -> Bytes {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Bytes::from(bytes)
}

fn files(folder: &str, suffixes: &[&str]) -> Vec<Bytes> {
    let entries = std::fs::read_dir(root().join(folder)).expect("is a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("is readable").path()).collect();
    // The order of a folder differs from machine to machine.
    paths.sort();
    let wanted = |path: &&PathBuf| {
        let name = path.to_string_lossy();
        suffixes.iter().any(|suffix| name.ends_with(suffix))
            && std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= LONGEST)
    };
    paths.iter().filter(wanted).map(|path| read(path)).collect()
}

/// A small file with most of what a header can say.
fn safetensors() -> Vec<Bytes> {
    let header = concat!(
        r#"{"__metadata__":{"format":"pt","note":"a \"note\""},"a.weight":{"dtype":"F32","shape":[2,3],"#,
        r#""data_offsets":[0,24]},"a.bias":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},"empty":"#,
        r#"{"dtype":"I64","shape":[3,0],"data_offsets":[26,26]},"packed":{"dtype":"F4","shape":[2,4],"#,
        r#""data_offsets":[26,30]}}"#
    );
    let length = (header.len() as u64).to_le_bytes();
    let small = [&length[..], header.as_bytes(), &[7; 30]].concat();
    let mut all = files("table", &[".safetensors"]);
    all.push(small.into());
    all
}

/// A tar with most of what a header can say.
fn tar() -> Bytes {
    let member = |name: &str, kind: u8, link: &str, data: &[u8]| {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", data.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = kind;
        header[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header.extend(data);
        header.resize(header.len().next_multiple_of(512), 0);
        header
    };
    let parts = [
        member("folder/", b'5', "", b""),
        member("pax", b'x', "", b"22 path=folder/a.text\n14 mtime=1.25\n"),
        member("a", b'0', "", &[7; 700]),
        member("././@LongLink", b'L', "", b"folder/long\0"),
        member("b", b'0', "", b"b"),
        vec![0; 1024],
    ];
    parts.concat().into()
}

/// Records of several lengths.
fn records() -> Bytes {
    let mut all = Vec::new();
    for length in [0_usize, 1, 300] {
        let (head, data) = ((length as u64).to_le_bytes(), vec![5; length]);
        all.extend(head);
        all.extend(tfrecord::masked(&head).to_le_bytes());
        all.extend(&data);
        all.extend(tfrecord::masked(&data).to_le_bytes());
    }
    all.into()
}

/// A shard of three samples, each of bytes, a number and text.
fn shard() -> Bytes {
    let samples =
        [("", 1_u64, "a"), ("bytes", 2, ""), ("more", u64::MAX, "text")].map(|(bytes, number, text)| {
            let sizes = [bytes, text].map(|value| u32::try_from(value.len()).expect("short").to_le_bytes());
            [
                &sizes.concat(),
                bytes.as_bytes(),
                &number.to_le_bytes(),
                text.as_bytes(),
            ]
            .concat()
        });
    let description = b"{}";
    let mut offset = 4 + 4 * 4 + description.len();
    let mut all = 3_u32.to_le_bytes().to_vec();
    for length in std::iter::once(0).chain(samples.iter().map(Vec::len)) {
        offset += length;
        all.extend(u32::try_from(offset).expect("short").to_le_bytes());
    }
    all.extend(description);
    all.extend(samples.concat());
    all.into()
}

/// Arrays in both orders of elements and of bytes.
fn arrays() -> Vec<Bytes> {
    let array = |descr: &str, order: &str, shape: &str, bytes: usize| {
        let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        let text = format!("{text:<117}\n");
        let length = u16::try_from(text.len()).expect("short").to_le_bytes();
        Bytes::from([b"\x93NUMPY\x01\0", &length[..], text.as_bytes(), &vec![1; bytes]].concat())
    };
    vec![
        array("<f4", "False", "(2, 3)", 24),
        array(">i8", "False", "(4,)", 32),
        array("<f8", "True", "(3, 2, 2)", 96),
        array(">c16", "True", "(2, 2)", 64),
        array("|V2", "False", "()", 2),
    ]
}

/// The pickles inside of the checkpoints.
fn pickles() -> Vec<Bytes> {
    let mut pickles = Vec::new();
    for file in files("pytorch", &[".pt"]) {
        let Ok(archive) = lineaprint_formats::archive::zip::Archive::read(&file) else {
            continue;
        };
        for member in archive.members() {
            if member.name.ends_with("/data.pkl") {
                pickles.push(member.bytes(&file, 1 << 20).expect("is sound"));
            }
        }
    }
    pickles
}

/// A model of TensorFlow.js with its weights, in the order in which its manifest names them.
fn tfjs(path: &Path) -> Bytes {
    let manifest = read(&path.join("model.json"));
    let json: serde_json::Value = serde_json::from_slice(&manifest).expect("is JSON");
    let mut all = vec![manifest];
    for group in json["weightsManifest"].as_array().expect("has groups") {
        for name in group["paths"].as_array().expect("has paths") {
            all.push(read(&path.join(name.as_str().expect("is a path"))));
        }
    }
    folder(&all)
}
