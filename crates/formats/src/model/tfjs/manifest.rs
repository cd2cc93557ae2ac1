//! `model.json`: which weights lie in which files.

use crate::error::FormatError;
use crate::model::catalog::{size, twice};
use crate::model::dtype::Dtype;
use crate::text::json::Members;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// The weights of a model, and the files that they lie in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// The groups, in the order of the file.
    pub groups: Vec<Group>,
    /// `format`, `modelTopology` and other members, as text: a string as it is, anything else as JSON. Sorted by key.
    pub metadata: Vec<(String, String)>,
}

/// Weights that share a sequence of files.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The files, whose bytes follow each other. Checked: each is a plain path below the folder of `model.json`.
    pub paths: Vec<String>,
    /// The weights, whose bytes follow each other.
    pub weights: Vec<Weight>,
}

/// A weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Name as written.
    pub name: String,
    /// Elements per axis.
    pub shape: Vec<u64>,
    /// Type of what is stored; `None` for text, whose length only the data says.
    pub dtype: Option<Dtype>,
    /// Bytes that are stored; 0 for text.
    pub bytes: u64,
    /// The parameters of its quantization.
    pub quantization: Option<Quantization>,
}

/// The way to restore a weight: stored value times `scale` plus `min`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// The type that it is restored to.
    pub restored: String,
    /// The factor of a stored value.
    pub scale: f64,
    /// The value that is added then.
    pub min: f64,
}

#[derive(Deserialize)]
struct RawGroup<'a> {
    paths: Vec<String>,
    #[serde(borrow)]
    weights: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawWeight {
    name: String,
    shape: Vec<u64>,
    dtype: String,
    quantization: Option<RawQuantization>,
}

#[derive(Deserialize)]
struct RawQuantization {
    dtype: String,
    scale: Option<f64>,
    min: Option<f64>,
}

/// Read `model.json`.
pub fn parse(json: &[u8]) -> Result<Manifest, FormatError> {
    let text = std::str::from_utf8(json).map_err(|error| {
        FormatError::new(format!(
            "model.json is not UTF-8 from byte {}",
            error.valid_up_to()
        ))
    })?;
    let mut manifest = Manifest::default();
    let mut groups = None;
    for (key, raw) in members(text, "model.json")? {
        if key == "weightsManifest" {
            groups = Some(raw);
        } else {
            let value = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
            manifest.metadata.push((key, value));
        }
    }
    manifest.metadata.sort();
    let groups = groups.ok_or_else(|| FormatError::new("model.json has no weightsManifest"))?;
    let groups: Vec<&RawValue> = from_json(groups.get(), "weightsManifest")?;
    let mut seen = Seen::default();
    for raw in groups {
        let group = read_group(raw.get(), &mut seen)?;
        manifest.groups.push(group);
    }
    Ok(manifest)
}

/// Names and paths that came already.
#[derive(Default)]
struct Seen {
    names: HashSet<String>,
    paths: HashSet<String>,
}

/// Return the members of a JSON object; refuse a key that comes twice.
fn members<'a>(text: &'a str, what: &str) -> Result<Vec<(String, &'a RawValue)>, FormatError> {
    let members: Members<&RawValue> = from_json(text, what)?;
    match members.duplicate() {
        Some(key) => Err(FormatError::new(format!(
            "{what} has the key {key:?} twice, so two readers could load different models"
        ))),
        None => Ok(members.0),
    }
}

fn from_json<'a, T: Deserialize<'a>>(text: &'a str, what: &str) -> Result<T, FormatError> {
    serde_json::from_str(text).map_err(|error| FormatError::new(format!("{what} is malformed: {error}")))
}

fn read_group(text: &str, seen: &mut Seen) -> Result<Group, FormatError> {
    members(text, "a group of weights")?;
    let raw: RawGroup<'_> = from_json(text, "a group of weights")?;
    for path in &raw.paths {
        check_path(path)?;
        if !seen.paths.insert(path.clone()) {
            return Err(FormatError::new("a file of weights is named twice")
                .with_expected("each file once", format!("{path:?}")));
        }
    }
    let weights = raw.weights.iter().map(|raw| read_weight(raw.get(), seen));
    Ok(Group {
        weights: weights.collect::<Result<_, _>>()?,
        paths: raw.paths,
    })
}

/// Refuse a path that could leave the folder of `model.json`, or that is an address of a network.
fn check_path(path: &str) -> Result<(), FormatError> {
    let simple = !path.is_empty()
        && !path.contains(['\\', ':', '\0', '?', '#'])
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    if simple {
        return Ok(());
    }
    Err(
        FormatError::new("the path of a file of weights is not below the folder of model.json")
            .with_expected("a plain relative path", format!("{path:?}")),
    )
}

fn read_weight(text: &str, seen: &mut Seen) -> Result<Weight, FormatError> {
    for (key, raw) in members(text, "a weight")? {
        if key == "quantization" && raw.get().starts_with('{') {
            members(raw.get(), "a quantization")?;
        }
    }
    let raw: RawWeight = from_json(text, "a weight")?;
    if !seen.names.insert(raw.name.clone()) {
        return Err(twice(&raw.name));
    }
    let (dtype, quantization) = stored(&raw)?;
    let bytes = match dtype {
        Some(dtype) => size(&raw.name, &raw.shape, dtype.bits)?.1,
        None => size(&raw.name, &raw.shape, 32).map(|_| 0)?,
    };
    Ok(Weight {
        name: raw.name,
        shape: raw.shape,
        dtype,
        bytes,
        quantization,
    })
}

/// Return the type of what is stored.
fn stored(raw: &RawWeight) -> Result<(Option<Dtype>, Option<Quantization>), FormatError> {
    let unknown = |what: &str, expected: &str, received: &str| {
        FormatError::new(format!("unknown {what}"))
            .with_expected(expected, format!("{received:?}"))
            .tensor(&raw.name)
    };
    if let Some(quantized) = &raw.quantization {
        if !["float32", "int32"].contains(&raw.dtype.as_str()) {
            return Err(unknown(
                "dtype of a quantised weight",
                "float32 or int32",
                &raw.dtype,
            ));
        }
        let name = match quantized.dtype.as_str() {
            "uint8" => "U8",
            "uint16" => "U16",
            "float16" if raw.dtype == "float32" => return Ok((Dtype::named("F16"), None)),
            other => {
                return Err(unknown(
                    "quantization",
                    "uint8, uint16, or float16 of float32",
                    other,
                ));
            }
        };
        let (Some(scale), Some(min)) = (quantized.scale, quantized.min) else {
            return Err(FormatError::new("its quantization has no scale or no min").tensor(&raw.name));
        };
        let restored = raw.dtype.clone();
        return Ok((Dtype::named(name), Some(Quantization { restored, scale, min })));
    }
    let name = match raw.dtype.as_str() {
        "float32" => "F32",
        "int32" => "I32",
        "bool" => "BOOL",
        "complex64" => "C64",
        "string" => return Ok((None, None)),
        other => {
            return Err(unknown(
                "dtype",
                "float32, int32, bool, complex64 or string",
                other,
            ));
        }
    };
    Ok((Dtype::named(name), None))
}
