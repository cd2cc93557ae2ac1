//! Tensors of two models compared while they are hashed, in one read.
//!
//! A pair is cut into parts like those of [`super::pairs`], and a part into tiles. The bytes of a tile are compared and
//! hashed while they are in the cache of a core. Where both sides have the same bytes at the same location, those of the
//! second are not hashed: their pieces of the tree are those of the first.
//!
//! Only what lies in one piece of a file is read so, and each tensor in one pair. Everything else is left to the read of
//! the digests and to [`super::pairs`], which give the same results in two reads.

use super::OpenTensors;
use super::pairs::{PART, TILE, Tile, step};
use crate::control::Control;
use crate::digest::model::KnownFile;
use crate::digest::range::subtrees::{least_shared, merge_or_internal};
use crate::error::{Code, Error, Result};
use crate::io::buffer::Buffer;
use crate::io::source::Source;
use crate::schedule::work_stealing;
use lineaprint_digest::subtree::{CHUNK, Piece, Pieces};
use lineaprint_digest::{Algorithms, Hash, Hasher};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Tensors of fewer bytes are not read together: reading each by itself costs more than a second read of a few.
const LEAST: u64 = 16 << 10;

thread_local! {
    static BUFFERS: RefCell<(Buffer, Buffer)> = RefCell::default();
}

/// Elements of a tensor of the first model that lie in one of the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Index of the pair that it belongs to.
    pub pair: usize,
    /// Index of the tensor of the first model, all of whose elements are in the stretch.
    pub before: usize,
    /// Index of the tensor of the second model, and the first of its elements.
    pub after: (usize, u64),
}

/// Something that is computed of pairs whose bytes are hashed.
pub(crate) trait Examine: Sync {
    /// The result of a part.
    type Sum: Send;

    /// Return the result of no elements of a pair.
    fn begin(&self, pair: usize) -> Self::Sum;

    /// Add a tile. Those of a part come in their order; `same` is true while all of them have had the same bytes on both
    /// sides.
    fn add(&self, sum: &mut Self::Sum, tile: &Tile<'_>, same: bool) -> Result<()>;
}

/// The result of a part of a stretch.
pub(crate) struct Examined<S> {
    /// Index of the stretch.
    pub stretch: usize,
    /// First element of the part, counted from the first one of the stretch.
    pub first: u64,
    /// The number of its elements.
    pub elements: u64,
    pub sum: S,
}

/// Stretches of two models that are read together.
pub(crate) struct Together<'m> {
    before: &'m OpenTensors,
    after: &'m OpenTensors,
    taken: [HashSet<(usize, usize)>; 2],
    stretches: Vec<Stretch>,
}

/// A part of a stretch that one thread reads.
struct Part {
    stretch: usize,
    first: u64,
    elements: u64,
}

/// Bytes of a tensor in its file.
struct Location<'m> {
    source: &'m Arc<Source>,
    file: usize,
    span: usize,
    /// First byte of the tensor in the file, and the number of its bytes.
    origin: u64,
    length: u64,
}

/// The hash of a part of a tensor.
#[derive(Clone)]
enum Sink {
    Whole(Hasher),
    Pieces(Box<Pieces>),
}

enum Found {
    Whole(Hash),
    Pieces(Vec<Piece>),
}

impl Sink {
    fn new(start: u64, end: u64, length: u64) -> Self {
        if start == 0 && end == length {
            Self::Whole(Hasher::new(Algorithms::BLAKE3))
        } else {
            Self::Pieces(Box::new(Pieces::new(start, end, length)))
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Whole(hasher) => hasher.update(bytes),
            Self::Pieces(pieces) => pieces.update(bytes),
        }
    }

    fn finish(self) -> Result<Found> {
        match self {
            Self::Whole(hasher) => hasher
                .finish()
                .blake3
                .map(Found::Whole)
                .ok_or_else(|| Error::new(Code::Internal, "a hasher without BLAKE3 was asked for it")),
            Self::Pieces(pieces) => Ok(Found::Pieces(pieces.finish())),
        }
    }
}

impl Found {
    fn copy(&self) -> Self {
        match self {
            Self::Whole(hash) => Self::Whole(*hash),
            Self::Pieces(pieces) => Self::Pieces(pieces.clone()),
        }
    }
}

/// The result of each part, in their order, and the digests of the files as far as they are known.
pub type Read<S> = (Vec<Examined<S>>, Vec<KnownFile>);

impl<'m> Together<'m> {
    pub fn new(before: &'m OpenTensors, after: &'m OpenTensors) -> Self {
        Self {
            before,
            after,
            taken: [HashSet::new(), HashSet::new()],
            stretches: Vec::new(),
        }
    }

    /// Return the stretches that were added, in their order.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Add the stretches of one pair, which together have all elements of one tensor of the second model. Return whether
    /// they can be read together; if not, none was added.
    pub fn add(&mut self, stretches: &[Stretch]) -> bool {
        let mut spans = [HashSet::new(), HashSet::new()];
        let Some(&Stretch {
            after: (target, _), ..
        }) = stretches.first()
        else {
            return false;
        };
        let Some(location) = self.after.location(target) else {
            return false;
        };
        spans[1].insert((location.file, location.span));
        for stretch in stretches {
            let Some(location) = self.before.location(stretch.before) else {
                return false;
            };
            if !spans[0].insert((location.file, location.span)) || !self.fits(stretch) {
                return false;
            }
        }
        if spans
            .iter()
            .zip(&self.taken)
            .any(|(own, taken)| !own.is_disjoint(taken))
        {
            return false;
        }
        for (taken, own) in self.taken.iter_mut().zip(spans) {
            taken.extend(own);
        }
        self.stretches.extend_from_slice(stretches);
        true
    }

    /// Check that the parts of a stretch are whole chunks of BLAKE3 on both sides.
    fn fits(&self, stretch: &Stretch) -> bool {
        let (first, second) = self.sides(stretch);
        let elements = first.elements();
        let (Ok(start), Ok(end)) = (
            second.position(stretch.after.1),
            second.position(stretch.after.1 + elements),
        ) else {
            return false;
        };
        let is_cut = |at: u64| at.is_multiple_of(CHUNK) || at == second.bytes;
        let parts = step(first, second, PART);
        let tiles = step(first, second, TILE);
        let whole = |elements: u64| {
            [first, second].iter().all(|tensor| {
                let (units, bytes) = tensor.unit();
                elements.is_multiple_of(units) && (elements / units * bytes).is_multiple_of(CHUNK)
            })
        };
        first.bytes.min(second.bytes) >= LEAST && is_cut(start) && is_cut(end) && whole(parts) && whole(tiles)
    }

    fn sides(&self, stretch: &Stretch) -> (&'m super::OpenTensor, &'m super::OpenTensor) {
        (
            &self.before.tensors()[stretch.before],
            &self.after.tensors()[stretch.after.0],
        )
    }

    /// Read the stretches on the threads of the current pool. Return what was found of each part, in their order, and the
    /// digests of the files of both models as far as they are known now.
    pub fn read<E: Examine>(&self, examine: &E, control: &Control) -> Result<Read<E::Sum>> {
        let mut parts = Vec::new();
        for (index, stretch) in self.stretches.iter().enumerate() {
            let (first, second) = self.sides(stretch);
            let elements = first.elements();
            control.add_file(first.bytes.saturating_mul(2));
            let step = step(first, second, PART);
            let mut start = 0;
            while start < elements {
                let elements = step.min(elements - start);
                parts.push(Part {
                    stretch: index,
                    first: start,
                    elements,
                });
                start += elements;
            }
        }
        let mut read = work_stealing::run(parts.len(), least_shared(control), |index| {
            self.read_part(&parts[index], examine, control)
                .map(|found| (index, found))
        })?;
        read.sort_unstable_by_key(|(index, _)| *index);
        let mut examined = Vec::with_capacity(read.len());
        let mut hashed: [BTreeMap<usize, Vec<Found>>; 2] = Default::default();
        for (index, (sum, first, second)) in read {
            let Part {
                stretch,
                first: start,
                elements,
            } = parts[index];
            let tensors = &self.stretches[stretch];
            hashed[0].entry(tensors.before).or_default().push(first);
            hashed[1].entry(tensors.after.0).or_default().push(second);
            examined.push(Examined {
                stretch,
                first: start,
                elements,
                sum,
            });
        }
        let [first, second] = hashed;
        let mut known = self.before.known(first)?;
        known.extend(self.after.known(second)?);
        Ok((examined, known))
    }

    fn read_part<E: Examine>(
        &self,
        part: &Part,
        examine: &E,
        control: &Control,
    ) -> Result<(E::Sum, Found, Found)> {
        let stretch = &self.stretches[part.stretch];
        let (first, second) = self.sides(stretch);
        let gone = || Error::new(Code::Internal, "a tensor without a location was read");
        let locations = (
            self.before.location(stretch.before).ok_or_else(gone)?,
            self.after.location(stretch.after.0).ok_or_else(gone)?,
        );
        let base = stretch.after.1;
        let bounds = |tensor: &super::OpenTensor, from: u64, elements: u64| {
            Ok::<_, Error>((tensor.position(from)?, tensor.position(from + elements)?))
        };
        let whole = (
            bounds(first, part.first, part.elements)?,
            bounds(second, base + part.first, part.elements)?,
        );
        let mut left = Sink::new(whole.0.0, whole.0.1, locations.0.length);
        // The pieces of equal bytes at equal locations are equal.
        let shares =
            first.dtype == second.dtype && whole.0 == whole.1 && locations.0.length == locations.1.length;
        let mut right = (!shares).then(|| Sink::new(whole.1.0, whole.1.1, locations.1.length));
        let mut sum = examine.begin(stretch.pair);
        let tile = step(first, second, TILE);
        let mut done = 0;
        while done < part.elements {
            control.check()?;
            let elements = tile.min(part.elements - done);
            let at = part.first + done;
            let spans = (bounds(first, at, elements)?, bounds(second, base + at, elements)?);
            BUFFERS.with_borrow_mut(|(one, other)| {
                let before = fill(one, &locations.0, spans.0, control)?;
                let after = fill(other, &locations.1, spans.1, control)?;
                if right.is_none() && before != after {
                    right = Some(left.clone());
                }
                let tile = Tile {
                    pair: stretch.pair,
                    first: base + at,
                    elements: usize::try_from(elements).unwrap_or(usize::MAX),
                    before,
                    after,
                };
                examine.add(&mut sum, &tile, right.is_none())?;
                left.update(before);
                if let Some(right) = &mut right {
                    right.update(after);
                }
                Ok::<_, Error>(())
            })?;
            done += elements;
        }
        let left = left.finish()?;
        let right = right.map_or_else(|| Ok(left.copy()), Sink::finish)?;
        Ok((sum, left, right))
    }
}

/// Read bytes of a tensor into a buffer.
fn fill<'b>(
    buffer: &'b mut Buffer,
    location: &Location<'_>,
    (start, end): (u64, u64),
    control: &Control,
) -> Result<&'b [u8]> {
    let length = usize::try_from(end - start).unwrap_or(usize::MAX);
    buffer.reserve(length);
    location
        .source
        .read_exact_at(&mut buffer.bytes_mut()[..length], location.origin + start)?;
    control.advance(length as u64);
    Ok(&buffer.bytes()[..length])
}

impl OpenTensors {
    /// Return where a tensor lies, if that is in one piece of a file without checksums.
    fn location(&self, tensor: usize) -> Option<Location<'_>> {
        let (file, span) = self.spans[tensor]?;
        let open = &self.model.files[file];
        let bounds = open.spans[span];
        open.checked.is_empty().then_some(Location {
            source: &open.source,
            file,
            span,
            origin: bounds.start,
            length: bounds.length(),
        })
    }

    /// Return the digests of tensors by their files, out of what was found of their parts.
    fn known(&self, hashed: BTreeMap<usize, Vec<Found>>) -> Result<Vec<KnownFile>> {
        let mut files: BTreeMap<usize, KnownFile> = BTreeMap::new();
        for (tensor, parts) in hashed {
            let location = self
                .location(tensor)
                .ok_or_else(|| Error::new(Code::Internal, "a tensor without a location was hashed"))?;
            let mut pieces = Vec::new();
            let mut whole = None;
            for part in parts {
                match part {
                    Found::Whole(hash) => whole = Some(hash),
                    Found::Pieces(own) => pieces.extend(own),
                }
            }
            let hash = match whole {
                Some(hash) => hash,
                None => merge_or_internal(&mut pieces, location.length, location.source.path())?,
            };
            let file = files.entry(location.file).or_insert_with(|| KnownFile {
                path: location.source.path().to_owned(),
                stamp: location.source.stamp().text(),
                spans: Vec::new(),
            });
            file.spans
                .push((location.origin, location.origin + location.length, hash));
        }
        Ok(files.into_values().collect())
    }
}
