//! Work in equal units that the calling thread shares with others.
//!
//! The caller works too: the first unit begins at once and not after another thread woke, and two cores have two
//! threads that hash instead of two and one that waits.

use rayon::{Scope, ThreadPool};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The threads that help the caller.
#[derive(Clone, Copy)]
pub enum Helpers<'a> {
    /// None: the caller does all of it.
    None,
    /// The threads of the pool that the caller is one of.
    Current,
    /// The threads of a pool that the caller is not one of.
    Of(&'a ThreadPool),
}

impl Helpers<'_> {
    /// Return how many threads work, including the caller.
    pub fn threads(self) -> usize {
        match self {
            Helpers::None => 1,
            Helpers::Current => rayon::current_num_threads().max(1),
            Helpers::Of(pool) => pool.current_num_threads() + 1,
        }
    }

    fn scope<'scope>(self, work: impl FnOnce(&Scope<'scope>)) {
        match self {
            Helpers::Of(pool) => pool.in_place_scope(work),
            Helpers::None | Helpers::Current => rayon::in_place_scope(work),
        }
    }
}

/// Run `first` on this thread and `work` for each of `units`, on at most `threads` threads including this one. The
/// results come in the order of the units.
pub fn run<T: Send>(
    helpers: Helpers,
    threads: usize,
    units: usize,
    first: impl FnOnce(),
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(units));
    let take = || {
        let mut own = Vec::new();
        loop {
            let unit = next.fetch_add(1, Ordering::Relaxed);
            if unit >= units {
                break;
            }
            own.push((unit, work(unit)));
        }
        done.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend(own);
    };
    let others = helpers.threads().min(threads).saturating_sub(1).min(units);
    if others == 0 {
        first();
        take();
    } else {
        helpers.scope(|scope| {
            for _ in 0..others {
                scope.spawn(|_| take());
            }
            first();
            take();
        });
    }
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_unstable_by_key(|(unit, _)| *unit);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::pool;

    #[test]
    fn units_run_once_and_in_order() {
        let pool = pool::create(3).expect("a pool");
        for helpers in [Helpers::None, Helpers::Of(&pool)] {
            for units in [0, 1, 2, 7, 100] {
                let mut began = false;
                let squares = run(helpers, usize::MAX, units, || began = true, |unit| unit * unit);
                assert_eq!(squares, (0..units).map(|unit| unit * unit).collect::<Vec<_>>());
                assert!(began);
            }
        }
        let inside = pool.install(|| run(Helpers::Current, 2, 50, || (), |unit| unit));
        assert_eq!(inside, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn panic_of_a_helper_reaches_the_caller() {
        let pool = pool::create(2).expect("a pool");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run(
                Helpers::Of(&pool),
                3,
                8,
                || (),
                |unit| assert!(unit != 5, "unit {unit}"),
            )
        }));
        assert!(outcome.is_err());
    }
}
