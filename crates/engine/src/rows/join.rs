//! The rows of two tables, paired by their values.

use super::keys::{Part, Times};
use super::sorter::Merge;
use super::value::Value;
use crate::error::Result;
use std::ops::AddAssign;

/// Fate of a row. Rows are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Equal rows of both tables.
    Same(u64, u64),
    /// Rows of one key that differ.
    Changed(u64, u64),
    /// A row of the first table alone.
    Removed(u64),
    /// A row of the second table alone.
    Added(u64),
}

/// Pair the records of two tables, which are a value and a row each. Of equal rows the first of one table is paired with
/// the first of the other, and so on.
pub fn by_value(
    a: &mut Merge<'_, 3>,
    b: &mut Merge<'_, 3>,
    take: &mut dyn FnMut(Pair) -> Result<()>,
) -> Result<()> {
    loop {
        let value = |record: &[u64; 3]| -> Value { [record[0], record[1]] };
        match (a.peek().map(value), b.peek().map(value)) {
            (None, None) => return Ok(()),
            (Some(x), y) if y.is_none_or(|y| x < y) => {
                if let Some([.., row]) = a.take()? {
                    take(Pair::Removed(row))?;
                }
            }
            (x, Some(y)) if x.is_none_or(|x| y < x) => {
                if let Some([.., row]) = b.take()? {
                    take(Pair::Added(row))?;
                }
            }
            _ => {
                if let (Some([.., x]), Some([.., y])) = (a.take()?, b.take()?) {
                    take(Pair::Same(x, y))?;
                }
            }
        }
    }
}

/// Keys that occur several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Number of keys that several rows of the first table have.
    pub before: u64,
    /// Number of keys that several rows of the second table have.
    pub after: u64,
}

impl AddAssign for Duplicates {
    fn add_assign(&mut self, other: Self) {
        self.before += other.before;
        self.after += other.after;
    }
}

/// Pair the records of a part of the keys of two tables, which are the value of a key, the value of a row, and a row each.
///
/// Rows of a key that at most one row of each table has are paired. Of a key with more rows, equal rows are paired, and
/// all others are removed or added. A row that was paired before counts as one of its key in both tables.
pub fn by_key(
    a: &mut Merge<'_, 5>,
    b: &mut Merge<'_, 5>,
    paired: &Part,
    take: &mut dyn FnMut(Pair) -> Result<()>,
) -> Result<Duplicates> {
    // Keys that several rows have which were paired before: a key of one alone is counted below.
    let mut duplicates = Duplicates {
        before: paired.repeated(),
        after: paired.repeated(),
    };
    let key_of = |record: &[u64; 5]| -> Value { [record[0], record[1]] };
    let is_own = |record: &&[u64; 5]| paired.end().is_none_or(|end| record[0] < end);
    let first = |a: &Merge<'_, 5>, b: &Merge<'_, 5>| {
        let both = [a.peek(), b.peek()].into_iter().flatten();
        both.filter(is_own).map(key_of).min()
    };
    while let Some(key) = first(a, b) {
        let (mut before, mut after) = (0_u64, 0_u64);
        // The first row of each table that is not in the other one: whether it is changed shows at the end of the key.
        let (mut gone, mut new) = (None, None);
        loop {
            let value = |record: &&[u64; 5]| key_of(record) == key;
            let row_value = |record: &[u64; 5]| -> Value { [record[2], record[3]] };
            let (x, y) = (
                a.peek().filter(value).map(row_value),
                b.peek().filter(value).map(row_value),
            );
            match (x, y) {
                (None, None) => break,
                (Some(x), y) if y.is_none_or(|y| x < y) => {
                    if let Some([.., row]) = a.take()? {
                        before += 1;
                        if let Some(row) = gone.replace(row) {
                            take(Pair::Removed(row))?;
                        }
                    }
                }
                (x, Some(y)) if x.is_none_or(|x| y < x) => {
                    if let Some([.., row]) = b.take()? {
                        after += 1;
                        if let Some(row) = new.replace(row) {
                            take(Pair::Added(row))?;
                        }
                    }
                }
                _ => {
                    if let (Some([.., x]), Some([.., y])) = (a.take()?, b.take()?) {
                        before += 1;
                        after += 1;
                        take(Pair::Same(x, y))?;
                    }
                }
            }
        }
        let times = paired.times(&key);
        let is_unpaired = times == Times::Never;
        if times != Times::Several {
            let known = u64::from(times == Times::Once);
            duplicates.before += u64::from(before + known > 1);
            duplicates.after += u64::from(after + known > 1);
        }
        match (gone, new) {
            (Some(gone), Some(new)) if is_unpaired && before == 1 && after == 1 => {
                take(Pair::Changed(gone, new))?;
            }
            (gone, new) => {
                gone.map_or(Ok(()), |row| take(Pair::Removed(row)))?;
                new.map_or(Ok(()), |row| take(Pair::Added(row)))?;
            }
        }
    }
    Ok(duplicates)
}
