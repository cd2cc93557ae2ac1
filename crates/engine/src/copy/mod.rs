//! Copies of files whose digests are computed in the same read.
//!
//! Where the file system can, a copy shares the blocks of its source, and the copy is what is hashed. Elsewhere each
//! thread reads a block, hashes it and writes it while the cache of its core still has it.
//!
//! - [`part`]: copy a part of a file into a file of its own.
//! - [`joined`]: write files one after the other into one.

#[cfg(target_os = "linux")]
mod clone_range;
pub mod joined;
pub mod part;

use crate::control::Control;
use crate::digest::range::subtrees::SUBTREE;
use crate::error::{Code, Error, Result, is_full};
use crate::io::source::Source;
use crate::schedule::work_stealing;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::Path;

/// A file that is written.
struct Target<'a> {
    file: File,
    path: &'a Path,
}

impl<'a> Target<'a> {
    /// Create a file that only this user may read. An error if something stands at `path`.
    fn create(path: &'a Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options
            .open(path)
            .map_err(|error| Error::io("create", path, error))?;
        Ok(Self { file, path })
    }

    fn write(&self, bytes: &[u8], position: u64) -> Result<()> {
        write_all_at(&self.file, bytes, position).map_err(|error| {
            if is_full(&error) {
                return Error::new(Code::Space, "no space left for this file").at(self.path);
            }
            Error::io("write", self.path, error)
        })
    }

    /// Return the file as one to read.
    fn to_source(&self) -> Result<Source> {
        let file = self
            .file
            .try_clone()
            .map_err(|error| Error::io("open", self.path, error))?;
        Source::from_file(file, self.path.to_owned())
    }
}

/// A range of a file, and where it is written.
struct Move<'a> {
    source: &'a Source,
    range: Range<u64>,
    target: &'a Target<'a>,
    position: u64,
}

impl Move<'_> {
    /// Share the blocks of the range with the target. False where that is not possible: the target is unchanged then.
    #[cfg(target_os = "linux")]
    fn share(&self) -> bool {
        let length = self.range.end - self.range.start;
        let (from, to) = (self.source.file(), &self.target.file);
        // Every reason means that the bytes are copied. An error of the disk comes again then.
        clone_range::clone_range(from, self.range.start, length, to, self.position).is_ok()
    }

    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_self, reason = "it is used on Linux")]
    const fn share(&self) -> bool {
        false
    }

    /// Read `start..end` of the source in order, write it to the target, and hand each block to `take`.
    fn copy(&self, start: u64, end: u64, control: &Control, mut take: impl FnMut(&[u8])) -> Result<()> {
        let mut position = self.position + (start - self.range.start);
        let mut outcome = Ok(());
        self.source.read_range(start, end, control, |block| {
            if outcome.is_ok() {
                take(block);
                outcome = self.target.write(block, position);
                position += block.len() as u64;
            }
        })?;
        outcome
    }
}

/// Cut `length` bytes into subtrees, and run `work` for each on the threads of the pool.
fn for_subtrees<T: Send>(length: u64, work: impl Fn(Range<u64>) -> Result<T> + Sync) -> Result<Vec<T>> {
    let count = usize::try_from(length.div_ceil(SUBTREE))
        .map_err(|_| Error::new(Code::Internal, "a file of more parts than fit into memory"))?;
    work_stealing::run(count, 1, |unit| {
        let start = unit as u64 * SUBTREE;
        work(start..(start + SUBTREE).min(length))
    })
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    file.write_all_at(bytes, position)
}

/// Write at a position. Moves the file position, which nothing here uses.
#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt as _;
    while !bytes.is_empty() {
        let count = file.seek_write(bytes, position)?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::WriteZero));
        }
        bytes = &bytes[count..];
        position += count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::joined::{JoinFiles, join};
    use super::part::{CopyPart, copy_part};
    use crate::control::Control;
    use crate::digest::range::parts::{Part, PartContent, merge_parts};
    use crate::digest::range::subtrees::SUBTREE;
    use crate::error::Code;
    use lineaprint_digest::{Algorithms, Digests};
    use std::path::{Path, PathBuf};
    use tempfile::TempDir;

    /// The folder for the tests: one that shares blocks, if the variable names it.
    fn folder() -> TempDir {
        match std::env::var_os("LINEAPRINT_SHARED_BLOCKS") {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        }
        .expect("a folder")
    }

    fn paint(length: u64) -> Vec<u8> {
        (0..length)
            .map(|index| u8::try_from(index % 251).expect("below 251"))
            .collect()
    }

    fn request(source: &Path, size: u64, start: u64, end: u64, target: PathBuf) -> CopyPart {
        CopyPart {
            source: source.to_owned(),
            size,
            start,
            end,
            target,
            algorithms: Algorithms::BLAKE3,
        }
    }

    #[test]
    fn parts_have_their_bytes_and_digests_and_join_into_the_file() {
        let folder = folder();
        let part_size = 2 * SUBTREE;
        for size in [
            1,
            1024,
            1025,
            SUBTREE,
            SUBTREE + 1,
            part_size,
            part_size + 1,
            3 * part_size - 5,
        ] {
            for algorithms in [Algorithms::BLAKE3, Algorithms::SHA256, Algorithms::BOTH] {
                let bytes = paint(size);
                let source = folder.path().join("file");
                std::fs::write(&source, &bytes).expect("written");
                let mut paths = Vec::new();
                let mut nodes = Vec::new();
                for (index, part) in bytes
                    .chunks(usize::try_from(part_size).expect("small"))
                    .enumerate()
                {
                    let start = index as u64 * part_size;
                    let target = folder.path().join(format!("part-{index}"));
                    let asked = CopyPart {
                        algorithms,
                        ..request(&source, size, start, start + part.len() as u64, target.clone())
                    };
                    let copied = copy_part(&asked, &Control::new()).expect("copied");
                    assert_eq!(
                        copied.digests,
                        Digests::of(part, algorithms),
                        "{size} bytes, part {index}"
                    );
                    assert!(std::fs::read(&target).expect("read") == part);
                    if let Some(digest) = copied.digests.blake3 {
                        let content = if copied.pieces.is_empty() {
                            PartContent::Whole(digest)
                        } else {
                            PartContent::Pieces(copied.pieces)
                        };
                        nodes.push(Part { size, content });
                    }
                    paths.push(target);
                }
                let expected = Digests::of(&bytes, algorithms);
                if algorithms.blake3 {
                    let merged = merge_parts(&nodes).expect("merged").digests;
                    assert_eq!(merged.blake3, expected.blake3, "{size} bytes");
                }
                let target = folder.path().join("joined");
                let asked = JoinFiles {
                    paths: paths.clone(),
                    part_size,
                    size,
                    target: target.clone(),
                    algorithms,
                };
                let joined = join(&asked, &Control::new()).expect("joined");
                assert_eq!((joined.digests, joined.size), (expected, size));
                assert!(std::fs::read(&target).expect("read") == bytes);
                for path in paths.iter().chain([&target, &source]) {
                    std::fs::remove_file(path).expect("removed");
                }
            }
        }
    }

    #[test]
    fn empty_file_is_copied() {
        let folder = folder();
        let source = folder.path().join("file");
        std::fs::write(&source, b"").expect("written");
        let asked = request(&source, 0, 0, 0, folder.path().join("copy"));
        let copied = copy_part(&asked, &Control::new()).expect("copied");
        assert_eq!(copied.digests, Digests::of(b"", Algorithms::BLAKE3));
        let asked = JoinFiles {
            paths: Vec::new(),
            part_size: SUBTREE,
            size: 0,
            target: folder.path().join("joined"),
            algorithms: Algorithms::SHA256,
        };
        let joined = join(&asked, &Control::new()).expect("joined");
        assert_eq!(joined.digests, Digests::of(b"", Algorithms::SHA256));
    }

    #[test]
    fn wrong_requests_and_existing_targets_are_refused() {
        let folder = folder();
        let source = folder.path().join("file");
        std::fs::write(&source, paint(5000)).expect("written");
        let free = || folder.path().join("copy");
        let codes = [
            (5001, 0, 5001, free(), Code::Changed),
            (5000, 1, 5000, free(), Code::Range),
            (5000, 0, 1500, free(), Code::Range),
            (5000, 2048, 2048, free(), Code::Range),
            (5000, 4096, 6000, free(), Code::Range),
            (5000, 0, 5000, source.clone(), Code::Unreadable),
            (5000, 0, 5000, folder.path().join("none/copy"), Code::NotFound),
        ];
        for (size, start, end, target, code) in codes {
            let failed = copy_part(&request(&source, size, start, end, target), &Control::new());
            assert_eq!(
                failed.expect_err("refused").code,
                code,
                "{start}..{end} of {size}"
            );
        }
        assert!(!free().exists());
        let parts = |paths: Vec<PathBuf>, size: u64| JoinFiles {
            paths,
            part_size: SUBTREE,
            size,
            target: free(),
            algorithms: Algorithms::BLAKE3,
        };
        let code = |asked: &JoinFiles| join(asked, &Control::new()).expect_err("refused").code;
        assert_eq!(code(&parts(vec![source.clone(); 2], 5000)), Code::Range);
        assert_eq!(code(&parts(vec![source], 4999)), Code::Changed);
    }

    /// Sharing depends on the file system, so it is only asserted where the caller knows that it can.
    #[test]
    #[cfg(target_os = "linux")]
    fn shared_part_is_a_snapshot() {
        use std::os::unix::fs::FileExt as _;
        let folder = folder();
        let source = folder.path().join("file");
        let bytes = paint(2 * SUBTREE + 77);
        std::fs::write(&source, &bytes).expect("written");
        let size = bytes.len() as u64;
        let asked = request(&source, size, SUBTREE, size, folder.path().join("copy"));
        let copied = copy_part(&asked, &Control::new()).expect("copied");
        if std::env::var_os("LINEAPRINT_SHARED_BLOCKS").is_some() {
            assert!(copied.is_shared);
        }
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(&source)
            .expect("opens");
        file.write_all_at(b"other", SUBTREE).expect("written");
        let part = &bytes[usize::try_from(SUBTREE).expect("small")..];
        assert!(std::fs::read(&asked.target).expect("read") == part);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn range_that_cannot_be_shared_is_an_error_and_changes_nothing() {
        use super::clone_range::clone_range;
        let folder = folder();
        let path = folder.path().join("file");
        std::fs::write(&path, paint(9000)).expect("written");
        let source = std::fs::File::open(&path).expect("opens");
        let target = tempfile::tempfile_in(folder.path()).expect("a file");
        let raw = |outcome: std::io::Result<()>| outcome.expect_err("refused").raw_os_error();
        // Within a block, beyond the end, and nothing at all, which the kernel takes for everything.
        assert!(raw(clone_range(&source, 1, 4096, &target, 0)).is_some());
        assert!(raw(clone_range(&source, 0, 1 << 30, &target, 0)).is_some());
        assert_eq!(raw(clone_range(&source, 0, 0, &target, 0)), None);
        let pipe = std::fs::File::open("/dev/null").expect("opens");
        assert!(raw(clone_range(&pipe, 0, 4096, &target, 0)).is_some());
        assert_eq!(target.metadata().expect("a stat").len(), 0);
    }
}
