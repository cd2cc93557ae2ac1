//! The first error of several threads.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The first error of several threads. Once there is one, the others need not start new work.
#[derive(Debug, Default)]
pub struct FirstError {
    failed: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl FirstError {
    /// Return whether there is an error.
    pub fn is_set(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Keep `error`, unless there is one already.
    pub fn set(&self, error: Error) {
        self.error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Run `work` unless there is an error, and keep its error.
    pub fn guard(&self, work: impl FnOnce() -> Result<()>) {
        if !self.is_set()
            && let Err(error) = work()
        {
            self.set(error);
        }
    }

    /// Return the error, if there is one.
    pub fn into_result(self) -> Result<()> {
        let error = self.error.into_inner().unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(()), Err)
    }
}
