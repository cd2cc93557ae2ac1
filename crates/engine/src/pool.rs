//! The threads that hash. They are ours: Node's pool of four stays free for `fs` and `dns`.

use crate::error::{Code, Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Arc, OnceLock};

/// Folders nest on the stack while they are walked, and a thread that waits for one folder may pick up
/// another: this much address space (untouched pages cost nothing) holds trees some ten thousand deep.
const STACK_BYTES: usize = 256 << 20;

static SHARED: OnceLock<Arc<ThreadPool>> = OnceLock::new();

/// The most threads a caller may ask for.
pub const MAX_THREADS: usize = 1024;

/// How many threads a job gets when it does not say: one per core this process may use.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The pool for a job of `threads` threads; `None` is the shared pool with one per core.
pub fn get(threads: Option<usize>) -> Result<Arc<ThreadPool>> {
    match threads {
        Some(count) if count != default_threads() => build(count),
        _ => {
            if let Some(pool) = SHARED.get() {
                return Ok(Arc::clone(pool));
            }
            // Two first calls at once may both build one; the loser's is dropped unused.
            let pool = build(default_threads())?;
            Ok(Arc::clone(SHARED.get_or_init(|| pool)))
        }
    }
}

fn build(threads: usize) -> Result<Arc<ThreadPool>> {
    ThreadPoolBuilder::new()
        .num_threads(threads.clamp(1, MAX_THREADS))
        .stack_size(STACK_BYTES)
        .thread_name(|index| format!("lineaprint-{index}"))
        .build()
        .map(Arc::new)
        .map_err(|error| Error::new(Code::Internal, format!("cannot start {threads} threads: {error}")))
}
