//! Buffers that the system copies into.
//!
//! They start at a cache line. Copies from the page cache come in whole pages, and into a buffer that lies across
//! lines, as it does where an allocator put its own 16 bytes before it, each store touches two of them.

/// Bytes of a cache line; those of Apple's processors are twice as long, and half of one does as well there.
const LINE: usize = 64;

/// Bytes that start at a cache line.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// Reserve at least `length` bytes. The old content is lost.
    pub fn reserve(&mut self, length: usize) {
        if self.length < length {
            // Not grown: nobody needs the old bytes, and a move would copy them.
            self.bytes = vec![0; length + LINE];
            self.length = length;
        }
    }

    /// Return the bytes.
    pub fn bytes(&self) -> &[u8] {
        let start = self.start();
        &self.bytes[start..start + self.length]
    }

    /// Return the bytes for writing.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let start = self.start();
        &mut self.bytes[start..start + self.length]
    }

    fn start(&self) -> usize {
        // It may give up and say so by a number that is no offset; then any start is as good.
        match self.bytes.as_ptr().align_offset(LINE) {
            offset if offset <= self.bytes.len() - self.length => offset,
            _ => 0,
        }
    }
}

/// Round `position` up to a cache line.
pub const fn next_line(position: usize) -> usize {
    position.next_multiple_of(LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_is_aligned_and_long_enough() {
        let mut buffer = Buffer::default();
        assert!(buffer.bytes().is_empty());
        for length in [1, 63, 64, 65, 4096, 100, 100_000] {
            buffer.reserve(length);
            assert!(buffer.bytes().len() >= length);
            assert_eq!(buffer.bytes().as_ptr() as usize % LINE, 0);
            let end = buffer.bytes().len() - 1;
            buffer.bytes_mut()[end] = 7;
            assert_eq!(buffer.bytes()[end], 7);
        }
    }
}
