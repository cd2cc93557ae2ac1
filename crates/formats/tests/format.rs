//! The format of a file, from its content alone.

use bytes::Bytes;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::format::{Detected, Format, detect};

fn of(bytes: &[u8]) -> Detected {
    let input = Bytes::copy_from_slice(bytes);
    detect(&input as &dyn Input).expect("looks")
}

#[test]
fn formats_are_found_by_their_content() {
    for (bytes, format) in [
        (b"\x02\0\0\0\0\0\0\0{}".as_slice(), Format::Safetensors),
        (b"\x93NUMPY\x01\0", Format::Npy),
        (b"GGUF\x03\0\0\0", Format::Gguf),
        (b"\x89HDF\r\n\x1a\n\0\0", Format::Hdf5),
        (b"\x81\xa1a\xc0", Format::Flax),
        // IR version 8, a producer and an empty graph.
        (b"\x08\x08\x12\x01x\x3a\x00", Format::Onnx),
    ] {
        assert_eq!(of(bytes), Detected::Read(format));
    }
}

#[test]
fn what_is_not_read_is_named() {
    for (bytes, noun) in [
        (b"\x08\x01\x12\x02\x0a\x00".as_slice(), "a TensorFlow SavedModel"),
        (b"\x0a\x01x\x22\x00", "a TensorFlow graph"),
        (b"lmgg\0\0\0\0", "a GGML file of before GGUF"),
        (b"PAR1\0\0\0\0", "a Parquet file"),
        (b"tree\nversion=v4\n", "a LightGBM model"),
        (b"{\"learner\":{\"gradient_booster\":{}}}", "an XGBoost model"),
        (b"{\"weight_map\":{}}", "a shard index"),
        (b"{\"a\":1}", "JSON text"),
        (b"hello, world\n", "text"),
    ] {
        assert_eq!(of(bytes), Detected::Other(noun));
    }
}

#[test]
fn what_is_nothing_is_not_guessed() {
    for bytes in [
        b"".as_slice(),
        b"\0",
        b"\xff\xff\xff\xff",
        &[0; 4096],
        b"\x12\x34\x56\x78\x9a\xbc",
    ] {
        assert_eq!(of(bytes), Detected::Unknown, "{bytes:?}");
    }
}
