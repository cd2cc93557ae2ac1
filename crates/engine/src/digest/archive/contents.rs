//! The folders of an archive, and their `tree` digest.

use super::members::{Content as Read, Members};
use super::{Format, member_error};
use crate::digest::file::FileDigest;
use crate::digest::tree::{
    Content, ListedEntry, Listing, Tree, Warning, WarningKind, fold, is_skipped, join_bytes,
};
use crate::error::{Code, Error, Result};
use lineaprint_digest::description::{self, TreeEntry};
use lineaprint_digest::{Algorithms, Digests};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The most links on the way to a file, as Linux has it.
const LINKS: usize = 40;

/// Entries that links to folders may add to those of the archive.
const ADDED_BY_LINKS: usize = 1 << 18;

/// The folders of an archive.
pub struct Contents {
    format: Format,
    /// The first is the root.
    folders: Vec<Folder>,
    members: usize,
}

#[derive(Default)]
struct Folder {
    parent: usize,
    children: BTreeMap<Vec<u8>, Child>,
}

#[derive(Clone)]
enum Child {
    File(FileDigest),
    /// The index of a folder.
    Folder(usize),
    /// The target of a symbolic link.
    Link(Vec<u8>),
}

/// A folder whose entries are being hashed.
struct Open {
    index: usize,
    path: Vec<u8>,
    /// Entries that were not looked at.
    waiting: std::vec::IntoIter<(Vec<u8>, Child)>,
    files: Vec<(Vec<u8>, FileDigest)>,
    folders: Vec<(Vec<u8>, Digests)>,
}

impl Contents {
    /// Sort the members of an archive into folders. Two members of one path are refused, and members below a file.
    pub fn of(members: &Members) -> Result<Self> {
        let format = members.format;
        let mut contents = Self {
            format,
            folders: vec![Folder::default()],
            members: members.list.len(),
        };
        for member in &members.list {
            let path = member.path.as_slice();
            let child = match &member.content {
                Read::Folder => {
                    contents.folder(path, path)?;
                    continue;
                }
                Read::File(file) => Child::File(*file),
                Read::Link(target) => Child::Link(target.clone()),
                Read::HardLink(target) => contents.hard_link(path, target)?,
            };
            let (parent, name) = split(path);
            if name.is_empty() {
                return Err(member_error(Code::Format, format, path, "has no name"));
            }
            let parent = contents.folder(parent, path)?;
            if contents.folders[parent].children.contains_key(name) {
                let what = "is there a second time, so two readers could load different data";
                return Err(member_error(Code::Format, format, path, what));
            }
            contents.folders[parent].children.insert(name.to_vec(), child);
        }
        Ok(contents)
    }

    /// Return the index of the folder at a path, which is made where there is none. `member` is the one that needs it.
    fn folder(&mut self, path: &[u8], member: &[u8]) -> Result<usize> {
        let mut index = 0;
        for segment in path
            .split(|byte| *byte == b'/')
            .filter(|segment| !segment.is_empty())
        {
            index = match self.folders[index].children.get(segment) {
                Some(Child::Folder(folder)) => *folder,
                Some(_) => {
                    let what = "is a folder, or below one, whose name a file or link has as well";
                    return Err(member_error(Code::Format, self.format, member, what));
                }
                None => {
                    let folder = self.folders.len();
                    self.folders.push(Folder {
                        parent: index,
                        children: BTreeMap::new(),
                    });
                    let children = &mut self.folders[index].children;
                    children.insert(segment.to_vec(), Child::Folder(folder));
                    folder
                }
            };
        }
        Ok(index)
    }

    /// Return what another name stands for.
    fn hard_link(&self, path: &[u8], target: &[u8]) -> Result<Child> {
        let (parent, name) = split(target);
        let mut index = Some(0);
        for segment in parent
            .split(|byte| *byte == b'/')
            .filter(|segment| !segment.is_empty())
        {
            index = index.and_then(|index: usize| match self.folders[index].children.get(segment) {
                Some(Child::Folder(folder)) => Some(*folder),
                _ => None,
            });
        }
        let child = index.and_then(|index| self.folders[index].children.get(name));
        if let Some(child @ (Child::File(_) | Child::Link(_))) = child {
            return Ok(child.clone());
        }
        let what = "is another name of a file that is not before it";
        let error = member_error(Code::Link, self.format, path, what);
        let target = lineaprint_formats::archive::path::shortened(target);
        Err(error.with_expected("a member before it", target))
    }

    /// Compute the `tree` digest of the root, with links followed, and list all files.
    pub fn tree(&self, algorithms: Algorithms) -> Result<Tree> {
        let mut listing = Listing::default();
        let mut stack = vec![self.open(0, Vec::new())];
        let mut is_open = vec![false; self.folders.len()];
        is_open[0] = true;
        let mut left = self.members.saturating_add(ADDED_BY_LINKS);
        loop {
            let Some(top) = stack.last_mut() else {
                return Err(Error::new(Code::Internal, "a bug in lineaprint: no root"));
            };
            let Some((name, child)) = top.waiting.next() else {
                warn(top, &mut listing);
                let digests = folder_digests(top, algorithms);
                let has_entries = !(top.files.is_empty() && top.folders.is_empty());
                listing.folders += u64::from(has_entries);
                is_open[top.index] = false;
                let (_, name) = split(&top.path);
                let name = name.to_vec();
                stack.pop();
                match stack.last_mut() {
                    None => {
                        listing.entries.sort_by(|a, b| a.path.cmp(&b.path));
                        listing.warnings.sort_by(|a, b| a.path.cmp(&b.path));
                        listing.skipped.sort();
                        return Ok(Tree { digests, listing });
                    }
                    Some(parent) if has_entries => parent.folders.push((name, digests)),
                    Some(_) => {}
                }
                continue;
            };
            let path = join_bytes(&top.path, &name);
            if is_skipped(&top.path, &name) {
                listing.skipped.push(path);
                continue;
            }
            left = left.checked_sub(1).ok_or_else(|| self.too_many(&path))?;
            let child = match child {
                Child::Link(target) => self.resolve(top.index, &path, &target)?,
                child => child,
            };
            match child {
                Child::Folder(index) if is_open[index] => {
                    return Err(member_error(
                        Code::Link,
                        self.format,
                        &path,
                        "is a link to a folder that it is in",
                    ));
                }
                Child::Folder(index) => {
                    is_open[index] = true;
                    stack.push(self.open(index, path));
                }
                Child::File(file) => {
                    listing.files += 1;
                    listing.bytes += file.size;
                    listing.entries.push(ListedEntry {
                        path,
                        content: Content::File(file),
                    });
                    top.files.push((name, file));
                }
                Child::Link(_) => return Err(Error::new(Code::Internal, "a bug in lineaprint: a link")),
            }
        }
    }

    fn open(&self, index: usize, path: Vec<u8>) -> Open {
        let children = self.folders[index].children.iter();
        let children: Vec<_> = children
            .map(|(name, child)| (name.clone(), child.clone()))
            .collect();
        Open {
            index,
            path,
            waiting: children.into_iter(),
            files: Vec::new(),
            folders: Vec::new(),
        }
    }

    fn too_many(&self, path: &[u8]) -> Error {
        let what = "is one of too many that links to folders add";
        member_error(Code::Unsupported, self.format, path, what)
            .with_expected(format!("at most {ADDED_BY_LINKS} entries by links"), "more")
    }

    /// Return the file or folder that a link in the folder `index` leads to.
    fn resolve(&self, mut index: usize, path: &[u8], target: &[u8]) -> Result<Child> {
        let fault = |what: &str| {
            let received = lineaprint_formats::archive::path::shortened(target);
            member_error(Code::Link, self.format, path, what)
                .with_expected("a member of the archive", received)
        };
        let leaves = || fault("is a link that leaves the archive");
        let nowhere = || fault("is a link that leads to no member");
        let mut waiting: VecDeque<Vec<u8>> = VecDeque::new();
        let enqueue = |waiting: &mut VecDeque<Vec<u8>>, target: &[u8]| {
            for segment in target.split(|byte| *byte == b'/').rev() {
                waiting.push_front(segment.to_vec());
            }
        };
        if target.starts_with(b"/") {
            return Err(leaves());
        }
        if target.is_empty() {
            return Err(nowhere());
        }
        enqueue(&mut waiting, target);
        let mut hops = 0;
        while let Some(segment) = waiting.pop_front() {
            match segment.as_slice() {
                b"" | b"." => continue,
                b".." if index == 0 => return Err(leaves()),
                b".." => {
                    index = self.folders[index].parent;
                    continue;
                }
                _ => {}
            }
            match self.folders[index].children.get(&segment) {
                None => return Err(nowhere()),
                Some(Child::Folder(folder)) => index = *folder,
                Some(Child::File(file)) => {
                    return if waiting.is_empty() {
                        Ok(Child::File(*file))
                    } else {
                        Err(nowhere())
                    };
                }
                Some(Child::Link(next)) => {
                    hops += 1;
                    if next.starts_with(b"/") {
                        return Err(leaves());
                    }
                    if hops > LINKS || next.is_empty() {
                        return Err(fault("is a link that leads to itself, or over too many others"));
                    }
                    enqueue(&mut waiting, next);
                }
            }
        }
        Ok(Child::Folder(index))
    }
}

/// Split a path into its folder and its name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

fn folder_digests(folder: &Open, algorithms: Algorithms) -> Digests {
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        let files = folder.files.iter().map(|(name, file)| TreeEntry::File {
            name,
            size: file.size,
            digest: file.digests.get(algorithm).unwrap_or_default(),
        });
        let folders = folder.folders.iter().map(|(name, digests)| TreeEntry::Folder {
            name,
            digest: digests.get(algorithm).unwrap_or_default(),
        });
        let mut entries: Vec<_> = files.chain(folders).collect();
        digests.set(algorithm, description::tree(algorithm, &mut entries));
    }
    digests
}

/// Add warnings about the names in a folder.
fn warn(folder: &Open, listing: &mut Listing) {
    let files = folder.files.iter().map(|(name, _)| name);
    let mut without_case: HashMap<String, &Vec<u8>> = HashMap::new();
    let mut add = |kind, name: &[u8]| {
        let path = join_bytes(&folder.path, name);
        listing.warnings.push(Warning { kind, path });
    };
    for name in files.chain(folder.folders.iter().map(|(name, _)| name)) {
        match std::str::from_utf8(name) {
            Err(_) => add(WarningKind::NameNotUnicode, name),
            Ok(text) => {
                if let Some(first) = without_case.insert(fold(text), name) {
                    add(WarningKind::NamesCollide, first);
                    add(WarningKind::NamesCollide, name);
                }
            }
        }
    }
}
