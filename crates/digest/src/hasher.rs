//! Plain digests: the standard hash of a byte string, equal to what `b3sum` and `sha256sum` print.

use crate::algorithm::{Algorithm, Algorithms};
use crate::sha256::{self, Sha256};

/// The 32 bytes of one digest.
pub type Hash = [u8; 32];

/// The digests of one input, one per algorithm asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// Present when BLAKE3 was asked for.
    pub blake3: Option<Hash>,
    /// Present when SHA-256 was asked for.
    pub sha256: Option<Hash>,
}

impl Digests {
    /// Hash bytes in memory, on this thread.
    pub fn of(bytes: &[u8], algorithms: Algorithms) -> Self {
        Self {
            blake3: algorithms.blake3.then(|| *blake3::hash(bytes).as_bytes()),
            sha256: algorithms.sha256.then(|| Sha256::digest(bytes)),
        }
    }

    /// Return the digest made with `algorithm`, if it was asked for.
    pub const fn get(&self, algorithm: Algorithm) -> Option<Hash> {
        match algorithm {
            Algorithm::Blake3 => self.blake3,
            Algorithm::Sha256 => self.sha256,
        }
    }

    /// Set the digest made with `algorithm`.
    pub const fn set(&mut self, algorithm: Algorithm, hash: Hash) {
        match algorithm {
            Algorithm::Blake3 => self.blake3 = Some(hash),
            Algorithm::Sha256 => self.sha256 = Some(hash),
        }
    }

    /// Return which algorithms are present.
    pub const fn algorithms(&self) -> Algorithms {
        Algorithms {
            blake3: self.blake3.is_some(),
            sha256: self.sha256.is_some(),
        }
    }
}

/// Hashes bytes fed in order with one or both algorithms.
#[derive(Clone, Debug)]
pub struct Hasher {
    blake3: Option<Box<blake3::Hasher>>,
    sha256: Option<Sha256>,
}

impl Hasher {
    /// Create an empty hasher for `algorithms`.
    pub fn new(algorithms: Algorithms) -> Self {
        Self {
            blake3: algorithms.blake3.then(Box::default),
            sha256: algorithms.sha256.then(Sha256::new),
        }
    }

    /// Add bytes at the end of what was hashed so far.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.blake3 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha256 {
            hasher.update(bytes);
        }
    }

    /// Add to each of `hashers` the input of the same index, SHA-256 as many at once as the processor can.
    pub fn update_many(hashers: &mut [&mut Self], inputs: &[&[u8]]) {
        let mut streams = Vec::with_capacity(hashers.len());
        let mut bytes = Vec::with_capacity(hashers.len());
        for (hasher, input) in hashers.iter_mut().zip(inputs) {
            if let Some(blake3) = &mut hasher.blake3 {
                blake3.update(input);
            }
            if let Some(sha256) = &mut hasher.sha256 {
                streams.push(sha256);
                bytes.push(*input);
            }
        }
        sha256::update_many(&mut streams, &bytes);
    }

    /// Return the digests of everything added so far.
    pub fn finish(&self) -> Digests {
        Digests {
            blake3: self.blake3.as_ref().map(|hasher| *hasher.finalize().as_bytes()),
            sha256: self.sha256.as_ref().map(|hasher| hasher.clone().finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        use std::fmt::Write as _;
        hash.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string");
            text
        })
    }

    #[test]
    fn empty_input_has_the_published_digests() {
        let digests = Hasher::new(Algorithms::BOTH).finish();
        assert_eq!(
            digests.blake3.map(hex).as_deref(),
            Some("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")
        );
        assert_eq!(
            digests.sha256.map(hex).as_deref(),
            Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        );
    }

    #[test]
    fn digest_is_independent_of_call_sizes() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        let mut hasher = Hasher::new(Algorithms::BOTH);
        for part in bytes.chunks(777) {
            hasher.update(part);
        }
        assert_eq!(hasher.finish(), Digests::of(&bytes, Algorithms::BOTH));
    }

    #[test]
    fn interleaved_hashers_are_independent() {
        let inputs = [vec![1_u8; 10_000], vec![2; 3], vec![], vec![4; 9_999]];
        let wanted = [
            Algorithms::BOTH,
            Algorithms::SHA256,
            Algorithms::BOTH,
            Algorithms::BLAKE3,
        ];
        let mut hashers = wanted.map(Hasher::new);
        let views = inputs.each_ref().map(Vec::as_slice);
        Hasher::update_many(&mut hashers.iter_mut().collect::<Vec<_>>(), &views);
        Hasher::update_many(&mut hashers.iter_mut().collect::<Vec<_>>(), &views);
        for ((hasher, input), algorithms) in hashers.iter().zip(&inputs).zip(wanted) {
            assert_eq!(
                hasher.finish(),
                Digests::of(&[input.as_slice(), input].concat(), algorithms)
            );
        }
    }

    #[test]
    fn only_requested_digests_are_present() {
        assert_eq!(Digests::of(b"x", Algorithms::BLAKE3).sha256, None);
        assert_eq!(Digests::of(b"x", Algorithms::SHA256).blake3, None);
    }
}
