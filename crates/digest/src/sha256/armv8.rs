//! Two streams interleaved on the SHA-2 instructions of ARMv8.
//!
//! `SHA256H` and `SHA256H2` do four rounds together, and the next four wait for both; the other stream's rounds fill
//! that time. What the instructions take and give is as in the Arm Architecture Reference Manual (DDI 0487, C7.2).
//! `cargo run --release --example lanes` measures it; under emulation that says nothing.
#![allow(
    unsafe_code,
    reason = "calls functions of a processor feature after it was detected"
)]

use super::{BLOCK, K, Lanes, State};
use std::arch::aarch64::{
    uint32x4_t, vaddq_u32, vld1q_u8, vld1q_u32, vreinterpretq_u32_u8, vrev32q_u8, vsha256h2q_u32,
    vsha256hq_u32, vsha256su0q_u32, vsha256su1q_u32, vst1q_u32,
};

/// Compress equal numbers of blocks into `a` and `b`, both at once.
///
/// # Panics
/// If the processor lacks the SHA-2 instructions, or the numbers of blocks differ.
pub fn compress_pair(a: &mut State, x: &[[u8; BLOCK]], b: &mut State, y: &[[u8; BLOCK]]) {
    assert!(Lanes::Armv8.available() && x.len() == y.len());
    // SAFETY: the processor has the feature that `compress` needs, as was just asserted.
    unsafe { compress([a, b], [x, y]) }
}

/// Both streams, one value per stream in each array.
type Two = [uint32x4_t; 2];

#[target_feature(enable = "neon,sha2")]
fn compress(states: [&mut State; 2], blocks: [&[[u8; BLOCK]]; 2]) {
    let [a, b] = states;
    let mut abcd = [load_words(&a[..4]), load_words(&b[..4])];
    let mut efgh = [load_words(&a[4..]), load_words(&b[4..])];
    for (x, y) in blocks[0].iter().zip(blocks[1]) {
        let (abcd_before, efgh_before) = (abcd, efgh);
        let (mut w0, mut w1, mut w2, mut w3) = (load(x, y, 0), load(x, y, 1), load(x, y, 2), load(x, y, 3));
        // Written out four groups at a time, so that the words stay in registers.
        for turn in 0..3 {
            rounds(&mut abcd, &mut efgh, w0, turn * 4);
            w0 = next_words(w0, w1, w2, w3);
            rounds(&mut abcd, &mut efgh, w1, turn * 4 + 1);
            w1 = next_words(w1, w2, w3, w0);
            rounds(&mut abcd, &mut efgh, w2, turn * 4 + 2);
            w2 = next_words(w2, w3, w0, w1);
            rounds(&mut abcd, &mut efgh, w3, turn * 4 + 3);
            w3 = next_words(w3, w0, w1, w2);
        }
        rounds(&mut abcd, &mut efgh, w0, 12);
        rounds(&mut abcd, &mut efgh, w1, 13);
        rounds(&mut abcd, &mut efgh, w2, 14);
        rounds(&mut abcd, &mut efgh, w3, 15);
        abcd = add(abcd, abcd_before);
        efgh = add(efgh, efgh_before);
    }
    for (lane, state) in [a, b].into_iter().enumerate() {
        let (low, high) = state.split_at_mut(4);
        store_words(low, abcd[lane]);
        store_words(high, efgh[lane]);
    }
}

/// Run four rounds of both streams with the words `now` of group `group`.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn rounds(abcd: &mut Two, efgh: &mut Two, words: Two, group: usize) {
    let constants = load_words(&K[group * 4..group * 4 + 4]);
    let input = [vaddq_u32(words[0], constants), vaddq_u32(words[1], constants)];
    let before = *abcd;
    for lane in 0..2 {
        abcd[lane] = vsha256hq_u32(abcd[lane], efgh[lane], input[lane]);
    }
    for lane in 0..2 {
        efgh[lane] = vsha256h2q_u32(efgh[lane], before[lane], input[lane]);
    }
}

/// Compute the four words that come sixteen after `w0`.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn next_words(w0: Two, w4: Two, w8: Two, w12: Two) -> Two {
    let mut next = w0;
    for lane in 0..2 {
        next[lane] = vsha256su1q_u32(vsha256su0q_u32(w0[lane], w4[lane]), w8[lane], w12[lane]);
    }
    next
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn add(a: Two, b: Two) -> Two {
    [vaddq_u32(a[0], b[0]), vaddq_u32(a[1], b[1])]
}

/// Load sixteen bytes of each stream's block as four big-endian words.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn load(x: &[u8; BLOCK], y: &[u8; BLOCK], quarter: usize) -> Two {
    let words = |block: &[u8; BLOCK]| {
        let bytes: &[u8] = &block[quarter * 16..quarter * 16 + 16];
        // SAFETY: the slice has 16 bytes, and the load needs no alignment.
        let loaded = unsafe { vld1q_u8(bytes.as_ptr()) };
        vreinterpretq_u32_u8(vrev32q_u8(loaded))
    };
    [words(x), words(y)]
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn load_words(words: &[u32]) -> uint32x4_t {
    assert!(words.len() >= 4);
    // SAFETY: the slice has at least four words, and the load needs no more than their alignment.
    unsafe { vld1q_u32(words.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn store_words(words: &mut [u32], value: uint32x4_t) {
    assert!(words.len() >= 4);
    // SAFETY: the slice has at least four words, and the store needs no more than their alignment.
    unsafe { vst1q_u32(words.as_mut_ptr(), value) }
}
