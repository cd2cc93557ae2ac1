//! Work in units of a file, or of several, that threads take in contiguous runs.
//!
//! A disk is fastest for readers that each go through a range of their own from start to end: the system notices and
//! reads ahead for them. Readers that leap over one another lose the read-ahead, and so do readers of ranges that are
//! shorter than it. In memory all orders cost the same.

use crate::error::Result;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Run `work` for the numbers below `units`, on the threads of the current pool, and stops at the first error.
///
/// A thread without work takes the back half of the longest run that another has before it, unless that has fewer than
/// `least` units. The results come in no particular order.
pub fn run<T: Send>(units: usize, least: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let threads = rayon::current_num_threads().min(units).max(1);
    let runs = Runs::new(units, least, threads);
    let arrived = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let shared = Mutex::new((Vec::with_capacity(units), None));
    let drain = || {
        let own = arrived.fetch_add(1, Ordering::Relaxed);
        let mut mine = Vec::new();
        let mut failure = None;
        while !failed.load(Ordering::Relaxed) {
            let Some(unit) = runs.take(own) else { break };
            match work(unit) {
                Ok(result) => mine.push(result),
                Err(error) => {
                    // Nobody needs to start another unit.
                    failed.store(true, Ordering::Relaxed);
                    failure = Some(error);
                }
            }
        }
        let mut shared = lock(&shared);
        shared.0.extend(mine);
        if let Some(error) = failure {
            shared.1.get_or_insert(error);
        }
    };
    rayon::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| drain());
        }
        drain();
    });
    let (results, failure) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(results), Err)
}

/// The units that each thread has still to do.
struct Runs {
    least: usize,
    runs: Vec<Mutex<Range<usize>>>,
}

impl Runs {
    /// Give all units to the first thread. The others steal from it.
    fn new(units: usize, least: usize, threads: usize) -> Self {
        let mut runs: Vec<_> = (1..threads).map(|_| Mutex::new(0..0)).collect();
        runs.insert(0, Mutex::new(0..units));
        let least = least.max(1);
        Self { least, runs }
    }

    /// Return the next unit of the thread `own`.
    fn take(&self, own: usize) -> Option<usize> {
        loop {
            if let Some(unit) = lock(&self.runs[own]).next() {
                return Some(unit);
            }
            let stolen = self.steal()?;
            *lock(&self.runs[own]) = stolen;
        }
    }

    /// Steal the back half of the longest run; `None` if all are short.
    fn steal(&self) -> Option<Range<usize>> {
        loop {
            let lengths = self.runs.iter().map(|run| (lock(run).len(), run));
            let (length, longest) = lengths.max_by_key(|(length, _)| *length)?;
            if length < self.least {
                return None;
            }
            let mut run = lock(longest);
            // Somebody may have been here since.
            if run.len() >= self.least {
                let middle = run.end - run.len().div_ceil(2);
                let back = middle..run.end;
                run.end = middle;
                return Some(back);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Error};
    use crate::schedule::pool;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn units_run_once(units in 0..300_usize, least in 0..20_usize, threads in 1..9_usize) {
            let pool = pool::create(threads).expect("a pool");
            let mut done = pool.install(|| run(units, least, Ok)).expect("no unit fails");
            done.sort_unstable();
            prop_assert_eq!(done, (0..units).collect::<Vec<_>>());
        }
    }

    #[test]
    fn idle_thread_steals_the_back_half() {
        let runs = Runs::new(16, 4, 3);
        assert_eq!(runs.take(0), Some(0));
        // 1 to 15 are left.
        assert_eq!(runs.take(1), Some(8));
        assert_eq!(runs.take(0), Some(1));
        // The second thread has the longer run.
        assert_eq!(runs.take(2), Some(12));
        let rest = |own: usize| std::iter::from_fn(|| lock(&runs.runs[own]).next()).collect::<Vec<_>>();
        assert_eq!(rest(1), [9, 10, 11]);
        // The first has 2 to 7 and the third 13 to 15.
        assert_eq!(runs.take(1), Some(5));
        assert_eq!((rest(1), rest(0)), (vec![6, 7], vec![2, 3, 4]));
        assert_eq!(runs.take(0), None, "three are too few to share");
        assert_eq!(rest(2), [13, 14, 15]);
    }

    #[test]
    fn error_stops_all_threads() {
        let pool = pool::create(3).expect("a pool");
        let done = AtomicUsize::new(0);
        let outcome = pool.install(|| {
            run(10_000, 1, |unit| {
                if unit == 3 {
                    return Err(Error::new(Code::Internal, "unit 3"));
                }
                std::thread::sleep(std::time::Duration::from_micros(100));
                Ok(done.fetch_add(1, Ordering::Relaxed))
            })
        });
        assert_eq!(outcome.expect_err("it fails").message, "unit 3");
        assert!(done.load(Ordering::Relaxed) < 9000);
    }

    #[test]
    fn panic_reaches_the_caller() {
        let pool = pool::create(2).expect("a pool");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.install(|| {
                run(8, 1, |unit| {
                    assert!(unit != 5, "unit {unit}");
                    Ok(unit)
                })
            })
        }));
        assert!(outcome.is_err());
    }
}
