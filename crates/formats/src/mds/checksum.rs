//! Hashes that an index states of its shards, by their names in Python's `hashlib` and `xxhash`.

use crate::error::FormatError;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use std::hash::Hasher as _;
use twox_hash::{XxHash3_64, XxHash3_128, XxHash32, XxHash64};

/// A stated hash.
#[derive(Clone, Debug)]
pub struct Checksum {
    function: Function,
    hex: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Xxh32,
    Xxh64,
    Xxh3With64,
    Xxh3With128,
}

const FUNCTIONS: [(&str, Function); 11] = [
    ("md5", Function::Md5),
    ("sha1", Function::Sha1),
    ("sha224", Function::Sha224),
    ("sha256", Function::Sha256),
    ("sha384", Function::Sha384),
    ("sha512", Function::Sha512),
    ("xxh32", Function::Xxh32),
    ("xxh64", Function::Xxh64),
    ("xxh3_64", Function::Xxh3With64),
    ("xxh128", Function::Xxh3With128),
    ("xxh3_128", Function::Xxh3With128),
];

impl Checksum {
    /// Create a hash from its name and its digits; `None` for a function that is not known.
    pub fn of(name: &str, hex: &str) -> Option<Self> {
        let (_, function) = FUNCTIONS.iter().find(|(known, _)| *known == name)?;
        Some(Self {
            function: *function,
            hex: hex.to_owned(),
        })
    }
}

/// The hashes of some bytes.
pub struct Checksums(Vec<State>);

enum State {
    Md5(Box<Md5>),
    Sha1(Box<Sha1>),
    Sha224(Box<Sha224>),
    Sha256(Box<Sha256>),
    Sha384(Box<Sha384>),
    Sha512(Box<Sha512>),
    Xxh32(Box<XxHash32>),
    Xxh64(Box<XxHash64>),
    Xxh3With64(Box<XxHash3_64>),
    Xxh3With128(Box<XxHash3_128>),
}

impl Checksums {
    /// Create hashes of no bytes yet.
    pub fn new(stated: &[Checksum]) -> Self {
        let hashes = stated.iter().map(|checksum| match checksum.function {
            Function::Md5 => State::Md5(Box::default()),
            Function::Sha1 => State::Sha1(Box::default()),
            Function::Sha224 => State::Sha224(Box::default()),
            Function::Sha256 => State::Sha256(Box::default()),
            Function::Sha384 => State::Sha384(Box::default()),
            Function::Sha512 => State::Sha512(Box::default()),
            Function::Xxh32 => State::Xxh32(Box::new(XxHash32::with_seed(0))),
            Function::Xxh64 => State::Xxh64(Box::new(XxHash64::with_seed(0))),
            Function::Xxh3With64 => State::Xxh3With64(Box::new(XxHash3_64::with_seed(0))),
            Function::Xxh3With128 => State::Xxh3With128(Box::new(XxHash3_128::with_seed(0))),
        });
        Self(hashes.collect())
    }

    /// Add bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for state in &mut self.0 {
            match state {
                State::Md5(hash) => hash.update(bytes),
                State::Sha1(hash) => hash.update(bytes),
                State::Sha224(hash) => hash.update(bytes),
                State::Sha256(hash) => hash.update(bytes),
                State::Sha384(hash) => hash.update(bytes),
                State::Sha512(hash) => hash.update(bytes),
                State::Xxh32(hash) => hash.write(bytes),
                State::Xxh64(hash) => hash.write(bytes),
                State::Xxh3With64(hash) => hash.write(bytes),
                State::Xxh3With128(hash) => hash.write(bytes),
            }
        }
    }

    /// Compare them with those that were stated.
    pub fn check(&mut self, stated: &[Checksum], what: &str) -> Result<(), FormatError> {
        for (state, stated) in std::mem::take(&mut self.0).into_iter().zip(stated) {
            let own = state.hex();
            if own.eq_ignore_ascii_case(&stated.hex) {
                continue;
            }
            let name = FUNCTIONS
                .iter()
                .find(|(_, function)| *function == stated.function)
                .map_or("", |(name, _)| name);
            return Err(
                FormatError::new(format!("{what} has another {name} than its index states"))
                    .with_expected(&stated.hex, own),
            );
        }
        Ok(())
    }
}

impl State {
    fn hex(self) -> String {
        match self {
            Self::Md5(hash) => hex(&hash.finalize()),
            Self::Sha1(hash) => hex(&hash.finalize()),
            Self::Sha224(hash) => hex(&hash.finalize()),
            Self::Sha256(hash) => hex(&hash.finalize()),
            Self::Sha384(hash) => hex(&hash.finalize()),
            Self::Sha512(hash) => hex(&hash.finalize()),
            Self::Xxh32(hash) => format!("{:08x}", hash.finish_32()),
            Self::Xxh64(hash) => format!("{:016x}", hash.finish()),
            Self::Xxh3With64(hash) => format!("{:016x}", hash.finish()),
            Self::Xxh3With128(hash) => format!("{:032x}", hash.finish_128()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
