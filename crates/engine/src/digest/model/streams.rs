//! Elements that are not hashed where they lie: decoded ones, ones in memory, and ranges that overlap others.
//!
//! Each is one stream on one thread, from first to last byte. The memory in use is bounded by what its reader needs.

use super::open::{OpenFile, OpenModel, Stream, StreamElements};
use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::tensors::health::{self, Health};
use lineaprint_digest::{Algorithms, Digests, Hasher};
use lineaprint_formats::FormatError;
use rayon::prelude::*;

/// Result of a stream.
#[derive(Clone, Copy)]
pub(crate) struct StreamDigests {
    pub digests: Digests,
    /// True if it has bytes other than 0 and 1, where that was asked.
    pub odd: bool,
    /// Its health, where it was wanted and its numbers are decoded.
    pub health: Option<Health>,
}

/// Hash all streams of a model on the threads of the current pool, the longest first.
pub fn hash(
    model: &OpenModel,
    algorithms: Algorithms,
    health: bool,
    control: &Control,
) -> Result<Vec<StreamDigests>> {
    let mut order: Vec<usize> = (0..model.streams.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(model.streams[*index].length()));
    let mut hashed = order
        .into_par_iter()
        .with_max_len(1)
        .map(|index| {
            let stream = &model.streams[index];
            let file = &model.files[stream.file];
            hash_one(stream, file, algorithms, health, control).map(|digests| (index, digests))
        })
        .collect::<Result<Vec<_>>>()?;
    hashed.sort_unstable_by_key(|(index, _)| *index);
    Ok(hashed.into_iter().map(|(_, digests)| digests).collect())
}

fn hash_one(
    stream: &Stream,
    file: &OpenFile,
    algorithms: Algorithms,
    health: bool,
    control: &Control,
) -> Result<StreamDigests> {
    let mut hasher = Hasher::new(algorithms);
    let mut odd = false;
    let numbers = stream.numbers.filter(|_| health);
    let mut health = numbers.map(|numbers| health::Bytes::new(numbers, 0));
    let mut take = |block: &[u8]| {
        hasher.update(block);
        if let Some(health) = &mut health {
            health.take(block);
        }
        odd |= stream.is_boolean && block.iter().any(|byte| *byte > 1);
    };
    match &stream.elements {
        StreamElements::Held(bytes) => {
            control.check()?;
            take(bytes);
        }
        StreamElements::Range(span) => file.source.read_range(span.start, span.end, control, take)?,
        StreamElements::Decoded(decode) => {
            let input = FileInput::silent(file.source.clone(), control);
            let mut cancelled = None;
            let mut count = 0_u64;
            let outcome = decode.decode(&input, &mut |piece| {
                if let Err(error) = control.check() {
                    let reason = FormatError::new(error.message.clone());
                    cancelled = Some(error);
                    return Err(reason);
                }
                take(piece);
                count += piece.len() as u64;
                control.advance(piece.len() as u64);
                Ok(())
            });
            if let Some(error) = cancelled {
                return Err(error);
            }
            outcome.map_err(|error| input.error(error))?;
            if count != decode.length() {
                return Err(
                    Error::new(Code::Format, "a tensor unpacks to another length than it states")
                        .with_expected(format!("{} bytes", decode.length()), format!("{count} bytes"))
                        .at(file.source.path()),
                );
            }
        }
    }
    Ok(StreamDigests {
        digests: hasher.finish(),
        odd,
        health: health.map(health::Bytes::finish),
    })
}
