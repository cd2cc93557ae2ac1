//! Several streams at once, for hash functions that cannot cut one stream into pieces.
//!
//! Each thread keeps as many streams open as the processor has lanes, and reads a block of each in turn, so that the
//! lanes are filled from several files or tensors. When a stream ends, the next one of the job replaces it. The longest
//! come first, so that the last one to start is short.

use crate::control::Control;
use crate::error::Result;
use crate::io::buffer::Buffer;
use crate::io::source::{BLOCK, Source};
use crate::schedule::pool;
use lineaprint_digest::{Algorithms, Digests, Hasher, sha256};
use std::borrow::Borrow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A range of a file that is one stream.
pub struct Span<S> {
    /// The open file.
    pub source: S,
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// Hash `count` streams on the threads of the current pool.
///
/// `open(i)` gives stream `i`, in the order in which they should be started; `done(i, …)` takes what came of
/// it. Both may be called on any thread.
pub fn hash_all<S: Borrow<Source> + Send>(
    count: usize,
    algorithms: Algorithms,
    control: &Control,
    open: impl Fn(usize) -> Result<Span<S>> + Sync,
    done: impl Fn(usize, Result<(S, Digests)>) + Sync,
) {
    let threads = rayon::current_num_threads().min(count);
    // More threads than cores only with all lanes in use: they may wait for the disk, or may compute as well.
    let threads = threads.min(pool::default_threads().max(count / width(algorithms)));
    // The first streams are dealt out, one per thread: two on one core while another idles would be slower.
    let next = AtomicUsize::new(threads);
    rayon::scope(|scope| {
        for thread in 0..threads {
            let (next, open, done) = (&next, &open, &done);
            scope.spawn(move |_| {
                let mut worker = Worker {
                    algorithms,
                    control,
                    lanes: Vec::new(),
                    buffer: Buffer::default(),
                };
                let take = || {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    (index < count).then_some(index)
                };
                worker.run(thread, take, open, done);
            });
        }
    });
}

/// Return how many streams one thread hashes at once.
fn width(algorithms: Algorithms) -> usize {
    if algorithms.sha256 {
        sha256::lanes().width()
    } else {
        1
    }
}

struct Worker<'a, S> {
    algorithms: Algorithms,
    control: &'a Control,
    lanes: Vec<Lane<S>>,
    buffer: Buffer,
}

/// One open stream.
struct Lane<S> {
    index: usize,
    span: Span<S>,
    hasher: Hasher,
}

impl<S: Borrow<Source>> Worker<'_, S> {
    fn run(
        &mut self,
        first: usize,
        take: impl Fn() -> Option<usize>,
        open: impl Fn(usize) -> Result<Span<S>>,
        done: impl Fn(usize, Result<(S, Digests)>),
    ) {
        let width = width(self.algorithms);
        // Blocks of all lanes together stay within a core's second-level cache.
        let block = if width > 4 { BLOCK / 8 } else { BLOCK };
        self.buffer.reserve(width * block);
        let mut waiting = Some(first);
        loop {
            while self.lanes.len() < width {
                let Some(index) = waiting.take().or_else(&take) else {
                    break;
                };
                match open(index) {
                    Ok(span) => self.lanes.push(Lane {
                        index,
                        span,
                        hasher: Hasher::new(self.algorithms),
                    }),
                    Err(error) => done(index, Err(error)),
                }
            }
            if self.lanes.is_empty() {
                return;
            }
            self.step(block, &done);
        }
    }

    /// Read one block of every lane, hash them together, and remove the lanes that have ended.
    fn step(&mut self, block: usize, done: &impl Fn(usize, Result<(S, Digests)>)) {
        let mut failed = Vec::new();
        let mut views: Vec<&[u8]> = Vec::with_capacity(self.lanes.len());
        for (lane_index, (lane, buffer)) in self
            .lanes
            .iter_mut()
            .zip(self.buffer.bytes_mut().chunks_mut(block))
            .enumerate()
        {
            match lane.read(buffer, self.control) {
                Ok(bytes) => views.push(bytes),
                Err(error) => {
                    failed.push((lane_index, error));
                    views.push(&[]);
                }
            }
        }
        let mut hashers: Vec<&mut Hasher> = self.lanes.iter_mut().map(|lane| &mut lane.hasher).collect();
        Hasher::update_many(&mut hashers, &views);
        for (lane_index, error) in failed.into_iter().rev() {
            let lane = self.lanes.swap_remove(lane_index);
            done(lane.index, Err(error));
        }
        let ended: Vec<Lane<S>> = self
            .lanes
            .extract_if(.., |lane| lane.span.start == lane.span.end)
            .collect();
        for lane in ended {
            done(lane.index, Ok((lane.span.source, lane.hasher.finish())));
        }
    }
}

impl<S: Borrow<Source>> Lane<S> {
    /// Read the next block of the stream, and move `span.start` behind it.
    fn read<'b>(&mut self, buffer: &'b mut [u8], control: &Control) -> Result<&'b [u8]> {
        control.check()?;
        let remaining = self.span.end - self.span.start;
        let count = usize::try_from(remaining).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = &mut buffer[..count];
        self.span.source.borrow().read_exact_at(bytes, self.span.start)?;
        self.span.start += count as u64;
        control.advance(count as u64);
        Ok(bytes)
    }
}
