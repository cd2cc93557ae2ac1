//! The memo of a machine: values by number, mostly numbered one after the other.

use super::Value;
use super::arena::Arena;
use crate::error::FormatError;
use crate::model::pytorch::budget::Budget;
use std::collections::BTreeMap;

/// Values by number.
#[derive(Default)]
pub struct Memo {
    dense: Arena<Value>,
    /// Values whose number is beyond the end of `dense`. Numbers are the file's, so nothing is sized by them.
    sparse: BTreeMap<u32, Value>,
}

impl Memo {
    /// Return how many there are.
    pub fn len(&self) -> usize {
        self.dense.len() + self.sparse.len()
    }

    /// Return the bytes that were charged for it.
    pub fn charged(&self) -> usize {
        (self.dense.len() + 4 * self.sparse.len()) * size_of::<Value>()
    }

    /// Set the value numbered `number`.
    pub fn set(&mut self, number: u32, value: Value, budget: &mut Budget) -> Result<(), FormatError> {
        if let Some(slot) = self.dense.get_mut(number) {
            *slot = value;
        } else if number as usize == self.dense.len() && !self.sparse.contains_key(&number) {
            budget.charge(size_of::<Value>())?;
            self.dense.push(value);
        } else {
            budget.charge(4 * size_of::<Value>())?;
            self.sparse.insert(number, value);
        }
        Ok(())
    }

    /// Return the value numbered `number`.
    pub fn get(&self, number: u32) -> Option<Value> {
        self.dense
            .get(number)
            .or_else(|| self.sparse.get(&number))
            .copied()
    }
}
