//! One open regular file.
//!
//! Reads are positional, into buffers that each thread keeps. The file is never mapped: truncating a mapped file kills
//! the process, and a store through a mapping changes no time. The same descriptor is stat'ed before and after the
//! read: if the bytes changed in between, no digest is given out.

use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::buffer::{Buffer, LINE, offset_in_line};
use std::cell::RefCell;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes read at once. It fits a core's second-level cache, so that the hash finds the bytes still there.
pub const BLOCK: usize = 256 << 10;

thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::default();
}

/// The stat of a file. If it is equal before and after a read, nothing wrote to the file meanwhile, within the
/// resolution of the file system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Length in bytes.
    pub size: u64,
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Time of the last change of the content, in nanoseconds.
    pub modified: i128,
    /// Time of the last change of content or inode, in nanoseconds.
    pub changed: i128,
}

impl Stamp {
    /// Stat the regular file at `path`, links followed; `None` if it is something else.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        let metadata = std::fs::metadata(path)?;
        Ok(metadata.is_file().then(|| Self::of(&metadata)))
    }

    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            size: metadata.len(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Convert the result of a stat relative to a folder.
    #[cfg(unix)]
    pub fn of_stat(stat: &rustix::fs::Stat) -> Self {
        // The widths of these fields differ between systems; none holds a negative number for a file.
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        Self {
            size: unsigned(stat.st_size),
            device: device_number(stat),
            inode: stat.st_ino,
            modified: nanoseconds(
                stat.st_mtime,
                i64::try_from(stat.st_mtime_nsec).unwrap_or_default(),
            ),
            changed: nanoseconds(
                stat.st_ctime,
                i64::try_from(stat.st_ctime_nsec).unwrap_or_default(),
            ),
        }
    }

    #[cfg(windows)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::windows::fs::MetadataExt as _;
        let written = i128::from(metadata.last_write_time()) * 100;
        Self {
            size: metadata.len(),
            device: 0,
            inode: 0,
            modified: written,
            changed: written,
        }
    }
}

/// Return the number of the device that a file is on.
#[cfg(unix)]
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "it is 32 bits with a sign on macOS, and only compared"
)]
pub const fn device_number(stat: &rustix::fs::Stat) -> u64 {
    stat.st_dev as u64
}

#[cfg(unix)]
fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
}

/// An open regular file and its stamp when it was opened.
#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
    stamp: Stamp,
}

impl Source {
    /// Open `path`, following links. Never waits: a FIFO without a writer is an error.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
            options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
        }
        let file = options.open(path).map_err(|error| {
            // Opening a socket fails with ENXIO; its kind is a better message.
            match std::fs::metadata(path) {
                Ok(metadata) if !metadata.is_file() => not_regular(path, &metadata),
                _ => Error::io("open", path, error),
            }
        })?;
        Self::from_file(file, path.to_owned())
    }

    /// Take over an open descriptor, if it is a regular file.
    pub fn from_file(file: File, path: PathBuf) -> Result<Self> {
        let metadata = file.metadata().map_err(|error| Error::io("stat", &path, error))?;
        if !metadata.is_file() {
            return Err(not_regular(&path, &metadata));
        }
        let stamp = Stamp::of(&metadata);
        wait_for_writer(&file);
        Ok(Self { file, path, stamp })
    }

    /// Return the open descriptor.
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Return length in bytes when it was opened.
    pub const fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Return the path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Return the stamp when it was opened.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Fill `buffer` from `offset`. A file that ends before has changed.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match read_at(&self.file, &mut buffer[done..], offset + done as u64) {
                Ok(0) => {
                    return Err(self.changed(format!("an end at byte {}", offset + done as u64)));
                }
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path, error)),
            }
        }
        Ok(())
    }

    /// Read a short file whole with one call, and check that it did not change meanwhile.
    pub fn read_small(&self) -> Result<Vec<u8>> {
        let size = usize::try_from(self.stamp.size).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size.saturating_add(1)];
        self.read_small_into(&mut bytes)?;
        bytes.truncate(size);
        Ok(bytes)
    }

    /// Read a short file into `bytes`, which has one byte more than the file: the same call shows that the file ends
    /// there.
    pub fn read_small_into(&self, bytes: &mut [u8]) -> Result<()> {
        let size = bytes.len() - 1;
        let mut done = 0;
        while done < bytes.len() {
            match read_at(&self.file, &mut bytes[done..], done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path, error)),
            }
            if done == size {
                // A call that stopped one byte short of the buffer has met the end.
                break;
            }
        }
        if done != size {
            return Err(self.changed(format!("{done} bytes or more")));
        }
        self.verify_stamp()
    }

    /// Read `start..end` in blocks of at most [`BLOCK`] bytes, in order, and hand each to `take`. `take` must not start
    /// other work on the thread pool: the thread has only one buffer.
    pub fn read_range(
        &self,
        start: u64,
        end: u64,
        control: &Control,
        mut take: impl FnMut(&[u8]),
    ) -> Result<()> {
        BUFFER.with_borrow_mut(|buffer| {
            let wanted = usize::try_from(end - start).unwrap_or(BLOCK).min(BLOCK);
            buffer.reserve(LINE + if wanted > BLOCK / 16 { BLOCK } else { BLOCK / 16 });
            // A copy between two different offsets in a line takes a fifth longer. A block is a whole number of lines.
            let buffer = &mut buffer.bytes_mut()[offset_in_line(start)..];
            let mut offset = start;
            while offset < end {
                control.check()?;
                let count = usize::try_from(end - offset).unwrap_or(BLOCK).min(BLOCK);
                self.read_exact_at(&mut buffer[..count], offset)?;
                take(&buffer[..count]);
                offset += count as u64;
                control.advance(count as u64);
            }
            Ok(())
        })
    }

    /// Return an error if the stamp is not the one when the file was opened, or if the file holds more than its length
    /// (as the files of `/proc` do).
    pub fn verify_unchanged(&self) -> Result<()> {
        self.verify_stamp()?;
        let beyond = read_at(&self.file, &mut [0], self.stamp.size)
            .map_err(|error| Error::io("read", &self.path, error))?;
        if beyond > 0 {
            return Err(self.changed("bytes beyond its length".to_owned()));
        }
        Ok(())
    }

    fn verify_stamp(&self) -> Result<()> {
        let metadata = self
            .file
            .metadata()
            .map_err(|error| Error::io("stat", &self.path, error))?;
        let current = Stamp::of(&metadata);
        if current != self.stamp {
            let received = if current.size == self.stamp.size {
                "a newer change time".to_owned()
            } else {
                format!("{} bytes", current.size)
            };
            return Err(self.changed(received));
        }
        Ok(())
    }

    fn changed(&self, received: String) -> Error {
        Error::new(Code::Changed, "it changed while it was read")
            .with_expected(format!("{} bytes, unchanged", self.stamp.size), received)
            .at(&self.path)
    }
}

/// Wait for a write that has begun.
///
/// The kernel updates the times of a file before it copies the bytes of a write. So the stamp may include a write that
/// is still changing the bytes. A seek for data takes the lock that a write holds. Its result (for an empty file an
/// error) does not matter.
#[cfg(target_os = "linux")]
fn wait_for_writer(file: &File) {
    rustix::fs::seek(file, rustix::fs::SeekFrom::Data(0)).ok();
}

#[cfg(not(target_os = "linux"))]
fn wait_for_writer(_: &File) {}

/// Run `attempt`, and once more if the file changed during the first one.
///
/// The second attempt opens the file anew, so a file that was replaced or finished in the meantime gets its
/// own digest; one that is still being written gives [`Code::Changed`].
pub fn retry_once<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    match attempt() {
        Err(error) if error.code == Code::Changed => attempt(),
        other => other,
    }
}

fn not_regular(path: &Path, metadata: &Metadata) -> Error {
    Error::new(Code::NotRegular, "it is not a regular file")
        .with_expected("a regular file", kind_name(metadata))
        .at(path)
}

fn kind_name(metadata: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a FIFO";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if metadata.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}

/// Read at a position.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    file.read_at(buffer, offset)
}

/// Read at a position. Moves the file position, which nothing here uses.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::windows::fs::FileExt as _;
    match file.seek_read(buffer, offset) {
        // Reading at the very end is an error there, and no error here.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_from_any_byte_are_those_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..=250).cycle().take(2 * BLOCK + 700).collect();
        std::fs::write(&path, &bytes).expect("written");
        let source = Source::open(&path).expect("opens");
        for start in (0..2 * LINE).chain([BLOCK - 1, BLOCK, BLOCK + 1]) {
            for end in [
                start,
                start + 1,
                start + LINE,
                start + BLOCK,
                bytes.len() - start % 3,
            ] {
                let mut read = Vec::new();
                source
                    .read_range(start as u64, end as u64, &Control::new(), |block| {
                        assert!(block.len() <= BLOCK);
                        read.extend_from_slice(block);
                    })
                    .expect("reads");
                assert!(read == bytes[start..end], "{start}..{end}");
            }
        }
    }
}
