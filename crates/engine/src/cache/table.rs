//! The cache on disk: a hash table of pages in one file, of which a job reads only the pages it needs.
//!
//! Each record has two candidate pages, chosen by its file, and goes to the one with more free space. Where both are
//! full the table doubles. Readers take no lock: a half-written state is a page with a wrong checksum, or a record in a
//! page where no reader searches for it, and counts as absent. Writers take turns. The file can be deleted at any time.
//! Its name holds the version of the format.

use super::own_file;
use super::page::{CAPACITY, Key, PAGE, Page};
use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::source::read_at;
use lineaprint_digest::Hash;
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Pages of a new table.
const FIRST_PAGES: u64 = 16;

/// The most pages there are (256 MiB, three million records): after that new records push out old ones.
const MOST_PAGES: u64 = 1 << 16;

/// The time that a writer waits for another. Writing takes milliseconds: a process that holds the lock longer has
/// stopped.
const PATIENCE: Duration = Duration::from_secs(10);

fn path_in(folder: &Path) -> PathBuf {
    folder.join("files-v3")
}

/// Return the numbers of the two pages that may hold a record.
fn candidate_pages(key: &Key, pages: u64) -> [u64; 2] {
    let mixed = key.neighbourhood();
    [mixed % pages, (mixed >> 32) % pages]
}

/// Return how many pages a file of this length has; `None` if it is not a table.
fn pages_of(length: u64) -> Option<u64> {
    let pages = length / PAGE as u64;
    let fits = length.is_multiple_of(PAGE as u64) && pages.is_power_of_two() && pages <= MOST_PAGES;
    fits.then_some(pages)
}

/// The table for reading. Pages are read when they are first asked for, and kept.
#[derive(Debug)]
pub struct Table {
    file: Option<File>,
    path: PathBuf,
    pages: Box<[OnceLock<Page>]>,
    failure: OnceLock<Error>,
}

impl Table {
    /// Open the table in `folder`. A missing or foreign file has no records.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = path_in(folder);
        let file = own_file::open(&path)?;
        let mut pages = 0;
        if let Some(file) = &file {
            let metadata = file.metadata().map_err(|error| Error::io("stat", &path, error))?;
            pages = pages_of(metadata.len()).unwrap_or_default();
        }
        Ok(Self {
            file,
            path,
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
            failure: OnceLock::new(),
        })
    }

    /// Return the digest under exactly this key.
    pub fn find(&self, key: &Key) -> Option<Hash> {
        if self.pages.is_empty() {
            return None;
        }
        candidate_pages(key, self.pages.len() as u64)
            .into_iter()
            .find_map(|number| self.page(number)?.find(key))
    }

    fn page(&self, number: u64) -> Option<&Page> {
        let file = self.file.as_ref()?;
        let page = self.pages.get(usize::try_from(number).ok()?)?;
        Some(page.get_or_init(|| {
            read_page(file, number).unwrap_or_else(|error| {
                // The first error is enough to report.
                self.failure.get_or_init(|| Error::io("read", &self.path, error));
                Page::empty()
            })
        }))
    }

    /// Return the first error of reading a page.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }
}

/// Read one page. Beyond the end of the file it is empty.
fn read_page(file: &File, number: u64) -> io::Result<Page> {
    let mut bytes = Box::new([0; PAGE]);
    let mut done = 0;
    while done < PAGE {
        match read_at(file, &mut bytes[done..], number * PAGE as u64 + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Page::from_bytes(bytes))
}

/// Store records in the table in `folder`. Each replaces the record of the same file.
pub fn store(folder: &Path, records: &[(Key, Hash)], control: &Control) -> Result<()> {
    store_within(folder, records, MOST_PAGES, control)
}

fn store_within(folder: &Path, records: &[(Key, Hash)], most: u64, control: &Control) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let _lock = lock(&folder.join("lock"), control)?;
    let path = path_in(folder);
    Writer::open(own_file::open_or_make(&path)?, most)
        .and_then(|mut writer| {
            for (key, hash) in records {
                writer.put(key, hash)?;
            }
            writer.flush()
        })
        .map_err(|error| Error::io("write", &path, error))
}

/// Lock the table, after other writers. The lock ends with the descriptor.
fn lock(path: &Path, control: &Control) -> Result<File> {
    let file = own_file::open_or_make(path)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, error)),
            Err(TryLockError::WouldBlock) if start.elapsed() > PATIENCE => {
                let message = "the cache is locked by another program";
                return Err(Error::new(Code::Unreadable, message).at(path));
            }
            Err(TryLockError::WouldBlock) => {
                control.check()?;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// The table for writing, under the lock.
struct Writer {
    file: File,
    pages: u64,
    /// The largest number of pages.
    most: u64,
    /// Pages that were read, by their numbers.
    loaded: HashMap<u64, LoadedPage>,
}

/// A page in memory.
struct LoadedPage {
    page: Page,
    /// True if it differs from the file.
    changed: bool,
}

impl Writer {
    fn open(file: File, most: u64) -> io::Result<Self> {
        let mut pages = pages_of(file.metadata()?.len()).unwrap_or_default();
        if pages == 0 {
            // New, or no table: every page becomes a hole, which is an empty page.
            file.set_len(0)?;
            file.set_len(FIRST_PAGES * PAGE as u64)?;
            pages = FIRST_PAGES;
        }
        Ok(Self {
            file,
            pages,
            most,
            loaded: HashMap::new(),
        })
    }

    fn page(&mut self, number: u64) -> io::Result<&mut LoadedPage> {
        match self.loaded.entry(number) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let page = read_page(&self.file, number)?;
                Ok(entry.insert(LoadedPage { page, changed: false }))
            }
        }
    }

    fn put(&mut self, key: &Key, hash: &Hash) -> io::Result<()> {
        loop {
            let candidates = candidate_pages(key, self.pages);
            let mut lengths = [0; 2];
            for (number, length) in candidates.into_iter().zip(&mut lengths) {
                let LoadedPage { page, changed } = self.page(number)?;
                *changed |= page.remove(key);
                *length = page.len();
            }
            let emptier = usize::from(lengths[1] < lengths[0]);
            let (number, len) = (candidates[emptier], lengths[emptier]);
            if len == CAPACITY && self.pages < self.most {
                self.grow()?;
                continue;
            }
            let LoadedPage { page, changed } = self.page(number)?;
            if len == CAPACITY {
                page.remove_oldest();
            }
            page.push(key, hash);
            *changed = true;
            return Ok(());
        }
    }

    /// Double the table in place: page `i` is split into `i` and `i + pages`. After a crash in between some records are
    /// not found, as if they were absent.
    fn grow(&mut self) -> io::Result<()> {
        self.flush()?;
        self.loaded.clear();
        let (old, new) = (self.pages, self.pages * 2);
        self.file.set_len(new * PAGE as u64)?;
        self.pages = new;
        for number in 0..old {
            let page = read_page(&self.file, number)?;
            if page.len() == 0 {
                continue;
            }
            let (mut lower, mut upper) = (Page::empty(), Page::empty());
            for (key, hash) in page.entries() {
                let candidates = candidate_pages(&key, new);
                if candidates.contains(&number) {
                    lower.push(&key, &hash);
                } else if candidates.contains(&(number + old)) {
                    upper.push(&key, &hash);
                }
            }
            self.write(number + old, &upper)?;
            self.write(number, &lower)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut changed: Vec<u64> = Vec::new();
        for (number, page) in &mut self.loaded {
            if std::mem::take(&mut page.changed) {
                changed.push(*number);
            }
        }
        changed.sort_unstable();
        for number in changed {
            let bytes = self.loaded[&number].page.to_bytes();
            write_at(&mut self.file, number, &bytes)?;
        }
        Ok(())
    }

    fn write(&mut self, number: u64, page: &Page) -> io::Result<()> {
        write_at(&mut self.file, number, &page.to_bytes())
    }
}

fn write_at(file: &mut File, number: u64, bytes: &[u8; PAGE]) -> io::Result<()> {
    file.seek(SeekFrom::Start(number * PAGE as u64))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::source::Stamp;
    use lineaprint_digest::Algorithm;

    fn record(inode: u64, size: u64) -> (Key, Hash) {
        let stamp = Stamp {
            size,
            device: 2,
            inode,
            modified: 1,
            changed: 1,
        };
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&inode.to_le_bytes());
        hash[8..16].copy_from_slice(&size.to_le_bytes());
        (Key::new(9, stamp, Algorithm::Blake3).expect("fits"), hash)
    }

    fn count_hits(folder: &Path, records: &[(Key, Hash)]) -> usize {
        let table = Table::open(folder).expect("opens");
        let hit = |(key, hash): &&(Key, Hash)| table.find(key).is_some_and(|stored| stored == *hash);
        records.iter().filter(hit).count()
    }

    #[test]
    fn table_grows_without_loss() {
        let folder = tempfile::tempdir().expect("a folder");
        // Runs of neighbours with gaps, as file systems hand out inodes.
        let all: Vec<(Key, Hash)> = (0..20_000)
            .map(|index| record(index + index / 100 * 37, index))
            .collect();
        for part in all.chunks(700) {
            store(folder.path(), part, &Control::new()).expect("stores");
        }
        assert_eq!(count_hits(folder.path(), &all), all.len());
        let length = std::fs::metadata(path_in(folder.path())).expect("there").len();
        let capacity = length / PAGE as u64 * CAPACITY as u64;
        assert!(
            all.len() as u64 * 3 > capacity,
            "less than a third of {capacity} records"
        );
    }

    #[test]
    fn record_replaces_older_record_of_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (old, new): (Vec<_>, Vec<_>) = (0..3000)
            .map(|inode| (record(inode, 1), record(inode, 2)))
            .unzip();
        store(folder.path(), &old, &Control::new()).expect("stores");
        let length = std::fs::metadata(path_in(folder.path())).expect("there").len();
        for _ in 0..5 {
            store(folder.path(), &new, &Control::new()).expect("stores");
            store(folder.path(), &old, &Control::new()).expect("stores");
        }
        store(folder.path(), &new, &Control::new()).expect("stores");
        assert_eq!(
            (count_hits(folder.path(), &old), count_hits(folder.path(), &new)),
            (0, new.len())
        );
        assert_eq!(
            std::fs::metadata(path_in(folder.path())).expect("there").len(),
            length
        );
    }

    #[test]
    fn full_table_keeps_newest_records() {
        let folder = tempfile::tempdir().expect("a folder");
        let all: Vec<(Key, Hash)> = (0..50_000).map(|inode| record(inode, 1)).collect();
        store_within(folder.path(), &all, 64, &Control::new()).expect("stores");
        let length = std::fs::metadata(path_in(folder.path())).expect("there").len();
        assert_eq!(length, 64 * PAGE as u64);
        let capacity = 64 * CAPACITY;
        assert_eq!(count_hits(folder.path(), &all), capacity);
        // Each page drops its own oldest, so the border between old and new is not sharp.
        let newest = count_hits(folder.path(), &all[all.len() - capacity / 4..]);
        assert!(newest > capacity / 5, "{newest} of the newest {}", capacity / 4);
        let oldest = count_hits(folder.path(), &all[..all.len() / 2]);
        assert!(oldest < capacity / 100, "{oldest} of the oldest");
    }

    #[test]
    fn pages_are_read_on_demand() {
        let folder = tempfile::tempdir().expect("a folder");
        let all: Vec<(Key, Hash)> = (0..20_000).map(|inode| record(inode, 1)).collect();
        store(folder.path(), &all, &Control::new()).expect("stores");
        let table = Table::open(folder.path()).expect("opens");
        for (key, hash) in &all[5000..5020] {
            assert_eq!(table.find(key), Some(*hash));
        }
        let read = table.pages.iter().filter(|page| page.get().is_some()).count();
        assert!(read <= 6, "{read} of {} pages", table.pages.len());
    }

    #[test]
    fn foreign_file_is_empty_and_rewritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let all = [record(1, 1), record(2, 1)];
        for length in [1, PAGE * 3, PAGE + 1] {
            std::fs::write(path_in(folder.path()), vec![7; length]).expect("written");
            assert_eq!(count_hits(folder.path(), &all), 0);
            store(folder.path(), &all, &Control::new()).expect("stores");
            assert_eq!(count_hits(folder.path(), &all), 2);
        }
    }

    #[test]
    fn truncated_table_has_fewer_records() {
        let folder = tempfile::tempdir().expect("a folder");
        let all: Vec<(Key, Hash)> = (0..2000).map(|inode| record(inode, 1)).collect();
        store(folder.path(), &all, &Control::new()).expect("stores");
        let table = Table::open(folder.path()).expect("opens");
        File::options()
            .write(true)
            .open(path_in(folder.path()))
            .and_then(|file| file.set_len(PAGE as u64 * 3 / 2))
            .expect("cut");
        let hits = all.iter().filter(|(key, _)| table.find(key).is_some()).count();
        assert!(hits < all.len());
        assert!(table.failure().is_none());
    }
}
