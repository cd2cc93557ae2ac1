//! The little of Thrift's compact protocol that a page header and the check of a schema need.
//!
//! The crate reads these too, but takes their numbers for true: it would allocate what a header states. Source of
//! the rules: `thrift-compact-protocol.md` of Apache Thrift.

/// The reason why nothing could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end too early; more of them may help.
    Short,
    /// No bytes can help.
    Broken,
}

/// The types of values, as the protocol numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    True,
    False,
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

/// Values within values that are skipped: deeper ones are no header's.
const DEPTH: usize = 32;

/// Reads values one after the other.
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Start at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Return bytes that were read.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Return bytes that were not read yet.
    pub const fn left(&self) -> usize {
        self.bytes.len() - self.position
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.position).ok_or(Fault::Short)?;
        self.position += 1;
        Ok(byte)
    }

    fn pass(&mut self, count: u64) -> Result<(), Fault> {
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => {
                self.position += count;
                Ok(())
            }
            _ => Err(Fault::Short),
        }
    }

    /// Return the next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let bytes = self.bytes[self.position..].get(..count).ok_or(Fault::Short)?;
        self.position += count;
        Ok(bytes)
    }

    /// Return a whole number of at least zero.
    pub fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::Broken)
    }

    /// Return an integer of any width.
    pub fn integer(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Hand each field of a structure to `field`, which reads it and returns true, or returns false to skip it.
    pub fn structure(
        &mut self,
        mut field: impl FnMut(&mut Self, i64, Kind) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let mut number = 0_i64;
        while let Some(kind) = self.field(&mut number)? {
            if !field(self, number, kind)? {
                self.skip(kind, DEPTH)?;
            }
        }
        Ok(())
    }

    /// Read the head of the next field of a structure, behind the one with `number`; `None` at the end of the structure.
    pub fn field(&mut self, number: &mut i64) -> Result<Option<Kind>, Fault> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let step = i64::from(head >> 4);
        *number = if step == 0 {
            self.integer()?
        } else {
            number.checked_add(step).ok_or(Fault::Broken)?
        };
        kind(head & 15).map(Some)
    }

    /// Return the head of a list: how many items, and of what kind. At most as many as there are bytes left.
    pub fn list(&mut self) -> Result<(usize, Kind), Fault> {
        let head = self.byte()?;
        let count = match u64::from(head >> 4) {
            15 => self.varint()?,
            short => short,
        };
        // Each item takes a byte or more.
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => Ok((count, kind(head & 15)?)),
            _ => Err(Fault::Short),
        }
    }

    /// Pass over a value of a field.
    pub fn pass_value(&mut self, of: Kind) -> Result<(), Fault> {
        self.skip(of, DEPTH)
    }

    fn skip(&mut self, of: Kind, depth: usize) -> Result<(), Fault> {
        let depth = depth.checked_sub(1).ok_or(Fault::Broken)?;
        match of {
            Kind::True | Kind::False => Ok(()),
            Kind::Byte => self.pass(1),
            Kind::Integer => self.varint().map(|_| ()),
            Kind::Double => self.pass(8),
            Kind::Uuid => self.pass(16),
            Kind::Binary => {
                let length = self.varint()?;
                self.pass(length)
            }
            Kind::Struct => loop {
                let head = self.byte()?;
                if head == 0 {
                    return Ok(());
                }
                if head >> 4 == 0 {
                    self.varint()?;
                }
                self.skip(kind(head & 15)?, depth)?;
            },
            Kind::List => {
                let (count, item) = self.list()?;
                for _ in 0..count {
                    self.skip_item(item, depth)?;
                }
                Ok(())
            }
            Kind::Map => {
                let count = self.varint()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                let (key, value) = (kind(kinds >> 4)?, kind(kinds & 15)?);
                for _ in 0..count {
                    self.skip_item(key, depth)?;
                    self.skip_item(value, depth)?;
                }
                Ok(())
            }
        }
    }

    /// Skip an item of a list or map. A truth value takes a byte there, while in a field it is part of the head.
    fn skip_item(&mut self, of: Kind, depth: usize) -> Result<(), Fault> {
        match of {
            Kind::True | Kind::False => self.pass(1),
            _ => self.skip(of, depth),
        }
    }
}

/// Append a whole number of at least zero.
pub fn put_varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

const fn kind(number: u8) -> Result<Kind, Fault> {
    Ok(match number {
        1 => Kind::True,
        2 => Kind::False,
        3 => Kind::Byte,
        4..=6 => Kind::Integer,
        7 => Kind::Double,
        8 => Kind::Binary,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        13 => Kind::Uuid,
        _ => return Err(Fault::Broken),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_skipped() {
        let bytes = [
            0x11, // 1: true
            0x15, 0x03, // 2: the integer -2
            0x17, 0, 0, 0, 0, 0, 0, 0, 0, // 3: a double
            0x18, 0x02, b'a', b'b', // 4: two bytes
            0x19, 0x21, 1, 2, // 5: a list of two truth values
            0x1b, 0x01, 0x58, 0x02, 0x01, b'x', // 6: a map of one pair
            0x1c, 0x15, 0x02, 0x00, // 7: a structure
            0x05, 0xd0, 0x0f, 0x0a, // 1000: the integer 5
            0x00, 0xff,
        ];
        let mut seen = Vec::new();
        let mut reader = Reader::new(&bytes);
        reader
            .structure(|reader, number, kind| {
                if kind == Kind::Integer {
                    seen.push((number, reader.integer()?));
                    return Ok(true);
                }
                Ok(false)
            })
            .expect("a structure");
        assert_eq!(seen, [(2, -2), (1000, 5)]);
        assert_eq!(reader.left(), 1);
        for end in 0..bytes.len() - 1 {
            let outcome = Reader::new(&bytes[..end]).structure(|_, _, _| Ok(false));
            assert_eq!(outcome, Err(Fault::Short), "{end} bytes");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let outcome = Reader::new(&vec![0x1c; 100_000]).structure(|_, _, _| Ok(false));
        assert_eq!(outcome, Err(Fault::Broken));
        let lists = vec![0x19; 100_000];
        assert!(Reader::new(&lists).structure(|_, _, _| Ok(false)).is_err());
    }
}
