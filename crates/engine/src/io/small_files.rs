//! Small files, read with one call each into one buffer.

use crate::error::Result;
use crate::io::buffer::{Buffer, next_line};
use crate::io::source::Source;
use std::cell::Cell;
use std::ops::Range;

/// The most bytes of a small file. Reading it in blocks would cost more calls than it has bytes to hide.
pub const SMALL: usize = 64 << 10;

/// The most bytes that one file takes of the buffer: its content, one more, and the rest of the last cache line.
const SCRATCH_PER_FILE: usize = next_line(SMALL + 1);

thread_local! {
    static SCRATCH: Cell<Buffer> = Cell::default();
}

/// Small files in the scratch buffer of this thread, each at the start of a cache line.
pub struct SmallFiles {
    /// Taken and not borrowed: while a large file is read on all threads, this thread may start another batch.
    buffer: Buffer,
    ranges: Vec<Range<usize>>,
    position: usize,
}

impl SmallFiles {
    /// Reserve space for `count` files.
    pub fn with_capacity(count: usize) -> Self {
        let mut buffer = SCRATCH.take();
        buffer.reserve(count * SCRATCH_PER_FILE);
        Self {
            buffer,
            ranges: Vec::with_capacity(count),
            position: 0,
        }
    }

    /// Read a file of at most [`SMALL`] bytes, and return its index. An error if it changed meanwhile.
    pub fn read(&mut self, source: &Source) -> Result<usize> {
        let length = usize::try_from(source.size()).unwrap_or(usize::MAX);
        let range = self.position..self.position + length;
        source.read_small_into(&mut self.buffer.bytes_mut()[range.start..=range.end])?;
        self.position = next_line(range.end + 1);
        self.ranges.push(range);
        Ok(self.ranges.len() - 1)
    }

    /// Return the content of the file with this index.
    pub fn content(&self, index: usize) -> &[u8] {
        &self.buffer.bytes()[self.ranges[index].clone()]
    }
}

impl Drop for SmallFiles {
    fn drop(&mut self) {
        SCRATCH.set(std::mem::take(&mut self.buffer));
    }
}
