//! The stream of chosen bytes: window after window, each filled and hashed on all threads.

use crate::control::Control;
use crate::digest::memory::{self, Sliced};
use crate::error::{Code, Error, Result};
use crate::io::source::Source;
use crate::schedule::fork_join::Helpers;
use lineaprint_digest::sample::Layout;
use lineaprint_digest::{Algorithms, Digests};
use rayon::prelude::*;

/// Bytes of the stream that one thread fills at a time; a multiple of BLAKE3's chunk.
const PART: usize = 128 << 10;

/// Parts per thread in a window: enough that threads seldom wait for the slowest.
const PARTS_PER_THREAD: usize = 8;

/// The most parts in a window, so that many cores do not need much memory.
const MOST_PARTS: usize = 256;

/// Chosen bytes whose distance is at most this are read with one call: up to a page, the bytes between them cost
/// less than another call.
const NEAR: u64 = 4 << 10;

/// The most bytes read with one call for the sake of those that are chosen.
const SPAN: u64 = 256 << 10;

/// Hash a stream of `length` bytes on the threads of the current pool. `fill` fills a buffer from a position of the
/// stream, on any thread and in any order.
pub fn hash(
    length: u64,
    algorithms: Algorithms,
    fill: impl Fn(u64, &mut [u8]) -> Result<()> + Sync,
) -> Result<Digests> {
    let parts = (rayon::current_num_threads() * PARTS_PER_THREAD).min(MOST_PARTS);
    let window = parts * PART;
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(window).min(window)];
    let fill_window = |position: u64, window: &mut [u8]| {
        window
            .par_chunks_mut(PART)
            .with_max_len(1)
            .enumerate()
            .try_for_each(|(index, part)| fill(position + (index * PART) as u64, part))
    };
    if length <= window as u64 {
        fill_window(0, &mut buffer)?;
        return Ok(memory::hash(&buffer, algorithms, Helpers::Current));
    }
    let internal = || Error::new(Code::Internal, "the windows of a sample do not fit together");
    let mut sliced = Sliced::new(algorithms, length);
    let mut position = 0;
    while position < length {
        let remaining = usize::try_from(length - position).unwrap_or(window);
        let slice = &mut buffer[..remaining.min(window)];
        fill_window(position, slice)?;
        sliced.update(slice, Helpers::Current).ok_or_else(internal)?;
        position += slice.len() as u64;
    }
    sliced.finish().ok_or_else(internal)
}

/// The stream of a layout over a file from byte `base`.
#[derive(Clone, Copy)]
pub struct FileStream<'a> {
    /// The open file.
    pub source: &'a Source,
    /// Offset of the whole in the stream, in bytes.
    pub base: u64,
    /// Ranges of the whole that are read.
    pub layout: &'a Layout,
    /// Told of every byte.
    pub control: &'a Control,
}

impl FileStream<'_> {
    /// Hash the stream.
    pub fn hash(self, algorithms: Algorithms) -> Result<Digests> {
        hash(self.layout.bytes_read(), algorithms, |position, into| {
            self.fill(position, into)
        })
    }

    fn fill(&self, mut position: u64, mut into: &mut [u8]) -> Result<()> {
        let mut runs = Vec::new();
        let mut scratch = Vec::new();
        while !into.is_empty() {
            self.control.check()?;
            let (start, length) = self.span(position, into.len(), &mut runs);
            let taken: usize = runs.iter().map(|(_, length)| length).sum();
            let (now, later) = into.split_at_mut(taken);
            if length == taken {
                self.source.read_exact_at(now, self.base + start)?;
            } else {
                if scratch.len() < length {
                    scratch.resize(length, 0);
                }
                self.source
                    .read_exact_at(&mut scratch[..length], self.base + start)?;
                let mut at = 0;
                for (from, length) in &runs {
                    now[at..at + length].copy_from_slice(&scratch[*from..from + length]);
                    at += length;
                }
            }
            position += taken as u64;
            self.control.advance(taken as u64);
            into = later;
        }
        Ok(())
    }

    /// Return the start and length of the bytes to read with one call for the stream from `position`. `runs` gets the
    /// chosen bytes in it, at most `limit`.
    fn span(&self, position: u64, limit: usize, runs: &mut Vec<(usize, usize)>) -> (u64, usize) {
        runs.clear();
        let (start, _) = self.layout.locate(position);
        let (mut end, mut taken) = (start, 0);
        while taken < limit {
            let (offset, left) = self.layout.locate(position + taken as u64);
            let length = usize::try_from(left).unwrap_or(limit).min(limit - taken);
            let after = offset + length as u64;
            if offset - end > NEAR || (taken > 0 && after - start > SPAN) {
                break;
            }
            let from = usize::try_from(offset - start).unwrap_or(usize::MAX);
            match runs.last_mut() {
                Some(last) if offset == end => last.1 += length,
                _ => runs.push((from, length)),
            }
            (end, taken) = (after, taken + length);
        }
        (start, usize::try_from(end - start).unwrap_or(usize::MAX))
    }
}
