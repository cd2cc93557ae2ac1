//! The keys of rows that were paired within their blocks: which of them occur, and which occur several times.
//!
//! Such a row has no record. Its key is 16 bytes for both tables, which are never sorted: keys are cut into parts by their
//! upper bits, and those of a part are looked up in a table that is small enough for the caches of a processor.

use super::sorter::{RANGE_BITS, decode, encode};
use super::spill::Spill;
use super::value::Value;
use crate::error::Result;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts into which all keys are cut, so that each range of [`super::sorter::in_ranges`] has some whole parts.
const PARTS: usize = 1 << RANGE_BITS;

/// Bits of the first number of a key that do not name its part.
const LOWER_BITS: u32 = u64::BITS - RANGE_BITS;

/// Takes keys from several threads, and returns them part by part.
pub struct Keys {
    /// The most bytes that are held.
    budget: usize,
    state: Mutex<State>,
    spill: Spill,
}

#[derive(Default)]
struct State {
    runs: Vec<Arc<Run>>,
    /// Bytes of the runs in memory.
    held: usize,
}

/// Keys that were added together, in the order of their parts.
struct Run {
    keys: Stored,
    /// Index of the first key of each part, and of the end.
    starts: Vec<u32>,
}

enum Stored {
    Memory(Vec<Value>),
    /// Offset in the temporary file.
    File(u64),
}

impl Run {
    /// Return the indices of the keys of some parts.
    fn range(&self, parts: &Range<usize>) -> Range<usize> {
        self.starts[parts.start] as usize..self.starts[parts.end] as usize
    }
}

impl Keys {
    /// Create an empty set, of which about `budget` bytes are held, and the others are in a temporary file.
    pub fn new(budget: usize) -> Self {
        Self {
            budget,
            state: Mutex::default(),
            spill: Spill::default(),
        }
    }

    /// Add the keys of a block.
    pub fn add(&self, keys: &[Value]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (keys, starts) = in_parts(keys);
        let bytes = size_of_val(&keys[..]);
        let mut state = self.lock();
        // The other half is for parts that are looked up.
        if state.held + bytes <= self.budget / 2 {
            state.held += bytes;
            let keys = Stored::Memory(keys);
            state.runs.push(Arc::new(Run { keys, starts }));
            return Ok(());
        }
        drop(state);
        let keys = Stored::File(self.spill.append(&encode(&keys))?);
        self.lock().runs.push(Arc::new(Run { keys, starts }));
        Ok(())
    }

    /// Return the parts of the keys whose first number is at least `from` and below `to`, as
    /// [`super::sorter::equal_ranges`] names them. `readers` readers are open at the same time.
    pub fn parts(&self, from: u64, to: Option<u64>, readers: usize) -> Parts<'_> {
        Parts {
            spill: &self.spill,
            runs: self.lock().runs.clone(),
            rest: part_of(from)..to.map_or(PARTS, part_of),
            most: self.budget / 4 / readers.max(1) / size_of::<Value>(),
            read: 0..0,
            from_file: Vec::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn part_of(first: u64) -> usize {
    (first >> LOWER_BITS) as usize
}

/// Return keys in the order of their parts, and the index of the first key of each part and of the end.
fn in_parts(keys: &[Value]) -> (Vec<Value>, Vec<u32>) {
    let mut starts = vec![0_u32; PARTS + 1];
    for [first, _] in keys {
        starts[part_of(*first) + 1] += 1;
    }
    for part in 0..PARTS {
        starts[part + 1] += starts[part];
    }
    let mut next = starts.clone();
    let mut sorted = vec![[0; 2]; keys.len()];
    for key in keys {
        let next = &mut next[part_of(key[0])];
        sorted[*next as usize] = *key;
        *next += 1;
    }
    (sorted, starts)
}

/// Some parts, one after the other.
pub struct Parts<'a> {
    spill: &'a Spill,
    runs: Vec<Arc<Run>>,
    /// The parts that are left.
    rest: Range<usize>,
    /// The most keys that are read from the file at once.
    most: usize,
    /// The parts that were read from the file.
    read: Range<usize>,
    /// For each run, the keys of these parts that were read.
    from_file: Vec<Vec<Value>>,
}

impl Parts<'_> {
    /// Return the next part; nothing after the last.
    pub fn next(&mut self) -> Result<Option<Part>> {
        let Some(part) = self.rest.next() else {
            return Ok(None);
        };
        if !self.read.contains(&part) {
            self.read_from(part)?;
        }
        let mut keys = Vec::new();
        for (run, from_file) in self.runs.iter().zip(&self.from_file) {
            let own = run.range(&(part..part + 1));
            match &run.keys {
                Stored::Memory(all) => keys.extend_from_slice(&all[own]),
                Stored::File(_) => {
                    let first = run.starts[self.read.start] as usize;
                    keys.extend_from_slice(&from_file[own.start - first..own.end - first]);
                }
            }
        }
        let end = (part + 1 < PARTS).then(|| (part as u64 + 1) << LOWER_BITS);
        Ok(Some(Part::new(keys, end)))
    }

    /// Read a part and some that follow it from the file.
    fn read_from(&mut self, part: usize) -> Result<()> {
        let is_in_file = |run: &&Arc<Run>| matches!(run.keys, Stored::File(_));
        let count = |parts: &Range<usize>| -> usize {
            let runs = self.runs.iter().filter(is_in_file);
            runs.map(|run| run.range(parts).len()).sum()
        };
        let mut parts = part..part + 1;
        let mut keys = count(&parts);
        while parts.end < self.rest.end {
            keys += count(&(parts.end..parts.end + 1));
            if keys > self.most {
                break;
            }
            parts.end += 1;
        }
        let read = self.runs.iter().map(|run| match run.keys {
            Stored::Memory(_) => Ok(Vec::new()),
            Stored::File(offset) => {
                let own = run.range(&parts);
                let mut bytes = vec![0; own.len() * size_of::<Value>()];
                self.spill
                    .read(&mut bytes, offset + (own.start * size_of::<Value>()) as u64)?;
                Ok(bytes.chunks_exact(size_of::<Value>()).map(decode).collect())
            }
        });
        self.from_file = read.collect::<Result<_>>()?;
        self.read = parts;
        Ok(())
    }
}

/// Number of rows that have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// No row has it.
    Never,
    /// One row of each table has it.
    Once,
    /// More rows of each table have it.
    Several,
}

/// No key.
const NONE: u32 = u32::MAX;

/// The bit of a slot whose key occurs several times.
const REPEATED: u32 = 1 << 31;

/// The keys of a part by their bits.
pub struct Part {
    /// The first number behind the part.
    end: Option<u64>,
    keys: Vec<Value>,
    /// Indices of keys, of those that are equal the first one.
    slots: Vec<u32>,
    mask: usize,
    repeated: u64,
}

impl Part {
    /// Return a part of all numbers, without keys.
    pub fn none() -> Self {
        Self::new(Vec::new(), None)
    }

    fn new(keys: Vec<Value>, end: Option<u64>) -> Self {
        let size = (keys.len() * 2).next_power_of_two();
        let mut part = Self {
            end,
            keys,
            slots: vec![NONE; size],
            mask: size - 1,
            repeated: 0,
        };
        for index in 0..part.keys.len() {
            let slot = part.slot(&part.keys[index]);
            let known = part.slots[slot];
            if known == NONE {
                // A table has at most 2^30 rows, so that no index has the upper bit.
                part.slots[slot] = u32::try_from(index).unwrap_or(NONE);
            } else if known & REPEATED == 0 {
                part.slots[slot] |= REPEATED;
                part.repeated += 1;
            }
        }
        part
    }

    /// Return the slot of a key, or the empty one where it would be.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower bits are as random as the others"
    )]
    fn slot(&self, key: &Value) -> usize {
        let mut slot = key[1] as usize & self.mask;
        loop {
            let known = self.slots[slot];
            if known == NONE || self.keys[(known & !REPEATED) as usize] == *key {
                return slot;
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// Return the first number behind the part; nothing for the last one.
    pub const fn end(&self) -> Option<u64> {
        self.end
    }

    /// Return how many keys occur several times.
    pub const fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Return how often a key occurs.
    pub fn times(&self, key: &Value) -> Times {
        match self.slots[self.slot(key)] {
            NONE => Times::Never,
            known if known & REPEATED == 0 => Times::Once,
            _ => Times::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::sorter::equal_ranges;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn keys_occur_as_often_as_they_were_added(
            // Few parts and few lower bits, so that keys repeat and slots are contended.
            blocks in proptest::collection::vec(
                proptest::collection::vec((0_u64..5, 0_u64..300), 0..600), 0..6),
            budget in prop_oneof![Just(0_usize), Just(8000), Just(1 << 20)],
            ranges in 1_usize..20,
        ) {
            let key = |(part, rest): (u64, u64)| -> Value { [(part * 255) << LOWER_BITS | rest, rest % 7] };
            let keys = Keys::new(budget);
            let mut counts: HashMap<Value, u64> = HashMap::new();
            for block in &blocks {
                let block: Vec<Value> = block.iter().copied().map(key).collect();
                for key in &block {
                    *counts.entry(*key).or_default() += 1;
                }
                keys.add(&block).expect("added");
            }
            let (mut parts, mut repeated, mut seen) = (0, 0, 0);
            for (from, to) in equal_ranges(ranges) {
                let mut own = keys.parts(from, to, 2);
                while let Some(part) = own.next().expect("read") {
                    let end = if parts + 1 == PARTS { None } else { Some((parts as u64 + 1) << LOWER_BITS) };
                    prop_assert_eq!(part.end(), end);
                    for (key, count) in counts.iter().filter(|(key, _)| part_of(key[0]) == parts) {
                        let expected = if *count == 1 { Times::Once } else { Times::Several };
                        prop_assert_eq!(part.times(key), expected);
                        prop_assert_eq!(part.times(&[key[0], 7]), Times::Never);
                        seen += 1;
                    }
                    parts += 1;
                    repeated += part.repeated();
                }
            }
            prop_assert_eq!(parts, PARTS);
            prop_assert_eq!(repeated, counts.values().filter(|count| **count > 1).count() as u64);
            prop_assert_eq!(seen, counts.len());
        }
    }
}
