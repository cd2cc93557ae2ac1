//! The members of an archive with their digests, in its order.

use super::Format;
use crate::digest::file::FileDigest;
use crate::error::Result;
use crate::io::input::FileInput;
use lineaprint_digest::{Algorithms, Hasher};
use lineaprint_formats::FormatError;
use lineaprint_formats::archive::{path, tar, zip};
use lineaprint_formats::input::Input;
use lineaprint_formats::pieces::{Compression, PIECE, expanded_limit, expands_too_far};
use rayon::prelude::*;
use std::sync::Arc;

/// The most bytes of the target of a link, as systems have it.
const TARGET: usize = 4096;

/// The members of an archive.
pub struct Members {
    pub format: Format,
    pub list: Vec<Member>,
}

/// A member that was read.
pub struct Member {
    /// Raw bytes of its path below the root; empty for the root.
    pub path: Vec<u8>,
    pub content: Content,
}

/// The content of a member.
pub enum Content {
    File(FileDigest),
    Folder,
    /// A symbolic link with the raw bytes of its target.
    Link(Vec<u8>),
    /// Another name of the member with this path, which is before it.
    HardLink(Vec<u8>),
}

/// Read an archive to its end.
pub fn read(input: &Arc<FileInput>, algorithms: Algorithms) -> Result<Members> {
    let length = usize::try_from(input.length().min(4)).unwrap_or(4);
    let head = input.read(0, length)?;
    let shared: Arc<dyn Input> = input.clone();
    let (format, list) = if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        (Format::Zip, read_zip(shared.as_ref(), algorithms))
    } else if head.starts_with(b"\x1f\x8b") {
        let list = read_packed(shared, Compression::Gzip, algorithms);
        (Format::TarGzip, list)
    } else if head.starts_with(b"\x28\xb5\x2f\xfd") {
        let list = read_packed(shared, Compression::Zstd, algorithms);
        (Format::TarZstd, list)
    } else {
        (Format::Tar, read_tar(&shared, algorithms))
    };
    let list = list?;
    for Member { path: name, content } in &list {
        if let Content::Link(target) = content
            && target.len() > TARGET
        {
            let name = path::shortened(name);
            let error = FormatError::new(format!("the link \"{name}\" has a target that is too long"));
            return Err(error
                .with_expected(format!("at most {TARGET} bytes"), target.len())
                .into());
        }
    }
    Ok(Members { format, list })
}

type Listed = std::result::Result<Vec<Member>, FormatError>;

fn read_zip(input: &dyn Input, algorithms: Algorithms) -> Listed {
    let archive = zip::Archive::read_with_links(input)?;
    let expanded = archive
        .members()
        .iter()
        .fold(0_u64, |sum, member| sum.saturating_add(member.length));
    let limit = expanded_limit(input.length());
    if expanded > limit {
        return Err(expands_too_far(
            "the zip",
            limit,
            format!("{expanded} bytes in its directory"),
        ));
    }
    let path_of = |name: &str| {
        if name.contains('\\') {
            return Err(FormatError::new(format!(
                "the name {name:?} in the zip has a backslash, so two readers could see different names"
            )));
        }
        path::below_root(name.as_bytes(), "zip")
    };
    let folders = archive.folders().iter().map(|name| {
        Ok(Member {
            path: path_of(name)?,
            content: Content::Folder,
        })
    });
    let mut list = folders.collect::<Listed>()?;
    let files = archive.members().par_iter().with_max_len(16).map(|member| {
        let path = path_of(&member.name)?;
        let content = if member.is_link {
            Content::Link(member.bytes(input, TARGET as u64)?.to_vec())
        } else {
            let mut hasher = Hasher::new(algorithms);
            member.stream(input, &mut |piece| {
                hasher.update(piece);
                Ok(())
            })?;
            Content::File(FileDigest {
                size: member.length,
                digests: hasher.finish(),
            })
        };
        Ok(Member { path, content })
    });
    list.extend(files.collect::<Listed>()?);
    Ok(list)
}

fn content_of(kind: tar::Kind, file: impl FnOnce() -> FileDigest) -> Content {
    match kind {
        tar::Kind::File => Content::File(file()),
        tar::Kind::Folder => Content::Folder,
        tar::Kind::Link(target) => Content::Link(target),
        tar::Kind::HardLink(target) => Content::HardLink(target),
    }
}

/// Read the headers, then the data on all threads.
fn read_tar(input: &Arc<dyn Input>, algorithms: Algorithms) -> Listed {
    let mut reader = tar::Reader::headers(Arc::clone(input))?;
    let mut found = Vec::new();
    while let Some(member) = reader.next_member()? {
        found.push(member);
    }
    let members = found.into_par_iter().with_max_len(64).map(|member| {
        let mut digests = None;
        if member.kind == tar::Kind::File {
            let mut hasher = Hasher::new(algorithms);
            let end = member.start + member.size;
            let mut at = member.start;
            while at < end {
                let length = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
                hasher.update(&input.read(at, length)?);
                at += length as u64;
            }
            digests = Some(hasher.finish());
        }
        let size = member.size;
        let content = content_of(member.kind, || FileDigest {
            size,
            digests: digests.unwrap_or_default(),
        });
        Ok(Member {
            path: member.path,
            content,
        })
    });
    members.collect()
}

/// Read members as they are decompressed.
fn read_packed(input: Arc<dyn Input>, compression: Compression, algorithms: Algorithms) -> Listed {
    let mut reader = tar::Reader::new(input, compression)?;
    let mut list = Vec::new();
    while let Some(member) = reader.next_member()? {
        let mut hasher = Hasher::new(algorithms);
        reader.data(&mut |piece| {
            hasher.update(piece);
            Ok(())
        })?;
        let content = content_of(member.kind, || FileDigest {
            size: member.size,
            digests: hasher.finish(),
        });
        list.push(Member {
            path: member.path,
            content,
        });
    }
    Ok(list)
}
