//! Work on our own threads behind a promise.

use crate::digests::number;
use crate::failure::{NativeFailure, caught};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::schedule::readers::{self, Place};
use lineaprint_engine::{Control, Error, Result};
use napi::Env;
use napi::bindgen_prelude::{Either, Object, ToNapiValue};
use napi_derive::napi;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The handle of a job: cancels it, and says how far it is. One handle may serve one job.
#[napi]
pub struct NativeJob {
    control: Arc<Control>,
    /// Answers a job that no thread has begun.
    unbegun: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// How far a job is. Totals grow while a folder is still being walked.
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
            control: Arc::new(Control::new()),
            unbegun: Mutex::new(None),
        }
    }

    /// Asks every thread of the job to stop at its next block. A job that still waits for a thread ends here.
    #[napi]
    pub fn cancel(&self) {
        self.control.cancel();
        if let Some(answer) = lock(&self.unbegun).take() {
            answer();
        }
    }

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

/// Starts `work` on the pool and returns the promise of its result or failure.
///
/// `place` is where the work reads, which may want another number of threads than there are cores.
/// The promise settles only after every thread has left the job, also when it was cancelled.
pub fn start<'env, T, W>(
    env: &'env Env,
    threads: Option<u32>,
    job: &NativeJob,
    place: Option<Place>,
    work: W,
) -> napi::Result<Object<'env>>
where
    T: ToNapiValue + napi::bindgen_prelude::TypeName + Send + 'static,
    W: FnOnce(&Control) -> Result<T> + Send + 'static,
{
    let threads = threads.map(|count| count as usize);
    let lease = pool::lease(threads).map_err(|error| napi::Error::from_reason(error.to_string()))?;
    let control = Arc::clone(&job.control);
    let (deferred, promise) = env.create_deferred()?;
    let settle = move |outcome: Either<T, NativeFailure>| deferred.resolve(move |_| Ok(outcome));
    // Whoever takes it out answers: the thread that begins the work, or who cancels it before one does.
    let answer = Arc::new(Mutex::new(Some(settle)));
    let unbegun = Arc::clone(&answer);
    *lock(&job.unbegun) = Some(Box::new(move || {
        if let Some(settle) = lock(&unbegun).take() {
            settle(Either::B(Error::cancelled().into()));
        }
    }));
    let run = move || {
        let settle = lock(&answer).take()?;
        let outcome = caught(|| match &place {
            Some(place) => readers::with_readers(place, threads, &control, || work(&control)),
            None => work(&control),
        });
        Some((settle, outcome))
    };
    lease.spawn(run, |begun| {
        if let Some((settle, outcome)) = begun {
            settle(match outcome {
                Ok(value) => Either::A(value),
                Err(error) => Either::B(error.into()),
            });
        }
    });
    Ok(promise)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
