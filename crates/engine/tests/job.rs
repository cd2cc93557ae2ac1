//! Jobs: the result, a panic, and a job that nobody waits for any more.

use lineaprint_engine::schedule::job::{self, Job};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::schedule::readers::AccessPattern;
use lineaprint_engine::{Code, Control, Result};
use std::sync::mpsc::channel;

/// Returns the number of its threads, or panics.
struct CountThreads {
    panics: bool,
}

impl Job for CountThreads {
    type Output = usize;

    fn access(&self) -> AccessPattern<'_> {
        AccessPattern::Memory
    }

    fn run(self, control: &Control) -> Result<usize> {
        assert!(!self.panics, "on purpose");
        control.check()?;
        Ok(rayon::current_num_threads())
    }
}

fn run(job: CountThreads, threads: Option<usize>, control: &Control) -> Result<String> {
    let (sender, receiver) = channel();
    job::spawn(
        job,
        threads,
        control.clone(),
        move || Some(move |outcome| sender.send(outcome).expect("the receiver is alive")),
        |count| count.to_string(),
    )?;
    receiver.recv().expect("the job ends")
}

#[test]
fn job_runs_on_the_requested_threads() {
    for threads in [None, Some(1), Some(3)] {
        let count = threads.unwrap_or_else(pool::default_threads);
        let output = run(CountThreads { panics: false }, threads, &Control::new());
        assert_eq!(output.expect("counted"), count.to_string());
    }
}

#[test]
fn panic_is_an_internal_error() {
    let error = run(CountThreads { panics: true }, None, &Control::new()).expect_err("it panics");
    assert_eq!(error.code, Code::Internal);
    assert!(error.message.contains("tests/job.rs"), "{error}");
    assert!(error.message.ends_with("on purpose"), "{error}");
}

#[test]
fn cancelled_job_is_an_error() {
    let control = Control::new();
    control.cancel();
    let error = run(CountThreads { panics: false }, None, &control).expect_err("cancelled");
    assert_eq!(error.code, Code::Cancelled);
}

#[test]
fn unwanted_job_is_not_run() {
    let (sender, receiver) = channel::<()>();
    let begin = move || -> Option<fn(Result<String>)> {
        drop(sender);
        None
    };
    let job = CountThreads { panics: true };
    job::spawn(job, None, Control::new(), begin, |count| count.to_string()).expect("started");
    assert!(receiver.recv().is_err(), "the job is dropped");
}
