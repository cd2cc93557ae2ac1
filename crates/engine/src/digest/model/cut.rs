//! Files cut into tiles, the parts that one thread reads; see [`cut`].

use super::Wanted;
use super::open::OpenFile;
use crate::digest::range::subtrees::SUBTREE;

/// Bytes between two spans that are read rather than skipped: less than what a read costs.
const GAP: u64 = 64 << 10;

/// Spans of a tile, where only spans are hashed: what a tile holds of each must not add up.
const SPANS: usize = 16 << 10;

/// [`SUBTREE`] as the step of a range.
#[allow(clippy::cast_possible_truncation, reason = "four mebibytes")]
const STEP: usize = SUBTREE as usize;

/// A part of a file that one thread reads.
#[derive(Clone, Copy)]
pub struct Tile {
    pub file: usize,
    pub start: u64,
    pub end: u64,
    /// The first span that ends behind `start`.
    pub first_span: usize,
}

/// Cut a file into tiles.
///
/// Where the file is hashed too its own subtrees are the tiles. Where only spans are, tiles start with a
/// span, so that the pieces of a large one are whole subtrees, and small ones that are near are gathered.
pub fn cut(index: usize, file: &OpenFile, wanted: Wanted) -> Vec<Tile> {
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
        let full = span.end - spans[first].start >= SUBTREE || index - first + 1 >= SPANS;
        if full || index + 1 == spans.len() {
            cutter.push(spans[first].start, span.end, first);
            open = None;
        }
    }
    cutter.tiles
}

/// Add tiles for the bytes of checked parts that are in none.
pub fn fill(index: usize, file: &OpenFile, tiles: &mut Vec<Tile>) {
    let mut cutter = Cutter {
        file: index,
        tiles: Vec::new(),
    };
    let mut covered = tiles.iter().peekable();
    for part in &file.checked {
        let mut at = part.start;
        while at < part.end {
            while covered.next_if(|tile| tile.end <= at).is_some() {}
            at = match covered.peek() {
                Some(tile) if tile.start <= at => tile.end,
                next => {
                    let free = next.map_or(part.end, |tile| tile.start.min(part.end));
                    let end = free.min(at + SUBTREE);
                    cutter.push(at, end, file.spans.len());
                    end
                }
            };
        }
    }
    tiles.extend(cutter.tiles);
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
