//! Comparison of two tables row by row, and their digests, in one pass.
//!
//! Rows that are equal at their position need nothing else: most rows of two versions of a table do. Of all others, equal
//! rows of the same 65,536 rows of both tables are paired first, then those of whole tables, which are sorted by their
//! values; what is left over was removed or added. So the order of the rows does not count, and a row that occurs three
//! times in one table and twice in the other one was removed once. Of equal rows of one table the first is paired first.
//!
//! With a key, what is left over after the pairs of equal rows of the same blocks is sorted by the value of its key. Of the
//! paired rows, the keys alone are looked up, so that keys that occur several times are found.

use super::align::equal_pairs;
use super::in_step::{self, BlockPair};
use super::join::{self, Duplicates, Pair};
use super::kept::Kept;
use super::keys::{Keys, Part};
use super::listing::{self, Cells, Change, ListedRow, Wanted};
use super::positions::{Positions, Ranked};
use super::runs::{AllRuns, Runs};
use super::side::{Side, TableFiles, rows_of};
use super::sorter::{Merge, Record, Sorted, Sorter, in_ranges};
use super::value::{Key, RowHash, Value, value};
use super::{MAX_ROWS, MEMORY};
use crate::control::Control;
use crate::digest::table::TableDigest;
use crate::error::Result;
use crate::io::source::retry_once;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use lineaprint_formats::table::{BLOCK_ROWS, Column};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A request to compare two tables row by row.
#[derive(Clone, Debug)]
pub struct DiffRows {
    /// The first table. Both are hashed with its algorithms.
    pub before: TableFiles,
    /// The second table.
    pub after: TableFiles,
    /// Names of the columns that identify a row; none if all columns do.
    pub key: Vec<String>,
    /// Random bytes, new for each comparison.
    pub secret: Key,
    /// The number of rows that are listed.
    pub list: usize,
    /// The file to which all rows that differ are written.
    pub output: Option<PathBuf>,
    /// The most bytes of records in memory; [`MEMORY`] if absent.
    pub memory: Option<usize>,
}

/// The result of a request.
#[derive(Debug)]
pub enum Comparison {
    /// The key does not name one column each of a table. Nothing was read.
    WrongKey {
        /// Which of the tables: 0 or 1.
        side: usize,
        /// The names of its columns.
        columns: Vec<String>,
    },
    /// Both tables were read.
    Read(Box<ReadTables>),
}

/// Two tables that were read.
#[derive(Debug)]
pub struct ReadTables {
    /// The first table.
    pub before: TableDigest,
    /// The second table.
    pub after: TableDigest,
    /// Their rows.
    pub rows: Outcome,
}

/// The result of a comparison of rows.
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
    type Output = Comparison;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Decoded {
            paths: &self.before.paths,
        }
    }

    fn run(self, control: &Control) -> Result<Comparison> {
        retry_once(|| self.compare(control))
    }
}

impl DiffRows {
    /// Compare the tables on the threads of the current pool.
    pub fn compare(&self, control: &Control) -> Result<Comparison> {
        let before = Side::open(&self.before, control)?;
        let mut after = Side::open(&self.after, control)?;
        for (side, table) in [&before, &after].into_iter().enumerate() {
            let names = || table.columns().iter().map(|column| &column.name);
            let is_one = |name| names().filter(|other| *other == name).count() == 1;
            if !self.key.iter().all(is_one) {
                let columns = names().cloned().collect();
                return Ok(Comparison::WrongKey { side, columns });
            }
        }
        let not_compared = |reason: &str| Some(Outcome::NotCompared(reason.to_owned()));
        let unread = if !after.order_as(before.columns()) {
            not_compared("the columns differ")
        } else if before.columns().is_empty() {
            not_compared("the tables have no columns")
        } else {
            let rows = [&before, &after].map(|side| side.known_rows().unwrap_or_default());
            too_many(rows)
        };
        let read = match unread {
            Some(rows) => ReadTables {
                before: before.hash(control)?,
                after: after.hash(control)?,
                rows,
            },
            None if self.key.is_empty() => self.read(&ByValue, [&before, &after], control)?,
            None => {
                let shape = ByKey {
                    columns: self.key_columns(&before),
                    paired: Keys::new(self.budget(2)),
                };
                self.read(&shape, [&before, &after], control)?
            }
        };
        before.finish()?;
        after.finish()?;
        Ok(Comparison::Read(Box::new(read)))
    }

    /// Read two tables of the same columns.
    fn read<const W: usize, S: Shape<W>>(
        &self,
        shape: &S,
        sides: [&Side; 2],
        control: &Control,
    ) -> Result<ReadTables> {
        let columns = sides[0].columns();
        let hash = RowHash::new(&self.secret, columns.len());
        let [x, y] = [self.sorter::<W>(S::EIGHTHS), self.sorter::<W>(S::EIGHTHS)];
        let runs = Runs::new(self.sorter(1));
        let kept = [Kept::default(), Kept::default()];
        let read = in_step::read(sides, self.before.options.algorithms, control, &|pair| {
            let block = BlockRows {
                pair,
                hash: &hash,
                columns,
                runs: &runs,
            };
            let [a, b] = shape.records(&block, block.pair_equal()?)?;
            x.add(&a)?;
            y.add(&b)?;
            block.keep(&kept)
        })?;
        let rows = [read[0].rows, read[1].rows];
        let [first, second] = read;
        let before = sides[0].digest_of(rows[0], first.blocks)?;
        let after = sides[1].digest_of(rows[1], second.blocks)?;
        let outcome = if let Some(outcome) = too_many(rows) {
            outcome
        } else {
            let records = [x.finish()?, y.finish()?];
            self.rows(shape, records, &runs.finish()?, (sides, rows), &kept, control)?
        };
        Ok(ReadTables {
            before,
            after,
            rows: outcome,
        })
    }

    /// Pair the rows that were not equal in place, and look at the cells of those that differ.
    fn rows<const W: usize, S: Shape<W>>(
        &self,
        shape: &S,
        records: [Sorted<W>; 2],
        runs: &AllRuns,
        (sides, rows): ([&Side; 2], [u64; 2]),
        kept: &[Kept; 2],
        control: &Control,
    ) -> Result<Outcome> {
        let (pairs, is_shifted, duplicates) = self.pair(shape, &records, rows, control)?;
        // Rows that are equal in place are in order if all others are.
        let same_order = !(is_shifted || runs.is_shifted)
            || (runs.are_in_order(|a, b| pairs.is_in_order(a, b))?
                && is_in_order::<W, S>(&records, &pairs, control)?);
        drop(records);
        let by_position = self.key.is_empty();
        let shared = if by_position {
            pairs.removed.common(&pairs.added)
        } else {
            0
        };
        let wanted = Wanted {
            key: &self.key_columns(sides[0]),
            list: self.list,
            output: self.output.as_deref(),
        };
        let mut changes = pairs.changes(by_position)?;
        let Cells {
            columns,
            examined,
            listed,
        } = listing::read(|| changes.next(), sides, kept, &wanted, control)?;
        let names = sides[0].columns().iter().map(|column| column.name.clone());
        Ok(Outcome::Compared(Box::new(RowDifference {
            removed: pairs.removed.len() - shared,
            added: pairs.added.len() - shared,
            changed: shared + pairs.changed_rows,
            same_order,
            duplicates: (!by_position).then_some(duplicates),
            columns: names.zip(columns).collect(),
            examined,
            listed,
        })))
    }

    /// Return the indices of the columns of the key.
    fn key_columns(&self, side: &Side) -> Vec<usize> {
        let columns = side.columns();
        let names = self.key.iter();
        names
            .filter_map(|name| columns.iter().position(|column| column.name == *name))
            .collect()
    }

    /// Create a sorter that holds some eighths of the memory.
    fn sorter<const W: usize>(&self, eighths: usize) -> Sorter<W> {
        Sorter::new(self.budget(eighths), rayon::current_num_threads())
    }

    /// Return some eighths of the memory, in bytes.
    fn budget(&self, eighths: usize) -> usize {
        self.memory.unwrap_or(MEMORY) / 8 * eighths
    }

    /// Pair the records. Return the rows without a partner, whether any two paired rows have other positions, and the keys
    /// that occur several times.
    fn pair<const W: usize, S: Shape<W>>(
        &self,
        shape: &S,
        records: &[Sorted<W>; 2],
        rows: [u64; 2],
        control: &Control,
    ) -> Result<(Pairs, bool, Duplicates)> {
        let [removed, added] = rows.map(Positions::new);
        let changed = self.sorter::<2>(1);
        let changed_rows = AtomicU64::new(0);
        let shifted = AtomicBool::new(false);
        let duplicates = Mutex::new(Duplicates::default());
        let take = |pair| {
            control.check()?;
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
        };
        each_range(records, control, |records, range| {
            let own = shape.join(records, range, &mut &take)?;
            *duplicates.lock().unwrap_or_else(PoisonError::into_inner) += own;
            Ok(())
        })?;
        let pairs = Pairs {
            removed: removed.finish(),
            added: added.finish(),
            changed: changed.finish()?,
            changed_rows: changed_rows.into_inner(),
        };
        let duplicates = duplicates.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((pairs, shifted.into_inner(), duplicates))
    }
}

/// Return the reason why tables of so many rows are not compared, if there is one.
fn too_many(rows: [u64; 2]) -> Option<Outcome> {
    let reason = || Outcome::NotCompared(format!("a table has more than {MAX_ROWS} rows"));
    rows.iter().any(|rows| *rows > MAX_ROWS).then(reason)
}

/// A block of both tables, and the function that gives its rows their values.
struct BlockRows<'a> {
    pair: &'a BlockPair<'a>,
    hash: &'a RowHash,
    columns: &'a [Column],
    runs: &'a Runs,
}

impl BlockRows<'_> {
    /// Return the row of the table that is the first of the block.
    const fn first(&self) -> u64 {
        self.pair.block * BLOCK_ROWS as u64
    }

    /// Return the values of some rows over some columns, in the order of `rows`, which ascend.
    fn values(
        &self,
        side: usize,
        columns: impl Iterator<Item = usize>,
        rows: &[usize],
    ) -> Result<Vec<Value>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut sums = self.hash.sums(rows.len());
        for column in columns {
            let named = (column, &self.columns[column]);
            let (mut first, mut done) = (0, 0);
            self.pair.each(side, column, &mut |pieces| {
                let count: usize = pieces.iter().map(arrow_array::Array::len).sum();
                let own = &rows[done..];
                let own = &own[..own.partition_point(|row| *row < first + count)];
                let sums = &mut sums[done..done + own.len()];
                if first == 0 {
                    self.hash.add(named, pieces, own, sums)?;
                } else {
                    let own: Vec<usize> = own.iter().map(|row| row - first).collect();
                    self.hash.add(named, pieces, &own, sums)?;
                }
                done += own.len();
                first += count;
                Ok(())
            })?;
        }
        Ok(sums.into_iter().map(value).collect())
    }

    /// Pair equal rows of the block. Return the rows in question that have no partner.
    fn pair_equal(&self) -> Result<[Vec<Unpaired>; 2]> {
        let values = [self.own_values(0)?, self.own_values(1)?];
        let rows = &self.pair.question;
        let pairs = equal_pairs(&values[0], &values[1]);
        let mut is_left = [vec![true; rows[0].len()], vec![true; rows[1].len()]];
        for (a, b) in &pairs {
            is_left[0][*a] = false;
            is_left[1][*b] = false;
        }
        let first = self.first();
        let positions = pairs
            .iter()
            .map(|(a, b)| (first + rows[0][*a] as u64, first + rows[1][*b] as u64));
        self.runs.add(positions)?;
        Ok(std::array::from_fn(|side| {
            let all = rows[side].iter().zip(&values[side]).zip(&is_left[side]);
            let unmatched = all.filter(|(_, is_left)| **is_left);
            unmatched
                .map(|((row, value), _)| Unpaired {
                    row: *row,
                    value: *value,
                })
                .collect()
        }))
    }

    /// Return the values of the rows in question, over all columns.
    fn own_values(&self, side: usize) -> Result<Vec<Value>> {
        self.values(side, 0..self.columns.len(), &self.pair.question[side])
    }

    /// Keep the cells of the rows in question, if they are few.
    fn keep(&self, kept: &[Kept; 2]) -> Result<()> {
        for (side, kept) in kept.iter().enumerate() {
            let rows = &self.pair.question[side];
            kept.keep(self.pair.block, rows, || {
                let columns = self.columns.iter().enumerate();
                columns
                    .map(|column| rows_of(self.pair, side, column, rows))
                    .collect()
            })?;
        }
        Ok(())
    }
}

/// A row without an equal one in the same block of the other table.
#[derive(Clone, Copy)]
struct Unpaired {
    /// Its index in the block.
    row: usize,
    /// Its value, over all columns.
    value: Value,
}

/// Knowledge of rows: by all their cells, or by a key. A record begins with the value by which rows are paired, and ends
/// with the row.
trait Shape<const W: usize>: Sync {
    /// Eighths of the memory for the records of each table.
    const EIGHTHS: usize;

    /// Return the records of the rows of a block, of each table, that are to be paired with those of other blocks.
    fn records(&self, block: &BlockRows<'_>, unpaired: [Vec<Unpaired>; 2]) -> Result<[Vec<Record<W>>; 2]>;

    /// Pair the records of a range, and return the keys that occur several times.
    fn join(&self, records: [Merge<'_, W>; 2], range: Range, take: Take<'_>) -> Result<Duplicates>;

    /// Pair the records of a range again, as if they were all rows of their tables: some pairs are not among those of
    /// [`Self::join`].
    fn join_alone(records: [Merge<'_, W>; 2], take: Take<'_>) -> Result<()>;
}

type Take<'t> = &'t mut dyn FnMut(Pair) -> Result<()>;

/// A range of the records that are sorted: the least first number, the one behind it, and how many ranges are read at the
/// same time.
struct Range {
    from: u64,
    to: Option<u64>,
    readers: usize,
}

/// Rows that are known by all their cells: value and row.
struct ByValue;

impl Shape<3> for ByValue {
    const EIGHTHS: usize = 3;

    fn records(&self, block: &BlockRows<'_>, unpaired: [Vec<Unpaired>; 2]) -> Result<[Vec<Record<3>>; 2]> {
        let first = block.first();
        let record = |Unpaired { row, value: [a, b] }| [a, b, first + row as u64];
        Ok(unpaired.map(|rows| rows.into_iter().map(record).collect()))
    }

    fn join(&self, records: [Merge<'_, 3>; 2], _: Range, take: Take<'_>) -> Result<Duplicates> {
        Self::join_alone(records, take)?;
        Ok(Duplicates::default())
    }

    fn join_alone([mut a, mut b]: [Merge<'_, 3>; 2], take: Take<'_>) -> Result<()> {
        join::by_value(&mut a, &mut b, take)
    }
}

/// Rows that are known by the cells of some columns: value of the key, value of the row, and row.
struct ByKey {
    columns: Vec<usize>,
    /// The keys of all rows that have no record, since they were paired with an equal row.
    paired: Keys,
}

impl Shape<5> for ByKey {
    const EIGHTHS: usize = 2;

    fn records(&self, block: &BlockRows<'_>, unpaired: [Vec<Unpaired>; 2]) -> Result<[Vec<Record<5>>; 2]> {
        // Equal rows have equal keys, so that those of one table are those of both.
        let mut is_paired = vec![true; block.pair.rows[0]];
        for Unpaired { row, .. } in &unpaired[0] {
            is_paired[*row] = false;
        }
        let paired: Vec<usize> = (0..is_paired.len()).filter(|row| is_paired[*row]).collect();
        self.paired.add(&self.keys(block, 0, &paired)?)?;
        let [a, b] = &unpaired;
        Ok([self.of_side(block, 0, a)?, self.of_side(block, 1, b)?])
    }

    fn join(
        &self,
        [mut a, mut b]: [Merge<'_, 5>; 2],
        Range { from, to, readers }: Range,
        take: Take<'_>,
    ) -> Result<Duplicates> {
        let mut duplicates = Duplicates::default();
        let mut parts = self.paired.parts(from, to, readers);
        while let Some(part) = parts.next()? {
            duplicates += join::by_key(&mut a, &mut b, &part, take)?;
        }
        Ok(duplicates)
    }

    fn join_alone([mut a, mut b]: [Merge<'_, 5>; 2], take: Take<'_>) -> Result<()> {
        join::by_key(&mut a, &mut b, &Part::none(), take)?;
        Ok(())
    }
}

impl ByKey {
    fn keys(&self, block: &BlockRows<'_>, side: usize, rows: &[usize]) -> Result<Vec<Value>> {
        block.values(side, self.columns.iter().copied(), rows)
    }

    fn of_side(&self, block: &BlockRows<'_>, side: usize, unpaired: &[Unpaired]) -> Result<Vec<Record<5>>> {
        let rows: Vec<usize> = unpaired.iter().map(|unpaired| unpaired.row).collect();
        let keys = self.keys(block, side, &rows)?;
        let first = block.first();
        let records = keys.into_iter().zip(unpaired);
        Ok(records
            .map(|([a, b], Unpaired { row, value: [c, d] })| [a, b, *c, *d, first + *row as u64])
            .collect())
    }
}

/// Call `join` with each range of the records of two tables, on all threads of the current pool.
fn each_range<const W: usize>(
    [a, b]: &[Sorted<W>; 2],
    control: &Control,
    join: impl Fn([Merge<'_, W>; 2], Range) -> Result<()> + Sync,
) -> Result<()> {
    in_ranges(control, |from, to, readers| {
        let records = [a.range(from, to, readers)?, b.range(from, to, readers)?];
        join(records, Range { from, to, readers })
    })
}

/// Return whether the rows that both tables have are in the same order in both.
fn is_in_order<const W: usize, S: Shape<W>>(
    records: &[Sorted<W>; 2],
    pairs: &Pairs,
    control: &Control,
) -> Result<bool> {
    let moved = AtomicBool::new(false);
    each_range(records, control, |records, _| {
        S::join_alone(records, &mut |pair| {
            control.check()?;
            if let Pair::Same(a, b) | Pair::Changed(a, b) = pair
                // No pair, but a removed and an added row of a key that other rows have as well.
                && pairs.removed.next(a) != Some(a)
                && !pairs.is_in_order(a, b)
            {
                moved.store(true, Ordering::Relaxed);
            }
            Ok(())
        })
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
    /// Return whether as many rows that both tables have are before two paired rows.
    fn is_in_order(&self, a: u64, b: u64) -> bool {
        a - self.removed.before(a) == b - self.added.before(b)
    }

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
