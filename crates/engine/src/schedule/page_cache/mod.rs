//! Probes of the page cache: whether data is in memory.
//!
//! The answer only decides how many threads read. Every doubt counts as "in memory".

mod resident;

use crate::io::folder::{Entry, Folder, Kind};
use crate::io::source::Source;
use resident::Resident;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The most files that are probed: a sample of all files.
const MAX_FILES: usize = 16;

/// The most pages that are probed in one file: the system may hold the start of a file and not its end.
const PAGES_PER_FILE: u64 = 8;

/// The least bytes of a file for each page that is probed.
const BYTES_PER_PAGE: u64 = 64 << 10;

/// The most entries of folders that are listed to find files.
const MAX_ENTRIES: usize = 256;

/// Fewer bytes are read before other threads have started.
const WORTH_THREADS: u64 = 8 << 20;

/// The result of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residency {
    /// Files that were found, which may be fewer than there are.
    pub files_seen: u64,
    /// Files that were probed.
    pub files_probed: u64,
    /// Total length of the files that were probed.
    pub bytes: u64,
    /// Pages that were probed; none where there is too little to read.
    pub pages_probed: u64,
    /// Pages that were not in memory.
    pub pages_absent: u64,
}

impl Residency {
    /// Return whether there is so much to read that other threads have work once they have started.
    const fn is_much(self) -> bool {
        self.files_seen >= MAX_FILES as u64 || self.bytes >= WORTH_THREADS
    }

    /// Return whether readers will wait for the disk long enough for others to work meanwhile. An eighth of the data
    /// at a tenth of the speed of memory is more than half of the time.
    pub const fn is_on_disk(self) -> bool {
        self.is_much() && self.pages_probed > 0 && self.pages_absent * 8 >= self.pages_probed
    }

    /// Return the mean length of a file in bytes.
    pub fn mean_size(self) -> u64 {
        self.bytes.checked_div(self.files_probed).unwrap_or_default()
    }
}

/// Probe some of the files at and beneath `paths`, without following links beneath them, if there is much to read.
///
/// Makes some dozens of system calls.
pub fn probe<P: AsRef<Path>>(paths: &[P]) -> Residency {
    let files = find_files(paths);
    let step = files.len().div_ceil(MAX_FILES).max(1);
    let mut residency = Residency {
        files_seen: files.len() as u64,
        ..Residency::default()
    };
    for path in files.iter().step_by(step) {
        // If the stat fails, opening the file gives the error.
        if let Ok(metadata) = fs::metadata(path) {
            residency.files_probed += 1;
            residency.bytes += metadata.len();
        }
    }
    if residency.is_much() {
        for path in files.iter().step_by(step) {
            // An unreadable file counts as in memory.
            let _ = probe_file(path, &mut residency);
        }
    }
    residency
}

/// Return the files among `paths`, and the first files beneath the folders among them.
fn find_files<P: AsRef<Path>>(paths: &[P]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = VecDeque::new();
    for path in paths.iter().map(AsRef::as_ref) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => files.push(path.to_owned()),
            Ok(metadata) if metadata.is_dir() => folders.push_back(path.to_owned()),
            // Hashing gives the error for anything else.
            _ => {}
        }
    }
    let mut left = MAX_ENTRIES;
    while left > 0
        && let Some(path) = folders.pop_front()
    {
        // Hashing gives the error for a folder that cannot be listed.
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

/// Probe pages of one file, as far as it can be read.
fn probe_file(path: &Path, residency: &mut Residency) -> Option<()> {
    let source = Source::open(path).ok()?;
    let size = source.size();
    // An empty file cannot be mapped.
    let resident = Resident::map(source.file(), size).ok()?;
    let pages = size.div_ceil(BYTES_PER_PAGE).min(PAGES_PER_FILE);
    for page in 0..pages {
        let offset = size / pages * page;
        let absent = !resident.contains(offset).ok()? && has_data(source.file(), offset);
        residency.pages_probed += 1;
        residency.pages_absent += u64::from(absent);
    }
    Some(())
}

/// Return whether there is data at `offset`: the kernel reads the hole of a sparse file without the disk. Moves the
/// file position.
fn has_data(file: &File, offset: u64) -> bool {
    rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)).is_ok_and(|data| data == offset)
}
