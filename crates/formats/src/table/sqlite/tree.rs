//! The entries of a B-tree in their order.

use super::pages::{Pages, be16, be32, varint};
use crate::error::FormatError;
use bytes::Bytes;

/// The deepest tree that SQLite reads.
const MAX_DEPTH: usize = 20;

/// The longest record: the limit of SQLite as it is built.
const MAX_RECORD: u64 = 1_000_000_000;

/// Walks a tree from its first entry to its last.
pub struct Tree {
    root: Option<u32>,
    /// The pages from the root to the current one.
    path: Vec<Frame>,
    kind: Kind,
    last_row: Option<i64>,
}

/// The entries of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows by their number, all in leaves.
    Table,
    /// Records in their own order, in all pages.
    Index,
}

struct Frame {
    page: Bytes,
    number: u32,
    /// Offset of the header of the page.
    start: usize,
    is_leaf: bool,
    cells: usize,
    /// The next cell; of an interior page twice that, and one more behind its child.
    step: usize,
    /// Bytes of the cells that were read.
    used: usize,
}

/// An entry: the number of a row, 0 in an index, and its record.
pub type Entry = (i64, Vec<u8>);

impl Tree {
    /// Begin at the page `root`.
    pub fn new(root: u32, kind: Kind) -> Self {
        Self {
            root: Some(root),
            path: Vec::new(),
            kind,
            last_row: None,
        }
    }

    /// Return the next entry; nothing after the last.
    pub fn next(&mut self, pages: &mut Pages) -> Result<Option<Entry>, FormatError> {
        if let Some(root) = self.root.take() {
            self.enter(pages, root)?;
        }
        loop {
            let Some(frame) = self.path.last_mut() else {
                return Ok(None);
            };
            let step = frame.step;
            frame.step += 1;
            if frame.is_leaf {
                if step >= frame.cells {
                    self.path.pop();
                    continue;
                }
                let cell = frame.cell(step)?;
                return self.entry(pages, &cell).map(Some);
            }
            let index = step / 2;
            if step % 2 == 0 && index <= frame.cells {
                let child = if index == frame.cells {
                    be32(&frame.page, frame.start + 8)
                } else {
                    be32(&frame.cell(index)?, 0)
                };
                self.enter(pages, child)?;
            } else if index >= frame.cells {
                self.path.pop();
            } else if self.kind == Kind::Index {
                // An entry between two children.
                let cell = frame.cell(index)?;
                return self.entry(pages, &cell.slice(4.min(cell.len())..)).map(Some);
            }
        }
    }

    fn enter(&mut self, pages: &mut Pages, number: u32) -> Result<(), FormatError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(FormatError::new(format!(
                "its tree is more than {MAX_DEPTH} pages deep"
            )));
        }
        let page = pages.take(number)?;
        let start = if number == 1 { 100 } else { 0 };
        let (leaf, interior) = match self.kind {
            Kind::Table => (0x0d, 0x05),
            Kind::Index => (0x0a, 0x02),
        };
        let kind = page[start];
        if kind != leaf && kind != interior {
            return Err(
                FormatError::new(format!("page {number} is of another kind than its tree"))
                    .with_expected(format!("{leaf} or {interior}"), kind),
            );
        }
        let is_leaf = kind == leaf;
        let cells = usize::from(be16(&page, start + 3));
        let header = if is_leaf { 8 } else { 12 };
        if start + header + 2 * cells > page.len() {
            return Err(FormatError::new(format!(
                "page {number} has more cells than it has bytes"
            )));
        }
        self.path.push(Frame {
            page,
            number,
            start,
            is_leaf,
            cells,
            step: 0,
            used: 0,
        });
        Ok(())
    }

    /// Read the record of a cell, of which a part can be on pages of its own.
    fn entry(&mut self, pages: &mut Pages, cell: &[u8]) -> Result<Entry, FormatError> {
        let broken = || FormatError::new("a cell of it is cut off");
        let (length, mut at) = varint(cell).ok_or_else(broken)?;
        let mut row = 0;
        if self.kind == Kind::Table {
            let (number, bytes) = varint(&cell[at..]).ok_or_else(broken)?;
            row = number.cast_signed();
            at += bytes;
            if self.last_row.is_some_and(|last| last >= row) {
                return Err(FormatError::new(format!(
                    "the row {row} is not behind the rows before it"
                )));
            }
            self.last_row = Some(row);
        }
        if length > MAX_RECORD {
            return Err(
                FormatError::unsupported("a record is longer than those that SQLite reads")
                    .with_expected(format!("at most {MAX_RECORD} bytes"), length),
            );
        }
        let length = usize::try_from(length).map_err(|_| broken())?;
        let usable = pages.usable();
        let most = match self.kind {
            Kind::Table => usable - 35,
            Kind::Index => (usable - 12) * 64 / 255 - 23,
        };
        let least = (usable - 12) * 32 / 255 - 23;
        let local = if length <= most {
            length
        } else {
            let longest = least + (length - least) % (usable - 4);
            if longest <= most { longest } else { least }
        };
        if let Some(frame) = self.path.last_mut() {
            // Each cell has bytes of its own: a page that says otherwise would be many times its size.
            frame.used += at + local;
            if frame.used > frame.page.len() {
                return Err(FormatError::new(format!(
                    "the cells of page {} lie on each other",
                    frame.number
                )));
            }
        }
        let mut record = cell.get(at..at + local).ok_or_else(broken)?.to_vec();
        if local < length {
            let mut next = be32(cell.get(at + local..at + local + 4).ok_or_else(broken)?, 0);
            while record.len() < length {
                let page = pages.take(next)?;
                let count = (length - record.len()).min(usable - 4);
                record.extend_from_slice(&page[4..4 + count]);
                next = be32(&page, 0);
            }
        }
        Ok((row, record))
    }
}

impl Frame {
    /// Return the bytes of the page from a cell on.
    fn cell(&self, index: usize) -> Result<Bytes, FormatError> {
        let header = if self.is_leaf { 8 } else { 12 };
        let pointers = self.start + header;
        let at = usize::from(be16(&self.page, pointers + 2 * index));
        if at < pointers + 2 * self.cells || at + 4 > self.page.len() {
            return Err(FormatError::new(format!(
                "a cell of page {} lies outside of its content",
                self.number
            )));
        }
        Ok(self.page.slice(at..))
    }
}
