//! Sorting of records that memory may not hold: sorted runs in memory and, beyond a limit, in a temporary file, which
//! are merged when they are read.

use super::spill::Spill;
use crate::control::Control;
use crate::error::Result;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A record of `W` numbers, ordered by the first, then the second, and so on.
pub type Record<const W: usize> = [u64; W];

/// The least and the most records of a run that is read from a file at once.
const READ_RECORDS: std::ops::RangeInclusive<usize> = 16..=8192;

/// Takes records in any order, from several threads.
pub struct Sorter<const W: usize> {
    /// The most bytes that are held.
    budget: usize,
    /// Records of a run.
    run: usize,
    state: Mutex<State<W>>,
    spill: Spill,
}

struct State<const W: usize> {
    waiting: Vec<Record<W>>,
    runs: Vec<Run<W>>,
    /// Bytes of the runs in memory.
    held: usize,
}

/// Records in order.
enum Run<const W: usize> {
    Memory(Vec<Record<W>>),
    File { start: u64, count: usize },
}

impl<const W: usize> Sorter<W> {
    /// Create a sorter that holds at most about `budget` bytes, of which half are sorted runs, while `threads` threads
    /// add records.
    pub fn new(budget: usize, threads: usize) -> Self {
        Self {
            budget,
            run: (budget / 2 / (threads + 1) / size_of::<Record<W>>()).max(64),
            state: Mutex::new(State {
                waiting: Vec::new(),
                runs: Vec::new(),
                held: 0,
            }),
            spill: Spill::default(),
        }
    }

    /// Add records.
    pub fn add(&self, mut records: &[Record<W>]) -> Result<()> {
        while !records.is_empty() {
            let mut state = self.lock();
            let count = records.len().min(self.run - state.waiting.len());
            let (first, rest) = records.split_at(count);
            state.waiting.extend_from_slice(first);
            records = rest;
            if state.waiting.len() >= self.run {
                let full = std::mem::take(&mut state.waiting);
                drop(state);
                self.store(full)?;
            }
        }
        Ok(())
    }

    /// Sort records, and keep them in memory or in the file.
    fn store(&self, mut records: Vec<Record<W>>) -> Result<()> {
        records.sort_unstable();
        let bytes = records.len() * size_of::<Record<W>>();
        let mut state = self.lock();
        if state.held + bytes <= self.budget / 2 {
            state.held += bytes;
            state.runs.push(Run::Memory(records));
            return Ok(());
        }
        drop(state);
        let count = records.len();
        let start = self.spill.append(&encode(&records))?;
        self.lock().runs.push(Run::File { start, count });
        Ok(())
    }

    /// Return the records in order.
    pub fn finish(self) -> Result<Sorted<W>> {
        let rest = std::mem::take(&mut self.lock().waiting);
        if !rest.is_empty() {
            self.store(rest)?;
        }
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Sorted {
            runs: state.runs,
            spill: self.spill,
            budget: self.budget,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Return records as the bytes of a temporary file.
pub fn encode<const W: usize>(records: &[Record<W>]) -> Vec<u8> {
    records
        .iter()
        .flatten()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

/// Return the record at the beginning of bytes of a temporary file.
pub fn decode<const W: usize>(bytes: &[u8]) -> Record<W> {
    let mut record = [0; W];
    let (words, _) = bytes.as_chunks::<8>();
    for (number, word) in record.iter_mut().zip(words) {
        *number = u64::from_le_bytes(*word);
    }
    record
}

/// Records that were sorted. They can be read several times, and by several threads.
pub struct Sorted<const W: usize> {
    runs: Vec<Run<W>>,
    spill: Spill,
    budget: usize,
}

impl<const W: usize> Sorted<W> {
    /// Return the number of records.
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.len() as u64).sum()
    }

    /// Read the records whose first number is at least `from` and below `to`, in order. `readers` readers are open at the
    /// same time.
    pub fn range(&self, from: u64, to: Option<u64>, readers: usize) -> Result<Merge<'_, W>> {
        let files = self
            .runs
            .iter()
            .filter(|run| matches!(run, Run::File { .. }))
            .count();
        let each = self.budget / (readers.max(1) * files.max(1) * size_of::<Record<W>>() * 2);
        let capacity = each.clamp(*READ_RECORDS.start(), *READ_RECORDS.end());
        let mut merge = Merge {
            cursors: Vec::new(),
            heap: BinaryHeap::new(),
        };
        for run in &self.runs {
            let start = self.lower_bound(run, from)?;
            let end = match to {
                None => run.len(),
                Some(to) => self.lower_bound(run, to)?,
            };
            let mut cursor = match run {
                Run::Memory(records) => Cursor::Memory(&records[start..end]),
                Run::File { start: offset, .. } => Cursor::File {
                    spill: &self.spill,
                    offset: offset + (start * size_of::<Record<W>>()) as u64,
                    remaining: end - start,
                    buffer: Vec::new(),
                    next: 0,
                    capacity,
                },
            };
            if let Some(record) = cursor.next()? {
                merge.heap.push(Reverse((record, merge.cursors.len())));
                merge.cursors.push(cursor);
            }
        }
        Ok(merge)
    }

    /// Return the index of the first record of a run whose first number is at least `from`.
    fn lower_bound(&self, run: &Run<W>, from: u64) -> Result<usize> {
        match run {
            Run::Memory(records) => Ok(records.partition_point(|record| record[0] < from)),
            Run::File { start, count } => {
                let (mut low, mut high) = (0, *count);
                while low < high {
                    let middle = low + (high - low) / 2;
                    let mut word = [0; 8];
                    let offset = start + (middle * size_of::<Record<W>>()) as u64;
                    self.spill.read(&mut word, offset)?;
                    if u64::from_le_bytes(word) < from {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                Ok(low)
            }
        }
    }
}

impl<const W: usize> Run<W> {
    const fn len(&self) -> usize {
        match self {
            Self::Memory(records) => records.len(),
            Self::File { count, .. } => *count,
        }
    }
}

/// Rest of a run.
enum Cursor<'a, const W: usize> {
    Memory(&'a [Record<W>]),
    File {
        spill: &'a Spill,
        offset: u64,
        remaining: usize,
        buffer: Vec<u8>,
        next: usize,
        capacity: usize,
    },
}

impl<const W: usize> Cursor<'_, W> {
    fn next(&mut self) -> Result<Option<Record<W>>> {
        match self {
            Self::Memory(records) => Ok(records.split_off_first().copied()),
            Self::File {
                spill,
                offset,
                remaining,
                buffer,
                next,
                capacity,
            } => {
                if *next == buffer.len() {
                    let count = (*remaining).min(*capacity);
                    if count == 0 {
                        return Ok(None);
                    }
                    buffer.resize(count * size_of::<Record<W>>(), 0);
                    spill.read(buffer, *offset)?;
                    *offset += buffer.len() as u64;
                    *remaining -= count;
                    *next = 0;
                }
                let record = decode(&buffer[*next..]);
                *next += size_of::<Record<W>>();
                Ok(Some(record))
            }
        }
    }
}

/// The records of several runs in one order.
pub struct Merge<'a, const W: usize> {
    cursors: Vec<Cursor<'a, W>>,
    heap: BinaryHeap<Reverse<(Record<W>, usize)>>,
}

impl<const W: usize> Merge<'_, W> {
    /// Return the next record without taking it.
    pub fn peek(&self) -> Option<&Record<W>> {
        self.heap.peek().map(|Reverse((record, _))| record)
    }

    /// Take the next record.
    pub fn take(&mut self) -> Result<Option<Record<W>>> {
        let Some(mut top) = self.heap.peek_mut() else {
            return Ok(None);
        };
        let Reverse((record, index)) = *top;
        match self.cursors[index].next()? {
            // Replaced in its place, which moves less than taking it out and putting another one in.
            Some(following) => *top = Reverse((following, index)),
            None => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
        Ok(Some(record))
    }
}

/// Upper bits of a first number at which ranges begin.
pub const RANGE_BITS: u32 = 10;

/// Cut the numbers into `count` ranges of about equal length, or the most that there may be: the first number of each, and
/// the one behind it. Of both, only the upper [`RANGE_BITS`] bits are not 0.
pub fn equal_ranges(count: usize) -> Vec<(u64, Option<u64>)> {
    let most = 1_u64 << RANGE_BITS;
    let count = (count as u64).clamp(1, most);
    let start = |index: u64| (most * index / count) << (u64::BITS - RANGE_BITS);
    (0..count)
        .map(|index| (start(index), (index + 1 < count).then(|| start(index + 1))))
        .collect()
}

/// Call `work` with each of some ranges of all records on the threads of the current pool.
pub fn in_ranges(
    control: &Control,
    work: impl Fn(u64, Option<u64>, usize) -> Result<()> + Sync,
) -> Result<()> {
    use rayon::prelude::*;
    let threads = rayon::current_num_threads();
    let ranges = equal_ranges(threads * 8);
    ranges.into_par_iter().with_max_len(1).try_for_each(|(from, to)| {
        control.check()?;
        work(from, to, threads)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_are_in_order_in_memory_and_in_a_file(
            words in proptest::collection::vec((any::<u64>(), 0_u64..4), 0..3000),
            budget in prop_oneof![Just(4096_usize), Just(1 << 20)],
        ) {
            let sorter = Sorter::<2>::new(budget, 2);
            let mut records: Vec<Record<2>> = words.iter().map(|(a, b)| [(*a % 1000) << 54, *b]).collect();
            for part in records.chunks(700) {
                sorter.add(part).expect("added");
            }
            let sorted = sorter.finish().expect("sorted");
            records.sort_unstable();
            let mut merged = Vec::new();
            for (from, to) in equal_ranges(3) {
                let mut merge = sorted.range(from, to, 3).expect("a range");
                while let Some(record) = merge.take().expect("a record") {
                    merged.push(record);
                }
            }
            prop_assert_eq!(merged, records);
        }
    }
}
