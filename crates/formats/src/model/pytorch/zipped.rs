//! The zip of PyTorch since 1.6, and of TorchScript.

use super::Contents;
use super::budget::Budget;
use super::names;
use super::pickle::{self, Pickle};
use super::storage::{Location, Reference, Storages, Stored, references};
use crate::archive::zip::Archive;
use crate::error::FormatError;
use crate::input::Input;
use crate::model::listing::{Checked, NotRead};
use std::collections::HashSet;
use std::sync::Arc;

/// The longest `byteorder`.
const SHORT: u64 = 64;

/// The number of members that are listed one by one, of those that are not read.
const LISTED: usize = 100;

/// Return the folder inside an archive that is the checkpoint, from the names of its members; `None` if the archive is none.
pub fn root<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let roots = names
        .into_iter()
        .filter_map(|name| name.strip_suffix("/data.pkl"));
    roots.filter(|root| !root.contains('/')).min()
}

/// Read the pickle of an archive, and find its storages.
pub fn read(input: &dyn Input, budget: &mut Budget) -> Result<Contents, FormatError> {
    let archive = Archive::read(input)?;
    let root = root(archive.names()).ok_or_else(|| not_a_checkpoint(&archive))?;
    // PyTorch takes the folder of the first member.
    let first = archive
        .members()
        .first()
        .map_or("", |member| member.name.as_str());
    if first.split('/').next() != Some(root) {
        return Err(FormatError::new("two folders of the zip could be the checkpoint")
            .with_expected(format!("members below {root:?}"), format!("{first:?}")));
    }
    let mut remarks = Vec::new();
    let pickle = member(&archive, input, root, "data.pkl", budget, &mut remarks)?;
    let mut storages = Storages {
        is_big_endian: is_big_endian(&archive, input, root)?,
        ..Storages::default()
    };
    locate(
        &archive,
        &format!("{root}/data"),
        references(&pickle, budget)?,
        &mut storages,
        budget,
    )?;
    let mut not_read = Vec::new();
    let mut missing = Vec::new();
    let mut globals = Vec::new();
    if archive.get(&format!("{root}/constants.pkl")).is_some() {
        remarks.push(
            "The file is a TorchScript program; its code is neither run nor a part of the digests."
                .to_owned(),
        );
        let constants = member(&archive, input, root, "constants.pkl", budget, &mut remarks)?;
        let tensors = names::find(&constants, &Storages::default(), budget)?;
        let read = tensors.tensors.into_iter().map(|(name, _)| name);
        for name in read.chain(tensors.missing) {
            not_read.push(NotRead {
                name: format!("constants.pkl/{name}"),
                reason: "it is a constant of the program, and no part of its state".to_owned(),
            });
        }
        globals.extend(constants.globals);
        let has_tensors = pickle.persistent().next().is_some();
        if !has_tensors && !not_read.is_empty() {
            missing.extend(not_read.iter().map(|constant| constant.name.clone()));
        }
        not_read.push(NotRead {
            name: "code".to_owned(),
            reason: "it is the code of the program".to_owned(),
        });
    }
    list_members(&archive, root, &storages, &mut not_read, &mut remarks);
    Ok(Contents {
        pickle,
        storages,
        globals,
        not_read,
        missing,
        remarks,
    })
}

/// Say what a zip without a pickle is, if that is known.
fn not_a_checkpoint(archive: &Archive) -> FormatError {
    let has = |end: &str| archive.members().iter().any(|member| member.name.ends_with(end));
    if has("/archive_format") {
        return FormatError::unsupported("the zip is a program of torch.export (PT2); it is not read");
    }
    if has("/.data/python_version") || has("/.data/extern_modules") {
        return FormatError::unsupported("the zip is a package of torch.package; it is not read");
    }
    FormatError::new("the zip is no checkpoint of PyTorch: it has no data.pkl directly below a folder")
}

/// Read one of the pickles.
fn member(
    archive: &Archive,
    input: &dyn Input,
    root: &str,
    name: &str,
    budget: &mut Budget,
    remarks: &mut Vec<String>,
) -> Result<Pickle, FormatError> {
    let member = archive.get(&format!("{root}/{name}"));
    let member = member.ok_or_else(|| FormatError::new(format!("the zip has no {root}/{name}")))?;
    let (bytes, crc) = member.bytes_and_crc(input, budget.remaining() / 2)?;
    if crc != member.crc {
        remarks.push(format!(
            "{name} does not have the CRC-32 that the zip states, which PyTorch does not check: it is damaged, or it was saved without checksums."
        ));
    }
    budget.charge(bytes.len())?;
    let pickle = pickle::parse(&bytes, budget)?;
    let after = bytes.len() as u64 - pickle.length;
    if after > 0 {
        remarks.push(format!(
            "{after} bytes follow the end of the pickle in {name}; PyTorch does not read them."
        ));
    }
    Ok(pickle)
}

fn is_big_endian(archive: &Archive, input: &dyn Input, root: &str) -> Result<bool, FormatError> {
    let Some(member) = archive.get(&format!("{root}/byteorder")) else {
        // Before 2.1 there was no entry; PyTorch takes such files for little-endian.
        return Ok(false);
    };
    // PyTorch checks no CRC-32, and can write files without.
    let (bytes, _) = member.bytes_and_crc(input, SHORT)?;
    match &bytes[..] {
        b"little" => Ok(false),
        b"big" => Ok(true),
        other => Err(FormatError::new("the byte order is neither of the two")
            .with_expected("little or big", format!("b\"{}\"", other.escape_ascii()))),
    }
}

/// Find the members of storages.
fn locate(
    archive: &Archive,
    folder: &str,
    all: Vec<Reference>,
    storages: &mut Storages,
    budget: &mut Budget,
) -> Result<(), FormatError> {
    for reference in all {
        let width = reference.element.width();
        let Some(member) = archive.get(&format!("{folder}/{}", reference.key)) else {
            // One without content may have no member. A tensor in it finds that out.
            continue;
        };
        let length = width.map_or(Some(member.length), |width| reference.numel.checked_mul(width));
        if length != Some(member.length) && !reference.is_meta {
            return Err(FormatError::new(format!(
                "the member {:?} has another size than its storage",
                member.name
            ))
            .with_expected(
                length.map_or("fewer than 2^64 bytes".to_owned(), |length| {
                    format!("{length} bytes")
                }),
                format!("{} bytes", member.length),
            ));
        }
        let location = match member.span() {
            _ if reference.is_meta => Location::Nowhere,
            Some((start, _)) => Location::Span(start),
            None => Location::Deflated(Arc::new(member.clone())),
        };
        if !reference.is_meta {
            budget.charge(2 * member.name.len() + 200)?;
            storages.checked.extend(Checked::of(member, false));
        }
        let length = member.length;
        storages.by_key.insert(reference.key, Stored { location, length });
    }
    storages.checked.sort_unstable_by_key(|part| part.start);
    Ok(())
}

/// List the members that are neither storages nor known.
fn list_members(
    archive: &Archive,
    root: &str,
    storages: &Storages,
    not_read: &mut Vec<NotRead>,
    remarks: &mut Vec<String>,
) {
    const KNOWN: [&str; 7] = [
        "data.pkl",
        "constants.pkl",
        "byteorder",
        "version",
        ".format_version",
        ".storage_alignment",
        ".data/serialization_id",
    ];
    let known: HashSet<&str> = KNOWN.into_iter().collect();
    let mut unused = 0_u64;
    let mut more = 0_u64;
    for member in archive.members() {
        let below = member
            .name
            .strip_prefix(root)
            .and_then(|name| name.strip_prefix('/'));
        let reason = match below {
            Some(name)
                if known.contains(name) || name.starts_with("code/") || name.starts_with("constants/") =>
            {
                continue;
            }
            Some(name)
                if name
                    .strip_prefix("data/")
                    .is_some_and(|key| storages.by_key.contains_key(key)) =>
            {
                continue;
            }
            Some(name) if name.starts_with("data/") => {
                unused += 1;
                continue;
            }
            Some(_) => "it is a member of the archive, and no storage of the checkpoint",
            None => "it is outside the folder of the checkpoint",
        };
        if not_read.len() < LISTED {
            not_read.push(NotRead {
                name: member.name.clone(),
                reason: reason.to_owned(),
            });
        } else {
            more += 1;
        }
    }
    if unused > 0 {
        remarks.push(format!(
            "{unused} storages in the archive are named by no tensor."
        ));
    }
    if more > 0 {
        remarks.push(format!(
            "{more} more members of the archive are no storages of the checkpoint."
        ));
    }
}
