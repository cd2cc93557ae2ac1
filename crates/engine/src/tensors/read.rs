//! Reading the bytes of a tensor.

use super::OpenTensor;
use crate::control::Control;
use crate::digest::model::TensorElements;
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::{BLOCK, Source};
use crate::panics;
use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::listing::Decode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Pieces of at most a mebibyte that are unpacked before they are asked for.
const AHEAD: usize = 2;

impl OpenTensor {
    /// Fill `into` with the bytes from `offset`. Safe to call from several threads.
    ///
    /// Memory: none of its own; what the format needs, for a tensor that [`Self::is_sequential`]. For such a tensor
    /// everything before the range is unpacked too: read several ranges with [`Self::with_reader`].
    pub fn read_at(&self, offset: u64, into: &mut [u8], control: &Control) -> Result<()> {
        self.check(offset, into.len() as u64)?;
        match &self.elements {
            TensorElements::Range { source, start } => read_blocks(source, start + offset, into, control),
            TensorElements::Held(bytes) => copy_held(bytes, offset, into),
            TensorElements::Decoded { .. } => self.with_reader(offset, control, |reader| reader.read(into)),
        }
    }

    /// Run `work` with a reader that starts at `offset` and goes on to the end.
    ///
    /// A tensor that [`Self::is_sequential`] is unpacked on a thread of its own, which is never more than some mebibytes
    /// ahead, and ends with the reader.
    pub fn with_reader<T>(
        &self,
        offset: u64,
        control: &Control,
        work: impl FnOnce(&mut Reader<'_>) -> Result<T>,
    ) -> Result<T> {
        self.check(offset, 0)?;
        let TensorElements::Decoded { source, decode } = &self.elements else {
            return work(&mut Reader {
                tensor: self,
                position: offset,
                control,
                pieces: None,
            });
        };
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            let thread = std::thread::Builder::new().name("lineaprint-unpack".to_owned());
            let unpack = move || unpack(source, decode.as_ref(), offset, &sender, control);
            thread.spawn_scoped(scope, unpack).map_err(|error| {
                Error::new(
                    Code::Unsupported,
                    format!("the system refuses to start a thread: {error}"),
                )
            })?;
            // When the reader ends its receiver does, and the next piece ends the thread.
            work(&mut Reader {
                tensor: self,
                position: offset,
                control,
                pieces: Some(Pieces {
                    receiver,
                    current: Vec::new(),
                    taken: 0,
                }),
            })
        })
    }

    fn check(&self, offset: u64, length: u64) -> Result<()> {
        if offset.checked_add(length).is_some_and(|end| end <= self.bytes) {
            return Ok(());
        }
        Err(self
            .fault(Code::Range, "a range of bytes is outside the tensor")
            .with_expected(
                format!("at most {} bytes", self.bytes),
                format!("{length} bytes from byte {offset}"),
            ))
    }
}

fn read_blocks(source: &Source, start: u64, into: &mut [u8], control: &Control) -> Result<()> {
    let mut position = start;
    for block in into.chunks_mut(BLOCK) {
        control.check()?;
        source.read_exact_at(block, position)?;
        position += block.len() as u64;
        control.advance(block.len() as u64);
    }
    Ok(())
}

fn copy_held(bytes: &Bytes, offset: u64, into: &mut [u8]) -> Result<()> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let held = bytes
        .get(start..)
        .and_then(|rest| rest.get(..into.len()))
        .ok_or_else(|| {
            Error::new(
                Code::Internal,
                "held elements are shorter than their dtype and shape",
            )
        })?;
    into.copy_from_slice(held);
    Ok(())
}

/// A piece, or why there is none.
type Sent = Result<Vec<u8>>;

/// Unpack a tensor, and send what comes from `offset` on. An error is the last that is sent.
fn unpack(
    source: &Arc<Source>,
    decode: &dyn Decode,
    offset: u64,
    sender: &SyncSender<Sent>,
    control: &Control,
) {
    let input = FileInput::silent(Arc::clone(source), control);
    let mut before = offset;
    let mut stopped = None;
    let outcome = panics::catch(|| {
        Ok(decode.decode(&input, &mut |piece| {
            if let Err(error) = control.check() {
                stopped = Some(Some(error));
                return Err(FormatError::new("cancelled"));
            }
            let skipped = usize::try_from(before).unwrap_or(usize::MAX).min(piece.len());
            before -= skipped as u64;
            if skipped < piece.len() && sender.send(Ok(piece[skipped..].to_vec())).is_err() {
                stopped = Some(None);
                return Err(FormatError::new("nobody reads on"));
            }
            control.advance(piece.len() as u64);
            Ok(())
        }))
    });
    let failure = match (stopped, outcome) {
        (Some(None), _) | (None, Ok(Ok(()))) => None,
        (Some(Some(cancelled)), _) => Some(cancelled),
        (None, Ok(Err(error))) => Some(input.error(error)),
        (None, Err(panic)) => Some(panic),
    };
    if let Some(error) = failure {
        // A reader that has ended needs no error.
        drop(sender.send(Err(error)));
    }
}

/// Pieces that another thread unpacks.
struct Pieces {
    receiver: Receiver<Sent>,
    current: Vec<u8>,
    /// Bytes of `current` that were read.
    taken: usize,
}

/// A reader of a tensor, from a position on.
pub struct Reader<'t> {
    tensor: &'t OpenTensor,
    position: u64,
    control: &'t Control,
    pieces: Option<Pieces>,
}

impl Reader<'_> {
    /// Fill `into` with the next bytes.
    pub fn read(&mut self, into: &mut [u8]) -> Result<()> {
        let Some(pieces) = &mut self.pieces else {
            self.tensor.read_at(self.position, into, self.control)?;
            self.position += into.len() as u64;
            return Ok(());
        };
        self.tensor.check(self.position, into.len() as u64)?;
        let mut done = 0;
        while done < into.len() {
            if pieces.taken == pieces.current.len() {
                pieces.current = pieces.receiver.recv().unwrap_or_else(|_| {
                    Err(self
                        .tensor
                        .fault(Code::Format, "a tensor unpacks to another length than it states")
                        .with_expected(
                            format!("{} bytes", self.tensor.bytes),
                            format!("{} bytes", self.position + done as u64),
                        ))
                })?;
                pieces.taken = 0;
            }
            let rest = &pieces.current[pieces.taken..];
            let count = rest.len().min(into.len() - done);
            into[done..done + count].copy_from_slice(&rest[..count]);
            pieces.taken += count;
            done += count;
        }
        self.position += into.len() as u64;
        Ok(())
    }
}
