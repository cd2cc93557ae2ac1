//! Equal rows of two blocks at one position of their tables.
//!
//! After rows were inserted or removed, the others are a few rows further than before: most of them are still in the block
//! at the same position. They are paired here, so that only the others are sorted.

use super::value::Value;

/// No index.
const NONE: u32 = u32::MAX;

/// Return the pairs of indices of equal values in `a` and `b`, in the order of `b`: the first of `a` with the first of
/// `b`, the second with the second, and so on.
pub fn equal_pairs(a: &[Value], b: &[Value]) -> Vec<(usize, usize)> {
    let mut table = Table::new(a);
    let pairs = b.iter().enumerate();
    pairs
        .filter_map(|(index, value)| Some((table.take(value)?, index)))
        .collect()
}

/// The values of a list by their bits, with the indices of each value in ascending order.
struct Table<'a> {
    values: &'a [Value],
    /// For each slot, an index that has its value, and the first one that was not taken.
    slots: Vec<(u32, u32)>,
    /// For each index, the next one of the same value.
    following: Vec<u32>,
    mask: usize,
}

impl<'a> Table<'a> {
    fn new(values: &'a [Value]) -> Self {
        let size = (values.len() * 2).next_power_of_two();
        let mut table = Self {
            values,
            slots: vec![(NONE, NONE); size],
            following: vec![NONE; values.len()],
            mask: size - 1,
        };
        // The last one first, so that the first one leads.
        for (index, value) in values.iter().enumerate().rev() {
            let slot = table.slot(value);
            let index = u32::try_from(index).unwrap_or(NONE);
            let (_, first) = table.slots[slot];
            table.following[index as usize] = first;
            table.slots[slot] = (index, index);
        }
        table
    }

    /// Return the slot of a value, or the empty one where it would be.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower bits are as random as the others"
    )]
    fn slot(&self, value: &Value) -> usize {
        let mut slot = value[1] as usize & self.mask;
        loop {
            let (known, _) = self.slots[slot];
            if known == NONE || self.values[known as usize] == *value {
                return slot;
            }
            slot = (slot + 1) & self.mask;
        }
    }

    fn take(&mut self, value: &Value) -> Option<usize> {
        let slot = self.slot(value);
        let (_, first) = self.slots[slot];
        if first == NONE {
            return None;
        }
        let index = first as usize;
        self.slots[slot].1 = self.following[index];
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pairs_are_those_of_a_search(
            a in proptest::collection::vec(0_u64..20, 0..100),
            b in proptest::collection::vec(0_u64..20, 0..100),
        ) {
            // Values with few different lower bits, so that slots are contended.
            let of = |list: &[u64]| -> Vec<Value> { list.iter().map(|number| [*number, number % 3]).collect() };
            let mut unmatched: Vec<Option<u64>> = a.iter().copied().map(Some).collect();
            let mut expected = Vec::new();
            for (index, number) in b.iter().enumerate() {
                if let Some(other) = unmatched.iter().position(|candidate| *candidate == Some(*number)) {
                    unmatched[other] = None;
                    expected.push((other, index));
                }
            }
            prop_assert_eq!(equal_pairs(&of(&a), &of(&b)), expected);
        }
    }
}
