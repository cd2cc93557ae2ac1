//! Sixteen streams side by side in vectors of 512 bits, for x86 with AVX-512 and without the SHA extensions.
//!
//! Word `i` of all sixteen streams lies in one vector, so a round of SHA-256 (FIPS 180-4, 6.2.2) is written once
//! and done sixteen times.
#![allow(
    unsafe_code,
    reason = "calls functions of a processor feature after it was detected"
)]

use super::{BLOCK, K, Lanes, State};
use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_srli_epi32,
    _mm512_storeu_si512, _mm512_ternarylogic_epi32,
};

const WIDTH: usize = 16;

/// Compress `count` blocks into each state. A lane without blocks keeps its state.
///
/// # Panics
/// If the processor lacks AVX-512, or a lane has some but not `count` blocks.
pub fn compress_common(states: &mut [State; WIDTH], blocks: &[&[[u8; BLOCK]]; WIDTH], count: usize) {
    assert!(Lanes::Avx512.available());
    assert!(blocks.iter().all(|lane| lane.is_empty() || lane.len() == count));
    // SAFETY: the processor has the features that the function needs, as was just asserted.
    unsafe { compress_blocks(states, blocks, count) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn compress_blocks(states: &mut [State; WIDTH], blocks: &[&[[u8; BLOCK]]; WIDTH], count: usize) {
    let mut columns = [[0_u32; WIDTH]; 8];
    for (lane, state) in states.iter().enumerate() {
        for (column, word) in columns.iter_mut().zip(state) {
            column[lane] = *word;
        }
    }
    let mut vectors = columns.each_ref().map(|column| load(column));
    for index in 0..count {
        // Word by word across the streams.
        let mut words = [[0_u32; WIDTH]; 16];
        for (lane, stream) in blocks.iter().enumerate() {
            let Some(block) = stream.get(index) else { continue };
            for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
                word[lane] = u32::from_be_bytes(*bytes);
            }
        }
        vectors = compress(&vectors, &words);
    }
    for (column, vector) in columns.iter_mut().zip(vectors) {
        // SAFETY: the column has sixteen words, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), vector) };
    }
    for (lane, state) in states.iter_mut().enumerate() {
        if !blocks[lane].is_empty() {
            *state = columns.map(|column| column[lane]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(words: &[u32; WIDTH]) -> __m512i {
    // SAFETY: the array has sixteen words, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[expect(clippy::many_single_char_names, reason = "the letters of FIPS 180-4")]
fn compress(before: &[__m512i; 8], words: &[[u32; WIDTH]; 16]) -> [__m512i; 8] {
    let mut schedule = words.each_ref().map(|word| load(word));
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *before;
    for round in 0..64 {
        let slot = round % 16;
        if round >= 16 {
            let early = schedule[(round + 1) % 16];
            let late = schedule[(round + 14) % 16];
            let sigma0 = xor3(
                _mm512_ror_epi32::<7>(early),
                _mm512_ror_epi32::<18>(early),
                _mm512_srli_epi32::<3>(early),
            );
            let sigma1 = xor3(
                _mm512_ror_epi32::<17>(late),
                _mm512_ror_epi32::<19>(late),
                _mm512_srli_epi32::<10>(late),
            );
            schedule[slot] = add(
                add(schedule[slot], sigma0),
                add(schedule[(round + 9) % 16], sigma1),
            );
        }
        let sum1 = xor3(
            _mm512_ror_epi32::<6>(e),
            _mm512_ror_epi32::<11>(e),
            _mm512_ror_epi32::<25>(e),
        );
        // 0xca is "if e then f else g", 0xe8 the majority.
        let choice = _mm512_ternarylogic_epi32::<0xca>(e, f, g);
        let first = add(add(add(h, sum1), add(choice, splat(K[round]))), schedule[slot]);
        let sum0 = xor3(
            _mm512_ror_epi32::<2>(a),
            _mm512_ror_epi32::<13>(a),
            _mm512_ror_epi32::<22>(a),
        );
        let majority = _mm512_ternarylogic_epi32::<0xe8>(a, b, c);
        (h, g, f, e) = (g, f, e, add(d, first));
        (d, c, b, a) = (c, b, a, add(first, add(sum0, majority)));
    }
    let mut after = *before;
    for (vector, change) in after.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *vector = add(*vector, change);
    }
    after
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn splat(word: u32) -> __m512i {
    _mm512_set1_epi32(word.cast_signed())
}
