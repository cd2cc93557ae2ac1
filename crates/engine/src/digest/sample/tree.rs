//! Folders, in files: all of them are listed with their sizes, and the chosen ones are read whole.

use super::{Extent, each};
use crate::control::Control;
use crate::digest::batch::{self, BatchFile, Context};
use crate::digest::file::FileDigest;
use crate::digest::tree::{self, Content, Links, ListedEntry, Options, Tree, path_from_bytes};
use crate::error::{Code, Error, Result};
use crate::io::folder::Folder;
use crate::io::source::retry_once;
use lineaprint_digest::Algorithm;
use lineaprint_digest::sample::description::{self, Entry, Whole};
use lineaprint_digest::sample::{Plan, Selection};
use rayon::prelude::*;
use std::path::Path;

/// Samples the folder at `root` on the threads of the current pool.
///
/// Where entries are listed, the files that were not read have no digests.
pub fn sample(root: &Path, plan: &Plan, options: &Options, control: &Control) -> Result<(Tree, Extent)> {
    retry_once(|| sample_once(root, plan, options, control))
}

fn sample_once(root: &Path, plan: &Plan, options: &Options, control: &Control) -> Result<(Tree, Extent)> {
    let mut listed = tree::list(root, options, control)?;
    let Some(selection) = plan.select(listed.files) else {
        let full = tree::hash(root, options, control)?;
        let extent = Extent {
            sampled: false,
            units: full.files,
            units_read: full.files,
            bytes: full.bytes,
            bytes_read: full.bytes,
        };
        return Ok((full, extent));
    };
    let mut chosen = chosen(&mut listed.entries, &selection);
    let extent = Extent {
        sampled: true,
        units: listed.files,
        units_read: selection.count(),
        bytes: listed.bytes,
        bytes_read: chosen.iter().map(|(_, file)| file.size).sum(),
    };
    let reader = Reader {
        links: options.links,
        context: Context {
            algorithms: options.algorithms,
            known: &options.known,
            cache: options.cache.as_deref(),
            control,
        },
    };
    reader.folder(&Folder::open_root(root)?, &mut chosen, 0)?;
    let whole = Whole {
        units: listed.files,
        bytes: listed.bytes,
    };
    listed.digests = each(options.algorithms, |algorithm| {
        let mut entries: Vec<Entry<'_>> = listed
            .entries
            .iter()
            .map(|entry| describe(entry, algorithm))
            .collect();
        description::tree(algorithm, plan, whole, &mut entries)
    });
    if !options.list {
        listed.entries.clear();
    }
    Ok((listed, extent))
}

fn describe(entry: &ListedEntry, algorithm: Algorithm) -> Entry<'_> {
    let path = &entry.path;
    match &entry.content {
        Content::File(file) => Entry::File {
            path,
            size: file.size,
            digest: file.digests.get(algorithm),
        },
        Content::Link(target) => Entry::Link { path, target },
    }
}

/// A chosen file: its relative path, its size as it was listed, and the place for its digests.
type Chosen<'a> = (&'a [u8], &'a mut FileDigest);

/// The chosen ones of the files, which are sorted by their paths.
fn chosen<'a>(entries: &'a mut [ListedEntry], selection: &Selection) -> Vec<Chosen<'a>> {
    let files = entries.iter_mut().filter_map(|entry| match &mut entry.content {
        Content::File(file) => Some((entry.path.as_slice(), file)),
        Content::Link(_) => None,
    });
    let mut place = 0;
    (0_u64..)
        .zip(files)
        .filter_map(|(unit, file)| {
            let wanted = place < selection.count() && selection.index(place) == unit;
            place += u64::from(wanted);
            wanted.then_some(file)
        })
        .collect()
}

struct Reader<'a> {
    links: Links,
    context: Context<'a>,
}

impl Reader<'_> {
    /// Reads the chosen files below a folder whose own path takes the first `depth` bytes of theirs.
    ///
    /// Everything is opened beneath its parent, as in the walk that listed it.
    fn folder(&self, folder: &Folder, chosen: &mut [Chosen<'_>], depth: usize) -> Result<()> {
        self.context.control.check()?;
        // Paths are sorted, so those that share a folder stand side by side.
        let mut groups: Vec<&mut [Chosen<'_>]> = chosen
            .chunk_by_mut(|(one, _), (other, _)| folder_name(&one[depth..]) == folder_name(&other[depth..]))
            .collect();
        groups.par_iter_mut().with_max_len(1).try_for_each(|group| {
            let name = group.first().and_then(|(path, _)| folder_name(&path[depth..]));
            let Some(name) = name else {
                return self.files(folder, group, depth);
            };
            let inner = folder.open_folder(path_from_bytes(name).as_os_str(), self.follow())?;
            self.folder(&inner, group, depth + name.len() + 1)
        })
    }

    fn follow(&self) -> bool {
        self.links == Links::Follow
    }

    fn files(&self, folder: &Folder, files: &mut [Chosen<'_>], depth: usize) -> Result<()> {
        // Few files are dealt out one by one, so that each thread has some.
        let batch = (files.len() / (rayon::current_num_threads() * 2)).clamp(1, batch::BATCH);
        files.par_chunks_mut(batch).try_for_each(|files| {
            let names: Vec<_> = files
                .iter()
                .map(|(path, _)| path_from_bytes(&path[depth..]))
                .collect();
            let batch: Vec<BatchFile<'_>> = names
                .iter()
                .map(|name| BatchFile {
                    folder,
                    name: name.as_os_str(),
                    follow: self.follow(),
                })
                .collect();
            let hashed = batch::hash_batch(&batch, &self.context)?;
            for (place, digest) in hashed.iter().enumerate() {
                let listed = files[place].1.size;
                if digest.size != listed {
                    return Err(
                        Error::new(Code::Changed, "it changed after the folder was listed")
                            .but(format!("{listed} bytes"), format!("{} bytes", digest.size))
                            .at(&folder.path().join(&names[place])),
                    );
                }
            }
            for ((_, place), digest) in files.iter_mut().zip(hashed) {
                **place = digest;
            }
            Ok(())
        })
    }
}

/// The first segment of a relative path, where it is that of a folder.
fn folder_name(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().position(|byte| *byte == b'/')?;
    Some(&path[..end])
}
