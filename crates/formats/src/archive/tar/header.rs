//! A header: 512 bytes about the member behind it.

use super::BLOCK;

/// The fields of a header that count.
pub struct Header {
    /// The type flag.
    pub kind: u8,
    /// Raw bytes of the name, with the prefix of ustar.
    pub name: Vec<u8>,
    /// Raw bytes of the target of a link.
    pub target: Vec<u8>,
    pub size: u64,
}

impl Header {
    /// Parse a header of 512 bytes; gives what is wrong with it.
    pub fn parse(block: &[u8]) -> Result<Self, &'static str> {
        if block.len() != 512 {
            return Err("is cut off");
        }
        if octal(&block[148..156]) != Some(sum(block)) {
            return Err("does not have the checksum that it states");
        }
        let size = number(&block[124..136]).ok_or("states a size that is no number")?;
        let name = text(&block[..100]);
        // GNU keeps times where ustar keeps the start of a long name.
        let prefix = if block[257..263] == *b"ustar\0" {
            text(&block[345..500])
        } else {
            &[]
        };
        let name = if prefix.is_empty() {
            name.to_vec()
        } else {
            [prefix, b"/", name].concat()
        };
        Ok(Self {
            kind: block[156],
            name,
            target: text(&block[157..257]).to_vec(),
            size,
        })
    }
}

/// Return the name of the first file of a tar that starts with `head`, behind its extended attributes.
pub fn first_name(head: &[u8]) -> Option<String> {
    let mut rest = head;
    loop {
        let block = rest.get(..512).filter(|block| block[257..262] == *b"ustar")?;
        let header = Header::parse(block).ok()?;
        if !matches!(header.kind, b'x' | b'g') {
            let name = super::path::below_root(&header.name, "tar").ok()?;
            return String::from_utf8(name).ok().filter(|name| !name.is_empty());
        }
        let size = header.size.checked_next_multiple_of(BLOCK)?;
        rest = rest.get(usize::try_from(size.checked_add(BLOCK)?).ok()?..)?;
    }
}

/// Return the sum of the bytes of a header, with spaces in place of the sum itself.
fn sum(block: &[u8]) -> u64 {
    let bytes = block.iter().enumerate();
    bytes
        .map(|(index, byte)| {
            if (148..156).contains(&index) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum()
}

/// Read a number of octal digits, or one in base 256, as GNU writes large ones.
fn number(field: &[u8]) -> Option<u64> {
    let (first, others) = field.split_first()?;
    if *first != 0x80 {
        return octal(field);
    }
    let (high, low) = others.split_at_checked(others.len().checked_sub(8)?)?;
    let low = u64::from_be_bytes(low.try_into().ok()?);
    // No file has a length that a position in it could not have.
    high.iter()
        .all(|byte| *byte == 0)
        .then_some(low)
        .filter(|size| i64::try_from(*size).is_ok())
}

/// Read a number of octal digits, with spaces before and a space or NUL behind it.
fn octal(field: &[u8]) -> Option<u64> {
    let end = field.iter().rposition(|byte| !matches!(byte, b' ' | 0));
    let digits = end.map_or(&[][..], |end| &field[..=end]);
    let start = digits.iter().position(|byte| !matches!(byte, b' ' | 0));
    let digits = std::str::from_utf8(&digits[start.unwrap_or_default()..]).ok()?;
    if digits.is_empty() {
        return Some(0);
    }
    digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'7'))
        .then(|| u64::from_str_radix(digits, 8).ok())?
}

/// Return the text of a field: up to a NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}
