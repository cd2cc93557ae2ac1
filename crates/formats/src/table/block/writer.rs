//! Short writes, gathered.

/// Gathers short writes, so that a hash function is not called for eight bytes at a time.
pub struct Writer<'a> {
    take: &'a mut dyn FnMut(&[u8]),
    buffer: Vec<u8>,
}

const GATHERED: usize = 16 << 10;

impl<'a> Writer<'a> {
    /// Create a writer that hands bytes to `take`.
    pub fn new(take: &'a mut dyn FnMut(&[u8])) -> Self {
        Self {
            take,
            buffer: Vec::new(),
        }
    }

    /// Add bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > GATHERED {
            self.flush();
        }
        if bytes.len() > GATHERED {
            (self.take)(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Add a number as 8 bytes.
    pub fn number(&mut self, number: usize) {
        self.bytes(&(number as u64).to_le_bytes());
    }

    /// Hand on the gathered bytes.
    pub fn flush(&mut self) {
        if !self.buffer.is_empty() {
            (self.take)(&self.buffer);
            self.buffer.clear();
        }
    }
}
