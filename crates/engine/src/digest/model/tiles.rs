//! BLAKE3 of tensors, of the files they lie in, or of both, from one read on all cores.
//!
//! Each file is cut into tiles that threads take in runs. The bytes of a tile go to everything
//! that is hashed over them: the file itself, and each tensor that has a part in the tile. A tensor's chunks are
//! counted from its own first byte and not from that of the file, so a chunk belongs to the tile in which it
//! starts, and a thread reads a little beyond the end of its tile to complete the last one. What lies in one
//! tile whole is hashed at once; the rest gives pieces of the tree that are merged in the end.

use super::{OpenShard, ShardDigests, Wanted, length};
use crate::control::Control;
use crate::digest::range::subtrees::{SUBTREE, least_shared, merge_or_internal};
use crate::error::{Error, Result};
use crate::schedule::work_stealing;
use lineaprint_digest::subtree::{CHUNK, Piece, Pieces};
use lineaprint_digest::{Algorithms, Digests, Hash, Hasher};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A part of a file that one thread reads.
#[derive(Clone, Copy)]
struct Tile {
    shard: usize,
    start: u64,
    end: u64,
    /// The first tensor that ends behind `start`.
    first_tensor: usize,
}

/// The subject of a hash: the file, or one of its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    File,
    Tensor(usize),
}

/// A hash over a part of a tile.
struct Part {
    subject: Subject,
    /// First byte and one past the last byte of the part, in the file.
    start: u64,
    end: u64,
    sink: Sink,
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

/// Hash the wanted parts with BLAKE3.
pub fn hash(shards: &[OpenShard], wanted: Wanted, control: &Control) -> Result<Vec<ShardDigests>> {
    let tiles: Vec<Tile> = shards
        .iter()
        .enumerate()
        .flat_map(|(index, shard)| cut(index, shard, wanted))
        .collect();
    let hashed = work_stealing::run(tiles.len(), least_shared(control), |index| {
        let tile = &tiles[index];
        let parts = hash_tile(tile, &shards[tile.shard], wanted, control)?;
        Ok((tile.shard, parts))
    })?;
    let mut digests: Vec<ShardDigests> = shards
        .iter()
        .map(|shard| {
            // A tensor without a part in any tile is empty.
            let empty = Digests::of(&[], Algorithms::BLAKE3);
            let tensors = wanted.tensors().map(|_| vec![empty; shard.header.tensors.len()]);
            ShardDigests {
                tensors: tensors.unwrap_or_default(),
                file: None,
            }
        })
        .collect();
    let mut trees: BTreeMap<(usize, Subject), Vec<Piece>> = BTreeMap::new();
    for (shard, parts) in hashed {
        for (subject, part) in parts {
            match part {
                Found::Whole(hash) => digests[shard].set(subject, hash),
                Found::Pieces(pieces) => trees.entry((shard, subject)).or_default().extend(pieces),
            }
        }
    }
    let merged = trees
        .into_par_iter()
        .map(|((shard, subject), mut pieces)| {
            let OpenShard { source, header } = &shards[shard];
            let length = match subject {
                Subject::File => source.size(),
                Subject::Tensor(index) => length(&header.tensors[index]),
            };
            let hash = merge_or_internal(&mut pieces, length, source.path())?;
            Ok((shard, subject, hash))
        })
        .collect::<Result<Vec<_>>>()?;
    for (shard, subject, hash) in merged {
        digests[shard].set(subject, hash);
    }
    Ok(digests)
}

impl ShardDigests {
    fn set(&mut self, subject: Subject, hash: Hash) {
        let digests = Digests {
            blake3: Some(hash),
            sha256: None,
        };
        match subject {
            Subject::File => self.file = Some(digests),
            Subject::Tensor(index) => self.tensors[index] = digests,
        }
    }
}

/// Cut a file into tiles.
///
/// Where the file is hashed too its own subtrees are the tiles. Where only tensors are, tiles start with a
/// tensor, so that the pieces of a large one are whole subtrees, and small ones are gathered.
fn cut(shard: usize, of: &OpenShard, wanted: Wanted) -> Vec<Tile> {
    let (size, tensors) = (of.source.size(), &of.header.tensors);
    let mut tiles = Vec::new();
    if wanted.files().is_some() {
        let mut first_tensor = 0;
        for index in 0..size.div_ceil(SUBTREE).max(1) {
            let start = index * SUBTREE;
            while tensors
                .get(first_tensor)
                .is_some_and(|tensor| tensor.end <= start)
            {
                first_tensor += 1;
            }
            tiles.push(Tile {
                shard,
                start,
                end: (start + SUBTREE).min(size),
                first_tensor,
            });
        }
        return tiles;
    }
    let mut start = of.header.data_start;
    let mut first_tensor = 0;
    for (index, tensor) in tensors.iter().enumerate() {
        if length(tensor) > SUBTREE {
            if start < tensor.start {
                tiles.push(Tile {
                    shard,
                    start,
                    end: tensor.start,
                    first_tensor,
                });
            }
            let count = length(tensor).div_ceil(SUBTREE);
            tiles.extend((0..count).map(|subtree| {
                let start = tensor.start + subtree * SUBTREE;
                Tile {
                    shard,
                    start,
                    end: (start + SUBTREE).min(tensor.end),
                    first_tensor: index,
                }
            }));
            (start, first_tensor) = (tensor.end, index + 1);
        } else if tensor.end - start >= SUBTREE {
            tiles.push(Tile {
                shard,
                start,
                end: tensor.end,
                first_tensor,
            });
            (start, first_tensor) = (tensor.end, index + 1);
        }
    }
    if first_tensor < tensors.len() {
        tiles.push(Tile {
            shard,
            start,
            end: size,
            first_tensor,
        });
    }
    tiles
}

/// Return the tensors with chunks in a tile, in the order of its bytes. Empty tensors have none.
fn tensor_parts(tile: &Tile, of: &OpenShard) -> Vec<Part> {
    let tensors = of.header.tensors.iter().enumerate().skip(tile.first_tensor);
    tensors
        .take_while(|(_, tensor)| tensor.start < tile.end)
        .filter_map(|(index, tensor)| {
            // Chunks of the tensor that start in the tile, as bytes of the tensor.
            let chunk_start = |at: u64| {
                let into = at.saturating_sub(tensor.start);
                into.next_multiple_of(CHUNK).min(length(tensor))
            };
            let (from, to) = (chunk_start(tile.start), chunk_start(tile.end));
            (from < to).then(|| Part {
                subject: Subject::Tensor(index),
                start: tensor.start + from,
                end: tensor.start + to,
                sink: sink(from, to, length(tensor)),
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

/// Read a tile once, and give its bytes to the file and to every tensor that has a part in it.
fn hash_tile(
    tile: &Tile,
    of: &OpenShard,
    wanted: Wanted,
    control: &Control,
) -> Result<Vec<(Subject, Found)>> {
    let mut file = wanted.files().map(|_| Part {
        subject: Subject::File,
        start: tile.start,
        end: tile.end,
        sink: sink(tile.start, tile.end, of.source.size()),
    });
    let mut parts = wanted.tensors().map_or_else(Vec::new, |_| tensor_parts(tile, of));
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
    }

    fn finish(self) -> Result<(Subject, Found)> {
        let digests = match self.sink {
            Sink::Whole(hasher) => Found::Whole(hasher.finish().blake3.ok_or_else(|| {
                Error::new(crate::Code::Internal, "a hasher without BLAKE3 was asked for it")
            })?),
            Sink::Pieces(pieces) => Found::Pieces(pieces.finish()),
        };
        Ok((self.subject, digests))
    }
}
