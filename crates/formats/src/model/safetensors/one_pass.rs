//! Headers about which nothing is unusual, read in one pass without a copy of what is in them.
//!
//! A header can hold a million tensors. Nearly every one is usual: each entry an object with the three fields, each name
//! once, no number out of range. Such a header is read here. Anything else is left to the slower pass, which names what is
//! wrong and lists deviations. Both give the same tensors, which the tests check.

use super::{LARGEST_INTEGER, Tensor, read_metadata_strictly, tensor};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// The content of a usual header.
#[derive(Debug, Default)]
pub struct Usual {
    /// The tensors in the order of the header.
    pub tensors: Vec<Tensor>,
    /// `__metadata__`, sorted by key.
    pub metadata: Vec<(String, String)>,
}

/// Read a header; `None` if anything about it is unusual.
pub fn read(header: &[u8], data_start: u64) -> Option<Usual> {
    let text = std::str::from_utf8(header).ok()?.trim_end_matches(' ');
    if !text.starts_with('{') || !text.ends_with('}') {
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let usual = deserializer.deserialize_map(Entries { data_start }).ok()?;
    deserializer.end().ok()?;
    let mut names = HashSet::with_capacity(usual.tensors.len());
    usual
        .tensors
        .iter()
        .all(|tensor| names.insert(tensor.name.as_str()))
        .then_some(usual)
}

/// An entry. Its dtype is text without escapes, which has no reason to have any.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    dtype: &'a str,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// An entry that is an object: a list of the fields would be taken for one as well.
struct Entry<'a>(Fields<'a>);

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entry<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map)).map(Entry)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

struct Entries {
    data_start: u64,
}

impl<'de> Visitor<'de> for Entries {
    type Value = Usual;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Usual, A::Error> {
        let mut usual = Usual::default();
        let mut metadata: Option<&RawValue> = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                if metadata.replace(map.next_value()?).is_some() {
                    return Err(A::Error::custom("two of them"));
                }
                continue;
            }
            let Entry(fields) = map.next_value()?;
            if fields.shape.iter().any(|length| *length > LARGEST_INTEGER) {
                return Err(A::Error::custom("a large dimension"));
            }
            let tensor = tensor(
                name,
                fields.dtype,
                fields.shape,
                fields.data_offsets,
                self.data_start,
            );
            usual.tensors.push(tensor.map_err(A::Error::custom)?);
        }
        if let Some(raw) = metadata {
            usual.metadata = read_metadata_strictly(raw.get()).map_err(A::Error::custom)?;
        }
        Ok(usual)
    }
}
