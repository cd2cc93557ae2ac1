//! Rows that are in several tables, such as the splits of a dataset, or several times in one.

use super::near::{Candidates, NearLeaks, Texts};
use super::side::{Side, TableFiles, each_part};
use super::sorter::{Merge, Sorted, Sorter, in_ranges};
use super::value::{Key, RowHash, Value, values};
use super::{MAX_ROWS, MEMORY};
use crate::control::Control;
use crate::digest::table::in_column;
use crate::error::{Code, Error, Result};
use crate::io::source::retry_once;
use crate::schedule::job::Job;
use crate::schedule::readers::AccessPattern;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::DataType;
use lineaprint_formats::table::{Block, row};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use unicode_normalization::UnicodeNormalization as _;

/// A request to count the rows that are in several splits.
#[derive(Clone, Debug)]
pub struct FindLeaks {
    /// The tables of the splits.
    pub splits: Vec<TableFiles>,
    /// Names of columns that are compared as normalised text; none if whole rows are compared.
    pub text: Vec<String>,
    /// The least similarity of texts that are near each other, above 0 and at most 1; only of columns of text.
    pub near: Option<f64>,
    /// Random bytes, new for each comparison.
    pub secret: Key,
    /// The number of examples.
    pub list: usize,
    /// The most bytes of records in memory; [`MEMORY`] if absent.
    pub memory: Option<usize>,
}

/// Rows that are in several splits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leaks {
    /// Rows of each split.
    pub rows: Vec<u64>,
    /// For each split, its rows that are equal to one before them in the same split.
    pub within: Vec<u64>,
    /// For each split and each other one, how many rows of the first are in the second as well: a matrix, row by row.
    pub between: Vec<u64>,
    /// Some rows that are in several splits, in the order of splits and rows.
    pub examples: Vec<Example>,
    /// The same of rows that are near each other, if they were asked for.
    pub near: Option<NearLeaks>,
}

/// Two equal rows of two splits. Rows are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// Index of the first split.
    pub split: usize,
    /// Its row.
    pub row: u64,
    /// Index of the other split.
    pub other: usize,
    /// The first row of it that is equal.
    pub other_row: u64,
}

impl Job for FindLeaks {
    type Output = Leaks;

    fn access(&self) -> AccessPattern<'_> {
        let paths = self.splits.first().map_or(&[][..], |split| &split.paths);
        AccessPattern::Decoded { paths }
    }

    fn run(self, control: &Control) -> Result<Leaks> {
        retry_once(|| self.find(control))
    }
}

impl FindLeaks {
    /// Count on the threads of the current pool.
    pub fn find(&self, control: &Control) -> Result<Leaks> {
        let memory = self.memory.unwrap_or(MEMORY);
        // Of the memory, near duplicates get the half.
        let (memory, near) = match self.near {
            Some(threshold) => {
                let texts = Texts::new(threshold, self.splits.len(), memory / 2)?;
                (memory / 2, Some(texts))
            }
            None => (memory, None),
        };
        let sorter = Sorter::<4>::new(memory, rayon::current_num_threads());
        let mut rows = Vec::with_capacity(self.splits.len());
        let mut sides = self
            .splits
            .iter()
            .map(|split| Side::open(split, control))
            .collect::<Result<Vec<_>>>()?;
        if near.is_some() {
            // The texts of candidates are read in a second pass.
            sides.iter().for_each(Side::expect_again);
        }
        let columns = self.columns(&mut sides)?;
        let most = sides.iter().map(|side| side.columns().len()).max();
        let hash = RowHash::new(&self.secret, most.unwrap_or_default().max(1));
        for (index, (columns, side)) in columns.iter().zip(&sides).enumerate() {
            let count = AtomicU64::new(0);
            each_part(side, control, |first, block| {
                count.fetch_add(block.rows as u64, Ordering::Relaxed);
                let values = self.values(&hash, columns, side, block)?;
                if let Some(near) = &near {
                    let texts = Self::texts(columns, side, block)?;
                    let texts: Vec<_> = texts.into_iter().zip(values.iter().copied()).collect();
                    near.add(index, first, &texts)?;
                }
                let records = values.into_iter().zip(first..);
                let records: Vec<_> = records.map(|([a, b], row)| [a, b, index as u64, row]).collect();
                sorter.add(&records)
            })?;
            rows.push(count.into_inner());
        }
        if rows.iter().any(|rows| *rows > MAX_ROWS) {
            return Err(Error::new(
                Code::Unsupported,
                format!("a split has more than {MAX_ROWS} rows"),
            ));
        }
        let records = sorter.finish()?;
        let candidates = near.map(|near| near.candidates(&rows, control)).transpose()?;
        let mut leaks = self.count(&records, candidates.as_ref(), control)?;
        if let Some(candidates) = candidates {
            for (index, (columns, side)) in columns.iter().zip(&sides).enumerate() {
                each_part(side, control, |first, block| {
                    let wanted = |row: &u64| candidates.wants(index, *row);
                    if !(first..first + block.rows as u64).any(|row| wanted(&row)) {
                        return Ok(());
                    }
                    let texts = Self::texts(columns, side, block)?;
                    let rows = texts.into_iter().zip(first..);
                    for (text, row) in rows.filter(|(_, row)| wanted(row)) {
                        candidates.take_text(index, row, &text)?;
                    }
                    Ok(())
                })?;
            }
            sides.iter().for_each(Side::report_rest);
            let exact = (&leaks.within[..], &leaks.between[..]);
            leaks.near = Some(candidates.compare(exact, self.list, control)?);
        }
        sides.iter().try_for_each(Side::finish)?;
        leaks.rows = rows;
        Ok(leaks)
    }

    /// Return for each split the indices of the columns by which its rows are compared.
    fn columns(&self, sides: &mut [Side]) -> Result<Vec<Vec<usize>>> {
        if !self.text.is_empty() {
            return sides
                .iter_mut()
                .map(|side| {
                    let columns = self.text_columns(side)?;
                    side.read_only(&columns);
                    Ok((0..columns.len()).collect())
                })
                .collect();
        }
        let Some((first, others)) = sides.split_first_mut() else {
            return Ok(Vec::new());
        };
        let named = |side: &Side| {
            let columns = side.columns().iter();
            let columns: Vec<String> = columns
                .map(|column| format!("{:?} {}", column.name, column.spelling))
                .collect();
            columns.join(", ")
        };
        for side in others.iter_mut() {
            let received = named(side);
            if !side.order_as(first.columns()) {
                let error = Error::new(Code::Unsupported, "its columns are not those of the first split");
                return Err(side.about(error.with_expected(named(first), received)));
            }
        }
        let all: Vec<usize> = (0..first.columns().len()).collect();
        Ok(vec![all; sides.len()])
    }

    /// Return the indices of the columns of text.
    fn text_columns(&self, side: &Side) -> Result<Vec<usize>> {
        let names = self.text.iter().map(|name| {
            let matching = side
                .columns()
                .iter()
                .enumerate()
                .filter(|(_, column)| column.name == *name);
            let [(index, column)] = matching.collect::<Vec<_>>()[..] else {
                let error = Error::new(
                    Code::Unsupported,
                    format!("it has not one column of the name {name:?}"),
                );
                return Err(side.about(error));
            };
            if column.spelling == "utf8" {
                return Ok(index);
            }
            let error = Error::new(Code::Unsupported, format!("column {name:?}: it holds no text"));
            Err(side.about(error.with_expected("utf8", &column.spelling)))
        });
        names.collect()
    }

    fn values(&self, hash: &RowHash, columns: &[usize], side: &Side, block: &Block) -> Result<Vec<Value>> {
        if self.text.is_empty() {
            let every: Vec<usize> = (0..block.rows).collect();
            return values(hash, &block.columns, side.columns(), columns, &every);
        }
        let mut bytes = vec![Vec::new(); block.rows];
        for column in columns {
            let name = &side.columns()[*column].name;
            append_text(&block.columns[*column], &mut bytes)
                .map_err(|error| side.cause(in_column(error, name)))?;
        }
        Ok(bytes.iter().map(|bytes| hash.of_bytes(bytes)).collect())
    }

    /// Return the text of each row: those of the columns, normalised, with a space between them. A null is no text.
    fn texts(columns: &[usize], side: &Side, block: &Block) -> Result<Vec<String>> {
        let mut texts = vec![String::new(); block.rows];
        for column in columns {
            let name = &side.columns()[*column].name;
            each_text(&block.columns[*column], &mut |row, text| {
                let Some(text) = text.map(normalised).filter(|text| !text.is_empty()) else {
                    return;
                };
                let whole = &mut texts[row];
                if !whole.is_empty() {
                    whole.push(' ');
                }
                whole.push_str(&text);
            })
            .map_err(|error| side.cause(in_column(error, name)))?;
        }
        Ok(texts)
    }

    fn count(&self, sorted: &Sorted<4>, candidates: Option<&Candidates>, control: &Control) -> Result<Leaks> {
        let splits = self.splits.len();
        let sum = Mutex::new(Leaks {
            within: vec![0; splits],
            between: vec![0; splits * splits],
            ..Leaks::default()
        });
        in_ranges(control, |from, to, readers| {
            let own = self.count_range(sorted.range(from, to, readers)?, candidates, control)?;
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            for (sum, own) in sum.within.iter_mut().zip(own.within) {
                *sum += own;
            }
            for (sum, own) in sum.between.iter_mut().zip(own.between) {
                *sum += own;
            }
            sum.examples.extend(own.examples);
            sum.examples.sort_unstable();
            sum.examples.truncate(self.list);
            Ok(())
        })?;
        Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Count the rows of a range of values. Equal rows come one after the other, by split and row.
    fn count_range(
        &self,
        mut merge: Merge<'_, 4>,
        candidates: Option<&Candidates>,
        control: &Control,
    ) -> Result<Leaks> {
        let splits = self.splits.len();
        let mut leaks = Leaks {
            within: vec![0; splits],
            between: vec![0; splits * splits],
            ..Leaks::default()
        };
        // Rows of the current value in each split, and the first of them.
        let mut counts = vec![0_u64; splits];
        let mut firsts = vec![0_u64; splits];
        while let Some([a, b, ..]) = merge.peek().copied() {
            control.check()?;
            counts.fill(0);
            while let Some([x, y, ..]) = merge.peek()
                && [a, b] == [*x, *y]
                && let Some([.., split, row]) = merge.take()?
            {
                let split = usize::try_from(split).unwrap_or_default();
                if counts[split] == 0 {
                    firsts[split] = row;
                }
                counts[split] += 1;
            }
            if let Some(candidates) = candidates {
                candidates.take_counts(&counts, &firsts);
            }
            for split in 0..splits {
                leaks.within[split] += counts[split].saturating_sub(1);
                for other in 0..splits {
                    if split == other || counts[split] == 0 || counts[other] == 0 {
                        continue;
                    }
                    leaks.between[split * splits + other] += counts[split];
                    if split < other && self.list > 0 {
                        leaks.examples.push(Example {
                            split,
                            row: firsts[split],
                            other,
                            other_row: firsts[other],
                        });
                    }
                }
            }
            if leaks.examples.len() > self.list.saturating_mul(2) + 1024 {
                leaks.examples.sort_unstable();
                leaks.examples.truncate(self.list);
            }
        }
        Ok(leaks)
    }
}

/// Append the normalised text of the cells of a column to the bytes of each row.
fn append_text(
    pieces: &[ArrayRef],
    rows: &mut [Vec<u8>],
) -> std::result::Result<(), lineaprint_formats::FormatError> {
    each_text(pieces, &mut |row, text| {
        let bytes = &mut rows[row];
        let Some(text) = text else {
            bytes.push(0);
            return;
        };
        let text = normalised(text);
        bytes.push(1);
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    })
}

/// Hand each row of a column of text to `take`, with nothing for a null.
fn each_text(
    pieces: &[ArrayRef],
    take: &mut dyn FnMut(usize, Option<&str>),
) -> std::result::Result<(), lineaprint_formats::FormatError> {
    let mut first = 0;
    for piece in pieces {
        let piece = row::expanded(piece)?;
        for index in 0..piece.len() {
            let text = match piece.data_type() {
                DataType::Utf8 => piece.as_string::<i32>().value(index),
                DataType::LargeUtf8 => piece.as_string::<i64>().value(index),
                DataType::Utf8View => piece.as_string_view().value(index),
                other => {
                    let message = format!("it holds {other}, not text");
                    return Err(lineaprint_formats::FormatError::unsupported(message));
                }
            };
            take(first + index, (!piece.is_null(index)).then_some(text));
        }
        first += piece.len();
    }
    Ok(())
}

/// Return a text in the form in which texts that differ in case, spaces and Unicode form are equal.
///
/// Section "Leakage between splits" of `docs/datasets.md` defines it: NFKC, lower case of Unicode's default mapping with
/// every final sigma as the other one, NFKC again, each run of white space as one space, none at the ends.
pub fn normalised(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    if text.is_ascii() {
        for word in text.split_whitespace() {
            if !result.is_empty() {
                result.push(' ');
            }
            result.extend(word.chars().map(|character| character.to_ascii_lowercase()));
        }
        return result;
    }
    let lower = text.nfkc().collect::<String>().to_lowercase().replace('ς', "σ");
    let folded: String = lower.nfkc().collect();
    for word in folded.split_whitespace() {
        if !result.is_empty() {
            result.push(' ');
        }
        result.push_str(word);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::normalised;
    use proptest::prelude::*;

    #[test]
    fn case_spaces_and_forms_do_not_count() {
        for (text, expected) in [
            ("  Hello \t\n World ", "hello world"),
            ("a\u{b}b", "a b"),
            ("ﬁne", "fine"),
            ("Ａ１", "a1"),
            ("e\u{301}", "é"),
            ("ΟΔΟΣ οδος", "οδοσ οδοσ"),
            ("a\u{a0}\u{3000}b", "a b"),
            ("", ""),
        ] {
            assert_eq!(normalised(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn ascii_is_as_any_other_text(text in "[ -~\\t\\n\\x0b]{0,20}") {
            let general = normalised(&format!("{text} é"));
            let fast = format!("{} é", normalised(&text));
            prop_assert_eq!(fast.trim(), general);
        }
    }
}
