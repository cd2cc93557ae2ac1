//! Extensible arrays of chunks: an index block, data blocks, and super blocks that hold the addresses of data blocks.

use super::Finder;
use super::array::{Elements, bit};
use super::grid::Order;
use crate::error::FormatError;
use crate::model::hdf5::checksum::checked;
use crate::model::hdf5::dataset::Form;
use crate::model::hdf5::fields::Fields;

const WHAT: &str = "an extensible array of chunks";

/// The numbers that lay out an array.
struct Plan {
    address: u64,
    /// Elements in the index block.
    inside: u64,
    /// Elements of the smallest data block.
    smallest: u64,
    /// Elements of a page of a data block.
    page: u64,
    /// Bytes of an offset within the array.
    offset: usize,
    /// Super blocks in all, and those whose data blocks the index block names.
    super_blocks: u32,
    direct: u32,
}

impl Plan {
    /// Return the data blocks of a super block, and the elements of each.
    fn block(&self, number: u32) -> (u64, u64) {
        (1 << (number / 2), self.smallest << number.div_ceil(2))
    }
}

/// Read an extensible array.
pub(super) fn read(finder: &mut Finder<'_, '_>, form: &Form, address: u64) -> Result<(), FormatError> {
    let file = finder.file;
    let length = 16 + 6 * file.sizes.length + file.sizes.offset;
    let block = file.read(address, length as u64, WHAT)?;
    let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
    fields.expect(b"EAHD\0")?;
    let (client, size) = (fields.byte()?, fields.byte()?);
    let plan = plan(&mut fields, address)?;
    fields.skip(6 * file.sizes.length)?;
    let Some(index) = fields.address()? else {
        return Ok(());
    };
    let order = Order::extensible(finder.grid, form)?;
    let mut reader = Reader {
        elements: Elements::new(finder, order, client, size)?,
        plan,
    };
    reader.index(index)
}

fn plan(fields: &mut Fields<'_>, address: u64) -> Result<Plan, FormatError> {
    let [bits, inside, smallest, pointers, page_bits] = [
        fields.byte()?,
        fields.byte()?,
        fields.byte()?,
        fields.byte()?,
        fields.byte()?,
    ];
    let sound = (1..=64).contains(&bits)
        && smallest.is_power_of_two()
        && pointers.is_power_of_two()
        && page_bits < 32
        && u32::from(bits) >= smallest.ilog2();
    if !sound {
        return Err(fields.error("its header is malformed"));
    }
    let super_blocks = 1 + u32::from(bits) - smallest.ilog2();
    let direct = 2 * pointers.ilog2();
    if direct > super_blocks {
        return Err(fields.error("its header is malformed"));
    }
    Ok(Plan {
        address,
        inside: u64::from(inside),
        smallest: u64::from(smallest),
        page: 1 << page_bits,
        offset: usize::from(bits).div_ceil(8),
        super_blocks,
        direct,
    })
}

struct Reader<'a, 'b, 'c> {
    elements: Elements<'a, 'b, 'c>,
    plan: Plan,
}

impl Reader<'_, '_, '_> {
    /// Check what every block begins with.
    fn begin(&self, fields: &mut Fields<'_>, signature: &[u8]) -> Result<(), FormatError> {
        fields.expect(signature)?;
        fields.expect(&[0, self.elements.client])?;
        if fields.defined()? != self.plan.address {
            return Err(fields.error("a block belongs to another array"));
        }
        Ok(())
    }

    fn index(&mut self, address: u64) -> Result<(), FormatError> {
        let file = self.elements.finder.file;
        let width = file.sizes.offset as u64;
        let blocks: u64 = (0..self.plan.direct)
            .map(|number| self.plan.block(number).0)
            .sum();
        let pointers = blocks + u64::from(self.plan.super_blocks - self.plan.direct);
        let length = 6 + width + self.plan.inside * self.elements.size as u64 + pointers * width + 4;
        let block = file.read(address, length, WHAT)?;
        let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
        self.begin(&mut fields, b"EAIB")?;
        self.elements.read(&mut fields, 0, self.plan.inside)?;
        let mut first = self.plan.inside;
        for number in 0..self.plan.super_blocks {
            let (count, elements) = self.plan.block(number);
            let direct = number < self.plan.direct;
            let pointers = if direct { count } else { 1 };
            let step = if direct {
                elements
            } else {
                elements.saturating_mul(count)
            };
            for _ in 0..pointers {
                match fields.address()? {
                    Some(address) if direct => self.data(address, first, elements, None)?,
                    Some(address) => self.super_block(address, first, count, elements)?,
                    None => {}
                }
                first = first.saturating_add(step);
            }
        }
        Ok(())
    }

    fn super_block(
        &mut self,
        address: u64,
        first: u64,
        count: u64,
        elements: u64,
    ) -> Result<(), FormatError> {
        let file = self.elements.finder.file;
        let width = file.sizes.offset as u64;
        let pages = if elements > self.plan.page {
            elements / self.plan.page
        } else {
            0
        };
        let bits = pages.div_ceil(8);
        let inside = bits.saturating_add(width).saturating_mul(count);
        let length = inside.saturating_add(6 + width + self.plan.offset as u64 + 4);
        let block = file.read(address, length, WHAT)?;
        let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
        self.begin(&mut fields, b"EASB")?;
        fields.skip(self.plan.offset)?;
        // The block was read, so its parts fit memory.
        let bits = usize::try_from(bits).map_err(|_| fields.error("it is too long"))?;
        let mut present = fields;
        fields.skip(bits * usize::try_from(count).map_err(|_| fields.error("it is too long"))?)?;
        for index in 0..count {
            let pages = present.take(bits)?;
            if let Some(address) = fields.address()? {
                self.data(
                    address,
                    first.saturating_add(index.saturating_mul(elements)),
                    elements,
                    Some(pages),
                )?;
            }
        }
        Ok(())
    }

    fn data(
        &mut self,
        address: u64,
        first: u64,
        count: u64,
        pages: Option<&[u8]>,
    ) -> Result<(), FormatError> {
        let file = self.elements.finder.file;
        let in_pages = count > self.plan.page;
        let inside = if in_pages {
            0
        } else {
            count * self.elements.size as u64
        };
        let length = 6 + file.sizes.offset as u64 + self.plan.offset as u64 + inside + 4;
        let block = file.read(address, length, WHAT)?;
        let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
        self.begin(&mut fields, b"EADB")?;
        fields.skip(self.plan.offset)?;
        if !in_pages {
            return self.elements.read(&mut fields, first, count);
        }
        let pages = pages.ok_or_else(|| fields.error("a block has pages where it can have none"))?;
        let location = address.saturating_add(length);
        self.elements
            .pages(location, (first, count), self.plan.page, &|index| {
                bit(pages, index)
            })
    }
}
