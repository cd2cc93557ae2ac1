//! The canonical descriptions of tables. Section "Tables" of `docs/format.md` defines blocks and rows.

use crate::algorithm::{Algorithm, Algorithms};
use crate::cbor::Encoder;
use crate::description::{begin, hash};
use crate::hasher::{Hash, Hasher};

/// One column: its name, the spelling of its type, and the plain digests of its blocks in order.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    /// As the table spells it; names may be duplicates.
    pub name: &'a str,
    /// Spelling of `docs/format.md`, for example `timestamp(us,UTC)`.
    pub spelling: &'a str,
    /// Plain digests of its blocks.
    pub blocks: Vec<Hash>,
}

/// Compute `table`: rows and columns in their order.
pub fn ordered(algorithm: Algorithm, rows: u64, columns: &[Column<'_>]) -> Hash {
    let mut encoder = begin("table", 2);
    encoder.unsigned(rows).array(columns.len());
    for column in columns {
        encoder.array(3).text(column.name).text(column.spelling);
        encoder.array(column.blocks.len());
        for block in &column.blocks {
            encoder.bytes(block);
        }
    }
    hash(algorithm, encoder)
}

/// Compute `table-unordered`: columns in their order, rows in any. `rows` are the plain digests of the rows, sorted.
pub fn unordered(algorithm: Algorithm, columns: &[(&str, &str)], rows: &[Hash]) -> Hash {
    let mut encoder = begin("table-unordered", 3);
    encoder.unsigned(rows.len() as u64).array(columns.len());
    for (name, spelling) in columns {
        encoder.array(2).text(name).text(spelling);
    }
    encoder.array(rows.len());
    let mut hasher = Hasher::new(match algorithm {
        Algorithm::Blake3 => Algorithms::BLAKE3,
        Algorithm::Sha256 => Algorithms::SHA256,
    });
    hasher.update(&encoder.into_bytes());
    // A few at a time: the description of a long table needs no second copy of its rows.
    for chunk in rows.chunks(4096) {
        let mut encoder = Encoder::new();
        for row in chunk {
            encoder.bytes(row);
        }
        hasher.update(&encoder.into_bytes());
    }
    hasher.finish().get(algorithm).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_types_counts_and_kinds_count() {
        let column = |name, spelling, blocks| Column {
            name,
            spelling,
            blocks,
        };
        let blocks = vec![[1; 32]];
        let algorithm = Algorithm::Blake3;
        let digests = [
            ordered(algorithm, 1, &[column("a", "int8", blocks.clone())]),
            ordered(algorithm, 1, &[column("b", "int8", blocks.clone())]),
            ordered(algorithm, 1, &[column("a", "uint8", blocks.clone())]),
            ordered(algorithm, 2, &[column("a", "int8", blocks.clone())]),
            ordered(algorithm, 1, &[]),
            ordered(Algorithm::Sha256, 1, &[column("a", "int8", blocks.clone())]),
            unordered(algorithm, &[("a", "int8")], &blocks),
            unordered(algorithm, &[("a", "int8")], &[]),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[index + 1..].contains(digest), "{index}");
        }
    }
}
