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

/// The first block of a tar archive.
fn tar() -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..5].copy_from_slice(b"a.txt");
    block[257..262].copy_from_slice(b"ustar");
    block
}

#[test]
fn long_keys_of_flax_may_be_cut_inside_a_character() {
    let key = "\u{e9}".repeat(3000);
    for even in [key.clone(), format!("a{key}")] {
        let length = u16::try_from(even.len()).expect("short").to_be_bytes();
        let file = [b"\x81\xda".as_slice(), &length, even.as_bytes(), b"\xc0"].concat();
        assert_eq!(of(&file), Detected::Read(Format::Flax));
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
        (b"\x80\x04\x95\x05\0\0\0\0\0\0\0}\x94.", "a Python pickle"),
        (&tar(), "a tar archive"),
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
        // Maps of MessagePack whose first key would be text, and is none.
        b"\x81\xa2a\xff\xc0",
        b"\xde\0\x01\xd9\x02\xc3\x28\xc0",
    ] {
        assert_eq!(of(bytes), Detected::Unknown, "{bytes:?}");
    }
}
