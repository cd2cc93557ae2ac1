//! SHA-256 of a file and of the spans of its tensors in one read, from the front to the back.
//!
//! Each byte goes to two streams, that of the file and that of its tensor. Where every thread has a shard of its own
//! they fill the two lanes of a core. Where threads are left over each stream has a core: one hashes the file, another
//! the tensors, and reads what comes next.

use super::open::{FileDigests, OpenFile, Span};
use crate::control::Control;
use crate::error::Result;
use crate::io::buffer::Buffer;
use crate::io::source::Source;
use lineaprint_digest::{Algorithms, Digests, Hasher};
use rayon::prelude::*;

/// Bytes that two threads hash before they wait for each other: about a millisecond.
const STEP: usize = 2 << 20;

/// Hash the files of a model and, where `tensors` is there, the spans of their tensors.
pub fn hash(
    opened: &[OpenFile],
    tensors: Option<Algorithms>,
    files: Algorithms,
    control: &Control,
) -> Result<Vec<FileDigests>> {
    let spare = rayon::current_num_threads() >= opened.len() * 2;
    opened
        .par_iter()
        .with_max_len(1)
        .map(|OpenFile { source, spans, .. }| {
            let mut whole = Hasher::new(files);
            let spans = match tensors {
                None => {
                    source.read_range(0, source.size(), control, |block| whole.update(block))?;
                    Vec::new()
                }
                Some(algorithms) => {
                    let mut streams = SpanStreams::new(spans, algorithms);
                    if spare {
                        on_two_threads(&mut whole, &mut streams, source, control)?;
                    } else {
                        in_two_lanes(&mut whole, &mut streams, source, control)?;
                    }
                    streams.finish()
                }
            };
            Ok(FileDigests {
                spans,
                file: Some(whole.finish()),
                health: Vec::new(),
            })
        })
        .collect()
}

fn in_two_lanes(
    whole: &mut Hasher,
    streams: &mut SpanStreams,
    source: &Source,
    control: &Control,
) -> Result<()> {
    source.read_range(0, source.size(), control, |block| {
        streams.feed(block, |own, bytes| match own {
            Some(own) => Hasher::update_many(&mut [&mut *whole, own], &[bytes, bytes]),
            None => whole.update(bytes),
        });
    })
}

fn on_two_threads(
    whole: &mut Hasher,
    streams: &mut SpanStreams,
    source: &Source,
    control: &Control,
) -> Result<()> {
    let (mut current, mut next) = (Buffer::default(), Buffer::default());
    let mut position = 0;
    let mut count = read_step(source, position, &mut current, control)?;
    while count > 0 {
        position += count as u64;
        let step = &current.bytes()[..count];
        let (following, ()) = rayon::join(
            || {
                streams.update(step);
                read_step(source, position, &mut next, control)
            },
            || whole.update(step),
        );
        count = following?;
        std::mem::swap(&mut current, &mut next);
    }
    Ok(())
}

/// Read the next bytes from `position`. Return how many; 0 at the end.
fn read_step(source: &Source, position: u64, into: &mut Buffer, control: &Control) -> Result<usize> {
    let count = usize::try_from(source.size() - position)
        .unwrap_or(STEP)
        .min(STEP);
    into.reserve(count);
    control.check()?;
    source.read_exact_at(&mut into.bytes_mut()[..count], position)?;
    control.advance(count as u64);
    Ok(count)
}

/// The streams of spans that lie one behind the other, perhaps with other bytes between them.
struct SpanStreams<'a> {
    spans: &'a [Span],
    algorithms: Algorithms,
    /// The stream of the first span without a digest.
    open: Hasher,
    /// Offset of the next byte in the file.
    position: u64,
    digests: Vec<Digests>,
}

impl<'a> SpanStreams<'a> {
    fn new(spans: &'a [Span], algorithms: Algorithms) -> Self {
        Self {
            spans,
            algorithms,
            open: Hasher::new(algorithms),
            position: 0,
            digests: Vec::with_capacity(spans.len()),
        }
    }

    /// Add bytes to the streams of their spans.
    fn update(&mut self, bytes: &[u8]) {
        self.feed(bytes, |own, bytes| {
            if let Some(own) = own {
                own.update(bytes);
            }
        });
    }

    /// Cut bytes where spans begin and end, and let `take` add them to the stream of each; to none for bytes between
    /// two spans.
    fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Option<&mut Hasher>, &[u8])) {
        while !bytes.is_empty() {
            let span = self.spans.get(self.digests.len());
            let inside = span.is_some_and(|span| span.start <= self.position);
            let until = span.map_or(u64::MAX, |span| if inside { span.end } else { span.start });
            let remaining = usize::try_from(until - self.position).unwrap_or(usize::MAX);
            let (own, others) = bytes.split_at(remaining.min(bytes.len()));
            take(inside.then_some(&mut self.open), own);
            self.position += own.len() as u64;
            bytes = others;
            if inside && own.len() == remaining {
                let ended = std::mem::replace(&mut self.open, Hasher::new(self.algorithms));
                self.digests.push(ended.finish());
            }
        }
    }

    /// Return the digests of all spans, in their order.
    fn finish(self) -> Vec<Digests> {
        debug_assert!(
            self.digests.len() == self.spans.len(),
            "spans are within the file"
        );
        self.digests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digests_of_spans_are_independent_of_block_sizes(
            lengths in prop::collection::vec((1..200_u64, prop_oneof![Just(0_u64), 0..50_u64]), 0..12),
            pieces in prop::collection::vec(0..300_usize, 0..20),
        ) {
            let mut end = 0;
            let spans: Vec<Span> = lengths.iter().map(|&(count, gap)| {
                let start = end + gap;
                end = start + count;
                Span { start, end }
            }).collect();
            let at = |position: u64| usize::try_from(position).expect("small");
            let bytes: Vec<u8> = (0..=250).cycle().take(at(end) + 7).collect();
            let mut streams = SpanStreams::new(&spans, Algorithms::BOTH);
            let mut rest = &bytes[..];
            for piece in pieces {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                streams.update(now);
                rest = later;
            }
            streams.update(rest);
            let expected: Vec<Digests> = spans.iter().map(|span| {
                Digests::of(&bytes[at(span.start)..at(span.end)], Algorithms::BOTH)
            }).collect();
            prop_assert_eq!(streams.finish(), expected);
        }
    }
}
