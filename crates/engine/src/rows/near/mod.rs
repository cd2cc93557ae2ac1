//! Near duplicates: rows whose texts have many shingles in common.
//!
//! 1. Each text has a MinHash signature, which is cut into bands. Bands are sorted, in a temporary file beyond a limit.
//! 2. Texts with an equal band are candidates. Equal texts count as one here.
//! 3. The texts of candidates are read again, into a temporary file, and each pair is compared by all its shingles: a pair
//!    that is reported has the similarity that is reported.
//!
//! A pair is missed if no band is equal: with the probability that [`Bands::recall`] states, or less.

pub mod shingles;

use super::leaks::Example;
use super::positions::{Positions, Ranked};
use super::sorter::{Merge, Sorted, Sorter, in_ranges};
use super::spill::Spill;
use super::value::Value;
use crate::control::Control;
use crate::error::{Code, Error, Result};
use shingles::{Bands, LENGTH, MOST_CHARACTERS, PERMUTATIONS, Permutations, mixed, shingles, similarity};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most splits that are compared.
const MAX_SPLITS: usize = 256;

/// Bits of a row and of a split in one number.
const ROW_BITS: u32 = 30;
const LOCATION_BITS: u32 = ROW_BITS + 8;
const LOCATION: u64 = (1 << LOCATION_BITS) - 1;

/// The most pairs of candidates, counted once for each band that they have in common.
const MAX_PAIRS: u64 = 50_000_000;

/// The most candidates.
const MAX_TEXTS: u64 = 4_000_000;

/// The most numbers that are kept of how often the candidates are in each split.
const MAX_COUNTS: u64 = 16_000_000;

/// Rows that have an equal or a near one in another split.
#[derive(Clone, Debug, PartialEq)]
pub struct NearLeaks {
    /// The least similarity.
    pub threshold: f64,
    /// Characters of a shingle.
    pub shingle: usize,
    /// Numbers of a signature.
    pub permutations: usize,
    /// Bands of a signature.
    pub bands: Bands,
    /// Pairs of different texts that are near each other.
    pub pairs: u64,
    /// As in [`super::leaks::Leaks`], of equal and near rows.
    pub within: Vec<u64>,
    /// As in [`super::leaks::Leaks`], of equal and near rows.
    pub between: Vec<u64>,
    /// Some near rows of two splits, with their similarity, in the order of splits and rows.
    pub examples: Vec<(Example, f64)>,
}

/// Takes texts, from several threads.
pub struct Texts {
    permutations: Permutations,
    bands: Bands,
    threshold: f64,
    memory: usize,
    records: Sorter<3>,
    /// Texts that have shingles, and their bytes.
    sizes: (AtomicU64, AtomicU64),
}

/// A location of a text: the number of its split and its row.
const fn location(split: usize, row: u64) -> u64 {
    ((split as u64) << ROW_BITS) | row
}

fn split_of(location: u64) -> usize {
    usize::try_from(location >> ROW_BITS).unwrap_or(usize::MAX)
}

const fn row_of(location: u64) -> u64 {
    location & ((1 << ROW_BITS) - 1)
}

impl Texts {
    /// Create a collection for `splits` splits that holds at most about `memory` bytes.
    pub fn new(threshold: f64, splits: usize, memory: usize) -> Result<Self> {
        if splits > MAX_SPLITS {
            let error = Error::new(Code::Unsupported, "too many splits for near duplicates");
            return Err(error.with_expected(format!("at most {MAX_SPLITS}"), splits));
        }
        Ok(Self {
            permutations: Permutations::default(),
            bands: Bands::of(threshold),
            threshold,
            memory,
            records: Sorter::new(memory, rayon::current_num_threads()),
            sizes: <(AtomicU64, AtomicU64)>::default(),
        })
    }

    /// Add texts of a split from a row on, with the values of what they were made of.
    pub fn add(&self, split: usize, first: u64, texts: &[(String, Value)]) -> Result<()> {
        let mut records = Vec::new();
        for ((text, [a, b]), row) in texts.iter().zip(first..) {
            let shingles = shingles_of(text, row)?;
            if shingles.is_empty() {
                continue;
            }
            self.sizes.0.fetch_add(1, Ordering::Relaxed);
            self.sizes.1.fetch_add(text.len() as u64, Ordering::Relaxed);
            let signature = self.permutations.signature(&shingles);
            let keys = self.bands.keys(&signature);
            records.extend(keys.map(|key| [key, *a, (b & !LOCATION) | location(split, row)]));
        }
        self.records.add(&records)
    }

    /// Return the candidates, once all texts were added. `rows` are the rows of each split.
    pub fn candidates(self, rows: &[u64], control: &Control) -> Result<Candidates> {
        let sorted = self.records.finish()?;
        let pairs = Sorter::<3>::new(self.memory / 4, rayon::current_num_threads());
        let locations: Vec<_> = rows.iter().map(|rows| Positions::new(*rows)).collect();
        let count = AtomicU64::new(0);
        in_ranges(control, |from, to, readers| {
            let mut merge = sorted.range(from, to, readers)?;
            while let Some(texts) = next_bucket(&mut merge)? {
                control.check()?;
                let own = texts.len() as u64;
                let before = count.fetch_add(own * own.saturating_sub(1) / 2, Ordering::Relaxed);
                if before + own * own.saturating_sub(1) / 2 > MAX_PAIRS {
                    return Err(too_many("pairs of candidates", MAX_PAIRS));
                }
                for (index, second) in texts.iter().enumerate() {
                    let records = texts[..index].iter().map(|first| {
                        let (x, y) = (*first.min(second), *first.max(second));
                        [mixed(x), x, y]
                    });
                    pairs.add(&records.collect::<Vec<_>>())?;
                }
                if texts.len() > 1 {
                    for text in texts {
                        locations[split_of(text)].add(row_of(text));
                    }
                }
            }
            Ok(())
        })?;
        drop(sorted);
        let locations: Vec<Ranked> = locations.into_iter().map(Positions::finish).collect();
        let total: u64 = locations.iter().map(Ranked::len).sum();
        if total > MAX_TEXTS {
            return Err(too_many("candidates", MAX_TEXTS));
        }
        if total.saturating_mul(rows.len() as u64) > MAX_COUNTS {
            return Err(too_many(
                "candidates for so many splits",
                MAX_COUNTS / rows.len() as u64,
            ));
        }
        let pairs = pairs.finish()?;
        let (texts, bytes) = (self.sizes.0.into_inner(), self.sizes.1.into_inner());
        let pair_bytes = 2 * bytes / texts.max(1);
        control.add_bytes(pairs.count().saturating_mul(pair_bytes));
        Ok(Candidates {
            bands: self.bands,
            threshold: self.threshold,
            memory: self.memory,
            pairs,
            pair_bytes,
            locations,
            spill: Spill::default(),
            texts: Mutex::default(),
            counts: Mutex::default(),
        })
    }
}

fn too_many(what: &str, most: u64) -> Error {
    let message =
        format!("the texts are so much alike that there are more than {most} {what}; raise the threshold");
    Error::new(Code::Unsupported, message)
}

fn shingles_of(text: &str, row: u64) -> Result<Vec<u128>> {
    if text.len() > MOST_CHARACTERS && text.chars().count() > MOST_CHARACTERS {
        let message = format!("row {row}: its text is too long for near duplicates");
        let error = Error::new(Code::Unsupported, message);
        return Err(error.with_expected(
            format!("at most {MOST_CHARACTERS} characters"),
            text.chars().count(),
        ));
    }
    Ok(shingles(text))
}

/// Return the next records of one band: for each different text its first location. Nothing after the last.
fn next_bucket(merge: &mut Merge<'_, 3>) -> Result<Option<Vec<u64>>> {
    let Some([key, ..]) = merge.peek().copied() else {
        return Ok(None);
    };
    let mut texts = Vec::new();
    let mut last = None;
    while let Some([other, a, b]) = merge.peek().copied()
        && other == key
    {
        merge.take()?;
        let text = (a, b & !LOCATION);
        if last.replace(text) != Some(text) {
            texts.push(b & LOCATION);
            // So many make more pairs than there may be.
            if texts.len() as u64 > MAX_PAIRS.isqrt() * 2 {
                return Err(too_many("pairs of candidates", MAX_PAIRS));
            }
        }
    }
    Ok(Some(texts))
}

/// Texts that may be near each other.
pub struct Candidates {
    bands: Bands,
    threshold: f64,
    memory: usize,
    pairs: Sorted<3>,
    /// Bytes of two texts on average, by which the progress counts a record of [`Self::pairs`].
    pair_bytes: u64,
    /// For each split, the rows that are the first of their text.
    locations: Vec<Ranked>,
    spill: Spill,
    /// Positions of the texts in the file: location, start and length.
    texts: Mutex<Vec<(u64, u64, usize)>>,
    counts: Mutex<Vec<Counted>>,
}

/// Counts of a text in each split.
struct Counted {
    /// Its first location.
    location: u64,
    /// For each split, the number of rows and the first of them.
    splits: Vec<(u32, u32)>,
}

impl Candidates {
    /// Return whether the text of a row is wanted.
    pub fn wants(&self, split: usize, row: u64) -> bool {
        self.locations[split].next(row) == Some(row)
    }

    /// Take the text of a row.
    pub fn take_text(&self, split: usize, row: u64, text: &str) -> Result<()> {
        let start = self.spill.append(text.as_bytes())?;
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.push((location(split, row), start, text.len()));
        Ok(())
    }

    /// Take how often a text is in each split, and the first row of each.
    pub fn take_counts(&self, counts: &[u64], firsts: &[u64]) {
        let Some(split) = counts.iter().position(|count| *count > 0) else {
            return;
        };
        if !self.wants(split, firsts[split]) {
            return;
        }
        // There are fewer rows than these numbers can count.
        let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let splits = counts.iter().zip(firsts);
        let counted = Counted {
            location: location(split, firsts[split]),
            splits: splits
                .map(|(count, first)| (short(*count), short(*first)))
                .collect(),
        };
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(counted);
    }

    /// Compare the candidates. `exact` are the numbers of equal rows, to which those of near ones are added.
    pub fn compare(
        self,
        (within, between): (&[u64], &[u64]),
        list: usize,
        control: &Control,
    ) -> Result<NearLeaks> {
        let mut texts = self.texts.into_inner().unwrap_or_else(PoisonError::into_inner);
        texts.sort_unstable();
        let texts = SpilledTexts {
            index: texts,
            spill: &self.spill,
        };
        let edges = Sorter::<3>::new(self.memory / 2, rayon::current_num_threads());
        in_ranges(control, |from, to, readers| {
            let mut pairs = self.pairs.range(from, to, readers)?;
            let mut known: Option<(u64, Vec<u128>)> = None;
            let mut latest = None;
            while let Some([_, x, y]) = pairs.take()? {
                control.advance(self.pair_bytes);
                // A pair has a record for each band that is equal.
                if latest.replace((x, y)) == Some((x, y)) {
                    continue;
                }
                control.check()?;
                let first = match known.take() {
                    Some((location, shingles)) if location == x => shingles,
                    _ => texts.shingles(x)?,
                };
                let similarity = similarity(&first, &texts.shingles(y)?);
                known = Some((x, first));
                if similarity >= self.threshold {
                    let bits = similarity.to_bits();
                    edges.add(&[[x, y, bits], [y, x, bits]])?;
                }
            }
            Ok(())
        })?;
        let mut counts = self.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        counts.sort_unstable_by_key(|counted| counted.location);
        let mut leaks = NearLeaks {
            threshold: self.threshold,
            shingle: LENGTH,
            permutations: PERMUTATIONS,
            bands: self.bands,
            pairs: 0,
            within: within.to_vec(),
            between: between.to_vec(),
            examples: Vec::new(),
        };
        let edges = edges.finish()?;
        leaks.add(&mut edges.range(0, None, 1)?, &counts, list, control)?;
        Ok(leaks)
    }
}

/// The texts of candidates.
struct SpilledTexts<'a> {
    index: Vec<(u64, u64, usize)>,
    spill: &'a Spill,
}

impl SpilledTexts<'_> {
    fn shingles(&self, location: u64) -> Result<Vec<u128>> {
        let matching = self
            .index
            .binary_search_by_key(&location, |(location, ..)| *location);
        let Some((_, start, length)) = matching.ok().and_then(|index| self.index.get(index)) else {
            return Err(missing());
        };
        let mut bytes = vec![0; *length];
        self.spill.read(&mut bytes, *start)?;
        let text = String::from_utf8(bytes).map_err(|_| missing())?;
        Ok(shingles(&text))
    }
}

fn missing() -> Error {
    Error::new(Code::Internal, "a bug in lineaprint: a text that was not read")
}

impl NearLeaks {
    /// Add the rows of texts that are near each other: pairs of locations, in order, in both directions.
    fn add(
        &mut self,
        edges: &mut Merge<'_, 3>,
        counts: &[Counted],
        list: usize,
        control: &Control,
    ) -> Result<()> {
        let of = |location: u64| {
            let matching = counts.binary_search_by_key(&location, |counted| counted.location);
            matching
                .ok()
                .and_then(|index| counts.get(index))
                .ok_or_else(missing)
        };
        while let Some([x, ..]) = edges.peek().copied() {
            control.check()?;
            let own = &of(x)?.splits;
            // For each split, the first row of a text that is near.
            let mut near: Vec<Option<u32>> = vec![None; own.len()];
            while let Some([other, y, bits]) = edges.peek().copied()
                && other == x
            {
                edges.take()?;
                self.pairs += u64::from(x < y);
                let others = &of(y)?.splits;
                for (near, (count, first)) in near.iter_mut().zip(others) {
                    if *count > 0 {
                        *near = Some(near.map_or(*first, |known| known.min(*first)));
                    }
                }
                self.add_examples(own, others, f64::from_bits(bits));
            }
            let splits = own.len();
            for (split, (count, first)) in own.iter().enumerate().filter(|(_, (count, _))| *count > 0) {
                self.within[split] += u64::from(near[split].is_some_and(|near| near < *first));
                for other in (0..splits).filter(|other| *other != split) {
                    if own[other].0 == 0 && near[other].is_some() {
                        self.between[split * splits + other] += u64::from(*count);
                    }
                }
            }
            if self.examples.len() > list.saturating_mul(2) + 1024 {
                self.cut_examples(list);
            }
        }
        self.cut_examples(list);
        Ok(())
    }

    fn add_examples(&mut self, own: &[(u32, u32)], others: &[(u32, u32)], similarity: f64) {
        for (split, (_, row)) in own.iter().enumerate().filter(|(_, (count, _))| *count > 0) {
            let following = others.iter().enumerate().skip(split + 1);
            for (other, (_, other_row)) in following.filter(|(_, (count, _))| *count > 0) {
                let example = Example {
                    split,
                    row: u64::from(*row),
                    other,
                    other_row: u64::from(*other_row),
                };
                self.examples.push((example, similarity));
            }
        }
    }

    fn cut_examples(&mut self, list: usize) {
        self.examples.sort_unstable_by_key(|(example, _)| *example);
        self.examples.truncate(list);
    }
}
