//! BLAKE3 of tensors, of the files they lie in, or of both, from one read on all cores.
//!
//! Each file is cut into tiles that threads take in runs. The bytes of a tile go to everything
//! that is hashed over them: the file itself, and each span of a tensor that has a part in the tile. A span's chunks are
//! counted from its own first byte and not from that of the file, so a chunk belongs to the tile in which it
//! starts, and a thread reads a little beyond the end of its tile to complete the last one. What lies in one
//! tile whole is hashed at once; the rest gives pieces of the tree that are merged in the end.
//!
//! The CRC-32 of members of archives is computed from the same bytes, see [`sums`].

use super::Wanted;
use super::cut::{Tile, cut, fill};
use super::open::{FileDigests, OpenFile};
use super::sums;
use crate::control::Control;
use crate::digest::range::subtrees::{least_shared, merge_or_internal};
use crate::error::{Error, Result};
use crate::io::source::BLOCK;
use crate::schedule::work_stealing;
use crate::tensors::health;
use lineaprint_digest::subtree::{CHUNK, Piece, Pieces};
use lineaprint_digest::{Algorithms, Digests, Hash, Hasher};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

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
    /// First chunk, and one past the last one, in bytes of what is hashed.
    from: u64,
    to: u64,
    /// Bytes of what is hashed.
    length: u64,
    sink: Sink,
    health: Option<Box<health::Bytes>>,
}

/// State of a part. A tile can have a part for every few bytes, so that only those have a state whose bytes are in
/// more than one block of the read.
enum Sink {
    /// None of its bytes were there.
    Waiting,
    /// All of it is in this tile, and some of it was hashed.
    Whole(Box<Hasher>),
    /// Some of it is in other tiles.
    Pieces(Box<Pieces>),
    /// All of it was hashed.
    Done(Hash),
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
    hash: Found,
    health: Option<Box<health::Bytes>>,
}

/// The health of the parts of a span, each with its first byte in the file.
type Counted = Vec<(u64, Box<health::Bytes>)>;

/// Results of the same read beside the hashes.
#[derive(Clone, Copy, Debug)]
pub struct Extra {
    /// True to compute the CRC-32 of the parts that are checked; with [`Wanted::Headers`] that is all.
    pub check: bool,
    /// True to count the numbers of the tensors that are hashed.
    pub health: bool,
}

/// Hash the wanted parts with BLAKE3, and compute `extra`.
pub fn hash(files: &[OpenFile], wanted: Wanted, extra: Extra, control: &Control) -> Result<Vec<FileDigests>> {
    let Extra { check, health } = extra;
    let tiles: Vec<Tile> = files
        .iter()
        .enumerate()
        .flat_map(|(index, file)| {
            let mut tiles = match wanted {
                Wanted::Headers => Vec::new(),
                wanted => cut(index, file, wanted),
            };
            if check {
                fill(index, file, &mut tiles);
            }
            tiles
        })
        .collect();
    let hashed = work_stealing::run(tiles.len(), least_shared(control), |index| {
        let tile = &tiles[index];
        let hashed = hash_tile(tile, &files[tile.file], wanted, extra, control)?;
        Ok((tile.file, hashed))
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
                sums: Vec::new(),
                health: vec![None; if health { file.spans.len() } else { 0 }],
            }
        })
        .collect();
    let mut trees: BTreeMap<(usize, Subject), Vec<Piece>> = BTreeMap::new();
    let mut checks: Vec<Vec<sums::Part>> = files.iter().map(|_| Vec::new()).collect();
    let mut counted: BTreeMap<(usize, usize), Counted> = BTreeMap::new();
    for (file, (parts, summed)) in hashed {
        checks[file].extend(summed);
        for Done {
            subject,
            start,
            hash,
            health,
        } in parts
        {
            if let (Subject::Span(index), Some(health)) = (subject, health) {
                counted.entry((file, index)).or_default().push((start, health));
            }
            match hash {
                Found::Whole(hash) => digests[file].set(subject, hash),
                Found::Pieces(pieces) => trees.entry((file, subject)).or_default().extend(pieces),
            }
        }
    }
    for ((file, index), mut parts) in counted {
        parts.sort_unstable_by_key(|(start, _)| *start);
        let parts = parts.into_iter().map(|(_, part)| part);
        let whole = parts.reduce(|mut whole, next| {
            whole.merge(&next);
            whole
        });
        digests[file].health[index] = whole.map(|health| health.finish());
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
    if check {
        for ((digests, file), parts) in digests.iter_mut().zip(files).zip(checks) {
            digests.sums = sums::merge(parts, file.checked.len());
        }
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
            (from < to).then(|| {
                let mut part = Part::new(Subject::Span(index), span.start, (from, to), span.length());
                part.health = health
                    .then(|| of.numbers[index])
                    .flatten()
                    .map(|numbers| Box::new(health::Bytes::new(numbers, from)));
                part
            })
        })
        .collect()
}

/// Results of a tile: hashes, and checksums of parts.
type Hashed = (Vec<Done>, Vec<sums::Part>);

/// Cut the parts of a tile into runs that are read one after the other. A long part begins a run, and so does what comes
/// behind it: the hash is fastest on blocks that begin where it begins.
fn runs(parts: &[Part]) -> Vec<Range<usize>> {
    let is_long = |part: &Part| part.end - part.start >= BLOCK as u64;
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut end = 0;
    for (index, part) in parts.iter().enumerate() {
        let begins = part.start >= end
            && (is_long(part) || index.checked_sub(1).is_some_and(|last| is_long(&parts[last])));
        match runs.last_mut() {
            Some(run) if !begins => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
        end = end.max(part.end);
    }
    runs
}

/// Read a range once, and give its bytes to the file and to every part in it, which are sorted by where they start.
fn read_parts(
    of: &OpenFile,
    range: Range<u64>,
    mut file: Option<&mut Part>,
    parts: &mut [Part],
    checks: &mut [sums::Part],
    control: &Control,
) -> Result<()> {
    let mut position = range.start;
    // Parts before this one have had all their bytes.
    let mut open = 0;
    of.source.read_range(range.start, range.end, control, |block| {
        if let Some(file) = &mut file {
            file.take(block, position);
        }
        let after = position + block.len() as u64;
        for part in parts[open..].iter_mut().take_while(|part| part.start < after) {
            part.take(block, position);
        }
        open += parts[open..].iter().take_while(|part| part.end <= after).count();
        for part in &mut *checks {
            part.take(block, position);
        }
        position = after;
    })
}

/// Read a tile once, and give its bytes to the file and to every span that has a part in it.
fn hash_tile(tile: &Tile, of: &OpenFile, wanted: Wanted, extra: Extra, control: &Control) -> Result<Hashed> {
    let mut file = wanted
        .files()
        .map(|_| Part::new(Subject::File, 0, (tile.start, tile.end), of.source.size()));
    let mut parts = wanted
        .tensors()
        .map_or_else(Vec::new, |_| span_parts(tile, of, extra.health));
    let mut checks = if extra.check {
        sums::parts(&of.checked, tile.start, tile.end)
    } else {
        Vec::new()
    };
    let ends = parts.last().map_or(tile.start, |part| part.end).max(tile.end);
    if file.is_none() {
        let runs = runs(&parts);
        let starts: Vec<u64> = runs.iter().map(|run| parts[run.start].start).collect();
        for (index, run) in runs.into_iter().enumerate() {
            let parts = &mut parts[run];
            let range = if checks.is_empty() {
                starts[index]..parts.iter().map(|part| part.end).max().unwrap_or(starts[index])
            } else {
                // What lies between two runs may be a part of what is checked.
                let start = if index == 0 { tile.start } else { starts[index] };
                start..starts.get(index + 1).copied().unwrap_or(ends)
            };
            read_parts(of, range, None, parts, &mut checks, control)?;
        }
        if starts.is_empty() && !checks.is_empty() {
            read_parts(of, tile.start..ends, None, &mut [], &mut checks, control)?;
        }
    } else {
        read_parts(
            of,
            tile.start..ends,
            file.as_mut(),
            &mut parts,
            &mut checks,
            control,
        )?;
    }
    let parts = file.into_iter().chain(parts).map(Part::finish);
    Ok((parts.collect::<Result<_>>()?, checks))
}

impl Part {
    /// Take the chunks from byte `from` up to `to` of what starts at `origin` in the file and has `length` bytes.
    fn new(subject: Subject, origin: u64, (from, to): (u64, u64), length: u64) -> Self {
        Self {
            subject,
            start: origin + from,
            end: origin + to,
            from,
            to,
            length,
            sink: Sink::Waiting,
            health: None,
        }
    }

    /// Hash the bytes of this part in a block that starts at `position` in the file.
    fn take(&mut self, block: &[u8], position: u64) {
        let offset = |at: u64| usize::try_from(at.saturating_sub(position)).unwrap_or(usize::MAX);
        let bytes = &block[offset(self.start).min(block.len())..offset(self.end).min(block.len())];
        if let Some(health) = &mut self.health {
            health.take(bytes);
        }
        if matches!(self.sink, Sink::Waiting) {
            if self.from == 0 && bytes.len() as u64 == self.length {
                self.sink = Sink::Done(*blake3::hash(bytes).as_bytes());
                return;
            }
            self.sink = self.open();
        }
        match &mut self.sink {
            Sink::Whole(hasher) => hasher.update(bytes),
            Sink::Pieces(pieces) => pieces.update(bytes),
            Sink::Waiting | Sink::Done(_) => {}
        }
    }

    fn open(&self) -> Sink {
        if self.from == 0 && self.to == self.length {
            Sink::Whole(Box::new(Hasher::new(Algorithms::BLAKE3)))
        } else {
            Sink::Pieces(Box::new(Pieces::new(self.from, self.to, self.length)))
        }
    }

    fn finish(mut self) -> Result<Done> {
        if matches!(self.sink, Sink::Waiting) {
            // It has no bytes: an empty file.
            self.sink = self.open();
        }
        let hash = match self.sink {
            Sink::Done(hash) => Found::Whole(hash),
            Sink::Whole(hasher) => Found::Whole(hasher.finish().blake3.ok_or_else(|| {
                Error::new(crate::Code::Internal, "a hasher without BLAKE3 was asked for it")
            })?),
            Sink::Pieces(pieces) => Found::Pieces(pieces.finish()),
            Sink::Waiting => return Err(Error::new(crate::Code::Internal, "a part was not opened")),
        };
        Ok(Done {
            subject: self.subject,
            start: self.start,
            hash,
            health: self.health,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_parts_are_read_from_where_they_begin() {
        const LONG: u64 = BLOCK as u64;
        let of = |bounds: &[(u64, u64)]| {
            let parts: Vec<_> = bounds
                .iter()
                .map(|(start, end)| Part::new(Subject::Span(0), *start, (0, end - start), end - start))
                .collect();
            let cut = runs(&parts).into_iter();
            cut.map(|run| (run.start, run.end)).collect::<Vec<_>>()
        };
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[(0, 8), (8, 16), (20, 40)]), [(0, 3)]);
        assert_eq!(
            of(&[
                (0, 8),
                (8, 8 + LONG),
                (8 + LONG, 16 + LONG),
                (16 + LONG, 17 + LONG)
            ]),
            [(0, 1), (1, 2), (2, 4)]
        );
        assert_eq!(
            of(&[(0, LONG), (LONG, 2 * LONG), (2 * LONG, 2 * LONG + 1)]),
            [(0, 1), (1, 2), (2, 3)]
        );
        // Parts that overlap are read together.
        assert_eq!(of(&[(0, 2 * LONG), (8, 8 + LONG), (LONG, 2 * LONG)]), [(0, 3)]);
    }
}
