//! Buffers that the system copies into.
//!
//! They start at a cache line. The kernel copies whole pages from the page cache. Into a buffer that crosses lines, as
//! one does where an allocator puts its own 16 bytes before it, each store touches two lines. Bytes that do not begin at
//! a line of the file are copied to the same offset in a line, see [`offset_in_line`].

/// Bytes of a cache line; those of Apple's processors are twice as long, and half of one does as well there.
pub const LINE: usize = 64;

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
            // A new allocation, because growing would copy the old bytes, which nobody needs.
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
        // The offset may be `usize::MAX` if it cannot be computed; then any start is right.
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

/// Return how far byte `position` of a file is from the start of its cache line in the page cache.
pub fn offset_in_line(position: u64) -> usize {
    usize::try_from(position % LINE as u64).unwrap_or_default()
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
