//! Samples against the vectors.

mod support;

use lineaprint_digest::description::{Tensor, TensorType};
use lineaprint_digest::sample::description::{self, Entry, Whole};
use lineaprint_digest::sample::{Amount, FILE_UNIT, Layout, Plan, Selection, Strategy};
use lineaprint_digest::{Algorithm, Hash};
use serde_json::Value;
use support::{BOTH, array, base64, cases, content, content_digest, hex, read_sample, shape, text};

fn indices(selection: &Selection) -> Vec<u64> {
    (0..selection.count()).map(|rank| selection.index(rank)).collect()
}

/// Return the plan of a vector.
fn plan(case: &Value) -> Plan {
    let given = &case["plan"];
    let number = |value: &Value| value.as_u64().expect("a whole number");
    let seed = given["seed"].as_str().unwrap_or("0").parse().expect("a seed");
    let how = match text(&given["strategy"]) {
        "strided" => Strategy::Strided,
        "random" => Strategy::Random { seed },
        "blocks" => Strategy::Blocks,
        other => panic!("{other}"),
    };
    let amount = match case["amount"].as_array().map(Vec::as_slice) {
        None => Amount::Count(number(&case["amount"])),
        Some([numerator, denominator]) => Amount::Share {
            numerator: number(numerator),
            denominator: number(denominator),
        },
        Some(_) => panic!("{case}"),
    };
    Plan::new(how, amount, given["above"].as_u64().unwrap_or(0)).expect("a plan")
}

#[test]
fn selections() {
    for case in cases("selection") {
        let units = text(&case["units"]).parse().expect("a number of units");
        let chosen = plan(&case).select(units);
        let expected = case["chosen"].as_str().map(|text| {
            let units = text.split(' ').map(|unit| unit.parse().expect("a unit"));
            units.collect::<Vec<u64>>()
        });
        assert_eq!(chosen.as_ref().map(indices), expected, "{}", case["name"]);
    }
}

/// Return bytes of an element, by the last number of its dtype's name.
fn width(dtype: &str) -> u64 {
    match dtype {
        "BOOL" => 1,
        _ if dtype.starts_with("F4") || dtype.starts_with("F6_") || dtype.starts_with("F8_") => 1,
        _ => {
            let bits = dtype.trim_start_matches(char::is_alphabetic);
            bits.parse::<u64>().expect("bits") / 8
        }
    }
}

fn whole(layout: &Layout) -> Whole {
    Whole {
        units: layout.units(),
        bytes: layout.bytes(),
    }
}

/// Return the digest of a sample; nothing where everything is read, which other vectors are about.
fn sampled(case: &Value, plan: &Plan, algorithm: Algorithm) -> Option<Hash> {
    match text(&case["of"]) {
        "file" => {
            let (stream, layout) = read_sample(plan, &content(&case["content"]), FILE_UNIT);
            let digest = content_digest(&stream, algorithm);
            layout
                .is_sample()
                .then(|| description::file(algorithm, plan, whole(&layout), &digest))
        }
        "tensor" => {
            let dtype = text(&case["dtype"]);
            let (stream, layout) = read_sample(plan, &content(&case["data"]), width(dtype));
            let about = (dtype, shape(&case["shape"]));
            let digest = content_digest(&stream, algorithm);
            layout
                .is_sample()
                .then(|| description::tensor(algorithm, plan, whole(&layout), (about.0, &about.1), &digest))
        }
        "weights" => weights(case, plan, algorithm),
        _ => tree(case, plan, algorithm),
    }
}

fn weights(case: &Value, plan: &Plan, algorithm: Algorithm) -> Option<Hash> {
    let given = array(&case["tensors"]);
    let shapes: Vec<_> = given.iter().map(|tensor| shape(&tensor["shape"])).collect();
    let mut bytes = 0;
    let mut tensors: Vec<_> = given
        .iter()
        .zip(&shapes)
        .map(|(tensor, shape)| {
            let dtype = text(&tensor["dtype"]);
            let (stream, layout) = read_sample(plan, &content(&tensor["data"]), width(dtype));
            bytes += layout.bytes();
            let described = Tensor {
                of: TensorType {
                    name: text(&tensor["name"]),
                    dtype,
                    shape,
                },
                digest: content_digest(&stream, algorithm),
            };
            (described, layout.is_sample())
        })
        .collect();
    let any = tensors.iter().any(|(_, sampled)| *sampled);
    any.then(|| description::weights(algorithm, plan, bytes, &mut tensors))
}

/// A path, with the content of a file or the target of a link.
type Listed = (Vec<u8>, Result<Vec<u8>, Vec<u8>>);

/// List every file and recorded link below a folder. The walk follows links, not this crate.
fn list(entries: &[Value], above: &[u8], listed: &mut Vec<Listed>) {
    for entry in entries {
        let name = match entry["name"].as_str() {
            Some(name) => name.as_bytes().to_vec(),
            None => base64(text(&entry["nameBase64"])),
        };
        if name == b".git" {
            continue;
        }
        let path = [above, &name].concat();
        if entry["file"].is_object() {
            listed.push((path, Ok(content(&entry["file"]))));
        } else if entry["folder"].is_array() {
            list(
                array(&entry["folder"]),
                &[&path, b"/".as_slice()].concat(),
                listed,
            );
        } else {
            listed.push((path, Err(text(&entry["link"]).as_bytes().to_vec())));
        }
    }
}

fn tree(case: &Value, plan: &Plan, algorithm: Algorithm) -> Option<Hash> {
    if text(&case["links"]) == "follow" && case["root"].to_string().contains("\"link") {
        return None;
    }
    let mut listed = Vec::new();
    list(array(&case["root"]), b"", &mut listed);
    listed.sort();
    let files: Vec<_> = listed
        .iter()
        .filter_map(|(path, held)| Some((path, held.as_ref().ok()?)))
        .collect();
    let units = files.len() as u64;
    let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let chosen = indices(&plan.select(units)?);
    let chosen: Vec<_> = chosen
        .iter()
        .map(|unit| files[usize::try_from(*unit).expect("small")].0)
        .collect();
    let mut entries: Vec<Entry<'_>> = listed
        .iter()
        .map(|(path, held)| match held {
            Ok(bytes) => Entry::File {
                path,
                size: bytes.len() as u64,
                digest: chosen.contains(&path).then(|| content_digest(bytes, algorithm)),
            },
            Err(target) => Entry::Link { path, target },
        })
        .rev()
        .collect();
    let whole = Whole { units, bytes };
    Some(description::tree(algorithm, plan, whole, &mut entries))
}

#[test]
fn samples() {
    let mut checked = 0;
    for case in cases("sampled") {
        for algorithm in BOTH {
            let Some(digest) = sampled(&case, &plan(&case), algorithm) else {
                continue;
            };
            let written = text(&case["digests"][algorithm.name()]);
            assert!(written.starts_with("sampled("), "{}", case["name"]);
            assert!(written.ends_with(&hex(&digest)), "{}", case["name"]);
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}
