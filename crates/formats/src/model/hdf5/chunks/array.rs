//! Fixed arrays of chunks, and what they have in common with extensible ones.

use super::Finder;
use super::grid::Order;
use crate::error::FormatError;
use crate::model::hdf5::checksum::checked;
use crate::model::hdf5::dataset::Form;
use crate::model::hdf5::fields::Fields;

const WHAT: &str = "a fixed array of chunks";

/// The elements of an array: where chunks are.
pub(super) struct Elements<'a, 'b, 'c> {
    pub(super) finder: &'a mut Finder<'b, 'c>,
    pub(super) order: Order,
    /// Bytes of an element.
    pub(super) size: usize,
    /// 1 if the chunks are filtered, so that elements have a length and a mask too.
    pub(super) client: u8,
}

impl<'a, 'b, 'c> Elements<'a, 'b, 'c> {
    /// Check the client and the size of an element.
    pub(super) fn new(
        finder: &'a mut Finder<'b, 'c>,
        order: Order,
        client: u8,
        size: u8,
    ) -> Result<Self, FormatError> {
        let offset = finder.file.sizes.offset;
        let size = usize::from(size);
        let sound = if finder.filtered {
            client == 1 && (offset + 5..=offset + 12).contains(&size)
        } else {
            client == 0 && size == offset
        };
        if !sound {
            return Err(FormatError::new("an index of chunks is malformed"));
        }
        Ok(Self {
            finder,
            order,
            size,
            client,
        })
    }

    /// Read `count` elements from the number `first` on.
    pub(super) fn read(
        &mut self,
        fields: &mut Fields<'_>,
        first: u64,
        count: u64,
    ) -> Result<(), FormatError> {
        for number in first..first.saturating_add(count) {
            let address = fields.address()?;
            let (mut length, mut mask) = (self.finder.grid.chunk_bytes, 0);
            if self.client == 1 {
                length = fields.number(self.size - self.finder.file.sizes.offset - 4)?;
                mask = fields.word()?;
            }
            if let Some(address) = address {
                self.finder
                    .add(&self.order.scaled(number), address, length, mask)?;
            }
        }
        Ok(())
    }

    /// Read elements that lie in pages of `page`, from `place` on; `present` says which pages there are.
    pub(super) fn pages(
        &mut self,
        mut location: u64,
        (first, count): (u64, u64),
        page: u64,
        present: &dyn Fn(u64) -> bool,
    ) -> Result<(), FormatError> {
        let file = self.finder.file;
        for index in 0..count.div_ceil(page) {
            let number = index * page;
            let inside = page.min(count - number);
            let length = inside.saturating_mul(self.size as u64).saturating_add(4);
            file.spend(1)?;
            if present(index) {
                let block = file.read(location, length, "a page of chunks")?;
                let content = checked(&block, "a page of chunks")?;
                self.read(
                    &mut file.fields(content, "a page of chunks"),
                    first + number,
                    inside,
                )?;
            }
            location = location.saturating_add(length);
        }
        Ok(())
    }
}

/// Return whether a bit is set; bits count from the highest of each byte.
pub(super) fn bit(bits: &[u8], index: u64) -> bool {
    let byte = usize::try_from(index / 8).ok().and_then(|byte| bits.get(byte));
    byte.is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
}

/// Read a fixed array.
pub(super) fn fixed(finder: &mut Finder<'_, '_>, form: &Form, address: u64) -> Result<(), FormatError> {
    let file = finder.file;
    let length = 12 + file.sizes.length + file.sizes.offset;
    let block = file.read(address, length as u64, WHAT)?;
    let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
    fields.expect(b"FAHD\0")?;
    let (client, size, page_bits) = (fields.byte()?, fields.byte()?, fields.byte()?);
    let count = fields.length()?;
    let Some(data) = fields.address()? else {
        return Ok(());
    };
    let order = Order::fixed(finder.grid, form)?;
    let mut elements = Elements::new(finder, order, client, size)?;
    let page = 1_u64
        .checked_shl(u32::from(page_bits))
        .ok_or_else(|| fields.error("its pages are too long"))?;
    let prefix = 6 + file.sizes.offset as u64;
    let pages = if count > page { count.div_ceil(page) } else { 0 };
    let inside = if pages > 0 {
        pages.div_ceil(8)
    } else {
        count.saturating_mul(u64::from(size))
    };
    let length = inside.saturating_add(prefix + 4);
    let block = file.read(data, length, WHAT)?;
    let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
    fields.expect(b"FADB\0")?;
    fields.expect(&[client])?;
    if fields.defined()? != address {
        return Err(fields.error("a block belongs to another array"));
    }
    if pages == 0 {
        return elements.read(&mut fields, 0, count);
    }
    let bits = fields.take(fields.remaining())?;
    elements.pages(data.saturating_add(length), (0, count), page, &|index| {
        bit(bits, index)
    })
}
