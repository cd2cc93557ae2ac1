//! The blocks of an HDF5 file that have a checksum.

use std::ops::Range;

/// The longest block that is looked for.
const LONGEST: usize = 800;

/// The beginnings of blocks with a checksum.
pub const SIGNATURES: [&[u8]; 14] = [
    b"OHDR", b"OCHK", b"BTHD", b"BTLF", b"BTIN", b"FRHP", b"FHIB", b"FAHD", b"FADB", b"EAHD", b"EAIB",
    b"EASB", b"EADB", b"\x89HDF",
];

/// Return lookup3 of Bob Jenkins, written another way than in the reader.
pub fn lookup3(data: &[u8]) -> u32 {
    let length = u32::try_from(data.len()).expect("short");
    let (mut a, mut b, mut c) = (0xdead_beef_u32.wrapping_add(length), 0, 0);
    (b, c) = (b + a, c + a);
    let mut padded = data.to_vec();
    padded.resize(data.len().next_multiple_of(12), 0);
    let count = padded.len() / 12;
    for (number, block) in padded.chunks_exact(12).enumerate() {
        let word = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("four bytes"));
        a = a.wrapping_add(word(0));
        b = b.wrapping_add(word(4));
        c = c.wrapping_add(word(8));
        if number + 1 < count {
            for bits in [4, 6, 8, 16, 19, 4] {
                a = a.wrapping_sub(c) ^ c.rotate_left(bits);
                c = c.wrapping_add(b);
                (a, b, c) = (b, c, a);
            }
        } else {
            for bits in [14, 11, 25, 16, 4, 14, 24] {
                c = (c ^ b).wrapping_sub(b.rotate_left(bits));
                (a, b, c) = (b, c, a);
            }
            // Seven turns of three leave one too many.
            (a, b, c) = (c, a, b);
        }
    }
    c
}

/// Return the blocks of a file, without their checksums.
pub fn blocks(file: &[u8]) -> Vec<Range<usize>> {
    let mut matching = Vec::new();
    for start in 0..file.len() {
        if !SIGNATURES
            .iter()
            .any(|signature| file[start..].starts_with(signature))
        {
            continue;
        }
        let ends = start + 8..(start + LONGEST).min(file.len().saturating_sub(3));
        let fits = |end: &usize| lookup3(&file[start..*end]).to_le_bytes() == file[*end..*end + 4];
        matching.extend(ends.into_iter().find(fits).map(|end| start..end));
    }
    matching
}
