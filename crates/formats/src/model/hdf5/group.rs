//! Links of a group.

use super::fields::Fields;
use super::file::File;
use super::header::{Header, kind};
use super::heap::{Fractal, local};
use super::tree;
use crate::error::FormatError;
use crate::text::utf8;

/// The end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To the object with this header.
    Hard(u64),
    /// To a path of this file.
    Soft(String),
    /// To another file.
    External,
    /// To something that only its writer knows.
    Other(u8),
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) target: Target,
}

/// Give every link of a group to `add`.
pub(super) fn links(
    file: &File<'_>,
    header: &Header,
    add: &mut dyn FnMut(Link) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    if let Some(data) = header.find(kind::SYMBOL_TABLE) {
        let mut fields = file.fields(data, "a table of links");
        return old(file, fields.defined()?, fields.defined()?, add);
    }
    for data in header.every(kind::LINK) {
        add(read(file.fields(data, "a link"))?)?;
    }
    let Some(data) = header.find(kind::LINK_INFO) else {
        return Ok(());
    };
    let mut fields = file.fields(data, "a table of links");
    fields.expect(&[0])?;
    let flags = fields.byte()?;
    fields.skip(if flags & 1 == 0 { 0 } else { 8 })?;
    let (heap, index) = (fields.address()?, fields.address()?);
    let (Some(heap), Some(index)) = (heap, index) else {
        return Ok(());
    };
    let heap = Fractal::read(file, heap)?;
    tree::second_version(file, index, 5, &mut |record| {
        let id = record.get(4..).unwrap_or_default();
        let data = heap.object(id)?;
        add(read(file.fields(&data, "a link"))?)
    })
}

/// Read a link message.
fn read(mut fields: Fields<'_>) -> Result<Link, FormatError> {
    fields.expect(&[1])?;
    let flags = fields.byte()?;
    let class = if flags & 0x08 == 0 { 0 } else { fields.byte()? };
    fields.skip(if flags & 0x04 == 0 { 0 } else { 8 })?;
    fields.skip(usize::from(flags & 0x10 != 0))?;
    let length = fields.number(1 << (flags & 3))?;
    let length = usize::try_from(length).map_err(|_| fields.error("a name is too long"))?;
    let name = checked_name(fields.take(length)?)?;
    let target = match class {
        0 => Target::Hard(fields.defined()?),
        1 => {
            let length = fields.short()?;
            Target::Soft(utf8(fields.take(length)?, "the path of a soft link")?)
        }
        64 => Target::External,
        other => Target::Other(other),
    };
    Ok(Link { name, target })
}

fn checked_name(name: &[u8]) -> Result<String, FormatError> {
    let name = utf8(name, "the name of a link")?;
    if name.is_empty() || name.contains('/') || name == "." {
        return Err(FormatError::new("a link has a name that no path can hold")
            .with_expected("no '/'", format!("{name:?}")));
    }
    Ok(name)
}

/// Read the links of a group as old versions write it.
fn old(
    file: &File<'_>,
    tree: u64,
    heap: u64,
    add: &mut dyn FnMut(Link) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let names = local(file, heap)?;
    let name_at = |offset: u64| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = names
            .get(start..)
            .ok_or_else(|| FormatError::new("a name is outside its heap"))?;
        file.fields(rest, "a heap of names").terminated()
    };
    tree::first_version(file, tree, 0, file.sizes.length, &mut |_, node| {
        const WHAT: &str = "a table of links";
        let first = file.read(node, 8, WHAT)?;
        let mut fields = file.fields(&first, WHAT);
        fields.expect(b"SNOD\x01\0")?;
        let count = fields.short()?;
        let entry = 2 * file.sizes.offset + 24;
        let block = file.read(node.saturating_add(8), (count * entry) as u64, WHAT)?;
        let mut fields = file.fields(&block, WHAT);
        for _ in 0..count {
            let name = fields.number(file.sizes.offset)?;
            let object = fields.address()?;
            let cache = fields.word()?;
            fields.skip(4)?;
            let scratch = fields.take(16)?;
            let target = if cache == 2 {
                let offset = u64::from(file.fields(scratch, WHAT).word()?);
                Target::Soft(utf8(name_at(offset)?, "the path of a soft link")?)
            } else {
                Target::Hard(object.ok_or_else(|| FormatError::new("a link leads nowhere"))?)
            };
            let name = checked_name(name_at(name)?)?;
            add(Link { name, target })?;
        }
        Ok(())
    })
}
