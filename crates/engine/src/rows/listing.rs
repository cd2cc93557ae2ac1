//! The cells of rows that differ: counted by column, listed for people, and written to a file.

use super::kept::Kept;
use super::output::Output;
use super::side::{Fetcher, Side, select};
use crate::control::Control;
use crate::digest::table::in_column;
use crate::error::Result;
use arrow_array::{ArrayRef, UInt64Array};
use lineaprint_formats::table::row;
use std::path::Path;

/// Changed rows whose cells are counted. Those of more rows are not read again.
pub const COUNTED_ROWS: u64 = 1_000_000;

/// A row that differs: where it is in each table. Rows are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Rows of both tables, of which cells differ.
    Changed(u64, u64),
    /// A row of the first table alone.
    Removed(u64),
    /// A row of the second table alone.
    Added(u64),
}

impl Change {
    const fn before(self) -> Option<u64> {
        match self {
            Self::Changed(row, _) | Self::Removed(row) => Some(row),
            Self::Added(_) => None,
        }
    }

    const fn after(self) -> Option<u64> {
        match self {
            Self::Changed(_, row) | Self::Added(row) => Some(row),
            Self::Removed(_) => None,
        }
    }
}

/// A row that differs, with its cells as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRow {
    /// Fate of the row.
    pub change: Change,
    /// The cells of the key, if there is one.
    pub key: Vec<Option<String>>,
    /// For a changed row the cells that differ, else all cells.
    pub cells: Vec<ListedCell>,
}

/// A cell of a row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCell {
    /// Index of its column in the first table.
    pub column: usize,
    /// Its text in the first table; absent for a null, and if the table has no such row.
    pub before: Option<String>,
    /// The same in the second table.
    pub after: Option<String>,
}

/// Wishes about the rows that differ.
pub struct Wanted<'a> {
    /// Indices of the columns of the key.
    pub key: &'a [usize],
    /// The number of rows that are listed.
    pub list: usize,
    /// The file to which all are written.
    pub output: Option<&'a Path>,
}

/// Content of the rows that differ.
#[derive(Debug, Default)]
pub struct Cells {
    /// For each column, in how many of the examined rows its cells differ.
    pub columns: Vec<u64>,
    /// Changed rows whose cells were compared.
    pub examined: u64,
    /// The first rows that differ.
    pub listed: Vec<ListedRow>,
}

/// Compare the cells of the rows that differ. Rows that were not kept are read again.
///
/// Memory holds as many rows of both tables as are compared at once.
pub fn read(
    mut changes: impl FnMut() -> Result<Option<Change>>,
    [before, after]: [&Side; 2],
    kept: &[Kept; 2],
    wanted: &Wanted<'_>,
    control: &Control,
) -> Result<Cells> {
    let mut output = wanted
        .output
        .map(|path| Output::new(path, before, after))
        .transpose()?;
    let mut sides = [Fetcher::new(before, &kept[0])?, Fetcher::new(after, &kept[1])?];
    let most = sides[0].most().min(sides[1].most());
    let mut cells = Cells {
        columns: vec![0; before.columns().len()],
        ..Cells::default()
    };
    let mut listed = 0;
    loop {
        let mut batch = Vec::new();
        while batch.len() < most {
            // Without an output, a change that is neither listed nor counted is not read.
            let is_listing = listed < wanted.list;
            let is_counting = cells.examined + (batch.len() as u64) < COUNTED_ROWS;
            if output.is_none() && !is_listing && !is_counting {
                break;
            }
            let Some(change) = changes()? else { break };
            let is_counted = is_counting && matches!(change, Change::Changed(..));
            if output.is_some() || is_listing || is_counted {
                listed += usize::from(is_listing);
                batch.push(change);
            }
        }
        if batch.is_empty() {
            break;
        }
        control.check()?;
        let rows = Rows::read(&batch, &mut sides, control)?;
        let flags = rows.compare(before)?;
        if cells.examined < COUNTED_ROWS {
            for (count, flags) in cells.columns.iter_mut().zip(&flags) {
                *count += flags.iter().filter(|differs| **differs).count() as u64;
            }
            cells.examined += rows.changed.len() as u64;
        }
        let missing = wanted.list - cells.listed.len();
        cells
            .listed
            .extend((0..batch.len().min(missing)).map(|index| rows.listed(index, wanted.key, &flags)));
        if let Some(output) = &mut output {
            output.write(&rows)?;
        }
    }
    if let Some(output) = output {
        output.finish()?;
    }
    Ok(cells)
}

/// Some rows that differ, with their cells in both tables.
pub struct Rows<'a> {
    /// Fate of each row.
    pub changes: &'a [Change],
    /// Index of each among the rows of the first table; null if it is not there.
    pub before_index: UInt64Array,
    /// Index of each among the rows of the second table; null if it is not there.
    pub after_index: UInt64Array,
    /// The columns of the first table.
    pub before: Vec<ArrayRef>,
    /// The columns of the second table.
    pub after: Vec<ArrayRef>,
    /// Indices of the changes that are changed rows.
    changed: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn read(changes: &'a [Change], sides: &mut [Fetcher<'_>; 2], control: &Control) -> Result<Self> {
        let (before_index, before) = indexed(changes.iter().map(|change| change.before()));
        let (after_index, after) = indexed(changes.iter().map(|change| change.after()));
        let [first, second] = sides;
        let (before, after) = rayon::join(|| first.rows(&before, control), || second.rows(&after, control));
        Ok(Self {
            changes,
            before_index,
            after_index,
            before: before?,
            after: after?,
            changed: (0..changes.len())
                .filter(|index| matches!(changes[*index], Change::Changed(..)))
                .collect(),
        })
    }

    /// Return for each column in which of the changed rows its cells differ.
    fn compare(&self, side: &Side) -> Result<Vec<Vec<bool>>> {
        let pick = |index: &UInt64Array| -> UInt64Array {
            self.changed.iter().map(|row| index.value(*row)).collect()
        };
        let (x, y) = (pick(&self.before_index), pick(&self.after_index));
        let pairs = self.before.iter().zip(&self.after).zip(side.columns());
        pairs
            .map(|((before, after), column)| {
                let mut flags = vec![false; self.changed.len()];
                let (before, after) = (select(before, &x)?, select(after, &y)?);
                row::mark_different(&[before], &[after], &mut flags)
                    .map_err(|error| in_column(error, &column.name))?;
                Ok(flags)
            })
            .collect()
    }

    /// Return a row with its cells as text.
    fn listed(&self, index: usize, key: &[usize], flags: &[Vec<bool>]) -> ListedRow {
        let change = self.changes[index];
        let text = |columns: &[ArrayRef], rows: &UInt64Array, column: usize| {
            use arrow_array::Array as _;
            let row = rows.is_valid(index).then(|| rows.value(index))?;
            row::cell_text(&columns[column], usize::try_from(row).ok()?)
        };
        let before = |column| text(&self.before, &self.before_index, column);
        let after = |column| text(&self.after, &self.after_index, column);
        let rank = self.changed.binary_search(&index).ok();
        let cells = (0..self.before.len())
            .filter(|column| rank.is_none_or(|rank| flags[*column][rank]))
            .map(|column| ListedCell {
                column,
                before: before(column),
                after: after(column),
            })
            .collect();
        let key = key.iter().map(|column| match change {
            Change::Added(_) => after(*column),
            _ => before(*column),
        });
        ListedRow {
            change,
            key: key.collect(),
            cells,
        }
    }
}

/// Return the rows that are there, and for each change the index of its row among them.
fn indexed(rows: impl Iterator<Item = Option<u64>>) -> (UInt64Array, Vec<u64>) {
    let mut present = Vec::new();
    let index = rows
        .map(|row| {
            let index = present.len() as u64;
            row.map(|row| {
                present.push(row);
                index
            })
        })
        .collect();
    (index, present)
}
