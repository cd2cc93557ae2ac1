//! A private temporary file, which no name leads to: it is gone once the process ends, however it ends.

use crate::error::{Code, Error, Result, is_full};
use crate::io::source::read_at;
use std::fs::File;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A temporary file that several threads append to and read. It is created once bytes are appended, in the folder for
/// temporary files, which `TMPDIR` names.
#[derive(Default)]
pub struct Spill {
    file: OnceLock<File>,
    /// Bytes in it. Held while bytes are appended.
    length: Mutex<u64>,
}

impl Spill {
    /// Append bytes, and return where they begin.
    pub fn append(&self, bytes: &[u8]) -> Result<u64> {
        let mut length = self.length.lock().unwrap_or_else(PoisonError::into_inner);
        let file = if let Some(file) = self.file.get() {
            file
        } else {
            let created = tempfile::tempfile().map_err(|error| failure("create", &error))?;
            self.file.get_or_init(|| created)
        };
        let start = *length;
        let mut done = 0;
        while done < bytes.len() {
            match write_at(file, &bytes[done..], start + done as u64) {
                Ok(0) => return Err(failure("write", &io::ErrorKind::WriteZero.into())),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failure("write", &error)),
            }
        }
        *length += bytes.len() as u64;
        Ok(start)
    }

    /// Fill `buffer` from `offset`.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            let Some(file) = self.file.get() else {
                return Err(failure("read", &io::ErrorKind::UnexpectedEof.into()));
            };
            match read_at(file, &mut buffer[done..], offset + done as u64) {
                Ok(0) => return Err(failure("read", &io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failure("read", &error)),
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    file.write_at(bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    use std::os::windows::fs::FileExt as _;
    file.seek_write(bytes, offset)
}

fn failure(what: &str, error: &io::Error) -> Error {
    let folder = std::env::temp_dir();
    if is_full(error) {
        return Error::new(Code::Space, "no space left for temporary files in this folder").at(&folder);
    }
    let mut failure = Error::new(
        Code::Unreadable,
        format!("cannot {what} a temporary file in this folder: {error}"),
    );
    failure = failure.at(&folder);
    failure
}
