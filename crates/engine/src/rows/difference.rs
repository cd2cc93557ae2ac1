//! Comparison of two tables row by row.
//!
//! Rows that are equal at their position need nothing else: most rows of two versions of a table do. The values of all
//! others are sorted and paired, and what is left over was removed or added. So the order of the rows does not count,
//! and a row that occurs three times in one table and twice in the other one was removed once.

use super::join::{self, Duplicates, Pair};
use super::listing::{self, Cells, Change, ListedRow, Wanted};
use super::positions::{Positions, Ranked};
use super::side::{Side, TableFiles, each_pair};
use super::sorter::{Merge, Record, Sorted, Sorter, in_ranges};
use super::value::{EQUAL_ROW, Key, values};
use super::{MAX_ROWS, MEMORY};
use crate::control::Control;
use crate::digest::table::in_column;
use crate::error::{Code, Error, Result};
use crate::io::source::retry_once;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_formats::table::{Block, Column, row};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A request to compare two tables row by row.
#[derive(Clone, Debug)]
pub struct DiffRows {
    /// The first table.
    pub before: TableFiles,
    /// The second table.
    pub after: TableFiles,
    /// Indices, in the first table, of the columns that identify a row; none if all columns do.
    pub key: Vec<usize>,
    /// Random bytes, new for each comparison.
    pub secret: Key,
    /// The number of rows that are listed.
    pub list: usize,
    /// The file to which all rows that differ are written.
    pub output: Option<PathBuf>,
    /// The most bytes of records in memory; [`MEMORY`] if absent.
    pub memory: Option<usize>,
}

/// The result of a comparison.
#[derive(Debug)]
pub enum Outcome {
    /// The rows that differ.
    Compared(Box<RowDifference>),
    /// The reason why the rows were not compared.
    NotCompared(String),
}

/// The rows that differ.
#[derive(Debug)]
pub struct RowDifference {
    /// Rows of the first table alone.
    pub removed: u64,
    /// Rows of the second table alone.
    pub added: u64,
    /// Rows of both tables with one key, or without a key at one position, whose cells differ.
    pub changed: u64,
    /// True if the rows that both tables have are in the same order in both.
    pub same_order: bool,
    /// Keys that occur several times; absent without a key.
    pub duplicates: Option<Duplicates>,
    /// The names of the columns, and in how many of the examined rows their cells differ.
    pub columns: Vec<(String, u64)>,
    /// Changed rows whose cells were compared.
    pub examined: u64,
    /// The first rows that differ.
    pub listed: Vec<ListedRow>,
}

impl Job for DiffRows {
    type Output = Outcome;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded {
            paths: &self.before.paths,
        }
    }

    fn run(self, control: &Control) -> Result<Outcome> {
        retry_once(|| self.compare(control))
    }
}

impl DiffRows {
    /// Compare the tables on the threads of the current pool.
    pub fn compare(&self, control: &Control) -> Result<Outcome> {
        let before = Side::open(&self.before, control)?;
        let mut after = Side::open(&self.after, control)?;
        if !after.order_as(before.columns()) {
            return Ok(Outcome::NotCompared("the columns differ".to_owned()));
        }
        if before.columns().is_empty() {
            return Ok(Outcome::NotCompared("the tables have no columns".to_owned()));
        }
        if self.key.iter().any(|column| *column >= before.columns().len()) {
            return Err(Error::new(
                Code::Internal,
                "a bug in lineaprint: a key of no column",
            ));
        }
        let (records, rows) = self.records(&before, &after, control)?;
        if rows.iter().any(|rows| *rows > MAX_ROWS) {
            return Ok(Outcome::NotCompared(format!(
                "a table has more than {MAX_ROWS} rows"
            )));
        }
        let (pairs, shifted, duplicates) = self.pair(&records, rows, control)?;
        let same_order = !shifted || is_in_order(&records, &pairs, control)?;
        let shared = if self.key.is_empty() {
            pairs.removed.common(&pairs.added)
        } else {
            0
        };
        let wanted = Wanted {
            key: &self.key,
            list: self.list,
            output: self.output.as_deref(),
        };
        drop(records);
        let mut changes = pairs.changes(self.key.is_empty())?;
        let Cells {
            columns,
            examined,
            listed,
        } = listing::read(|| changes.next(), &before, &after, &wanted, control)?;
        before.finish()?;
        after.finish()?;
        let names = before.columns().iter().map(|column| column.name.clone());
        Ok(Outcome::Compared(Box::new(RowDifference {
            removed: pairs.removed.len() - shared,
            added: pairs.added.len() - shared,
            changed: shared + pairs.changed_rows,
            same_order,
            duplicates: (!self.key.is_empty()).then_some(duplicates),
            columns: names.zip(columns).collect(),
            examined,
            listed,
        })))
    }

    /// Read both tables, and return the records of rows that may differ, and the number of rows of each table.
    fn records(&self, before: &Side, after: &Side, control: &Control) -> Result<(Records, [u64; 2])> {
        let rows = [AtomicU64::new(0), AtomicU64::new(0)];
        let count = |first: u64, a: &Block, b: &Block| {
            for (rows, block) in rows.iter().zip([a, b]) {
                if block.rows > 0 {
                    rows.fetch_max(first + block.rows as u64, Ordering::Relaxed);
                }
            }
        };
        let columns = before.columns();
        let all: Vec<usize> = (0..columns.len()).collect();
        let records = if self.key.is_empty() {
            let [x, y] = self.sorters::<3>();
            each_pair(before, after, control, |first, a, b| {
                count(first, a, b);
                let [left, right] = rows_in_question(a, b, columns)?;
                x.add(&self.by_value(a, columns, &all, &left, first)?)?;
                y.add(&self.by_value(b, columns, &all, &right, first)?)
            })?;
            Records::ByValue(x.finish()?, y.finish()?)
        } else {
            let [x, y] = self.sorters::<5>();
            each_pair(before, after, control, |first, a, b| {
                count(first, a, b);
                let [left, right] = rows_in_question(a, b, columns)?;
                x.add(&self.by_key(a, columns, &all, &left, first)?)?;
                y.add(&self.by_key(b, columns, &all, &right, first)?)
            })?;
            Records::ByKey(x.finish()?, y.finish()?)
        };
        Ok((records, rows.map(AtomicU64::into_inner)))
    }

    fn sorters<const W: usize>(&self) -> [Sorter<W>; 2] {
        let budget = self.memory.unwrap_or(MEMORY) / 2;
        let threads = rayon::current_num_threads();
        [Sorter::new(budget, threads), Sorter::new(budget, threads)]
    }

    /// Return the records of some rows of a block: value and row.
    fn by_value(
        &self,
        block: &Block,
        names: &[Column],
        all: &[usize],
        rows: &[usize],
        first: u64,
    ) -> Result<Vec<Record<3>>> {
        let values = values(&block.columns, names, all, rows, &self.secret)?;
        let records = values.into_iter().zip(rows);
        Ok(records.map(|([a, b], row)| [a, b, first + *row as u64]).collect())
    }

    /// Return the records of all rows of a block: value of the key, value and row. The rows that are not in `rows` are equal
    /// in place.
    fn by_key(
        &self,
        block: &Block,
        names: &[Column],
        all: &[usize],
        rows: &[usize],
        first: u64,
    ) -> Result<Vec<Record<5>>> {
        let every: Vec<usize> = (0..block.rows).collect();
        let keys = values(&block.columns, names, &self.key, &every, &self.secret)?;
        let mut own = vec![EQUAL_ROW; block.rows];
        for (row, value) in rows
            .iter()
            .zip(values(&block.columns, names, all, rows, &self.secret)?)
        {
            own[*row] = value;
        }
        let records = keys.into_iter().zip(own).zip(first..);
        Ok(records.map(|(([a, b], [c, d]), row)| [a, b, c, d, row]).collect())
    }

    /// Pair the records. Return the rows without a partner, whether any two paired rows have other positions, and the keys
    /// that occur several times.
    fn pair(
        &self,
        records: &Records,
        rows: [u64; 2],
        control: &Control,
    ) -> Result<(Pairs, bool, Duplicates)> {
        let [removed, added] = rows.map(Positions::new);
        let changed = Sorter::<2>::new(self.memory.unwrap_or(MEMORY) / 4, rayon::current_num_threads());
        let changed_rows = AtomicU64::new(0);
        let shifted = AtomicBool::new(false);
        let duplicates = records.each_pair(control, &|pair| {
            match pair {
                Pair::Same(a, b) => {
                    if a != b {
                        shifted.store(true, Ordering::Relaxed);
                    }
                }
                Pair::Changed(a, b) => {
                    if a != b {
                        shifted.store(true, Ordering::Relaxed);
                    }
                    changed_rows.fetch_add(1, Ordering::Relaxed);
                    changed.add(&[[a, b]])?;
                }
                Pair::Removed(row) => removed.add(row),
                Pair::Added(row) => added.add(row),
            }
            Ok(())
        })?;
        let pairs = Pairs {
            removed: removed.finish(),
            added: added.finish(),
            changed: changed.finish()?,
            changed_rows: changed_rows.into_inner(),
        };
        Ok((pairs, shifted.into_inner(), duplicates))
    }
}

/// Return the rows of two blocks that are not equal in place.
fn rows_in_question(a: &Block, b: &Block, columns: &[Column]) -> Result<[Vec<usize>; 2]> {
    let both = a.rows.min(b.rows);
    let mut flags = vec![false; both];
    for ((x, y), column) in a.columns.iter().zip(&b.columns).zip(columns) {
        row::mark_different(x, y, &mut flags).map_err(|error| in_column(error, &column.name))?;
        if flags.iter().all(|differs| *differs) {
            break;
        }
    }
    let differing: Vec<usize> = (0..both).filter(|row| flags[*row]).collect();
    Ok([a.rows, b.rows].map(|rows| differing.iter().copied().chain(both..rows).collect()))
}

/// The records of both tables.
enum Records {
    ByValue(Sorted<3>, Sorted<3>),
    ByKey(Sorted<5>, Sorted<5>),
}

impl Records {
    /// Hand every pair to `take`, on all threads of the current pool.
    fn each_pair(&self, control: &Control, take: &(dyn Fn(Pair) -> Result<()> + Sync)) -> Result<Duplicates> {
        let sum = Mutex::new(Duplicates::default());
        in_ranges(control, |from, to, readers| {
            let mut checked = |pair| {
                control.check()?;
                take(pair)
            };
            match self {
                Self::ByValue(a, b) => {
                    let (mut a, mut b) = (a.range(from, to, readers)?, b.range(from, to, readers)?);
                    join::by_value(&mut a, &mut b, &mut checked)
                }
                Self::ByKey(a, b) => {
                    let (mut a, mut b) = (a.range(from, to, readers)?, b.range(from, to, readers)?);
                    let own = join::by_key(&mut a, &mut b, &mut checked)?;
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.before += own.before;
                    sum.after += own.after;
                    Ok(())
                }
            }
        })?;
        Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Return whether the rows that both tables have are in the same order in both: each has as many of them before it.
fn is_in_order(records: &Records, pairs: &Pairs, control: &Control) -> Result<bool> {
    let Pairs { removed, added, .. } = pairs;
    let moved = AtomicBool::new(false);
    records.each_pair(control, &|pair| {
        if let Pair::Same(a, b) | Pair::Changed(a, b) = pair
            && a - removed.before(a) != b - added.before(b)
        {
            moved.store(true, Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(!moved.into_inner())
}

/// The rows that differ.
struct Pairs {
    removed: Ranked,
    added: Ranked,
    /// Rows of both tables with one key.
    changed: Sorted<2>,
    changed_rows: u64,
}

impl Pairs {
    /// Return the rows that differ, in the order of their positions. Without a key, a removed and an added row at one
    /// position are a changed row.
    fn changes(&self, by_position: bool) -> Result<Changes<'_>> {
        Ok(Changes {
            pairs: self,
            changed: self.changed.range(0, None, 1)?,
            removed: self.removed.next(0),
            added: self.added.next(0),
            by_position,
        })
    }
}

/// The rows that differ, one after the other.
struct Changes<'a> {
    pairs: &'a Pairs,
    changed: Merge<'a, 2>,
    removed: Option<u64>,
    added: Option<u64>,
    by_position: bool,
}

impl Changes<'_> {
    fn next(&mut self) -> Result<Option<Change>> {
        let changed = self.changed.peek().map(|[before, _]| *before);
        let first = [self.removed, changed, self.added].into_iter().flatten().min();
        let Some(first) = first else { return Ok(None) };
        let follow = |set: &Ranked| set.next(first + 1);
        if changed == Some(first)
            && let Some([before, after]) = self.changed.take()?
        {
            return Ok(Some(Change::Changed(before, after)));
        }
        let (is_removed, is_added) = (self.removed == Some(first), self.added == Some(first));
        if is_removed {
            self.removed = follow(&self.pairs.removed);
        }
        if is_added && (!is_removed || self.by_position) {
            self.added = follow(&self.pairs.added);
        }
        Ok(Some(match (is_removed, is_added && self.by_position) {
            (true, true) => Change::Changed(first, first),
            (true, false) => Change::Removed(first),
            (false, _) => Change::Added(first),
        }))
    }
}
