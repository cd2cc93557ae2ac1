//! Archives: the files inside, hashed without unpacking them to disk.
//!
//! The members of a zip and of an uncompressed tar are hashed on all threads. A compressed tar is decompressed from its
//! first byte to its last. Memory holds what is known of each member, and a piece of data for each thread.

mod contents;
mod members;
pub mod samples;

use crate::control::Control;
use crate::digest::tree::Tree;
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::{Source, retry_once};
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use contents::Contents;
use lineaprint_digest::Algorithms;
use members::Members;
use samples::SampleHashes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The formats that are read, found from the first bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// zip.
    Zip,
    /// tar.
    Tar,
    /// tar in gzip.
    TarGzip,
    /// tar in zstd.
    TarZstd,
}

impl Format {
    /// Return the noun of messages.
    const fn noun(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            _ => "tar",
        }
    }
}

/// A hashed archive.
#[derive(Clone, Debug)]
pub struct ArchiveDigest {
    /// Its format.
    pub format: Format,
    /// Length of the archive in bytes.
    pub size: u64,
    /// Its content, as a folder of the same files.
    pub tree: Tree,
    /// The members as samples, where they are some and the archive is a tar.
    pub samples: Option<samples::SamplesDigest>,
}

/// A request for the digests of what is in an archive.
#[derive(Clone, Debug)]
pub struct HashArchive {
    /// The archive.
    pub path: PathBuf,
    /// Hash functions, all in one read.
    pub algorithms: Algorithms,
}

impl Job for HashArchive {
    type Output = ArchiveDigest;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded {
            paths: std::slice::from_ref(&self.path),
        }
    }

    fn run(self, control: &Control) -> Result<ArchiveDigest> {
        hash(&self.path, self.algorithms, control)
    }
}

/// Hash what is in the archive at `path`, on the threads of the current pool.
pub fn hash(path: &Path, algorithms: Algorithms, control: &Control) -> Result<ArchiveDigest> {
    read(path, algorithms, control, |members, size| {
        let contents = Contents::of(members)?;
        let samples = if members.format == Format::Zip {
            None
        } else {
            let mut hashes = SampleHashes::new(algorithms);
            match samples::of(members) {
                Ok(samples) if !samples.is_empty() => {
                    hashes.add(&samples);
                    Some(hashes.finish(size))
                }
                _ => None,
            }
        };
        Ok(ArchiveDigest {
            format: members.format,
            size,
            tree: contents.tree(algorithms)?,
            samples,
        })
    })
}

/// Read the members of an archive, and hand them with its length to `finish`.
fn read<T>(
    path: &Path,
    algorithms: Algorithms,
    control: &Control,
    finish: impl Fn(&Members, u64) -> Result<T>,
) -> Result<T> {
    retry_once(|| {
        let input = Arc::new(FileInput::new(Source::open(path)?.into(), control));
        let outcome =
            members::read(&input, algorithms).and_then(|members| finish(&members, input.source().size()));
        // An error of the system goes before the error that a reader made of it. So does a change of the file.
        if let Some(error) = input.failure() {
            return Err(error);
        }
        match outcome {
            Err(error) if error.code == Code::Cancelled => Err(error),
            Err(error) => {
                input.verify_unchanged()?;
                Err(error.at(path))
            }
            Ok(answer) => input.finish().map(|()| answer),
        }
    })
}

/// Return an error about a member.
fn member_error(code: Code, format: Format, path: &[u8], what: &str) -> Error {
    let name = lineaprint_formats::archive::path::shortened(path);
    let noun = format.noun();
    Error::new(code, format!("the member \"{name}\" of the {noun} {what}"))
}
