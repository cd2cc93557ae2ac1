//! The hash functions a digest can be made with.

/// A hash function with 256 bits of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// BLAKE3: a tree, so that one large input can be hashed on all cores.
    Blake3,
    /// SHA-256: one stream after another, wanted by most standards.
    Sha256,
}

impl Algorithm {
    /// Return the name as it is written in a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }
}

/// A non-empty set of hash functions, computed over the same read of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithms {
    /// True if BLAKE3 is wanted.
    pub blake3: bool,
    /// True if SHA-256 is wanted.
    pub sha256: bool,
}

impl Algorithms {
    /// BLAKE3 alone, the default.
    pub const BLAKE3: Self = Self {
        blake3: true,
        sha256: false,
    };
    /// SHA-256 alone.
    pub const SHA256: Self = Self {
        blake3: false,
        sha256: true,
    };
    /// Both in one read.
    pub const BOTH: Self = Self {
        blake3: true,
        sha256: true,
    };

    /// Return the members, BLAKE3 first.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        let members = [(self.blake3, Algorithm::Blake3), (self.sha256, Algorithm::Sha256)];
        members
            .into_iter()
            .filter_map(|(wanted, algorithm)| wanted.then_some(algorithm))
    }
}
