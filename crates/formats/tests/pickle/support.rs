//! A writer of pickles that lies where a test wants it to, and of the containers around them.

#![allow(dead_code, reason = "each test file uses a part of it")]

#[path = "../zip/support.rs"]
pub mod zip;

use super::files::check_any;
use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::listing::Listing;
use lineaprint_formats::model::pytorch::read;

/// Instructions of a pickle.
#[derive(Clone, Default)]
pub struct Pickle(pub Vec<u8>);

/// A storage and the view of it that a tensor is.
#[derive(Clone)]
pub struct View {
    pub kind: &'static str,
    pub key: &'static str,
    pub numel: i64,
    pub offset: i64,
    pub size: Vec<i64>,
    pub stride: Vec<i64>,
}

/// A view of the storage `0`, which holds `numel` floats.
pub fn view(numel: i64, offset: i64, size: &[i64], stride: &[i64]) -> View {
    View {
        kind: "FloatStorage",
        key: "0",
        numel,
        offset,
        size: size.to_vec(),
        stride: stride.to_vec(),
    }
}

impl Pickle {
    pub fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub fn text(self, text: &str) -> Self {
        let length = u32::try_from(text.len()).expect("short");
        self.raw(b"X").raw(&length.to_le_bytes()).raw(text.as_bytes())
    }

    pub fn int(self, number: i64) -> Self {
        self.raw(&[0x8a, 8]).raw(&number.to_le_bytes())
    }

    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    fn ints(self, numbers: &[i64]) -> Self {
        let all = self.raw(b"(");
        numbers.iter().fold(all, |all, number| all.int(*number)).raw(b"t")
    }

    /// Push a tensor.
    pub fn tensor(self, view: &View) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"((")
            .text("storage")
            .global("torch", view.kind)
            .text(view.key)
            .text("cpu")
            .int(view.numel)
            .raw(b"tQ")
            .int(view.offset)
            .ints(&view.size)
            .ints(&view.stride)
            .raw(b"\x89")
            .global("collections", "OrderedDict")
            .raw(b")RtR")
    }

    /// Push a call of a global with text.
    pub fn call(self, module: &str, name: &str, argument: &str) -> Self {
        self.global(module, name).text(argument).raw(b"\x85R")
    }

    pub fn end(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A pickle of a dictionary with one tensor named `a`.
pub fn dictionary(view: &View) -> Vec<u8> {
    Pickle::new().raw(b"}").text("a").tensor(view).raw(b"s").end()
}

/// A zip with a pickle and the storages `0`, `1` and so on.
pub fn zipped(pickle: &[u8], storages: &[&[u8]]) -> Bytes {
    let mut members = vec![zip::stored("a/data.pkl", pickle)];
    for (key, storage) in storages.iter().enumerate() {
        members.push(zip::stored(&format!("a/data/{key}"), storage));
    }
    Bytes::from(zip::write(&members))
}

/// The start of a stacked file: magic number, protocol, facts about the machine.
pub fn start() -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}."].concat()
}

/// A stacked file of a pickle, the list of keys, and what follows.
pub fn stacked(pickle: &[u8], keys: &[&str], rest: &[u8]) -> Bytes {
    let list = keys
        .iter()
        .fold(Pickle::new().raw(b"]"), |list, key| list.text(key).raw(b"a"));
    Bytes::from([start(), pickle.to_vec(), list.end(), rest.to_vec()].concat())
}

/// A file of a tar.
pub fn tarred(name: &str, kind: u8, size: u64, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[148..156].fill(b' ');
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(data);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

/// Read a checkpoint that must be refused.
pub fn refusal(input: &Bytes) -> FormatError {
    read(input).expect_err("must be refused")
}

#[track_caller]
pub fn assert_refused(input: &Bytes, part: &str) {
    let message = refusal(input).to_string();
    assert!(message.contains(part), "{message}");
}

/// Read a checkpoint by every kind of input.
pub fn listing(input: &Bytes) -> Listing {
    check_any(read, input).unwrap_or_else(|error| panic!("{error}"))
}
