//! Storages: the bytes that tensors are views of, and where they lie.

use super::budget::Budget;
use super::element::Element;
use super::pickle::{Pickle, Value};
use super::tensor::View;
use crate::archive::zip::Member;
use crate::error::FormatError;
use crate::model::listing::Checked;
use std::collections::HashMap;
use std::sync::Arc;

/// A storage, as a pickle describes it.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Which one it is.
    pub key: String,
    /// The type of its elements.
    pub element: Element,
    /// Its elements.
    pub numel: u64,
    /// True if it was never filled (the device `meta`).
    pub is_meta: bool,
    /// The part that is meant, if it is a view: its first element and its elements.
    pub part: Option<(u64, u64)>,
}

/// The location of the bytes of a storage.
#[derive(Clone, Debug)]
pub enum Location {
    /// In the file, from this byte on.
    Span(u64),
    /// In a compressed member of an archive.
    Deflated(Arc<Member>),
    /// Nowhere: it has no content.
    Nowhere,
}

/// A storage of a file.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The location of its bytes.
    pub location: Location,
    /// Its bytes.
    pub length: u64,
}

/// The storages of a file.
#[derive(Debug, Default)]
pub struct Storages {
    /// By key.
    pub by_key: HashMap<String, Stored>,
    /// Tensors that are outside the pickle, by key (files of PyTorch 0.1).
    pub tensors: HashMap<String, View>,
    /// Storages that lie in a zip as they are.
    pub checked: Vec<Checked>,
    /// True if multi-byte elements have their highest byte first.
    pub is_big_endian: bool,
}

/// Return a count that must not be negative.
pub fn count(value: Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
}

/// Return a key: text, or a number.
pub fn key(pickle: &Pickle, value: Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        _ => pickle.text(value).map(str::to_owned),
    }
}

/// Read the identifier `('storage', type, key, location, numel[, view])`; `None` if it means no storage.
pub fn reference(pickle: &Pickle, identifier: Value) -> Result<Option<Reference>, FormatError> {
    let Some([kind, element, name, location, numel, rest @ ..]) = pickle.tuple(identifier) else {
        return Ok(None);
    };
    if pickle.text(*kind) != Some("storage") {
        return Ok(None);
    }
    let malformed =
        |what: &str| FormatError::new(format!("the pickle names a storage with a malformed {what}"));
    let part = match rest {
        [] | [Value::None] => None,
        [view] => match pickle.tuple(*view) {
            Some([_, offset, numel]) => {
                let numbers = count(*offset).zip(count(*numel));
                Some(numbers.ok_or_else(|| malformed("view"))?)
            }
            _ => return Err(malformed("view")),
        },
        _ => return Err(malformed("identifier")),
    };
    Ok(Some(Reference {
        key: key(pickle, *name).ok_or_else(|| malformed("key"))?,
        element: Element::of_storage(pickle, *element).ok_or_else(|| malformed("type"))?,
        numel: count(*numel).ok_or_else(|| malformed("number of elements"))?,
        is_meta: pickle.text(*location) == Some("meta"),
        part,
    }))
}

/// Return every storage that a pickle names, each once, in the order of the first mention.
pub fn references(pickle: &Pickle, budget: &mut Budget) -> Result<Vec<Reference>, FormatError> {
    let mut references: Vec<Reference> = Vec::new();
    let mut indexes: HashMap<String, usize> = HashMap::new();
    for identifier in pickle.persistent() {
        let Some(reference) = reference(pickle, identifier)? else {
            continue;
        };
        let Some(index) = indexes.get(&reference.key) else {
            // For the list, and for the maps, which grow by doubling.
            budget.charge(3 * reference.key.len() + 350)?;
            indexes.insert(reference.key.clone(), references.len());
            references.push(reference);
            continue;
        };
        let first = &references[*index];
        let differs = first.element != reference.element || first.numel != reference.numel;
        // Storages without content may be named with any type.
        let is_filled = first.numel > 0 && !first.is_meta && !reference.is_meta;
        if differs && is_filled {
            return Err(FormatError::new(format!(
                "the pickle names the storage {:?} twice, with different types or sizes",
                reference.key
            )));
        }
    }
    Ok(references)
}
