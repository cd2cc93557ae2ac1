//! Whether data is in memory already, from a few looks at it.
//!
//! The answer only decides how many threads read, so that every doubt counts as "in memory".

mod resident;

use crate::io::folder::{Entry, Folder, Kind};
use crate::io::source::Source;
use resident::Resident;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Files that are looked into. They stand for all others.
const FILES: usize = 16;

/// Places per file at most: the system may hold the start of a file and not its end.
const PLACES: u64 = 8;

/// Bytes that one place stands for at least.
const PER_PLACE: u64 = 64 << 10;

/// Entries of folders that are listed to find those files.
const ENTRIES: usize = 256;

/// Less than this has been read before other threads have begun.
const WORTH_THREADS: u64 = 8 << 20;

/// What the looks showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Files that were seen, which may be fewer than there are.
    pub seen: u64,
    /// Those that were looked at.
    pub files: u64,
    /// The lengths together of those that were looked at.
    pub bytes: u64,
    /// Places in them, none if that is not worth it.
    pub asked: u64,
    /// Those of the places that were not in memory.
    pub absent: u64,
}

impl Found {
    /// Whether there is so much that other threads have something to do once they have begun.
    const fn is_much(self) -> bool {
        self.seen >= FILES as u64 || self.bytes >= WORTH_THREADS
    }

    /// Whether readers will wait for the disk, and for so long that others could work meanwhile. An eighth of the data
    /// at a tenth of the speed of memory is more than half of the time.
    pub const fn waits(self) -> bool {
        self.is_much() && self.asked > 0 && self.absent * 8 >= self.asked
    }

    /// The mean length of a file in bytes.
    pub fn mean_size(self) -> u64 {
        self.bytes.checked_div(self.files).unwrap_or_default()
    }
}

/// Looks into some of the files at and beneath `paths`, links beneath them left out, if they are much to read.
/// Some dozens of system calls.
pub fn probe(paths: &[PathBuf]) -> Found {
    let files = candidates(paths);
    let step = files.len().div_ceil(FILES).max(1);
    let mut found = Found {
        seen: files.len() as u64,
        ..Found::default()
    };
    for path in files.iter().step_by(step) {
        // A file that cannot be looked at, opened or read says so when it is hashed.
        if let Ok(metadata) = fs::metadata(path) {
            found.files += 1;
            found.bytes += metadata.len();
        }
    }
    if found.is_much() {
        for path in files.iter().step_by(step) {
            // One that cannot be read counts as in memory.
            let _ = look(path, &mut found);
        }
    }
    found
}

/// Files among `paths`, and the first ones beneath the folders among them.
fn candidates(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = VecDeque::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => files.push(path.clone()),
            Ok(metadata) if metadata.is_dir() => folders.push_back(path.clone()),
            // What is missing or something else says so when it is hashed.
            _ => {}
        }
    }
    let mut left = ENTRIES;
    while left > 0
        && let Some(path) = folders.pop_front()
    {
        // So does a folder that cannot be listed.
        let entries = Folder::open_root(&path).and_then(|folder| folder.first_entries(left));
        for Entry { name, kind } in entries.unwrap_or_default() {
            left -= 1;
            match kind {
                Kind::File => files.push(path.join(name)),
                Kind::Folder => folders.push_back(path.join(name)),
                _ => {}
            }
        }
    }
    files
}

/// Looks into one file, as far as it can be read.
fn look(path: &Path, found: &mut Found) -> Option<()> {
    let source = Source::open(path).ok()?;
    let size = source.size();
    // Nothing can be mapped of a file without content.
    let resident = Resident::of(source.file(), size).ok()?;
    let places = size.div_ceil(PER_PLACE).min(PLACES);
    for place in 0..places {
        let offset = size / places * place;
        let absent = !resident.holds(offset).ok()? && is_on_disk(source.file(), offset);
        found.asked += 1;
        found.absent += u64::from(absent);
    }
    Some(())
}

/// Whether there is a byte to read at `offset`: a hole of a sparse file is made up in memory. Moves the position of the
/// file.
fn is_on_disk(file: &File, offset: u64) -> bool {
    rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)).is_ok_and(|data| data == offset)
}
