//! Heaps: local ones for the names of old groups, fractal ones for many links or attributes, global ones for text of any
//! length.

use super::checksum::checked;
use super::fields::Fields;
use super::file::File;
use crate::error::FormatError;
use bytes::Bytes;
use std::collections::HashMap;

/// Read the data of a local heap.
pub(super) fn local(file: &File<'_>, address: u64) -> Result<Bytes, FormatError> {
    const WHAT: &str = "a heap of names";
    let block = file.read_up_to(address, 8 + 24, WHAT)?;
    let mut fields = file.fields(&block, WHAT);
    fields.expect(b"HEAP\0")?;
    fields.skip(3)?;
    let length = fields.length()?;
    fields.length()?;
    file.read(fields.defined()?, length, WHAT)
}

/// A collection of a global heap.
pub(super) struct Collection {
    block: Bytes,
    objects: HashMap<u64, (usize, usize)>,
}

impl Collection {
    /// Read a collection.
    pub(super) fn read(file: &File<'_>, address: u64) -> Result<Self, FormatError> {
        const WHAT: &str = "a heap of text";
        let first = file.read_up_to(address, 16, WHAT)?;
        let mut fields = file.fields(&first, WHAT);
        fields.expect(b"GCOL\x01")?;
        fields.skip(3)?;
        let block = file.read(address, fields.length()?, WHAT)?;
        let mut fields = file.fields(&block, WHAT);
        fields.skip(8)?;
        fields.length()?;
        let mut objects = HashMap::new();
        while fields.remaining() >= 16 {
            let index = fields.number(2)?;
            fields.skip(6)?;
            let length = usize::try_from(fields.length()?).map_err(|_| fields.error("it is too long"))?;
            if index == 0 {
                break;
            }
            objects.insert(index, (fields.position(), length));
            fields.skip(length)?;
            fields.skip((length.next_multiple_of(8) - length).min(fields.remaining()))?;
        }
        Ok(Self { block, objects })
    }

    /// Return an object.
    pub(super) fn object(&self, index: u64) -> Result<&[u8], FormatError> {
        let matching = self.objects.get(&index);
        let (start, length) =
            matching.ok_or_else(|| FormatError::new("a heap of text lacks the text that is asked of it"))?;
        Ok(&self.block[*start..*start + *length])
    }
}

const WHAT: &str = "a fractal heap";

/// A fractal heap.
pub(super) struct Fractal<'a, 'b> {
    file: &'a File<'b>,
    address: u64,
    /// Blocks per row.
    width: u64,
    /// Bytes of a block of the first row.
    start: u64,
    /// Bytes of the largest block that holds objects.
    direct: u64,
    /// Bytes of an offset within the heap, and of a length.
    offset_bytes: usize,
    length_bytes: usize,
    root: u64,
    /// Rows of the root; 0 if it holds objects itself.
    rows: u64,
}

impl<'a, 'b> Fractal<'a, 'b> {
    /// Read the header.
    pub(super) fn read(file: &'a File<'b>, address: u64) -> Result<Self, FormatError> {
        let (offset, length) = (file.sizes.offset, file.sizes.length);
        let whole = 22 + 12 * length + 3 * offset + 4;
        let block = file.read(address, whole as u64, WHAT)?;
        let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
        fields.expect(b"FRHP\0")?;
        fields.skip(2)?;
        if fields.short()? != 0 {
            return Err(FormatError::unsupported(
                "a heap of links or attributes is filtered, which is not read",
            ));
        }
        fields.skip(1)?;
        let longest = u64::from(fields.word()?);
        fields.skip(10 * length + 2 * offset)?;
        let width = fields.number(2)?;
        let (start, direct) = (fields.length()?, fields.length()?);
        let bits = fields.short()?;
        fields.skip(2)?;
        let (root, rows) = (fields.address()?, fields.number(2)?);
        let sound = width.is_power_of_two()
            && start.is_power_of_two()
            && direct.is_power_of_two()
            && (1..=64).contains(&bits)
            && direct >= start
            && direct <= 1 << 32
            && rows <= 64;
        if !sound {
            return Err(fields.error("its header is malformed"));
        }
        let needed = |limit: u64| (limit.max(1).ilog2() / 8 + 1) as usize;
        Ok(Self {
            file,
            address,
            width,
            start,
            direct,
            offset_bytes: bits.div_ceil(8),
            length_bytes: (direct.ilog2().div_ceil(8) as usize).min(needed(longest)),
            root: root.ok_or_else(|| fields.error("it has no blocks"))?,
            rows,
        })
    }

    /// Return the object of an identifier.
    pub(super) fn object(&self, id: &[u8]) -> Result<Bytes, FormatError> {
        let mut fields = self.file.fields(id, "an identifier of a fractal heap");
        let first = fields.byte()?;
        match first & 0x30 {
            0x00 => {
                let offset = fields.number(self.offset_bytes)?;
                let length = fields.number(self.length_bytes)?;
                self.managed(offset, length)
            }
            0x20 => {
                let length = usize::from(first & 0x0f) + 1;
                Ok(Bytes::copy_from_slice(fields.take(length)?))
            }
            _ => Err(FormatError::unsupported(
                "a link or an attribute is too long for its heap, which is not read",
            )),
        }
    }

    fn managed(&self, offset: u64, length: u64) -> Result<Bytes, FormatError> {
        let (mut block, mut rows, mut location) = (self.root, self.rows, offset);
        // Every step goes to a block of at most as many rows, through a read that costs: this ends.
        while rows > 0 {
            let (row, column, inside, size) = self.position(location);
            if row >= rows {
                return Err(FormatError::new("an identifier is outside its fractal heap"));
            }
            let index = row * self.width + column;
            let direct_rows = u64::from(self.direct.ilog2() - self.start.ilog2()) + 2;
            block = self.child(block, index)?;
            location = inside;
            rows = if row < direct_rows {
                0
            } else {
                let first_row = self.start.ilog2() + self.width.ilog2();
                let below = size
                    .ilog2()
                    .checked_sub(first_row)
                    .map(|rows| u64::from(rows) + 1);
                below
                    .filter(|below| *below <= row)
                    .ok_or_else(|| FormatError::new("a fractal heap is malformed"))?
            };
        }
        let address = block.checked_add(location);
        let address = address.ok_or_else(|| FormatError::new("an identifier is outside its fractal heap"))?;
        self.file.read(address, length, "an object of a fractal heap")
    }

    /// Return row, column, offset within the block, and bytes of the block, of an offset.
    fn position(&self, offset: u64) -> (u64, u64, u64, u64) {
        let first_row = self.start * self.width;
        let quotient = offset / first_row;
        let (row, row_start, size) = if quotient == 0 {
            (0, 0, self.start)
        } else {
            let bits = u64::from(quotient.ilog2());
            (bits + 1, first_row << bits, self.start << bits)
        };
        let inside = offset - row_start;
        (row, inside / size, inside % size, size)
    }

    /// Return the address of a block that an indirect block names.
    fn child(&self, block: u64, index: u64) -> Result<u64, FormatError> {
        let width = self.file.sizes.offset as u64;
        let prefix = 5 + width + self.offset_bytes as u64;
        let head = self.file.read(block, prefix, WHAT)?;
        let mut fields: Fields<'_> = self.file.fields(&head, WHAT);
        fields.expect(b"FHIB\0")?;
        if fields.defined()? != self.address {
            return Err(fields.error("a block belongs to another heap"));
        }
        let location = index
            .checked_mul(width)
            .and_then(|offset| block.checked_add(prefix)?.checked_add(offset));
        let location = location.ok_or_else(|| fields.error("a block is outside the file"))?;
        let entry = self.file.read(location, width, WHAT)?;
        self.file.fields(&entry, WHAT).defined()
    }
}
