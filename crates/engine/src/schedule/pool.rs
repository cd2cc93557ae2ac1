//! The threads that hash. They are ours: Node's pool of four stays free for `fs` and `dns`.

use crate::error::{Code, Error, Result};
use crate::schedule::fork_join::Helpers;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Folders nest on the stack while they are walked, and a thread that waits for one folder may pick up
/// another: this much address space (untouched pages cost nothing) holds trees some ten thousand deep.
const STACK_BYTES: usize = 256 << 20;

static BESIDE: OnceLock<Option<ThreadPool>> = OnceLock::new();

/// The most threads a caller may ask for.
pub const MAX_THREADS: usize = 1024;

/// How many threads a job gets when it does not say: one per core this process may use.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A pool of `threads` threads of its own.
pub fn get(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads.clamp(1, MAX_THREADS))
        .stack_size(STACK_BYTES)
        .thread_name(|index| format!("lineaprint-{index}"))
        .build()
        .map_err(|error| Error::new(Code::Internal, format!("cannot start {threads} threads: {error}")))
}

/// The most pools that jobs share: so many may be long before one has to wait for another's end. Beyond the first
/// they are made when they are needed, and threads without work cost nothing.
const MOST_SHARED: usize = 4;

/// The pools that jobs share, each with how many jobs it has.
static LEASED: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

struct Shared {
    pool: Arc<ThreadPool>,
    jobs: Arc<AtomicUsize>,
}

/// The pool of one job, until this is dropped.
pub struct Lease {
    pool: Arc<ThreadPool>,
    jobs: Option<Arc<AtomicUsize>>,
}

impl Lease {
    /// Runs `job` on the threads of the pool, gives them back, and then tells what came of it: who is told finds them
    /// free for the next job.
    pub fn spawn<T>(self, job: impl FnOnce() -> T + Send + 'static, tell: impl FnOnce(T) + Send + 'static) {
        let pool = Arc::clone(&self.pool);
        pool.spawn(move || {
            let outcome = job();
            drop(self);
            tell(outcome);
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(jobs) = &self.jobs {
            jobs.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A pool for a job of `threads` threads, where `None` is one per core.
///
/// Threads look at what others hand them only when the job they are in ends, which may take hours: a job that comes
/// meanwhile gets threads of its own, and the system shares the cores between the two.
pub fn lease(threads: Option<usize>) -> Result<Lease> {
    if let Some(count) = threads.filter(|count| *count != default_threads()) {
        let pool = Arc::new(get(count)?);
        return Ok(Lease { pool, jobs: None });
    }
    let mut shared = LEASED.lock().unwrap_or_else(PoisonError::into_inner);
    let fewest = shared.iter().map(|pool| pool.jobs.load(Ordering::Relaxed)).min();
    if shared.len() < MOST_SHARED && fewest != Some(0) {
        let pool = Arc::new(get(default_threads())?);
        let jobs = Arc::default();
        shared.push(Shared { pool, jobs });
    }
    let least = shared.iter().min_by_key(|pool| pool.jobs.load(Ordering::Relaxed));
    let least = least.ok_or_else(|| Error::new(Code::Internal, "there is no pool of threads"))?;
    least.jobs.fetch_add(1, Ordering::Relaxed);
    Ok(Lease {
        pool: Arc::clone(&least.pool),
        jobs: Some(Arc::clone(&least.jobs)),
    })
}

/// The threads that help a caller who waits: one per core but the caller's own. They have nothing else to do than
/// such short work, so that the caller does not wait for somebody's job.
pub fn beside() -> Helpers<'static> {
    let pool = BESIDE.get_or_init(|| {
        let others = default_threads() - 1;
        // Without them the caller does the work alone, which is slower and as correct.
        (others > 0).then(|| get(others).ok()).flatten()
    });
    match pool {
        Some(pool) => Helpers::Of(pool),
        None => Helpers::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_job_does_not_wait_for_one_that_came_before() {
        let (release, held) = channel::<()>();
        let (tell, told) = channel();
        let (first, second) = (lease(None).expect("a pool"), lease(None).expect("a pool"));
        assert!(!Arc::ptr_eq(&first.pool, &second.pool));
        let busy = Arc::clone(&first.pool);
        first.spawn(
            move || {
                // All threads of the first job wait until the second is done.
                let held = Mutex::new(held);
                busy.broadcast(|_| held.lock().map(|held| held.recv().ok()).ok());
            },
            |()| (),
        );
        second.spawn(|| (), move |()| tell.send(()).expect("somebody listens"));
        told.recv().expect("the second job ends");
        drop(release);
    }

    #[test]
    fn pools_are_given_back_and_not_made_without_need() {
        for _ in 0..100 {
            let leases: Vec<_> = (0..10).map(|_| lease(None).expect("a pool")).collect();
            assert_eq!(leases.len(), 10);
        }
        let pools = LEASED.lock().expect("no panic").len();
        assert!(pools <= MOST_SHARED, "{pools} pools");
        let own = lease(Some(default_threads() + 1)).expect("a pool");
        assert_eq!(own.pool.current_num_threads(), default_threads() + 1);
        assert!(own.jobs.is_none());
    }
}
