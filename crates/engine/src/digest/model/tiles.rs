//! BLAKE3 of tensors, of the files they lie in, or of both, from one read on all cores.
//!
//! Each file is cut into tiles that threads take in runs. The bytes of a tile go to everything
//! that is hashed over them: the file itself, and each span of a tensor that has a part in the tile. A span's chunks are
//! counted from its own first byte and not from that of the file, so a chunk belongs to the tile in which it
//! starts, and a thread reads a little beyond the end of its tile to complete the last one. What lies in one
//! tile whole is hashed at once; the rest gives pieces of the tree that are merged in the end.

use super::Wanted;
use super::open::{FileDigests, OpenFile};
use crate::control::Control;
use crate::digest::range::subtrees::{SUBTREE, least_shared, merge_or_internal};
use crate::error::{Error, Result};
use crate::schedule::work_stealing;
use crate::tensors::health;
use lineaprint_digest::subtree::{CHUNK, Piece, Pieces};
use lineaprint_digest::{Algorithms, Digests, Hash, Hasher};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Bytes between two spans that are read rather than skipped: less than what a read costs.
const GAP: u64 = 64 << 10;

/// [`SUBTREE`] as the step of a range.
#[allow(clippy::cast_possible_truncation, reason = "four mebibytes")]
const STEP: usize = SUBTREE as usize;

/// A part of a file that one thread reads.
#[derive(Clone, Copy)]
struct Tile {
    file: usize,
    start: u64,
    end: u64,
    /// The first span that ends behind `start`.
    first_span: usize,
}

/// The subject of a hash: the file, or one of its spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    File,
    Span(usize),
}

/// A hash over a part of a tile.
struct Part {
    subject: Subject,
    /// First byte and one past the last byte of the part, in the file.
    start: u64,
    end: u64,
    sink: Sink,
    health: Option<health::Bytes>,
}

enum Sink {
    /// All of it is in this tile.
    Whole(Box<Hasher>),
    /// Some of it is in other tiles.
    Pieces(Box<Pieces>),
}

enum Found {
    Whole(Hash),
    Pieces(Vec<Piece>),
}

/// Result of a part.
struct Done {
    subject: Subject,
    /// First byte of the part in the file.
    start: u64,
    found: Found,
    health: Option<health::Bytes>,
}

/// Hash the wanted parts with BLAKE3. With `health`, the numbers of the tensors are counted too.
pub fn hash(files: &[OpenFile], wanted: Wanted, health: bool, control: &Control) -> Result<Vec<FileDigests>> {
    let tiles: Vec<Tile> = files
        .iter()
        .enumerate()
        .flat_map(|(index, file)| cut(index, file, wanted))
        .collect();
    let hashed = work_stealing::run(tiles.len(), least_shared(control), |index| {
        let tile = &tiles[index];
        let parts = hash_tile(tile, &files[tile.file], wanted, health, control)?;
        Ok((tile.file, parts))
    })?;
    let mut digests: Vec<FileDigests> = files
        .iter()
        .map(|file| {
            // Spans are not empty, so each gets its digest below.
            let empty = Digests::of(&[], Algorithms::BLAKE3);
            let spans = wanted.tensors().map(|_| vec![empty; file.spans.len()]);
            FileDigests {
                spans: spans.unwrap_or_default(),
                file: None,
                health: vec![None; if health { file.spans.len() } else { 0 }],
            }
        })
        .collect();
    let mut trees: BTreeMap<(usize, Subject), Vec<Piece>> = BTreeMap::new();
    let mut counted: BTreeMap<(usize, usize), Vec<(u64, health::Bytes)>> = BTreeMap::new();
    for (file, parts) in hashed {
        for Done {
            subject,
            start,
            found,
            health,
        } in parts
        {
            if let (Subject::Span(index), Some(health)) = (subject, health) {
                counted.entry((file, index)).or_default().push((start, health));
            }
            match found {
                Found::Whole(hash) => digests[file].set(subject, hash),
                Found::Pieces(pieces) => trees.entry((file, subject)).or_default().extend(pieces),
            }
        }
    }
    for ((file, index), mut parts) in counted {
        parts.sort_unstable_by_key(|(start, _)| *start);
        let parts = parts.into_iter().map(|(_, part)| part);
        let whole = parts.reduce(|mut whole, next| {
            whole.merge(next);
            whole
        });
        digests[file].health[index] = whole.map(health::Bytes::finish);
    }
    let merged = trees
        .into_par_iter()
        .map(|((file, subject), mut pieces)| {
            let OpenFile { source, spans, .. } = &files[file];
            let length = match subject {
                Subject::File => source.size(),
                Subject::Span(index) => spans[index].length(),
            };
            let hash = merge_or_internal(&mut pieces, length, source.path())?;
            Ok((file, subject, hash))
        })
        .collect::<Result<Vec<_>>>()?;
    for (file, subject, hash) in merged {
        digests[file].set(subject, hash);
    }
    Ok(digests)
}

impl FileDigests {
    fn set(&mut self, subject: Subject, hash: Hash) {
        let digests = Digests {
            blake3: Some(hash),
            sha256: None,
        };
        match subject {
            Subject::File => self.file = Some(digests),
            Subject::Span(index) => self.spans[index] = digests,
        }
    }
}

/// Cut a file into tiles.
///
/// Where the file is hashed too its own subtrees are the tiles. Where only spans are, tiles start with a
/// span, so that the pieces of a large one are whole subtrees, and small ones that are near are gathered.
fn cut(index: usize, file: &OpenFile, wanted: Wanted) -> Vec<Tile> {
    let (size, spans) = (file.source.size(), &file.spans);
    let mut cutter = Cutter {
        file: index,
        tiles: Vec::new(),
    };
    if wanted.files().is_some() {
        let mut first_span = 0;
        for index in 0..size.div_ceil(SUBTREE).max(1) {
            let start = index * SUBTREE;
            while spans.get(first_span).is_some_and(|span| span.end <= start) {
                first_span += 1;
            }
            cutter.push(start, (start + SUBTREE).min(size), first_span);
        }
        return cutter.tiles;
    }
    // The span that the open tile begins with; what lies between it and the current one is in the tile.
    let mut open: Option<usize> = None;
    for (index, span) in spans.iter().enumerate() {
        let far = index > 0 && span.start - spans[index - 1].end > GAP;
        if let Some(first) = open
            && (far || span.length() > SUBTREE)
        {
            cutter.push(spans[first].start, spans[index - 1].end, first);
            open = None;
        }
        if span.length() > SUBTREE {
            for start in (span.start..span.end).step_by(STEP) {
                cutter.push(start, (start + SUBTREE).min(span.end), index);
            }
            continue;
        }
        let first = *open.get_or_insert(index);
        if span.end - spans[first].start >= SUBTREE || index + 1 == spans.len() {
            cutter.push(spans[first].start, span.end, first);
            open = None;
        }
    }
    cutter.tiles
}

struct Cutter {
    file: usize,
    tiles: Vec<Tile>,
}

impl Cutter {
    fn push(&mut self, start: u64, end: u64, first_span: usize) {
        let file = self.file;
        self.tiles.push(Tile {
            file,
            start,
            end,
            first_span,
        });
    }
}

/// Return the spans with chunks in a tile, in the order of its bytes.
fn span_parts(tile: &Tile, of: &OpenFile, health: bool) -> Vec<Part> {
    let spans = of.spans.iter().enumerate().skip(tile.first_span);
    spans
        .take_while(|(_, span)| span.start < tile.end)
        .filter_map(|(index, span)| {
            // Chunks of the span that start in the tile, as bytes of the span.
            let chunk_start = |at: u64| {
                let into = at.saturating_sub(span.start);
                into.next_multiple_of(CHUNK).min(span.length())
            };
            let (from, to) = (chunk_start(tile.start), chunk_start(tile.end));
            (from < to).then(|| Part {
                subject: Subject::Span(index),
                start: span.start + from,
                end: span.start + to,
                sink: sink(from, to, span.length()),
                health: of.numbers[index]
                    .filter(|_| health)
                    .map(|numbers| health::Bytes::new(numbers, from)),
            })
        })
        .collect()
}

fn sink(start: u64, end: u64, length: u64) -> Sink {
    if start == 0 && end == length {
        Sink::Whole(Box::new(Hasher::new(Algorithms::BLAKE3)))
    } else {
        Sink::Pieces(Box::new(Pieces::new(start, end, length)))
    }
}

/// Read a tile once, and give its bytes to the file and to every span that has a part in it.
fn hash_tile(
    tile: &Tile,
    of: &OpenFile,
    wanted: Wanted,
    health: bool,
    control: &Control,
) -> Result<Vec<Done>> {
    let mut file = wanted.files().map(|_| Part {
        subject: Subject::File,
        start: tile.start,
        end: tile.end,
        sink: sink(tile.start, tile.end, of.source.size()),
        health: None,
    });
    let mut parts = wanted
        .tensors()
        .map_or_else(Vec::new, |_| span_parts(tile, of, health));
    let ends = parts.last().map_or(tile.start, |part| part.end);
    let end = if file.is_some() { ends.max(tile.end) } else { ends };
    let mut position = tile.start;
    // Parts before this one have had all their bytes.
    let mut open = 0;
    of.source.read_range(tile.start, end, control, |block| {
        if let Some(file) = &mut file {
            file.take(block, position);
        }
        let after = position + block.len() as u64;
        for part in parts[open..].iter_mut().take_while(|part| part.start < after) {
            part.take(block, position);
        }
        open += parts[open..].iter().take_while(|part| part.end <= after).count();
        position = after;
    })?;
    file.into_iter().chain(parts).map(Part::finish).collect()
}

impl Part {
    /// Hash the bytes of this part in a block that starts at `position` in the file.
    fn take(&mut self, block: &[u8], position: u64) {
        let offset = |at: u64| usize::try_from(at.saturating_sub(position)).unwrap_or(usize::MAX);
        let bytes = &block[offset(self.start).min(block.len())..offset(self.end).min(block.len())];
        match &mut self.sink {
            Sink::Whole(hasher) => hasher.update(bytes),
            Sink::Pieces(pieces) => pieces.update(bytes),
        }
        if let Some(health) = &mut self.health {
            health.take(bytes);
        }
    }

    fn finish(self) -> Result<Done> {
        let found = match self.sink {
            Sink::Whole(hasher) => Found::Whole(hasher.finish().blake3.ok_or_else(|| {
                Error::new(crate::Code::Internal, "a hasher without BLAKE3 was asked for it")
            })?),
            Sink::Pieces(pieces) => Found::Pieces(pieces.finish()),
        };
        Ok(Done {
            subject: self.subject,
            start: self.start,
            found,
            health: self.health,
        })
    }
}
