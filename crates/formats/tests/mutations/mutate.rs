//! Changes that a careless or hostile writer might make to a file.

use super::checksums;
use super::random::Random;
use super::zip;
use bytes::Bytes;
use lineaprint_formats::archive::zip::{Archive, Method};
use std::ops::Range;

/// Numbers at which readers overflow, wrap, or ask for too much.
const NUMBERS: [u64; 22] = [
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 32,
    1 << 40,
    1 << 53,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// Texts that stand for a number in JSON and other text.
const TEXTS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "3",
    "00",
    "1.5",
    "1e9",
    "1e400",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "[1]",
];

/// Return the blocks of a file that have a checksum, without it.
pub fn blocks(file: &[u8]) -> Vec<Range<usize>> {
    if file.starts_with(b"\x89HDF") {
        return checksums::blocks(file);
    }
    Vec::new()
}

/// Return the file with one to five changes, in the part where they reach furthest.
pub fn mutated(file: &[u8], blocks: &[Range<usize>], others: &[Bytes], random: &mut Random) -> Vec<u8> {
    if !blocks.is_empty() && random.below(2) > 0 {
        return block_changed(file, blocks, random);
    }
    if file.starts_with(b"PK\x03\x04")
        && random.below(3) > 0
        && let Some(changed) = member_changed(file, others, random)
    {
        return changed;
    }
    if is_safetensors(file) && random.below(2) == 0 {
        return header_changed(file, others, random);
    }
    changed(file, others, random)
}

fn changed(file: &[u8], others: &[Bytes], random: &mut Random) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, others, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, others: &[Bytes], random: &mut Random) {
    let at = position(bytes.len(), random);
    match random.below(13) {
        0 | 1 => set(bytes, at, &[random.byte()]),
        2 | 3 => {
            let bit = 1 << random.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
        }
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(range(at, bytes.len(), 32, random))),
        6 => {
            let inserted: Vec<u8> = (0..=random.below(16)).map(|_| random.byte()).collect();
            bytes.splice(at..at, inserted);
        }
        7 => {
            let copied = bytes[range(at, bytes.len(), 64, random)].to_vec();
            let to = position(bytes.len(), random);
            bytes.splice(to..to, copied);
        }
        8 => {
            let other = random.of(others);
            let from = position(other.len(), random);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        9 | 10 => number(bytes, at, random),
        11 => digits(bytes, random),
        _ => {
            let fill = *random.of(&[0, 0xff, b'{', b'[', b'(', 0x80]);
            let range = range(at, bytes.len(), 32, random);
            bytes[range].fill(fill);
        }
    }
}

/// Return a position: headers are at the start or at the end of most files.
fn position(length: usize, random: &mut Random) -> usize {
    match random.below(4) {
        0 => random.below(length.min(512)),
        1 => length - length.min(512) + random.below(length.min(512)),
        _ => random.below(length),
    }
}

fn range(at: usize, length: usize, most: usize, random: &mut Random) -> Range<usize> {
    at..(at + 1 + random.below(most)).min(length).max(at)
}

fn set(bytes: &mut [u8], at: usize, values: &[u8]) {
    for (byte, value) in bytes.iter_mut().skip(at).zip(values) {
        *byte = *value;
    }
}

/// Change a field of 2, 4 or 8 bytes: to a number at which readers fail, to the length of the file, or by a little.
fn number(bytes: &mut [u8], at: usize, random: &mut Random) {
    let width = *random.of(&[2, 4, 8]);
    let Some(field) = bytes.get(at..at + width) else {
        return;
    };
    let is_big = random.below(4) == 0;
    let mut wide = [0; 8];
    wide[..width].copy_from_slice(field);
    if is_big {
        wide[..width].reverse();
    }
    let old = u64::from_le_bytes(wide);
    let near = random.below(9) as u64;
    let value = match random.below(4) {
        0 => *random.of(&NUMBERS),
        1 => (bytes.len() as u64).wrapping_add(near).wrapping_sub(4),
        2 => old.wrapping_add(near).wrapping_sub(4),
        _ => old.wrapping_mul(near),
    };
    let mut new = value.to_le_bytes();
    if is_big {
        new[..width].reverse();
    }
    set(bytes, at, &new[..width]);
}

/// Replace one of the numbers that are written as text.
fn digits(bytes: &mut Vec<u8>, random: &mut Random) {
    let start = position(bytes.len(), random);
    let Some(from) = bytes[start..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let from = start + from;
    let length = bytes[from..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    bytes.splice(from..from + length, random.of(&TEXTS).bytes());
}

/// Change a member of a zip, and write an archive around it whose lengths and checksums fit.
fn member_changed(file: &[u8], others: &[Bytes], random: &mut Random) -> Option<Vec<u8>> {
    let file = Bytes::copy_from_slice(file);
    let archive = Archive::read(&file).ok()?;
    // The small members are pickles and headers, where there is more to break.
    let small: Vec<usize> = (0..archive.members().len())
        .filter(|index| archive.members()[*index].length < 1 << 16)
        .collect();
    let chosen = *random.of(&small);
    let mut members = Vec::new();
    for (index, member) in archive.members().iter().enumerate() {
        let mut data = member.bytes(&file, 1 << 20).ok()?.to_vec();
        if index == chosen {
            data = changed(&data, others, random);
        }
        members.push(match member.method {
            Method::Stored => zip::stored(&member.name, &data),
            Method::Deflated => zip::deflated(&member.name, &data),
        });
    }
    Some(zip::write(&members))
}

/// Change bytes of a block, and make its checksum fit.
fn block_changed(file: &[u8], blocks: &[Range<usize>], random: &mut Random) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=random.below(3) {
        let block = random.of(blocks).clone();
        let at = block.start + random.below(block.len());
        if random.below(2) == 0 {
            bytes[at] = random.byte();
        } else {
            number(&mut bytes[block.clone()], at - block.start, random);
        }
        let checksum = checksums::lookup3(&bytes[block.clone()]).to_le_bytes();
        set(&mut bytes, block.end, &checksum);
    }
    bytes
}

fn is_safetensors(file: &[u8]) -> bool {
    file.get(4..9) == Some(b"\0\0\0\0{")
}

/// Change the header of a safetensors file, and keep its length true.
fn header_changed(file: &[u8], others: &[Bytes], random: &mut Random) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().expect("eight bytes"));
    let end = usize::try_from(length).map_or(file.len(), |length| (8 + length).min(file.len()));
    let header = changed(&file[8..end], others, random);
    let length = header.len() as u64;
    [&length.to_le_bytes()[..], &header, &file[end..]].concat()
}
