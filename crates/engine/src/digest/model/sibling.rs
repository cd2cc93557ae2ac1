//! Files beside a model file that hold elements of its tensors.
//!
//! Their paths are text of a stranger. A file is opened only below the folder of the model file, segment by segment from
//! that folder's descriptor, through no link, and only if it has no second name: a link or a second name could stand for
//! a file that the model's author never had, whose digest would tell about it.

use crate::error::{Code, Error, Result};
use crate::io::folder::Folder;
use crate::io::source::Source;
use std::ffi::OsStr;
use std::path::Path;

/// The most segments of a path.
const SEGMENTS: usize = 64;

/// Open the file that `model` names as `relative`.
pub fn open(model: &Path, relative: &str) -> Result<Source> {
    let refused = |message: &str| {
        Error::new(Code::Format, message)
            .with_expected(
                "a regular file below the folder of the model",
                format!("{relative:?}"),
            )
            .at(model)
    };
    let segments: Vec<&str> = relative.split('/').filter(|segment| *segment != ".").collect();
    let outside =
        |segment: &&str| segment.is_empty() || **segment == *".." || segment.contains(['\\', '\0', ':']);
    if segments.iter().any(outside) || segments.len() > SEGMENTS {
        return Err(refused("it names a file outside its folder"));
    }
    let Some((name, folders)) = segments.split_last() else {
        return Err(refused("it names a file outside its folder"));
    };
    let parent = model.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut folder = Folder::open_root(parent.unwrap_or(Path::new(".")))?;
    let linked = |error: Error| {
        if is_link_error(&error) {
            refused("it names a file that is a link")
        } else {
            error
        }
    };
    for segment in folders {
        folder = folder.open_folder(OsStr::new(segment), false).map_err(linked)?;
    }
    let source = folder.open_file(OsStr::new(name), false).map_err(linked)?;
    if names_of(&source)? > 1 {
        return Err(refused("it names a file that has a second name (a hard link)"));
    }
    Ok(source)
}

/// Return whether opening failed because the last segment is a link.
#[cfg(unix)]
fn is_link_error(error: &Error) -> bool {
    let link = rustix::io::Errno::LOOP.raw_os_error();
    error.os_error == Some(link)
}

#[cfg(not(unix))]
fn is_link_error(error: &Error) -> bool {
    error.code == Code::Link
}

#[cfg(unix)]
fn names_of(source: &Source) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = source
        .file()
        .metadata()
        .map_err(|error| Error::io("stat", source.path(), error))?;
    Ok(metadata.nlink())
}

#[cfg(not(unix))]
fn names_of(_: &Source) -> Result<u64> {
    Ok(1)
}
