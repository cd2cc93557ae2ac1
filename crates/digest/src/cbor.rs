//! Deterministic CBOR (RFC 8949, section 4.2.1), the part of it that descriptions use.
//!
//! Only unsigned and negative integers, byte strings, text, booleans, null and arrays, each in its shortest
//! form with a definite length. That makes the encoding injective: two different values never share bytes,
//! which a property test holds by decoding.

/// A value of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An integer of at least zero.
    Unsigned(u64),
    /// A negative integer, held as `-1 - n` like in CBOR itself.
    Negative(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;

/// Writes CBOR item by item, so that a description of a million entries needs no tree of values first.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// Create an empty encoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Return the written bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Return the bytes that were written since [`Self::clear`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Return how many bytes [`Self::as_bytes`] has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Return whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forget the written bytes.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each arm has just checked that the number fits"
    )]
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..=23 => self.bytes.push(major | argument as u8),
            24..=0xff => self.bytes.extend([major | 0x18, argument as u8]),
            0x100..=0xffff => {
                self.bytes.push(major | 0x19);
                self.bytes.extend((argument as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.bytes.push(major | 0x1a);
                self.bytes.extend((argument as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(major | 0x1b);
                self.bytes.extend(argument.to_be_bytes());
            }
        }
    }

    /// Write the items of another encoder.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        self.bytes.extend_from_slice(&other.bytes);
        self
    }

    /// Write an integer.
    pub fn integer(&mut self, value: i64) -> &mut Self {
        // A negative integer n is written as -1 - n, which is its bits inverted.
        match u64::try_from(value) {
            Ok(value) => self.head(UNSIGNED, value),
            Err(_) => self.head(NEGATIVE, (!value).cast_unsigned()),
        }
        self
    }

    /// Write an integer of at least zero.
    pub fn unsigned(&mut self, value: u64) -> &mut Self {
        self.head(UNSIGNED, value);
        self
    }

    /// Write a byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(BYTES, value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// Write a text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.head(TEXT, value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
        self
    }

    /// Write null.
    pub fn null(&mut self) -> &mut Self {
        self.bytes.push(0xf6);
        self
    }

    /// Write true or false.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.bytes.push(if value { 0xf5 } else { 0xf4 });
        self
    }

    /// Start an array; exactly `length` items must follow.
    pub fn array(&mut self, length: usize) -> &mut Self {
        self.head(ARRAY, length as u64);
        self
    }

    /// Write any value.
    pub fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Unsigned(number) => {
                self.unsigned(*number);
            }
            Value::Negative(number) => self.head(NEGATIVE, *number),
            Value::Bytes(bytes) => {
                self.bytes(bytes);
            }
            Value::Text(text) => {
                self.text(text);
            }
            Value::Bool(flag) => {
                self.boolean(*flag);
            }
            Value::Null => {
                self.null();
            }
            Value::Array(items) => {
                self.array(items.len());
                for item in items {
                    self.value(item);
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decode strictly and readably, to show that the encoding loses nothing.
    fn decode(bytes: &[u8]) -> Option<(Value, &[u8])> {
        let (&first, rest) = bytes.split_first()?;
        match first {
            0xf4 => return Some((Value::Bool(false), rest)),
            0xf5 => return Some((Value::Bool(true), rest)),
            0xf6 => return Some((Value::Null, rest)),
            _ => {}
        }
        let width = match first & 31 {
            small @ 0..=23 => return item(first >> 5, u64::from(small), rest),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        let argument = rest
            .get(..width)?
            .iter()
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let shortest = match width {
            1 => argument > 23,
            2 => argument > 0xff,
            4 => argument > 0xffff,
            _ => argument > 0xffff_ffff,
        };
        if !shortest {
            return None;
        }
        item(first >> 5, argument, &rest[width..])
    }

    fn item(major: u8, argument: u64, rest: &[u8]) -> Option<(Value, &[u8])> {
        let length = usize::try_from(argument).ok()?;
        match major {
            UNSIGNED => Some((Value::Unsigned(argument), rest)),
            NEGATIVE => Some((Value::Negative(argument), rest)),
            BYTES => Some((Value::Bytes(rest.get(..length)?.to_vec()), &rest[length..])),
            TEXT => {
                let text = String::from_utf8(rest.get(..length)?.to_vec()).ok()?;
                Some((Value::Text(text), &rest[length..]))
            }
            ARRAY => {
                let mut items = Vec::new();
                let mut rest = rest;
                for _ in 0..length {
                    let (value, after) = decode(rest)?;
                    items.push(value);
                    rest = after;
                }
                Some((Value::Array(items), rest))
            }
            _ => None,
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Value::Unsigned),
            (0_u64..100_000).prop_map(Value::Unsigned),
            any::<u64>().prop_map(Value::Negative),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
            ".{0,40}".prop_map(Value::Text),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            proptest::collection::vec(inner, 0..8).prop_map(Value::Array)
        })
    }

    #[test]
    fn standard_examples() {
        let cases: [(Value, &[u8]); 8] = [
            (Value::Unsigned(0), &[0x00]),
            (Value::Unsigned(23), &[0x17]),
            (Value::Unsigned(24), &[0x18, 0x18]),
            (Value::Unsigned(1000), &[0x19, 0x03, 0xe8]),
            (Value::Unsigned(1_000_000), &[0x1a, 0x00, 0x0f, 0x42, 0x40]),
            (Value::Negative(99), &[0x38, 0x63]),
            (Value::Text("IETF".into()), &[0x64, 0x49, 0x45, 0x54, 0x46]),
            (Value::Array(vec![]), &[0x80]),
        ];
        for (value, expected) in cases {
            let mut encoder = Encoder::new();
            encoder.value(&value);
            assert_eq!(encoder.into_bytes(), expected, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn encoding_is_injective(value in any_value()) {
            let mut encoder = Encoder::new();
            encoder.value(&value);
            let bytes = encoder.into_bytes();
            let (decoded, rest) = decode(&bytes).expect("decodes");
            prop_assert!(rest.is_empty());
            prop_assert_eq!(decoded, value);
        }
    }
}
