//! The values by which rows are known.
//!
//! The value of a row is two times 64 bits of a multilinear function of its cells with random coefficients of 128 bits
//! (vector multiply-shift): any two different rows have equal values with a chance of 2^-128, whatever their cells are,
//! because the coefficients are secret and new for each comparison. It takes a few cycles for a cell, where a hash of the
//! bytes of a row takes hundreds. Byte strings that are longer than [`SHORT`] stand in it as 128 bits of keyed BLAKE3.

use crate::digest::table::in_column;
use crate::error::Result;
use arrow_array::ArrayRef;
use lineaprint_formats::table::{Column, row};

/// The value of a row.
pub type Value = [u64; 2];

/// The random key of a comparison.
pub type Key = [u8; 32];

/// Words of the byte strings that are taken as they are.
const WORDS: usize = 8;

/// Bytes of the longest of them.
const SHORT: usize = WORDS * 8;

/// The sums of a row before they are cut to its value.
pub type Sums = [u128; 2];

/// The function from cells to values.
pub struct RowHash {
    key: Key,
    start: Sums,
    columns: Vec<Coefficients>,
}

/// The coefficients of the cells of a column.
struct Coefficients {
    null: Sums,
    length: Sums,
    words: [Sums; WORDS],
}

impl RowHash {
    /// Draw the coefficients for rows of `columns` columns from a random key.
    pub fn new(key: &Key, columns: usize) -> Self {
        let mut stream = blake3::Hasher::new_keyed(key).finalize_xof();
        let mut next = || -> Sums {
            let mut bytes = [[0; 16]; 2];
            stream.fill(bytes.as_flattened_mut());
            bytes.map(u128::from_le_bytes)
        };
        let start = next();
        let columns = (0..columns).map(|_| Coefficients {
            null: next(),
            length: next(),
            words: std::array::from_fn(|_| next()),
        });
        Self {
            key: *key,
            start,
            columns: columns.collect(),
        }
    }

    /// Return the sums of rows to which no cell was added.
    pub fn sums(&self, rows: usize) -> Vec<Sums> {
        vec![self.start; rows]
    }

    /// Add the cells of a column to the sums of some rows of it, in the order of `rows`.
    pub fn add(
        &self,
        (index, column): (usize, &Column),
        pieces: &[ArrayRef],
        rows: &[usize],
        sums: &mut [Sums],
    ) -> Result<()> {
        let own = &self.columns[index];
        let mut take = |rank: usize, cell: row::Cell<'_>| match cell {
            row::Cell::Null => add(&mut sums[rank], &own.null, 1),
            row::Cell::Word(word) => add(&mut sums[rank], &own.words[0], word),
            row::Cell::Bytes(bytes) => self.add_bytes(own, bytes, &mut sums[rank]),
        };
        row::each_cell(pieces, rows, &mut take).map_err(|error| in_column(error, &column.name))
    }

    #[inline]
    fn add_bytes(&self, own: &Coefficients, bytes: &[u8], sum: &mut Sums) {
        add(sum, &own.length, bytes.len() as u64);
        if bytes.len() > SHORT {
            let hash = blake3::keyed_hash(&self.key, bytes);
            let (words, _) = hash.as_bytes().as_chunks::<8>();
            for (word, factors) in words.iter().take(2).zip(&own.words) {
                add(sum, factors, u64::from_le_bytes(*word));
            }
            return;
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for (word, factors) in words.iter().zip(&own.words) {
            add(sum, factors, u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            add(sum, &own.words[words.len()], u64::from_le_bytes(last));
        }
    }

    /// Return the value of a row that has one cell of bytes alone.
    pub fn of_bytes(&self, bytes: &[u8]) -> Value {
        let mut sum = self.start;
        self.add_bytes(&self.columns[0], bytes, &mut sum);
        value(sum)
    }
}

#[inline]
fn add(sum: &mut Sums, factors: &Sums, word: u64) {
    for (sum, factor) in sum.iter_mut().zip(factors) {
        *sum = sum.wrapping_add(factor.wrapping_mul(u128::from(word)));
    }
}

/// Return the value of a row from its sums: their upper halves.
pub fn value(sums: Sums) -> Value {
    sums.map(|sum| (sum >> 64) as u64)
}

/// Return the values of some rows of a block, over some of its columns: an array of pieces for each.
pub fn values(
    hash: &RowHash,
    block: &[Vec<ArrayRef>],
    names: &[Column],
    columns: &[usize],
    rows: &[usize],
) -> Result<Vec<Value>> {
    let mut sums = hash.sums(rows.len());
    for column in columns {
        hash.add((*column, &names[*column]), &block[*column], rows, &mut sums)?;
    }
    Ok(sums.into_iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_are_equal_only_for_equal_bytes(
            first in proptest::collection::vec(0_u8..2, 0..200),
            second in proptest::collection::vec(0_u8..2, 0..200),
            key in any::<Key>(),
        ) {
            let hash = RowHash::new(&key, 1);
            prop_assert_eq!(hash.of_bytes(&first) == hash.of_bytes(&second), first == second);
            let longer = [&first[..], &[0]].concat();
            prop_assert_ne!(hash.of_bytes(&first), hash.of_bytes(&longer));
        }
    }
}
