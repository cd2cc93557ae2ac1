//! Checksums: lookup3 (Bob Jenkins, public domain) over metadata, Fletcher's over chunks.

use crate::error::FormatError;

/// Return lookup3 of `data`, with the initial value 0.
pub(super) fn lookup3(data: &[u8]) -> u32 {
    // The length enters modulo 2^32, as in the reference.
    #[allow(clippy::cast_possible_truncation, reason = "wraps by definition")]
    let start = 0xdead_beef_u32.wrapping_add(data.len() as u32);
    let mut state = [start; 3];
    let mut rest = data;
    while rest.len() > 12 {
        add(&mut state, &rest[..12]);
        mix(&mut state);
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return state[2];
    }
    add(&mut state, rest);
    finish(&mut state);
    state[2]
}

fn add(state: &mut [u32; 3], bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        let word = &mut state[index / 4];
        *word = word.wrapping_add(u32::from(*byte) << (8 * (index % 4)));
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: &mut u32, z: &mut u32, bits: u32| {
        *x = x.wrapping_sub(*z) ^ z.rotate_left(bits);
        *z = z.wrapping_add(*y);
    };
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
}

fn finish([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: u32, bits: u32| *x = (*x ^ y).wrapping_sub(y.rotate_left(bits));
    step(c, *b, 14);
    step(a, *c, 11);
    step(b, *a, 25);
    step(c, *b, 16);
    step(a, *c, 4);
    step(b, *a, 14);
    step(c, *b, 24);
}

/// Check the four bytes that end a block; return what is before them.
pub(super) fn checked<'a>(block: &'a [u8], what: &str) -> Result<&'a [u8], FormatError> {
    let Some((content, stored)) = block.split_last_chunk::<4>() else {
        return Err(FormatError::new(format!("{what} is too short")));
    };
    let (expected, received) = (u32::from_le_bytes(*stored), lookup3(content));
    if expected != received {
        return Err(FormatError::new(format!("{what} does not fit its checksum"))
            .with_expected(format!("{expected:08x}"), format!("{received:08x}")));
    }
    Ok(content)
}

/// Return Fletcher's checksum as HDF5 computes it: over big-endian words of 16 bits.
pub(super) fn fletcher32(data: &[u8]) -> u32 {
    // Sums are folded and not divided, so that one that is a multiple of 65535 stays 65535 as in the reference.
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0_u32, 0_u32);
    // 360 words do not overflow 32 bits; an even number of bytes keeps words whole.
    for piece in data.chunks(720) {
        for pair in piece.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            first += u32::from(pair[0]) << 8 | u32::from(low);
            second += first;
        }
        first = fold(first);
        second = fold(second);
    }
    fold(second) << 16 | fold(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup3_is_the_published_one() {
        // From the driver of the published source (`driver5`).
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
