//! Jobs on the engine's threads behind a promise.

use crate::digests::number;
use crate::failure::NativeFailure;
use lineaprint_engine::schedule::job::{self, Job};
use lineaprint_engine::{Control, Error, Result};
use napi::Env;
use napi::bindgen_prelude::{Either, Object, ToNapiValue, TypeName};
use napi_derive::napi;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The handle of a job: cancels it and reports its progress. One handle serves one job.
#[napi]
pub struct NativeJob {
    control: Control,
    /// Settles the promise of a job that no thread has started.
    settle_pending: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// The progress of a job. Totals grow while a folder is still being walked.
#[napi(object, object_from_js = false)]
pub struct NativeProgress {
    pub bytes_done: i64,
    pub bytes_total: i64,
    pub files_done: i64,
    pub files_total: i64,
}

#[napi]
impl NativeJob {
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "only JavaScript makes one")]
    pub fn new() -> Self {
        Self {
            control: Control::new(),
            settle_pending: Mutex::new(None),
        }
    }

    /// Ask every thread of the job to stop at its next block. A job that still waits for a thread ends here.
    #[napi]
    pub fn cancel(&self) {
        self.control.cancel();
        if let Some(settle) = lock(&self.settle_pending).take() {
            settle();
        }
    }

    /// Return the progress so far.
    #[napi]
    pub fn progress(&self) -> NativeProgress {
        let progress = self.control.progress();
        NativeProgress {
            bytes_done: number(progress.bytes_done),
            bytes_total: number(progress.bytes_total),
            files_done: number(progress.files_done),
            files_total: number(progress.files_total),
        }
    }
}

/// Start a job and return the promise of its result or failure. `convert` turns the output into the result.
///
/// The promise settles only after every thread has left the job, also when the job was cancelled.
pub fn start<'env, J, T>(
    env: &'env Env,
    handle: &NativeJob,
    threads: Option<u32>,
    job: J,
    convert: impl FnOnce(J::Output) -> T + Send + 'static,
) -> napi::Result<Object<'env>>
where
    J: Job,
    T: ToNapiValue + TypeName + Send + 'static,
{
    let (deferred, promise) = env.create_deferred()?;
    let settle = move |outcome: Result<T>| {
        let outcome = match outcome {
            Ok(value) => Either::A(value),
            Err(error) => Either::B(NativeFailure::from(error)),
        };
        deferred.resolve(move |_| Ok(outcome));
    };
    // One of three takes it: the thread that starts the job, a cancellation before that, or a failure to start.
    let pending = Arc::new(Mutex::new(Some(settle)));
    let cancelled = Arc::clone(&pending);
    *lock(&handle.settle_pending) = Some(Box::new(move || {
        if let Some(settle) = lock(&cancelled).take() {
            settle(Err(Error::cancelled()));
        }
    }));
    let started = Arc::clone(&pending);
    let begin = move || lock(&started).take();
    let threads = threads.map(|count| count as usize);
    if let Err(error) = job::spawn(job, threads, handle.control.clone(), begin, convert)
        && let Some(settle) = lock(&pending).take()
    {
        settle(Err(error));
    }
    Ok(promise)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
