//! Tensors of two models side by side, in tiles on all cores.
//!
//! A pair is cut into parts of some mebibytes that threads take, and a part into tiles that fit the cache of a core. Each
//! part has a sum of its own. The sums of a pair are merged in the order of its parts, so that a result does not depend
//! on the number of threads. A pair with a tensor that is unpacked from first to last is one part.
//!
//! Memory: two buffers of a tile for each thread, what the formats need to unpack, and a sum for each part.

use super::read::Reader;
use super::{OpenTensor, OpenTensors};
use crate::control::Control;
use crate::error::{Code, Result};
use crate::io::buffer::Buffer;
use crate::schedule::work_stealing;
use std::cell::RefCell;

/// The most bytes of one side of a tile, as long as one unit of the dtype does not have more.
pub const TILE: u64 = 256 << 10;

/// The bytes of one side of a part, more or less.
pub(super) const PART: u64 = 4 << 20;

/// The most bytes of one unit of a dtype: an OPAQUE element can have any size.
pub(super) const LARGEST_UNIT: u64 = 1 << 20;

/// Every step between tiles is a multiple of this many elements, which is one of all units of dtypes.
const STEP: u64 = 256;

thread_local! {
    static BUFFERS: RefCell<(Buffer, Buffer)> = RefCell::default();
}

/// Elements of a tensor of the first model, and as many of one of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Index of the tensor in the first model, and its first element.
    pub before: (usize, u64),
    /// Index of the tensor in the second model, and its first element.
    pub after: (usize, u64),
    /// The number of elements of both.
    pub elements: u64,
}

/// A few elements of a pair.
pub struct Tile<'t> {
    /// Index of the pair.
    pub pair: usize,
    /// Index of the first element, counted from the first one of the pair.
    pub first: u64,
    /// The number of elements.
    pub elements: usize,
    /// Bytes of the elements of the first model.
    pub before: &'t [u8],
    /// Bytes of the elements of the second model.
    pub after: &'t [u8],
}

/// Something that is computed of pairs, tile by tile.
pub trait Fold: Sync {
    /// The sum over a part of a pair.
    type Sum: Send;

    /// Return the sum of no elements of a pair.
    fn begin(&self, pair: usize) -> Self::Sum;

    /// Add a tile. The tiles of a part come in their order. It must not start other work on the thread pool.
    fn add(&self, sum: &mut Self::Sum, tile: &Tile<'_>) -> Result<()>;

    /// Add the sum of the part that follows.
    fn merge(&self, sum: &mut Self::Sum, next: Self::Sum);
}

/// Elements of a pair that one thread folds.
struct Part {
    pair: usize,
    first: u64,
    elements: u64,
}

/// Fold all pairs on the threads of the current pool. Return a sum for each, in their order.
///
/// A pair of tensors whose ranges do not fit is an error before anything is read.
pub fn fold<F: Fold>(
    before: &OpenTensors,
    after: &OpenTensors,
    pairs: &[Pair],
    fold: &F,
    control: &Control,
) -> Result<Vec<F::Sum>> {
    let sides = |pair: &Pair| (&before.tensors()[pair.before.0], &after.tensors()[pair.after.0]);
    let mut parts = Vec::new();
    for (index, pair) in pairs.iter().enumerate() {
        let (first, second) = sides(pair);
        check(first, pair.before.1, pair.elements)?;
        check(second, pair.after.1, pair.elements)?;
        let step = if first.is_sequential() || second.is_sequential() {
            pair.elements.max(1)
        } else {
            step(first, second, PART)
        };
        let mut start = 0;
        while start < pair.elements {
            let elements = step.min(pair.elements - start);
            parts.push(Part {
                pair: index,
                first: start,
                elements,
            });
            start += elements;
        }
    }
    let mut folded = work_stealing::run(parts.len(), 1, |index| {
        let part = &parts[index];
        let pair = &pairs[part.pair];
        fold_part(part, pair, sides(pair), fold, control).map(|sum| (index, sum))
    })?;
    folded.sort_unstable_by_key(|(index, _)| *index);
    let mut sums: Vec<F::Sum> = (0..pairs.len()).map(|pair| fold.begin(pair)).collect();
    for (index, sum) in folded {
        fold.merge(&mut sums[parts[index].pair], sum);
    }
    Ok(sums)
}

fn check(tensor: &OpenTensor, first: u64, elements: u64) -> Result<()> {
    let (_, bytes) = tensor.unit();
    if bytes > LARGEST_UNIT {
        return Err(tensor
            .fault(Code::Unsupported, "its elements are too large to compare")
            .with_expected(format!("at most {LARGEST_UNIT} bytes"), format!("{bytes} bytes")));
    }
    let end = first.checked_add(elements);
    if end.is_none_or(|end| end > tensor.elements()) {
        return Err(tensor
            .fault(Code::Range, "a range of elements does not fit the tensor")
            .with_expected(
                format!("at most {} elements", tensor.elements()),
                format!("{elements} from element {first}"),
            ));
    }
    tensor.position(first).map(|_| ())
}

/// Return how many elements of both have at most `bytes` bytes: a power of two from [`STEP`] on, so that the bytes of a step
/// are whole chunks of BLAKE3, or one unit of a large element.
pub(super) fn step(first: &OpenTensor, second: &OpenTensor, bytes: u64) -> u64 {
    let fitting = |tensor: &OpenTensor| {
        let (elements, width) = tensor.unit();
        bytes / width.max(1) * elements
    };
    let step = fitting(first).min(fitting(second));
    if step < STEP {
        step.max(1)
    } else {
        1 << step.ilog2()
    }
}

fn fold_part<F: Fold>(
    part: &Part,
    pair: &Pair,
    (before, after): (&OpenTensor, &OpenTensor),
    fold: &F,
    control: &Control,
) -> Result<F::Sum> {
    let start = |tensor: &OpenTensor, first: u64| tensor.position(first + part.first);
    let step = step(before, after, TILE);
    let mut sum = fold.begin(part.pair);
    before.with_reader(start(before, pair.before.1)?, control, |first| {
        after.with_reader(start(after, pair.after.1)?, control, |second| {
            let mut done = 0;
            while done < part.elements {
                let elements = step.min(part.elements - done);
                let at = part.first + done;
                let length = |tensor: &OpenTensor, from: u64| {
                    let (units, bytes) = tensor.unit();
                    // The last elements of a tensor may end inside a unit.
                    let end = (from + at + elements).div_ceil(units) * bytes;
                    tensor
                        .position(from + at)
                        .map(|start| end.min(tensor.bytes) - start)
                };
                let lengths = (length(before, pair.before.1)?, length(after, pair.after.1)?);
                BUFFERS.with_borrow_mut(|(left, right)| {
                    fold.add(
                        &mut sum,
                        &Tile {
                            pair: part.pair,
                            first: at,
                            elements: usize::try_from(elements).unwrap_or(usize::MAX),
                            before: fill(left, first, lengths.0)?,
                            after: fill(right, second, lengths.1)?,
                        },
                    )
                })?;
                done += elements;
            }
            Ok(())
        })
    })?;
    Ok(sum)
}

/// Read the next bytes into a buffer. There are at most some more than [`TILE`] or one unit.
fn fill<'b>(buffer: &'b mut Buffer, reader: &mut Reader<'_>, length: u64) -> Result<&'b [u8]> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    buffer.reserve(length);
    reader.read(&mut buffer.bytes_mut()[..length])?;
    Ok(&buffer.bytes()[..length])
}
