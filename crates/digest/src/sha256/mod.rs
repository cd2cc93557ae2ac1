//! SHA-256 of several independent streams at once.
//!
//! One SHA-256 stream leaves a core half idle: each round waits for the one before. Rounds of other streams
//! fit into the gaps, so two streams on one core take little longer than one. [`Sha256`] is the state of one
//! stream; [`update_many`] feeds several, [`hash_all`] takes inputs that are all in memory. How it is done is chosen once,
//! from what the processor offers:
//!
//! | [`Lanes`] | streams at once | on |
//! |---|---|---|
//! | `ShaExtensions` | 2 | x86 with the SHA extensions |
//! | `Armv8` | 2 | ARM of 64 bits with the SHA-2 instructions |
//! | `Avx512` | 16 | x86 with AVX-512 and without the SHA extensions |
//! | `One` | 1 | everything else: the `sha2` crate |
//!
//! A single stream always goes through the `sha2` crate, which knows the instructions of more processors.

#[cfg(target_arch = "aarch64")]
mod armv8;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod sha_extensions;

use crate::hasher::Hash;
use std::sync::atomic::{AtomicU8, Ordering};

/// Bytes that SHA-256 takes at once.
pub const BLOCK: usize = 64;

/// The state of one stream between two blocks, as the eight words of FIPS 180-4.
pub type State = [u32; 8];

const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The round constants of FIPS 180-4.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[rustfmt::skip]
pub(crate) const K: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// The ways to hash several streams at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Lanes {
    /// One after another.
    One = 1,
    /// Two, interleaved on the SHA extensions.
    ShaExtensions = 2,
    /// Sixteen, side by side in vectors of 512 bits.
    Avx512 = 3,
    /// Two, interleaved on the SHA-2 instructions of ARMv8.
    Armv8 = 4,
}

impl Lanes {
    /// Return streams that are hashed at once.
    pub const fn width(self) -> usize {
        match self {
            Self::One => 1,
            Self::ShaExtensions | Self::Armv8 => 2,
            Self::Avx512 => 16,
        }
    }

    /// Return whether this processor supports it.
    pub fn available(self) -> bool {
        match self {
            Self::One => true,
            #[cfg(target_arch = "x86_64")]
            Self::ShaExtensions => {
                is_x86_feature_detected!("sha")
                    && is_x86_feature_detected!("sse4.1")
                    && is_x86_feature_detected!("ssse3")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"),
            #[cfg(target_arch = "aarch64")]
            Self::Armv8 => std::arch::is_aarch64_feature_detected!("sha2"),
            // Of another processor.
            #[allow(unreachable_patterns, reason = "some of them are always there")]
            _ => false,
        }
    }
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// Return the way this processor hashes several streams fastest.
pub fn lanes() -> Lanes {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Lanes::One,
        2 => Lanes::ShaExtensions,
        3 => Lanes::Avx512,
        4 => Lanes::Armv8,
        _ => {
            let best = [Lanes::ShaExtensions, Lanes::Avx512, Lanes::Armv8]
                .into_iter()
                .find(|lanes| lanes.available())
                .unwrap_or(Lanes::One);
            CHOSEN.store(best as u8, Ordering::Relaxed);
            best
        }
    }
}

/// Make this process use `lanes` from now on, for tests. False if the processor does not support them.
pub fn force_lanes(lanes: Lanes) -> bool {
    let available = lanes.available();
    if available {
        CHOSEN.store(lanes as u8, Ordering::Relaxed);
    }
    available
}

/// SHA-256 of bytes fed in order.
#[derive(Clone, Debug)]
pub struct Sha256 {
    state: State,
    /// Bytes fed so far.
    length: u64,
    /// The last `length % 64` bytes, which do not fill a block yet.
    partial: [u8; BLOCK],
}

impl Default for Sha256 {
    fn default() -> Self {
        Self {
            state: INITIAL,
            length: 0,
            partial: [0; BLOCK],
        }
    }
}

impl Sha256 {
    /// Create an empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Return the digest of bytes already in memory.
    pub fn digest(bytes: &[u8]) -> Hash {
        let mut stream = Self::new();
        stream.update(bytes);
        stream.finish()
    }

    /// Add bytes at the end of what was fed so far.
    pub fn update(&mut self, bytes: &[u8]) {
        let rest = self.fill(bytes);
        let (blocks, tail) = rest.as_chunks();
        self.compress(blocks);
        self.keep(tail);
    }

    /// Return the digest of everything fed so far.
    pub fn finish(mut self) -> Hash {
        let (padding, blocks) = self.padding();
        sha2::block_api::compress256(&mut self.state, &padding[..blocks]);
        output(&self.state)
    }

    fn filled(&self) -> usize {
        usize::try_from(self.length % BLOCK as u64).unwrap_or_default()
    }

    /// Complete a started block. Return the bytes behind it, which are empty if the block is still not full.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let filled = self.filled();
        if filled == 0 {
            return bytes;
        }
        let (now, later) = bytes.split_at(bytes.len().min(BLOCK - filled));
        self.partial[filled..filled + now.len()].copy_from_slice(now);
        self.length += now.len() as u64;
        if self.filled() == 0 && !now.is_empty() {
            sha2::block_api::compress256(&mut self.state, &[self.partial]);
        }
        later
    }

    /// Compress whole blocks. There must be no started block.
    fn compress(&mut self, blocks: &[[u8; BLOCK]]) {
        sha2::block_api::compress256(&mut self.state, blocks);
        self.length += (blocks.len() * BLOCK) as u64;
    }

    /// Keep the bytes that do not fill a block.
    fn keep(&mut self, tail: &[u8]) {
        if tail.is_empty() {
            return;
        }
        self.partial[..tail.len()].copy_from_slice(tail);
        self.length += tail.len() as u64;
    }

    /// Return the last one or two blocks: the bytes kept, a one bit, zeros, and the length in bits.
    fn padding(&self) -> ([[u8; BLOCK]; 2], usize) {
        let filled = self.filled();
        let mut padding = [[0; BLOCK]; 2];
        padding[0][..filled].copy_from_slice(&self.partial[..filled]);
        padding[0][filled] = 0x80;
        let blocks = if filled < BLOCK - 8 { 1 } else { 2 };
        padding[blocks - 1][BLOCK - 8..].copy_from_slice(&(self.length * 8).to_be_bytes());
        (padding, blocks)
    }
}

fn output(state: &State) -> Hash {
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

/// Add to each of `streams` the input of the same index, as many at once as the processor can.
///
/// Inputs of like length keep all lanes busy; where one ends the others go on with fewer.
pub fn update_many(streams: &mut [&mut Sha256], inputs: &[&[u8]]) {
    let mut rest: Vec<&[u8]> = streams
        .iter_mut()
        .zip(inputs)
        .map(|(stream, input)| stream.fill(input))
        .collect();
    compress_many(streams, &mut rest);
    for (stream, tail) in streams.iter_mut().zip(rest) {
        stream.keep(tail);
    }
}

/// Return the digests of several streams, their last blocks as many at once as the processor can.
pub fn finish_many(mut streams: Vec<Sha256>) -> Vec<Hash> {
    let paddings: Vec<_> = streams.iter().map(Sha256::padding).collect();
    let mut last: Vec<&[u8]> = paddings
        .iter()
        .map(|(blocks, count)| blocks[..*count].as_flattened())
        .collect();
    compress_many(&mut streams.iter_mut().collect::<Vec<_>>(), &mut last);
    streams.iter().map(|stream| output(&stream.state)).collect()
}

/// Return the digests of inputs that are all in memory, as many at once as the processor can.
pub fn hash_all(inputs: &[&[u8]]) -> Vec<Hash> {
    let mut streams = vec![Sha256::new(); inputs.len()];
    update_many(&mut streams.iter_mut().collect::<Vec<_>>(), inputs);
    finish_many(streams)
}

/// Compress the whole blocks of every input, and leave the other bytes in `inputs`.
fn compress_many(streams: &mut [&mut Sha256], inputs: &mut [&[u8]]) {
    let lanes = lanes();
    for (group, inputs) in streams
        .chunks_mut(lanes.width())
        .zip(inputs.chunks_mut(lanes.width()))
    {
        match lanes {
            #[cfg(target_arch = "x86_64")]
            Lanes::ShaExtensions => compress_two(group, inputs, sha_extensions::compress_pair),
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx512 => compress_sixteen(group, inputs),
            #[cfg(target_arch = "aarch64")]
            Lanes::Armv8 => compress_two(group, inputs, armv8::compress_pair),
            // One after another, below. Lanes of another processor are never chosen.
            _ => {}
        }
        for (stream, input) in group.iter_mut().zip(inputs) {
            let blocks = input.len() / BLOCK;
            stream.compress(take_blocks(input, blocks));
        }
    }
}

/// Take whole blocks from the front of an input.
fn take_blocks<'a>(input: &mut &'a [u8], count: usize) -> &'a [[u8; BLOCK]] {
    let (now, later) = input.split_at(count * BLOCK);
    *input = later;
    now.as_chunks().0
}

/// Compresses as many blocks of one stream as of another.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type CompressPair = fn(&mut State, &[[u8; BLOCK]], &mut State, &[[u8; BLOCK]]);

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn compress_two(group: &mut [&mut Sha256], inputs: &mut [&[u8]], compress_pair: CompressPair) {
    let ([a, b], [x, y]) = (group, inputs) else { return };
    let common = x.len().min(y.len()) / BLOCK;
    let (x, y) = (take_blocks(x, common), take_blocks(y, common));
    compress_pair(&mut a.state, x, &mut b.state, y);
    a.length += (common * BLOCK) as u64;
    b.length += (common * BLOCK) as u64;
}

/// Fewer streams than this are faster one after another than in vectors that are mostly empty.
#[cfg(target_arch = "x86_64")]
const WORTH_VECTORS: usize = 5;

#[cfg(target_arch = "x86_64")]
fn compress_sixteen(group: &mut [&mut Sha256], inputs: &mut [&[u8]]) {
    loop {
        let live: Vec<usize> = (0..inputs.len())
            .filter(|lane| inputs[*lane].len() >= BLOCK)
            .collect();
        let common = live.iter().map(|lane| inputs[*lane].len() / BLOCK).min();
        let Some(common) = common.filter(|_| live.len() >= WORTH_VECTORS) else {
            return;
        };
        let mut states = [INITIAL; 16];
        let mut blocks: [&[[u8; BLOCK]]; 16] = [&[]; 16];
        for (slot, lane) in live.iter().enumerate() {
            states[slot] = group[*lane].state;
            blocks[slot] = take_blocks(&mut inputs[*lane], common);
        }
        avx512::compress_common(&mut states, &blocks, common);
        for (slot, lane) in live.iter().enumerate() {
            group[*lane].state = states[slot];
            group[*lane].length += (common * BLOCK) as u64;
        }
    }
}
