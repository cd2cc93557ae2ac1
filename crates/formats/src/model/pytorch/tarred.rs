//! The tar of PyTorch before 0.1.6: `storages`, `tensors` and `pickle`.
//!
//! `storages`: a number, then for each storage a pickle `(key, location, type)`, the number of elements and the
//! elements; then a pickle of views `[(key, key of the whole, offset, elements)]`. `tensors`: a number, then for each
//! tensor a pickle `(key, key of the storage, type)`, the rank (4 bytes, then 4 to skip), lengths, strides and the
//! offset. `pickle`: the object, which names tensors by their keys. All numbers are little-endian.

use super::Contents;
use super::budget::Budget;
use super::element::{Element, Kind};
use super::pickle::{self, Pickle};
use super::stacked::{Pickles, u64_at};
use super::storage::{Location, Storages, Stored, count, key};
use super::tensor::{View, last};
use crate::archive::tar::{self, Entry};
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use bytes::Bytes;
use std::collections::HashMap;

/// The most axes of a tensor.
const AXES: u64 = 64;

/// A storage or a part of one, by the key that tensors name.
struct Part {
    storage: String,
    element: Element,
    first: u64,
    numel: u64,
}

/// Tell whether the first file of a tar that starts with `head` is one of ours.
pub fn recognise(head: &[u8]) -> bool {
    let name = tar::first_name(head);
    matches!(
        name.as_deref(),
        Some("sys_info" | "pickle" | "tensors" | "storages")
    )
}

/// Read the files of a tar.
pub fn read(input: &dyn Input, budget: &mut Budget) -> Result<Contents, FormatError> {
    let entries = tar::read(input)?;
    let file = |name: &str| {
        let selected = entries.iter().find(|entry| entry.name == name);
        selected.ok_or_else(|| {
            FormatError::new(format!(
                "the tar is no checkpoint of PyTorch: it has no file named {name}"
            ))
        })
    };
    let mut globals = Vec::new();
    let mut storages = Storages::default();
    let parts = read_storages(
        &Part::input(input, file("storages")?),
        budget,
        &mut storages,
        &mut globals,
    )?;
    read_tensors(
        &Part::input(input, file("tensors")?),
        budget,
        &parts,
        &mut storages,
        &mut globals,
    )?;
    let entry = file("pickle")?;
    let pickle = pickle::parse_at(input, entry.start, entry.end, budget)?;
    let not_read = entries
        .iter()
        .filter(|entry| {
            !matches!(
                entry.name.as_str(),
                "sys_info" | "pickle" | "tensors" | "storages"
            )
        })
        .map(|entry| crate::model::listing::NotRead {
            name: entry.name.clone(),
            reason: "it is a file of the tar that holds no tensors".to_owned(),
        })
        .collect();
    Ok(Contents {
        pickle,
        storages,
        globals,
        not_read,
        missing: Vec::new(),
        remarks: Vec::new(),
    })
}

/// A file inside the tar, as an input whose end is the end of the file.
struct Inside<'a> {
    input: &'a dyn Input,
    start: u64,
    end: u64,
}

impl Input for Inside<'_> {
    fn length(&self) -> u64 {
        self.end
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes, FormatError> {
        self.input.read(offset, length)
    }
}

impl Part {
    fn input<'a>(input: &'a dyn Input, entry: &Entry) -> Inside<'a> {
        Inside {
            input,
            start: entry.start,
            end: entry.end,
        }
    }
}

fn malformed(what: &str) -> FormatError {
    FormatError::new(format!("the file of {what} in the tar is malformed"))
}

/// Read the next pickle, and note down its globals.
fn next(pickles: &mut Pickles, globals: &mut Vec<String>) -> Result<Pickle, FormatError> {
    let mut pickle = pickles.next()?;
    globals.append(&mut std::mem::take(&mut pickle.globals).into_iter().collect());
    globals.sort();
    globals.dedup();
    Ok(pickle)
}

fn read_storages(
    file: &Inside,
    budget: &mut Budget,
    storages: &mut Storages,
    globals: &mut Vec<String>,
) -> Result<HashMap<String, Part>, FormatError> {
    let fault = || malformed("storages");
    let at = file.start;
    let mut pickles = Pickles {
        input: file,
        at,
        budget,
    };
    let number = count(next(&mut pickles, globals)?.root).ok_or_else(fault)?;
    let mut parts = HashMap::new();
    for _ in 0..number {
        let pickle = next(&mut pickles, globals)?;
        let Some([name, _, element]) = pickle.tuple(pickle.root) else {
            return Err(fault());
        };
        let storage = key(&pickle, *name).ok_or_else(fault)?;
        let element = Element::of_storage(&pickle, *element).ok_or_else(fault)?;
        let width = element.width().ok_or_else(fault)?;
        let start = pickles.at + 8;
        let numel = u64_at(file, pickles.at)?;
        let length = numel.checked_mul(width).ok_or_else(fault)?;
        let end = start.checked_add(length).filter(|end| *end <= file.end);
        pickles.at = end.ok_or_else(|| {
            FormatError::new(format!(
                "the storage {storage:?} reaches beyond the end of its file"
            ))
        })?;
        let location = Location::Span(start);
        let part = Part {
            storage: storage.clone(),
            element,
            first: 0,
            numel,
        };
        storages
            .by_key
            .insert(storage.clone(), Stored { location, length });
        if parts.insert(storage, part).is_some() {
            return Err(FormatError::new("the tar has two storages of one key"));
        }
    }
    let views = next(&mut pickles, globals)?;
    for view in views.items(views.root).ok_or_else(fault)? {
        let Some([name, whole, offset, numel]) = views.tuple(*view) else {
            return Err(fault());
        };
        let (Some(name), Some(whole)) = (key(&views, *name), key(&views, *whole)) else {
            return Err(fault());
        };
        let (Some(first), Some(numel)) = (count(*offset), count(*numel)) else {
            return Err(fault());
        };
        let part = parts
            .get(&whole)
            .filter(|part| part.storage == whole)
            .ok_or_else(fault)?;
        let part = Part {
            storage: whole,
            element: part.element,
            first,
            numel,
        };
        if parts.insert(name, part).is_some() {
            return Err(FormatError::new("the tar has two storages of one key"));
        }
    }
    Ok(parts)
}

fn read_tensors(
    file: &Inside,
    budget: &mut Budget,
    parts: &HashMap<String, Part>,
    storages: &mut Storages,
    globals: &mut Vec<String>,
) -> Result<(), FormatError> {
    let fault = || malformed("tensors");
    let at = file.start;
    let mut pickles = Pickles {
        input: file,
        at,
        budget,
    };
    let number = count(next(&mut pickles, globals)?.root).ok_or_else(fault)?;
    for _ in 0..number {
        let pickle = next(&mut pickles, globals)?;
        let Some([name, storage, _]) = pickle.tuple(pickle.root) else {
            return Err(fault());
        };
        let name = key(&pickle, *name).ok_or_else(fault)?;
        let storage = key(&pickle, *storage).and_then(|storage| parts.get(&storage));
        let part = storage.ok_or_else(fault)?;
        let Element::Known(kind) = part.element else {
            return Err(FormatError::unsupported(
                "the tar has a tensor of a type that is not known",
            ));
        };
        let view = read_view(file, &mut pickles.at, kind, part)?;
        pickles.budget.charge(256 + 32 * view.shape.len())?;
        if storages.tensors.insert(name, view).is_some() {
            return Err(FormatError::new("the tar has two tensors of one key"));
        }
    }
    Ok(())
}

fn read_view(file: &Inside, at: &mut u64, kind: Kind, part: &Part) -> Result<View, FormatError> {
    let mut numbers = |count: u64| {
        let bytes = read_checked(file, *at, 8 * count, "a tensor")?;
        *at += 8 * count;
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        Ok::<Vec<u64>, FormatError>(bytes.chunks_exact(8).map(number).collect())
    };
    // The rank is a number of 32 bits; the other half is not used.
    let rank = numbers(1)?[0] & u64::from(u32::MAX);
    if rank > AXES {
        return Err(malformed("tensors"));
    }
    let mut view = View {
        storage: part.storage.clone(),
        kind,
        shape: numbers(rank)?,
        strides: numbers(rank)?,
        offset: numbers(1)?[0],
        is_conjugate: false,
        is_negative: false,
    };
    let is_inside = last(&view)?.is_none_or(|last| last < part.numel);
    match view.offset.checked_add(part.first) {
        Some(offset) if is_inside => view.offset = offset,
        _ => {
            return Err(FormatError::new(
                "a tensor reaches beyond the storage that it is in",
            ));
        }
    }
    Ok(view)
}
