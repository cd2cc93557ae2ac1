//! Pickles one after the other, then the storages: PyTorch 0.1.6 to 1.5, and `_use_new_zipfile_serialization=False`.
//!
//! A magic number, a protocol version, facts about the machine, the object, the keys of the storages: five pickles.
//! Then, for each key, the number of elements (64 bits) and the elements. Both are little-endian whatever the machine:
//! a big-endian one converts them when it writes (`torch/csrc/serialization.cpp`).

use super::Contents;
use super::budget::Budget;
use super::element::Element;
use super::pickle::{self, Node, Pickle, Value};
use super::storage::{Location, Reference, Storages, Stored, key, references};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use std::collections::HashMap;

/// The magic number 0x1950a86a20f9469cfc6c, as pickles of protocol 2 and later hold it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The same number as the protocols 0 and 1 write it.
const MAGIC_LINE: &[u8] = b"L119547037146038801333356L\n";

/// The only version of this form.
const VERSION: i64 = 1001;

/// Tell whether a file that starts with `head` is of this form.
pub fn recognise(head: &[u8]) -> bool {
    let start = &head[..head.len().min(32)];
    start.starts_with(MAGIC_LINE)
        || (start.starts_with(&[0x80])
            && start
                .windows(MAGIC.len() + 1)
                .any(|bytes| bytes[0] == 10 && bytes[1..] == MAGIC))
}

/// Read the five pickles, and find the storages behind them.
pub fn read(input: &dyn Input, budget: &mut Budget) -> Result<Contents, FormatError> {
    let mut pickles = Pickles { input, at: 0, budget };
    let magic = pickles.next()?;
    let is_magic = match magic.root {
        Value::Long(span) => {
            magic.bytes_of(span) == MAGIC || MAGIC_LINE.get(1..26) == Some(magic.bytes_of(span))
        }
        _ => false,
    };
    if !is_magic {
        return Err(FormatError::new(
            "the first pickle is not the magic number of PyTorch",
        ));
    }
    let version = pickles.next()?;
    if version.root != Value::Int(VERSION) {
        return Err(
            FormatError::unsupported("the file states an unknown protocol version")
                .with_expected(VERSION, format!("{:?}", version.root)),
        );
    }
    let machine = pickles.next()?;
    let pickle = pickles.next()?;
    let keys = pickles.next()?;
    let at = pickles.at;
    let references = references(&pickle, budget)?;
    let mut remarks = Vec::new();
    if was_big_endian(&machine) {
        check_halves(&references)?;
        remarks.push(
            "The file was written on a big-endian machine; in this form its elements are little-endian even so.".to_owned(),
        );
    }
    let (storages, end) = locate(input, references, &keys, at)?;
    if end != input.length() {
        return Err(FormatError::unsupported(
            "bytes follow the last storage: a second object may be in the file",
        )
        .with_expected(format!("{end} bytes"), format!("{} bytes", input.length())));
    }
    let globals = [magic.globals, version.globals, machine.globals, keys.globals];
    Ok(Contents {
        pickle,
        storages,
        globals: globals.into_iter().flatten().collect(),
        not_read: Vec::new(),
        missing: Vec::new(),
        remarks,
    })
}

/// Pickles one after the other.
pub struct Pickles<'a> {
    pub input: &'a dyn Input,
    pub at: u64,
    pub budget: &'a mut Budget,
}

impl Pickles<'_> {
    /// Read the next one.
    pub fn next(&mut self) -> Result<Pickle, FormatError> {
        let pickle = pickle::parse_at(self.input, self.at, self.input.length(), self.budget)?;
        self.at += pickle.length;
        Ok(pickle)
    }
}

/// Refuse complex numbers of a big-endian machine: it turned them as a whole, or not at all, depending on their width.
fn check_halves(references: &[Reference]) -> Result<(), FormatError> {
    let is_complex = |element: Element| matches!(element, Element::Known(kind) if kind.unit < kind.width);
    match references.iter().find(|storage| is_complex(storage.element)) {
        Some(storage) => Err(FormatError::unsupported(format!(
            "the storage {:?} has complex numbers in the byte order of a big-endian machine, in which PyTorch is not consistent",
            storage.key
        ))),
        None => Ok(()),
    }
}

fn was_big_endian(machine: &Pickle) -> bool {
    let Some(Node::Dict(pairs)) = machine.node(machine.root) else {
        return false;
    };
    let mut values = pairs
        .iter()
        .filter(|(key, _)| machine.text(*key) == Some("little_endian"));
    values
        .next_back()
        .is_some_and(|(_, value)| *value == Value::Bool(false))
}

/// Read the lengths of the storages, one after the other; gives them and where they end.
fn locate(
    input: &dyn Input,
    references: Vec<Reference>,
    keys: &Pickle,
    mut at: u64,
) -> Result<(Storages, u64), FormatError> {
    let mut references: HashMap<String, Reference> = references
        .into_iter()
        .map(|reference| (reference.key.clone(), reference))
        .collect();
    let mut storages = Storages::default();
    let keys_fault = || FormatError::new("the keys of the storages are not a list of text");
    for value in keys.items(keys.root).ok_or_else(keys_fault)? {
        let key = key(keys, *value).ok_or_else(keys_fault)?;
        let fault = |what: &str| FormatError::new(format!("the storage {key:?} {what}"));
        let reference = references.remove(&key);
        let reference = reference.ok_or_else(|| fault("is named twice, or by no part of the pickle"))?;
        let numel = u64_at(input, at)?;
        if numel != reference.numel {
            return Err(
                fault("has another number of elements in the file than in the pickle")
                    .with_expected(reference.numel, numel),
            );
        }
        let width = reference.element.width().ok_or_else(|| {
            FormatError::unsupported(format!("the storage {key:?} has elements of an unknown size"))
        })?;
        let start = at + 8;
        let end = numel
            .checked_mul(width)
            .and_then(|length| start.checked_add(length));
        let end = end.filter(|end| *end <= input.length());
        let end = end.ok_or_else(|| {
            fault("reaches beyond the end of the file").with_expected(
                format!("at most {} bytes", input.length() - start),
                format!("{numel} elements of {width} bytes"),
            )
        })?;
        let stored = Stored {
            location: if reference.is_meta {
                Location::Nowhere
            } else {
                Location::Span(start)
            },
            length: end - start,
        };
        storages.by_key.insert(key, stored);
        at = end;
    }
    Ok((storages, at))
}

/// Read a little-endian number of 64 bits.
pub fn u64_at(input: &dyn Input, at: u64) -> Result<u64, FormatError> {
    let bytes = read_checked(input, at, 8, "a number of elements")?;
    let mut number = [0; 8];
    number.copy_from_slice(&bytes);
    Ok(u64::from_le_bytes(number))
}
