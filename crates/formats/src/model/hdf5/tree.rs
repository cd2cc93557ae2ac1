//! B-trees of both versions.

use super::checksum::checked;
use super::fields::Fields;
use super::file::File;
use crate::error::FormatError;
use bytes::Bytes;

/// Levels that are followed.
const LEVELS: u64 = 32;

/// A function that gets a key and a child.
type VisitOne<'a> = dyn FnMut(&[u8], u64) -> Result<(), FormatError> + 'a;

/// Visit every entry of a tree of version 1: its key, of `key` bytes, and its child.
pub(super) fn first_version(
    file: &File<'_>,
    root: u64,
    kind: u8,
    key: usize,
    visit: &mut VisitOne<'_>,
) -> Result<(), FormatError> {
    first_version_below(file, root, kind, key, None, visit)
}

fn first_version_below(
    file: &File<'_>,
    address: u64,
    kind: u8,
    key: usize,
    level: Option<u8>,
    visit: &mut VisitOne<'_>,
) -> Result<(), FormatError> {
    const WHAT: &str = "a node of a B-tree";
    let offset = file.sizes.offset;
    let prefix = 8 + 2 * offset;
    let head = file.read(address, prefix as u64, WHAT)?;
    let mut fields = file.fields(&head, WHAT);
    fields.expect(b"TREE")?;
    fields.expect(&[kind])?;
    let own = fields.byte()?;
    // Levels fall by one on the way down: a tree that leads in circles ends here.
    if level.is_some_and(|level| own != level) || u64::from(own) > LEVELS {
        return Err(fields.error("its level is wrong").with_expected(
            level.map_or(format!("at most {LEVELS}"), |level| level.to_string()),
            own,
        ));
    }
    let count = fields.short()?;
    let length = count * (key + offset);
    let block = file.read(address.saturating_add(prefix as u64), length as u64, WHAT)?;
    let mut fields = file.fields(&block, WHAT);
    for _ in 0..count {
        let key_bytes = fields.take(key)?;
        let child = fields.defined()?;
        match own.checked_sub(1) {
            None => visit(key_bytes, child)?,
            level => first_version_below(file, child, kind, key, level, visit)?,
        }
    }
    Ok(())
}

const WHAT: &str = "a node of a B-tree";

/// A tree of version 2.
struct Two<'a, 'b> {
    file: &'a File<'b>,
    kind: u8,
    node: u64,
    record: usize,
    /// Width of a number of records of one node.
    count_width: usize,
    /// Per level, the width of a number of records of a whole subtree; none for leaves.
    total_widths: Vec<usize>,
}

/// Visit every record of a tree of version 2.
pub(super) fn second_version(
    file: &File<'_>,
    header: u64,
    kind: u8,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let length = 22 + file.sizes.offset + file.sizes.length;
    let block = file.read(header, length as u64, WHAT)?;
    let mut fields = file.fields(checked(&block, WHAT)?, WHAT);
    fields.expect(b"BTHD\0")?;
    fields.expect(&[kind])?;
    let node = u64::from(fields.word()?);
    let record = fields.short()?;
    let depth = fields.number(2)?;
    fields.skip(2)?;
    let (root, count) = (fields.address()?, fields.number(2)?);
    let Some(root) = root else {
        return Ok(());
    };
    if depth > LEVELS || record == 0 {
        return Err(fields.error("its header is malformed"));
    }
    let mut tree = Two {
        file,
        kind,
        node,
        record,
        count_width: 0,
        total_widths: vec![0],
    };
    tree.set_widths(depth)?;
    tree.below(root, count, depth, visit)
}

/// Return the bytes that a number up to `limit` takes.
fn width(limit: u64) -> usize {
    (limit.max(1).ilog2() / 8 + 1) as usize
}

impl Two<'_, '_> {
    fn set_widths(&mut self, depth: u64) -> Result<(), FormatError> {
        let malformed = || FormatError::new("a B-tree has nodes too small for a record");
        let record = self.record as u64;
        let leaf = self.node.checked_sub(10).map(|room| room / record);
        let mut total = leaf.filter(|count| *count > 0).ok_or_else(malformed)?;
        self.count_width = width(total);
        let mut total_width = 0;
        for _ in 0..depth {
            let pointer = (self.file.sizes.offset + self.count_width + total_width) as u64;
            let room = self
                .node
                .checked_sub(10 + pointer)
                .map(|room| room / (record + pointer));
            let count = room.filter(|count| *count > 0).ok_or_else(malformed)?;
            total = (count + 1).saturating_mul(total).saturating_add(count);
            total_width = width(total);
            self.total_widths.push(total_width);
        }
        Ok(())
    }

    fn below(
        &self,
        address: u64,
        count: u64,
        depth: u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let level = usize::try_from(depth).unwrap_or(usize::MAX);
        let pointer = match level.checked_sub(1) {
            None => 0,
            Some(below) => self.file.sizes.offset + self.count_width + self.total_widths[below],
        };
        let children = if depth == 0 { 0 } else { count + 1 };
        let length = 6 + count * self.record as u64 + children * pointer as u64 + 4;
        if length > self.node {
            return Err(FormatError::new("a node of a B-tree has more records than fit")
                .with_expected(format!("{} bytes", self.node), format!("{length} bytes")));
        }
        let block: Bytes = self.file.read(address, length, WHAT)?;
        let mut fields = self.file.fields(checked(&block, WHAT)?, WHAT);
        fields.expect(if depth == 0 { b"BTLF\0" } else { b"BTIN\0" })?;
        fields.expect(&[self.kind])?;
        let mut records = fields;
        for _ in 0..count {
            fields.skip(self.record)?;
        }
        for index in 0..=count {
            if depth > 0 {
                let (child, inside) = self.child(&mut fields, level)?;
                self.below(child, inside, depth - 1, visit)?;
            }
            if index < count {
                visit(records.take(self.record)?)?;
            }
        }
        Ok(())
    }

    fn child(&self, fields: &mut Fields<'_>, level: usize) -> Result<(u64, u64), FormatError> {
        let child = fields.defined()?;
        let count = fields.number(self.count_width)?;
        fields.skip(self.total_widths[level - 1])?;
        Ok((child, count))
    }
}
