//! A file as the readers of formats ask for it.

use crate::control::Control;
use crate::error::{Error, Result};
use crate::io::source::{BLOCK, Source};
use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are read at once where fewer are asked for: headers are read in parts that lie one behind the other.
const AHEAD: usize = 512;

/// An open file, read at positions, with cancel and progress.
pub struct FileInput {
    source: Arc<Source>,
    control: Control,
    failure: Mutex<Option<Error>>,
    /// Bytes that are expected to be read and were not reported as progress.
    unreported: Mutex<u64>,
    /// The last bytes that were read ahead, and the first of them in the file.
    ahead: Mutex<(u64, Bytes)>,
}

impl FileInput {
    /// Take an open file, and add it to the totals of the job.
    pub fn new(source: Arc<Source>, control: &Control) -> Self {
        control.add_file(source.size());
        let unreported = Mutex::new(source.size());
        Self {
            unreported,
            ..Self::silent(source, control)
        }
    }

    /// Take an open file of which another part of the job reports the progress.
    pub fn silent(source: Arc<Source>, control: &Control) -> Self {
        Self {
            unreported: Mutex::new(0),
            failure: Mutex::new(None),
            ahead: Mutex::default(),
            control: control.clone(),
            source,
        }
    }

    /// Return the open file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Convert an error of a reader: an error of the system or the cancellation comes first.
    pub fn error(&self, error: FormatError) -> Error {
        self.failure()
            .unwrap_or_else(|| Error::format(self.source.path(), error))
    }

    /// Return the first error of the system, or the cancellation, which the readers of formats do not know.
    pub fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Return an error if the file changed since it was opened.
    pub fn verify_unchanged(&self) -> Result<()> {
        self.source.verify_unchanged()
    }

    /// Report what is expected and was not read: readers skip bytes that they do not need, for example padding.
    pub fn report_rest(&self) {
        self.report(u64::MAX);
    }

    /// Check that the file did not change, and report it as done.
    pub fn finish(&self) -> Result<()> {
        self.verify_unchanged()?;
        self.report_rest();
        self.control.file_done();
        Ok(())
    }

    /// Add the file to the totals once more: it will be read again from its start.
    pub fn expect_again(&self) {
        let size = self.source.size();
        *self.unreported.lock().unwrap_or_else(PoisonError::into_inner) += size;
        self.control.add_bytes(size);
    }

    /// Report read bytes, at most as many as are expected: parts of a file may be read twice.
    fn report(&self, bytes: u64) {
        let mut unreported = self.unreported.lock().unwrap_or_else(PoisonError::into_inner);
        let reported = bytes.min(*unreported);
        *unreported -= reported;
        self.control.advance(reported);
    }

    /// Read bytes from the file.
    fn read_now(&self, offset: u64, length: usize) -> std::result::Result<Bytes, FormatError> {
        let mut buffer = Vec::new();
        // The length was checked against that of the file, but a sparse file can have any length.
        if buffer.try_reserve_exact(length).is_err() {
            return Err(FormatError::unsupported(format!(
                "not enough memory to read {length} bytes at once"
            )));
        }
        buffer.resize(length, 0);
        match self.read_blocks(&mut buffer, offset) {
            Ok(()) => Ok(Bytes::from(buffer)),
            Err(error) => {
                let message = error.message.clone();
                self.failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
                Err(FormatError::new(message))
            }
        }
    }

    fn read_blocks(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut position = offset;
        for block in buffer.chunks_mut(BLOCK) {
            self.control.check()?;
            self.source.read_exact_at(block, position)?;
            position += block.len() as u64;
            self.report(block.len() as u64);
        }
        Ok(())
    }
}

impl Input for FileInput {
    fn length(&self) -> u64 {
        self.source.size()
    }

    fn read(&self, offset: u64, length: usize) -> std::result::Result<Bytes, FormatError> {
        if length >= AHEAD {
            return self.read_now(offset, length);
        }
        // Another thread reads elsewhere, and what it reads would be of no use here.
        let Ok(mut ahead) = self.ahead.try_lock() else {
            return self.read_now(offset, length);
        };
        let (start, bytes) = &*ahead;
        let from = offset
            .checked_sub(*start)
            .and_then(|from| usize::try_from(from).ok());
        let held = from
            .and_then(|from| Some(from..from.checked_add(length)?))
            .and_then(|range| bytes.get(range));
        // Copies, because a reader may keep some bytes of very many reads.
        if let Some(held) = held {
            return Ok(Bytes::copy_from_slice(held));
        }
        let rest = usize::try_from(self.source.size().saturating_sub(offset)).unwrap_or(AHEAD);
        let bytes = self.read_now(offset, AHEAD.min(rest).max(length))?;
        let wanted = Bytes::copy_from_slice(&bytes[..length]);
        *ahead = (offset, bytes);
        Ok(wanted)
    }
}
