//! Lists of every form.

use super::node;
use super::part::Part;
use super::writer::Writer;
use crate::error::FormatError;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait};
use arrow_buffer::ArrowNativeType as _;
use std::ops::Range;

/// Elements, and where those of each list lie among them.
pub type ListRanges = (ArrayRef, Vec<Range<usize>>);

/// Return the elements of all lists, and the range of each list among them.
pub fn offsets<O: OffsetSizeTrait>(list: &arrow_array::GenericListArray<O>) -> ListRanges {
    let bounds = list.offsets().windows(2);
    (
        list.values().clone(),
        bounds
            .map(|pair| pair[0].as_usize()..pair[1].as_usize())
            .collect(),
    )
}

/// Return the same for list views.
pub fn list_views<O: OffsetSizeTrait>(list: &arrow_array::GenericListViewArray<O>) -> ListRanges {
    let bounds = list.offsets().iter().zip(list.sizes());
    (
        list.values().clone(),
        bounds
            .map(|(start, size)| start.as_usize()..start.as_usize() + size.as_usize())
            .collect(),
    )
}

/// Return the same for maps, whose elements are pairs.
pub fn map_ranges(array: &ArrayRef) -> ListRanges {
    let map = array.as_map();
    let entries: ArrayRef = std::sync::Arc::new(map.entries().clone());
    let ranges = map
        .offsets()
        .windows(2)
        .map(|pair| pair[0].as_usize()..pair[1].as_usize());
    (entries, ranges.collect())
}

/// Write the counts of the valid lists, then their elements as one block. Elements of a null list do not count.
pub fn lists(
    parts: &[Part],
    writer: &mut Writer<'_>,
    ranges_of: impl Fn(&ArrayRef) -> ListRanges,
) -> Result<(), FormatError> {
    let mut children = Vec::with_capacity(parts.len());
    let mut child_type = None;
    for part in parts {
        let (values, list_ranges) = ranges_of(&part.array);
        let mut ranges = Ranges::default();
        for run in part.runs() {
            for range in &list_ranges[run] {
                writer.number(range.len());
                ranges.add(range.clone());
            }
            few(children.len() + ranges.0.len())?;
        }
        let (start, values) = ranges.cover(&values)?;
        child_type.get_or_insert_with(|| values.slice(0..0));
        let within = |range: Range<usize>| range.start - start..range.end - start;
        children.extend(ranges.0.into_iter().map(|range| values.slice(within(range))));
    }
    children_block(children, child_type, writer)
}

/// Write lists of one length in the form of other lists.
pub fn fixed_lists(parts: &[Part], writer: &mut Writer<'_>, length: usize) -> Result<(), FormatError> {
    let mut children = Vec::with_capacity(parts.len());
    let mut child_type = None;
    for part in parts {
        let list = part.array.as_fixed_size_list();
        let start = list.value_offset_at(0);
        let values = Part::new(list.values().clone(), None)?;
        for run in part.runs() {
            run.clone().for_each(|_| writer.number(length));
            children.push(values.slice(start + run.start * length..start + run.end * length));
            few(children.len())?;
        }
        child_type.get_or_insert_with(|| values.slice(0..0));
    }
    children_block(children, child_type, writer)
}

/// The most pieces that the elements of lists are in; each takes some hundred bytes. Gaps between pieces are elements
/// of null lists, or shared elements: lists as programs write them have few.
const MAX_PIECES: usize = 1 << 22;

fn few(pieces: usize) -> Result<(), FormatError> {
    if pieces <= MAX_PIECES {
        return Ok(());
    }
    Err(FormatError::unsupported(format!(
        "the elements of lists lie in more than {MAX_PIECES} pieces"
    )))
}

/// Write the elements of lists as one block. Without elements it is an empty block of their type.
fn children_block(
    mut children: Vec<Part>,
    empty: Option<Part>,
    writer: &mut Writer<'_>,
) -> Result<(), FormatError> {
    children.retain(|part| !part.array.is_empty());
    if children.is_empty() {
        children.extend(empty);
    }
    node(&children, writer)
}

/// Ranges, joined where one begins at the end of the one before.
#[derive(Default)]
struct Ranges(Vec<Range<usize>>);

impl Ranges {
    fn add(&mut self, range: Range<usize>) {
        match self.0.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.0.push(range),
        }
    }

    /// Return the elements from the first to the last range, and the offset of the first.
    fn cover(&self, values: &ArrayRef) -> Result<(usize, Part), FormatError> {
        let start = self.0.iter().map(|range| range.start).min().unwrap_or_default();
        let end = self.0.iter().map(|range| range.end).max().unwrap_or_default();
        Ok((start, Part::new(values.slice(start, end - start), None)?))
    }
}
