//! Elements of several tensors, gathered in the order of another.

use super::stored::Stored;
use crate::control::Control;
use crate::error::Result;
use crate::io::buffer::Buffer;
use lineaprint_formats::derivation::layout::{Layout, Strided};
use std::ops::Range;

/// Bytes of a source that are read at once although not all of them are needed.
const SPAN: u64 = 4 << 20;

/// Memory that one thread uses again and again.
#[derive(Default)]
pub struct Memory {
    span: Buffer,
    run: Vec<u8>,
}

/// Gather a range of elements of a layout into `into`, which has their length in bytes.
///
/// `width` is the number of bytes of a step of the layout: of an element, or of a block.
pub fn gather(
    layout: &Layout,
    sources: &[&Stored],
    range: Range<u64>,
    width: usize,
    memory: &mut Memory,
    into: &mut [u8],
    control: &Control,
) -> Result<()> {
    let mut rest = into;
    for segment in layout.segments(range) {
        control.check()?;
        let bytes = usize::try_from(segment.length).unwrap_or_default() * width;
        let (own, others) = rest.split_at_mut(bytes);
        rest = others;
        let part = &layout.parts()[segment.part];
        let elements = segment.start..segment.start + segment.length;
        gather_part(part, sources[segment.part], elements, width, memory, own, control)?;
    }
    Ok(())
}

fn gather_part(
    part: &Strided,
    source: &Stored,
    range: Range<u64>,
    width: usize,
    memory: &mut Memory,
    into: &mut [u8],
    control: &Control,
) -> Result<()> {
    let span = part.span(&range);
    let step = width as u64;
    let (touched, wanted) = ((span.end - span.start) * step, into.len() as u64);
    if part.is_consecutive() {
        return source.read(span.start * step, into, control);
    }
    let whole = touched <= SPAN.max(2 * wanted);
    if whole {
        let length = usize::try_from(touched).unwrap_or_default();
        memory.span.reserve(length);
        source.read(span.start * step, &mut memory.span.bytes_mut()[..length], control)?;
    }
    let mut failure = None;
    part.runs(&range, |run| {
        if failure.is_some() {
            return;
        }
        let length = usize::try_from(run.length).unwrap_or_default() * width;
        let from = (run.from - span.start) * step;
        let run_bytes: &[u8] = if whole {
            let from = usize::try_from(from).unwrap_or_default();
            &memory.span.bytes()[from..from + length]
        } else {
            memory.run.resize(length, 0);
            if let Err(error) = source.read(run.from * step, &mut memory.run, control) {
                failure = Some(error);
                return;
            }
            &memory.run
        };
        let to = usize::try_from(run.to).unwrap_or_default() * width;
        if run.stride == 1 {
            into[to..to + length].copy_from_slice(run_bytes);
            return;
        }
        let stride = usize::try_from(run.stride).unwrap_or_default() * width;
        scatter(run_bytes, &mut into[to..], width, stride);
    });
    failure.map_or(Ok(()), Err)
}

/// Copy elements to places that are `stride` bytes apart.
fn scatter(from: &[u8], into: &mut [u8], width: usize, stride: usize) {
    let slots = into.chunks_mut(stride);
    match width {
        2 => {
            for (slot, element) in slots.zip(from.as_chunks::<2>().0) {
                slot[..2].copy_from_slice(element);
            }
        }
        4 => {
            for (slot, element) in slots.zip(from.as_chunks::<4>().0) {
                slot[..4].copy_from_slice(element);
            }
        }
        _ => {
            for (slot, element) in slots.zip(from.chunks_exact(width)) {
                slot[..width].copy_from_slice(element);
            }
        }
    }
}
