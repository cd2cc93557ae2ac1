//! SHA-256 of a file and of its tensors in one read, from the front to the back.
//!
//! Each byte goes to two streams, that of the file and that of its tensor. Where every thread has a shard of its own
//! they fill the two lanes of a core. Where threads are left over each stream has a core: one hashes the file, another
//! the tensors, and reads what comes next.

use super::{OpenShard, ShardDigests};
use crate::control::Control;
use crate::error::Result;
use crate::io::buffer::Buffer;
use crate::io::source::Source;
use lineaprint_digest::{Algorithms, Digests, Hasher};
use lineaprint_formats::model::safetensors::Tensor;
use rayon::prelude::*;

/// Bytes that two threads hash before they wait for each other: about a millisecond.
const STEP: usize = 2 << 20;

/// Hash the files of a model and, where `tensors` is there, their tensors.
pub fn hash(
    shards: &[OpenShard],
    tensors: Option<Algorithms>,
    files: Algorithms,
    control: &Control,
) -> Result<Vec<ShardDigests>> {
    let spare = rayon::current_num_threads() >= shards.len() * 2;
    shards
        .par_iter()
        .with_max_len(1)
        .map(|OpenShard { source, header }| {
            let data_start = header.data_start;
            let mut whole = Hasher::new(files);
            source.read_range(0, data_start, control, |block| whole.update(block))?;
            let tensors = match tensors {
                None => {
                    source.read_range(data_start, source.size(), control, |block| whole.update(block))?;
                    Vec::new()
                }
                Some(algorithms) => {
                    let mut streams = TensorStreams::new(&header.tensors, algorithms, data_start);
                    if spare {
                        on_two_threads(&mut whole, &mut streams, source, control)?;
                    } else {
                        in_two_lanes(&mut whole, &mut streams, source, control)?;
                    }
                    streams.finish()
                }
            };
            Ok(ShardDigests {
                tensors,
                file: Some(whole.finish()),
            })
        })
        .collect()
}

fn in_two_lanes(
    whole: &mut Hasher,
    streams: &mut TensorStreams,
    source: &Source,
    control: &Control,
) -> Result<()> {
    source.read_range(streams.position, source.size(), control, |block| {
        streams.feed(block, |own, bytes| {
            Hasher::update_many(&mut [whole, own], &[bytes, bytes]);
        });
    })
}

fn on_two_threads(
    whole: &mut Hasher,
    streams: &mut TensorStreams,
    source: &Source,
    control: &Control,
) -> Result<()> {
    let (mut current, mut next) = (Buffer::default(), Buffer::default());
    let mut position = streams.position;
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

/// The streams of tensors that lie one behind the other.
struct TensorStreams<'a> {
    tensors: &'a [Tensor],
    algorithms: Algorithms,
    /// Index of the first tensor without a digest.
    open: Hasher,
    /// Offset of the next byte in the file.
    position: u64,
    digests: Vec<Digests>,
}

impl<'a> TensorStreams<'a> {
    fn new(tensors: &'a [Tensor], algorithms: Algorithms, position: u64) -> Self {
        Self {
            tensors,
            algorithms,
            open: Hasher::new(algorithms),
            position,
            digests: Vec::with_capacity(tensors.len()),
        }
    }

    /// Add bytes to the streams of their tensors.
    fn update(&mut self, bytes: &[u8]) {
        self.feed(bytes, Hasher::update);
    }

    /// Cut bytes at the ends of tensors, and let `take` add them to the stream of each.
    fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(&mut Hasher, &[u8])) {
        while let Some(tensor) = self.tensors.get(self.digests.len()) {
            let remaining = usize::try_from(tensor.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
            let (own, others) = bytes.split_at(remaining.min(bytes.len()));
            take(&mut self.open, own);
            self.position += own.len() as u64;
            bytes = others;
            if own.len() < remaining {
                return;
            }
            let ended = std::mem::replace(&mut self.open, Hasher::new(self.algorithms));
            self.digests.push(ended.finish());
        }
    }

    /// Return the digests of all tensors, in their order.
    fn finish(mut self) -> Vec<Digests> {
        // Behind the last byte there may be tensors without any.
        self.update(&[]);
        debug_assert!(self.digests.len() == self.tensors.len(), "tensors cover the file");
        self.digests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tensor_digests_are_independent_of_block_sizes(
            lengths in prop::collection::vec(prop_oneof![Just(0_usize), 1..200_usize], 0..12),
            pieces in prop::collection::vec(0..300_usize, 0..20),
        ) {
            let total: usize = lengths.iter().sum();
            let bytes: Vec<u8> = (0..=250).cycle().take(total).collect();
            let mut end = 1000;
            let tensors: Vec<Tensor> = lengths.iter().map(|&count| {
                let start = end;
                end += count as u64;
                tensor(start, end)
            }).collect();
            let mut streams = TensorStreams::new(&tensors, Algorithms::BOTH, 1000);
            let mut rest = &bytes[..];
            for piece in pieces {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                streams.update(now);
                rest = later;
            }
            streams.update(rest);
            let expected: Vec<Digests> = tensors.iter().map(|tensor| {
                let at = |position: u64| usize::try_from(position - 1000).expect("small");
                Digests::of(&bytes[at(tensor.start)..at(tensor.end)], Algorithms::BOTH)
            }).collect();
            prop_assert_eq!(streams.finish(), expected);
        }
    }

    fn tensor(start: u64, end: u64) -> Tensor {
        Tensor {
            name: String::new(),
            dtype: lineaprint_formats::Dtype::named("U8").expect("a dtype"),
            shape: vec![end - start],
            start,
            end,
        }
    }
}
