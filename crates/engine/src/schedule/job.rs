//! Jobs: one request each, on the threads of one pool.

use crate::control::Control;
use crate::error::Result;
use crate::panics;
use crate::schedule::pool;
use crate::schedule::readers::{self, AccessPattern};

/// A request, how it reads, and how it runs.
pub trait Job: Send + 'static {
    /// The result.
    type Output;

    /// Return how the job reads, which decides on how many threads it runs.
    fn access(&self) -> AccessPattern<'_>;

    /// Run the job on the threads of the current pool.
    fn run(self, control: &Control) -> Result<Self::Output>;
}

/// Start `job` on `threads` threads, or where that is `None` on as many as fit its access pattern. Returns at once.
///
/// On a thread of a pool, `begin` returns who takes the result; `None` if nobody waits for it any more. The output goes
/// through `convert` while the job still has its pool. The pool is given back before the result is handed out, so that
/// the receiver finds free threads for the next job. A panic becomes an error.
///
/// The access pattern is probed on a thread of the pool that most jobs run on, which has one thread per core. If the
/// probe finds that another number fits, the job moves to a pool of that size before it begins to read.
pub fn spawn<J: Job, T, F: FnOnce(Result<T>) + Send + 'static>(
    job: J,
    threads: Option<usize>,
    control: Control,
    begin: impl FnOnce() -> Option<F> + Send + 'static,
    convert: impl FnOnce(J::Output) -> T + Send + 'static,
) -> Result<()> {
    let execute = move |job: J, control: &Control, finish: F, lease| {
        let outcome = panics::catch(|| job.run(control).map(convert));
        drop(lease);
        finish(outcome);
    };
    pool::lease(threads)?.spawn(move |lease| {
        let Some(finish) = begin() else { return };
        let fitting = match panics::catch(|| Ok(readers::fitting_threads(&job.access(), threads, &control))) {
            Ok(fitting) => fitting,
            Err(error) => return finish(Err(error)),
        };
        // Without threads for a pool of that size the job runs on this one: slower, with the same result.
        let moved = fitting.and_then(|count| pool::lease(Some(count)).ok());
        match moved {
            None => execute(job, &control, finish, lease),
            Some(own) => {
                drop(lease);
                own.spawn(move |lease| execute(job, &control, finish, lease));
            }
        }
    });
    Ok(())
}
