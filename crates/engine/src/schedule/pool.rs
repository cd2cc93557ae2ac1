//! Thread pools. Node's own pool of four threads stays free for `fs` and `dns`.

use crate::error::{Code, Error, Result};
use crate::schedule::fork_join::Helpers;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The stack of each thread, as large as that of a main thread on most systems. Nothing on these threads recurses by
/// the depth of a folder; a thread that waits for others of its pool may run one of their tasks meanwhile.
const STACK_BYTES: usize = 8 << 20;

static HELPER_POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();

/// The most threads a caller may ask for.
pub const MAX_THREADS: usize = 1024;

/// Return how many threads a job gets by default: one per core that this process may use.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Create a pool of `threads` threads, or of fewer where the system refuses so many: the results are the same.
///
/// An error if not even one thread can be started.
pub fn create(threads: usize) -> Result<ThreadPool> {
    let mut count = threads.clamp(1, MAX_THREADS);
    loop {
        let pool = ThreadPoolBuilder::new()
            .num_threads(count)
            .stack_size(STACK_BYTES)
            .thread_name(|index| format!("lineaprint-{index}"))
            .build();
        match pool {
            Ok(pool) => return Ok(pool),
            Err(_) if count > 1 => count /= 2,
            Err(error) => {
                let message = format!("the system refuses to start a thread: {error}");
                return Err(Error::new(Code::Unsupported, message));
            }
        }
    }
}

/// The most pools that jobs share. Further jobs join the pool with the fewest jobs. Pools are created when they are
/// needed; idle threads cost nothing.
const MAX_SHARED: usize = 4;

/// The pools that jobs share, each with the number of its jobs.
static SHARED: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

struct Shared {
    pool: Arc<ThreadPool>,
    jobs: Arc<AtomicUsize>,
}

/// The pool of one job, until this is dropped.
pub struct Lease {
    pool: Arc<ThreadPool>,
    /// The number of jobs of a shared pool.
    jobs: Option<Arc<AtomicUsize>>,
}

impl Lease {
    /// Run `job` on the threads of the pool, and give the lease to it.
    pub fn spawn(self, job: impl FnOnce(Self) + Send + 'static) {
        let pool = Arc::clone(&self.pool);
        pool.spawn(move || job(self));
    }

    /// Return the number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(jobs) = &self.jobs {
            jobs.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Lease a pool for a job of `threads` threads, where `None` is one per core.
///
/// A rayon thread takes tasks of others only between its own, and a job may take hours. So a job that starts while
/// another runs gets another pool, and the system shares the cores between the two.
pub fn lease(threads: Option<usize>) -> Result<Lease> {
    if let Some(count) = threads.filter(|count| *count != default_threads()) {
        let pool = Arc::new(create(count)?);
        return Ok(Lease { pool, jobs: None });
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let fewest = shared.iter().map(|pool| pool.jobs.load(Ordering::Relaxed)).min();
    if shared.len() < MAX_SHARED && fewest != Some(0) {
        let pool = Arc::new(create(default_threads())?);
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

/// Return the threads that help a caller who waits: one per core without the caller's own. No job runs on them, so
/// that the caller does not wait for one.
pub fn helper_pool() -> Helpers<'static> {
    let pool = HELPER_POOL.get_or_init(|| {
        let others = default_threads() - 1;
        // Without helpers the caller does the work alone, with the same result.
        (others > 0).then(|| create(others).ok()).flatten()
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
    fn concurrent_jobs_get_different_pools() {
        let (release, held) = channel::<()>();
        let (sender, receiver) = channel();
        let (first, second) = (lease(None).expect("a pool"), lease(None).expect("a pool"));
        assert!(!Arc::ptr_eq(&first.pool, &second.pool));
        let busy = Arc::clone(&first.pool);
        first.spawn(move |_| {
            // All threads of the first job wait until the second job is done.
            let held = Mutex::new(held);
            busy.broadcast(|_| held.lock().map(|held| held.recv().ok()).ok());
        });
        second.spawn(move |_| sender.send(()).expect("the receiver is alive"));
        receiver.recv().expect("the second job ends");
        drop(release);
    }

    #[test]
    fn shared_pools_are_reused() {
        for _ in 0..100 {
            let leases: Vec<_> = (0..10).map(|_| lease(None).expect("a pool")).collect();
            assert_eq!(leases.len(), 10);
        }
        let pools = SHARED.lock().expect("no panic").len();
        assert!(pools <= MAX_SHARED, "{pools} pools");
        let own = lease(Some(default_threads() + 1)).expect("a pool");
        assert_eq!(own.threads(), default_threads() + 1);
        assert!(own.jobs.is_none());
    }
}
