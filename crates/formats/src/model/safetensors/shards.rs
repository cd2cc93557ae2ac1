//! The index of a sharded Hugging Face model: which file holds which tensor.

use crate::error::FormatError;
use crate::text::json::Members;

/// A validated index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Tensor name and shard file name, sorted by tensor name.
    pub weight_map: Vec<(String, String)>,
}

impl Index {
    /// Return the shard file names, each once, sorted.
    pub fn shards(&self) -> Vec<&str> {
        let mut shards: Vec<&str> = self.weight_map.iter().map(|(_, shard)| shard.as_str()).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }
}

/// Read `*.safetensors.index.json`.
///
/// Shard names are paths from a stranger: only plain file names are taken, so that an index cannot make us
/// read outside its folder.
pub fn parse(json: &[u8]) -> Result<Index, FormatError> {
    let top: Members<&serde_json::value::RawValue> = serde_json::from_slice(json)
        .map_err(|error| FormatError::new(format!("the index is not JSON: {error}")))?;
    if let Some(name) = top.duplicate() {
        return Err(FormatError::new(format!("the index has the key {name:?} twice")));
    }
    let raw = top
        .0
        .iter()
        .find_map(|(name, raw)| (name == "weight_map").then_some(raw.get()))
        .ok_or_else(|| FormatError::new("the index has no weight_map"))?;
    let map: Members<String> = serde_json::from_str(raw)
        .map_err(|error| FormatError::new(format!("weight_map does not map names to files: {error}")))?;
    if let Some(name) = map.duplicate() {
        return Err(FormatError::new("the index maps the name twice").tensor(name));
    }
    if map.0.is_empty() {
        return Err(FormatError::new("weight_map is empty"));
    }
    for (name, shard) in &map.0 {
        if !is_file_name(shard) {
            return Err(FormatError::new("its shard is not a plain file name")
                .with_expected("a file in the folder of the index", format!("{shard:?}"))
                .tensor(name));
        }
    }
    let mut weight_map = map.0;
    weight_map.sort();
    Ok(Index { weight_map })
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0', ':'])
}

/// Check the tensors that the shards have against the index: each mapped tensor once, in the shard that the index
/// names, and no others.
///
/// `found` is the tensor name and shard name of every tensor in every shard.
pub fn check(index: &Index, tensors: &mut [(&str, &str)]) -> Result<(), FormatError> {
    tensors.sort_unstable();
    for pair in tensors.windows(2) {
        if pair[0].0 == pair[1].0 {
            return Err(FormatError::new("it is in two shards")
                .with_expected("one shard", format!("{} and {}", pair[0].1, pair[1].1))
                .tensor(pair[0].0));
        }
    }
    let mut tensors = tensors.iter().peekable();
    for (name, shard) in &index.weight_map {
        if let Some((extra, at)) = tensors.peek().filter(|(other, _)| *other < name.as_str()) {
            return Err(FormatError::new(format!("it is in {at} but not in the index")).tensor(extra));
        }
        match tensors.next() {
            Some((other, at)) if other == name && at == shard => {}
            Some((other, at)) if other == name => {
                return Err(FormatError::new("it is not in the shard that the index names")
                    .with_expected(shard, at)
                    .tensor(name));
            }
            _ => {
                return Err(FormatError::new(format!(
                    "the index maps it to {shard}, which does not hold it"
                ))
                .tensor(name));
            }
        }
    }
    match tensors.next() {
        Some((extra, at)) => {
            Err(FormatError::new(format!("it is in {at} but not in the index")).tensor(extra))
        }
        None => Ok(()),
    }
}
