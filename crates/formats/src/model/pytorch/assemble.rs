//! From names and views to a listing: every view is checked against its storage.

use super::Contents;
use super::budget::Budget;
use super::element::Element;
use super::gather::{Gather, Source, axes, is_one_piece};
use super::names::{self, Found};
use super::storage::{Location, Storages, Stored};
use super::tensor::{self, View};
use crate::error::FormatError;
use crate::model::listing::{Elements, Listing, Tensor};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes that the tensors of any file may have together.
const WORK: u64 = 1 << 30;

/// The number of times that the bytes of a file may be in its tensors.
const OFTEN: u64 = 64;

/// Bytes that a compressed storage may take in memory, beside twice the length of the file.
const INFLATED: u64 = 16 << 20;

/// The number of names that are spelled out, of those that are not read.
const SPELLED: usize = 5;

/// Make a listing of what a file of `length` bytes holds.
pub fn listing(contents: Contents, length: u64, budget: &mut Budget) -> Result<Listing, FormatError> {
    let Contents {
        pickle,
        mut storages,
        globals,
        not_read,
        missing,
        remarks,
    } = contents;
    let walked = names::find(&pickle, &storages, budget)?;
    let mut listing = Listing {
        not_read,
        remarks,
        ..Listing::default()
    };
    let globals: BTreeSet<String> = globals.into_iter().chain(pickle.globals).collect();
    remark(&mut listing, &globals, &walked, &storages);
    let missing: Vec<String> = missing.into_iter().chain(walked.missing).collect();
    listing.incomplete = incomplete(&missing);
    listing.not_read.extend(walked.not_read);
    listing.checked = std::mem::take(&mut storages.checked);
    listing.buffers = walked.buffers;
    let mut users: Vec<(String, usize)> = Vec::with_capacity(walked.tensors.len());
    let mut work = 0_u64;
    listing.tensors.reserve_exact(walked.tensors.len());
    for (name, view) in walked.tensors {
        let (elements, bytes) = elements(&view, &storages, length).map_err(|error| error.tensor(&name))?;
        work = work.saturating_add(bytes);
        let tensor = tensor_of(&name, &view, elements).map_err(|error| error.tensor(&name))?;
        if tensor.shape.iter().all(|length| *length > 0) {
            users.push((view.storage, listing.tensors.len()));
        }
        listing.tensors.push(tensor);
    }
    let most = WORK.saturating_add(length.saturating_mul(OFTEN));
    if work > most {
        return Err(
            FormatError::unsupported("the tensors are too large for the size of the file")
                .with_expected(format!("at most {most} bytes to read"), format!("{work} bytes")),
        );
    }
    check_names(&listing.tensors)?;
    users.sort_unstable();
    listing.shared = users
        .chunk_by(|one, other| one.0 == other.0)
        .filter(|group| group.len() > 1)
        .map(|group| {
            group
                .iter()
                .map(|(_, index)| listing.tensors[*index].name.clone())
                .collect()
        })
        .collect();
    listing.shared.sort();
    Ok(listing)
}

/// Return the tensor of a view.
fn tensor_of(name: &str, view: &View, elements: Elements) -> Result<Tensor, FormatError> {
    let mut shape = view.shape.clone();
    if view.kind.packed > 1 {
        // The last axis counts pairs of elements.
        let last = shape.last_mut();
        let last =
            last.ok_or_else(|| FormatError::unsupported("a packed dtype without an axis is not read"))?;
        *last *= view.kind.packed;
    }
    Ok(Tensor {
        name: name.to_owned(),
        dtype: view.kind.dtype,
        shape,
        elements,
    })
}

/// Check a view against its storage; gives where its elements lie, and how many bytes have to be read for them.
fn elements(view: &View, storages: &Storages, length: u64) -> Result<(Elements, u64), FormatError> {
    let kind = &view.kind;
    if view.is_conjugate && kind.unit == kind.width {
        return Err(FormatError::new("it has the conjugate bit, and is not complex"));
    }
    if view.is_negative && !kind.is_float {
        return Err(FormatError::new("it has the negative bit, and no sign"));
    }
    let Some(last) = tensor::last(view)? else {
        return Ok((Elements::Held(Bytes::new()), 0));
    };
    let stored = storages
        .by_key
        .get(&view.storage)
        .ok_or_else(|| FormatError::new(format!("its storage {:?} is not in the file", view.storage)))?;
    let held = stored.length / kind.width;
    if last >= held {
        return Err(FormatError::new("it reaches beyond its storage")
            .with_expected(format!("{held} elements at most"), format!("the element {last}")));
    }
    // The products were checked with the view.
    let bytes = view.shape.iter().product::<u64>() * kind.width;
    let axes = axes(view);
    let is_swapped = storages.is_big_endian && kind.unit > 1;
    let is_final = is_one_piece(&axes) && !is_swapped && !view.is_conjugate && !view.is_negative;
    let (source, work) = match &stored.location {
        Location::Span(start) if is_final => {
            let start = start + view.offset * kind.width;
            let end = start + bytes;
            return Ok((Elements::InPlace { start, end }, bytes));
        }
        Location::Span(start) => (Source::Span(*start), bytes),
        Location::Deflated(member) => deflated(member, stored, &axes, length, bytes)?,
        Location::Nowhere => return Err(FormatError::new("its storage has no content")),
    };
    let gather = Gather::new(view, source, is_swapped, bytes);
    Ok((Elements::Decoded(Arc::new(gather)), work))
}

/// Return the source of a view of a compressed storage. Each reading decompresses all of it.
fn deflated(
    member: &Arc<crate::archive::zip::Member>,
    stored: &Stored,
    axes: &[(u64, u64)],
    length: u64,
    bytes: u64,
) -> Result<(Source, u64), FormatError> {
    let limit = INFLATED.saturating_add(length.saturating_mul(2));
    if !is_one_piece(axes) && stored.length > limit {
        return Err(FormatError::unsupported(
            "it is a strided view of a compressed storage, which is too large to be held in memory",
        )
        .with_expected(
            format!("at most {limit} bytes"),
            format!("{} bytes", stored.length),
        ));
    }
    Ok((
        Source::Deflated(Arc::clone(member), limit),
        stored.length.max(bytes),
    ))
}

/// Check that no name appears twice.
fn check_names(tensors: &[Tensor]) -> Result<(), FormatError> {
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(FormatError::new(
            "the name stands for two tensors: keys with dots, or numbers as text, give the same path",
        )
        .tensor(pair[0])),
        None => Ok(()),
    }
}

/// Say why there is no digest of the weights, if tensors are not read.
fn incomplete(missing: &[String]) -> Option<String> {
    let first = missing.first()?;
    let spelled: Vec<String> = missing
        .iter()
        .take(SPELLED)
        .map(|name| format!("{name:?}"))
        .collect();
    Some(match missing.len() {
        1 => format!("the tensor {first:?} is not read"),
        count if count <= SPELLED => format!("the tensors {} are not read", spelled.join(", ")),
        count => format!(
            "{count} tensors are not read, the first of them {}",
            spelled.join(", ")
        ),
    })
}

/// Note down what a reader should know.
fn remark(listing: &mut Listing, globals: &BTreeSet<String>, walked: &Found, storages: &Storages) {
    if !globals.is_empty() {
        let all: Vec<&str> = globals.iter().map(String::as_str).collect();
        listing.remarks.push(format!(
            "The pickle names these globals, none of which was imported or called: {}.",
            all.join(", ")
        ));
    }
    let foreign: Vec<&str> = globals
        .iter()
        .map(String::as_str)
        .filter(|global| !is_known(global))
        .collect();
    if !foreign.is_empty() {
        listing.remarks.push(format!(
            "A program that unpickles the file runs code of these, which no tensor needs: {}.",
            foreign.join(", ")
        ));
    }
    if walked.modules > 0 {
        listing.remarks.push(format!(
            "The file holds {} modules as objects; names are those of their parameters and buffers, without what their classes would change.",
            walked.modules
        ));
    }
    if storages.is_big_endian {
        listing
            .remarks
            .push("The file is big-endian; its elements are brought into little-endian order.".to_owned());
    }
    if walked.not_listed > 0 {
        listing
            .remarks
            .push(format!("{} more objects are no tensors.", walked.not_listed));
    }
}

/// Tell whether a global is one that checkpoints of tensors need.
fn is_known(global: &str) -> bool {
    let Some((module, name)) = global.rsplit_once('.') else {
        return false;
    };
    match module {
        "collections" => matches!(name, "OrderedDict" | "defaultdict"),
        "torch" => name == "Size" || name == "device" || Element::is_named(module, name),
        "torch.cuda" | "torch.storage" => Element::is_named(module, name),
        "torch.jit._pickle" => name.starts_with("build_") || name == "restore_type_tag",
        "__torch__" => true,
        _ => tensor::is_known(module, name) || module.starts_with("__torch__."),
    }
}
