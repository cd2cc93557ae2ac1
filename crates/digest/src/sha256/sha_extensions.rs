//! Two streams interleaved on the SHA extensions of x86.
//!
//! `sha256rnds2` does two rounds and its result is ready only some cycles later; the other stream's rounds
//! fill that time. The register layout (ABEF and CDGH) and the order of the schedule are those of Intel's
//! description of the instructions ("Intel SHA Extensions", 2013).
#![allow(
    unsafe_code,
    reason = "calls functions of a processor feature after it was detected"
)]

use super::{BLOCK, K, Lanes, State};
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_loadu_si128, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
    _mm_storeu_si128,
};

/// Compress equal numbers of blocks into `a` and `b`, both at once.
///
/// # Panics
/// If the processor lacks the SHA extensions, or the numbers of blocks differ.
pub fn compress_pair(a: &mut State, x: &[[u8; BLOCK]], b: &mut State, y: &[[u8; BLOCK]]) {
    assert!(Lanes::ShaExtensions.available() && x.len() == y.len());
    if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has the features, as was just asserted and asked.
        unsafe { compress_avx([a, b], [x, y]) }
    } else {
        // SAFETY: the processor has the features that `compress` needs, as was just asserted.
        unsafe { compress([a, b], [x, y]) }
    }
}

/// Both streams, one value per stream in each array.
type Two = [__m128i; 2];

/// One function for each set of features, because the encoding of what it calls is that of its own.
macro_rules! compress_with {
    ($name:ident, $features:literal) => {
        #[target_feature(enable = $features)]
        fn $name(states: [&mut State; 2], blocks: [&[[u8; BLOCK]]; 2]) {
            let [a, b] = states;
            let (mut abef, mut cdgh) = load_states([a, b]);
            for (x, y) in blocks[0].iter().zip(blocks[1]) {
                let (abef_before, cdgh_before) = (abef, cdgh);
                let (mut w0, mut w1, mut w2, mut w3) =
                    (load(x, y, 0), load(x, y, 1), load(x, y, 2), load(x, y, 3));
                // Written out four groups at a time, so that the words stay in registers.
                for turn in 0..3 {
                    rounds(&mut abef, &mut cdgh, w0, turn * 4);
                    w0 = next_words(w0, w1, w2, w3);
                    rounds(&mut abef, &mut cdgh, w1, turn * 4 + 1);
                    w1 = next_words(w1, w2, w3, w0);
                    rounds(&mut abef, &mut cdgh, w2, turn * 4 + 2);
                    w2 = next_words(w2, w3, w0, w1);
                    rounds(&mut abef, &mut cdgh, w3, turn * 4 + 3);
                    w3 = next_words(w3, w0, w1, w2);
                }
                rounds(&mut abef, &mut cdgh, w0, 12);
                rounds(&mut abef, &mut cdgh, w1, 13);
                rounds(&mut abef, &mut cdgh, w2, 14);
                rounds(&mut abef, &mut cdgh, w3, 15);
                abef = add(abef, abef_before);
                cdgh = add(cdgh, cdgh_before);
            }
            store_states([a, b], abef, cdgh);
        }
    };
}

compress_with!(compress, "sha,sse4.1,ssse3");
// The encoding of AVX needs no copies of registers that are written over, which makes it some percent faster. Small
// processors have the SHA extensions without it.
compress_with!(compress_avx, "sha,sse4.1,ssse3,avx");

/// Run four rounds of both streams with the words `now` of group `group`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn rounds(abef: &mut Two, cdgh: &mut Two, words: Two, group: usize) {
    let constants = load_words(&K[group * 4..group * 4 + 4]);
    let input = [
        _mm_add_epi32(words[0], constants),
        _mm_add_epi32(words[1], constants),
    ];
    for lane in 0..2 {
        cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], input[lane]);
    }
    for lane in 0..2 {
        let high = _mm_shuffle_epi32::<0x0e>(input[lane]);
        abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], high);
    }
}

/// Compute the four words that come sixteen after `w0`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn next_words(w0: Two, w4: Two, w8: Two, w12: Two) -> Two {
    let mut next = w0;
    for lane in 0..2 {
        let sum = _mm_add_epi32(
            _mm_sha256msg1_epu32(w0[lane], w4[lane]),
            _mm_alignr_epi8::<4>(w12[lane], w8[lane]),
        );
        next[lane] = _mm_sha256msg2_epu32(sum, w12[lane]);
    }
    next
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn add(a: Two, b: Two) -> Two {
    [_mm_add_epi32(a[0], b[0]), _mm_add_epi32(a[1], b[1])]
}

/// Load sixteen bytes of each stream's block as four big-endian words.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn load(x: &[u8; BLOCK], y: &[u8; BLOCK], quarter: usize) -> Two {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let words = |block: &[u8; BLOCK]| {
        let bytes: &[u8] = &block[quarter * 16..quarter * 16 + 16];
        // SAFETY: the slice has 16 bytes, and the load needs no alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    };
    [_mm_shuffle_epi8(words(x), swap), _mm_shuffle_epi8(words(y), swap)]
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn load_words(words: &[u32]) -> __m128i {
    assert!(words.len() >= 4);
    // SAFETY: the slice has at least four words, and the load needs no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn load_states(states: [&State; 2]) -> (Two, Two) {
    let mut abef = [load_words(&states[0][..4]), load_words(&states[1][..4])];
    let mut cdgh = abef;
    for lane in 0..2 {
        let cdab = _mm_shuffle_epi32::<0xb1>(abef[lane]);
        let efgh = _mm_shuffle_epi32::<0x1b>(load_words(&states[lane][4..]));
        abef[lane] = _mm_alignr_epi8::<8>(cdab, efgh);
        cdgh[lane] = _mm_blend_epi16::<0xf0>(efgh, cdab);
    }
    (abef, cdgh)
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn store_states(states: [&mut State; 2], abef: Two, cdgh: Two) {
    for (lane, state) in states.into_iter().enumerate() {
        let feba = _mm_shuffle_epi32::<0x1b>(abef[lane]);
        let dchg = _mm_shuffle_epi32::<0xb1>(cdgh[lane]);
        let (low, high) = state.split_at_mut(4);
        // SAFETY: both halves have four words, and the stores need no alignment.
        unsafe {
            _mm_storeu_si128(low.as_mut_ptr().cast(), _mm_blend_epi16::<0xf0>(feba, dchg));
            _mm_storeu_si128(high.as_mut_ptr().cast(), _mm_alignr_epi8::<8>(dchg, feba));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256::INITIAL;

    /// Compare one way with the crate `sha2`, for numbers of blocks that the loop turns differently for.
    fn same_as_sha2(way: impl Fn([&mut State; 2], [&[[u8; BLOCK]]; 2])) {
        for count in [0, 1, 2, 3, 17] {
            let bytes: Vec<u8> = (0..=250).cycle().take(count * 2 * BLOCK).collect();
            let (first, second) = bytes.as_chunks::<BLOCK>().0.split_at(count);
            let start = [INITIAL, INITIAL.map(|word| word.rotate_left(7))];
            let (mut received, mut expected) = (start, start);
            way(received.each_mut(), [first, second]);
            sha2::block_api::compress256(&mut expected[0], first);
            sha2::block_api::compress256(&mut expected[1], second);
            assert_eq!(received, expected, "{count} blocks");
        }
    }

    #[test]
    fn encodings_agree_with_sha2() {
        if !Lanes::ShaExtensions.available() {
            return;
        }
        // SAFETY: the processor has the features, as was just asked.
        same_as_sha2(|states, blocks| unsafe { compress(states, blocks) });
        if is_x86_feature_detected!("avx") {
            // SAFETY: as above.
            same_as_sha2(|states, blocks| unsafe { compress_avx(states, blocks) });
        }
    }
}
