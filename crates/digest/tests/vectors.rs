//! The vectors of `vectors/*.json`, which a reference in Python made, against this crate.

mod support;

use lineaprint_digest::cbor::{Encoder, Value as Cbor};
use lineaprint_digest::description::{self, Adapter, Component, Tensor, TensorType, TreeEntry};
use lineaprint_digest::subtree::{CHUNK, Pieces, merge};
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash, Hasher};
use serde_json::Value;
use support::{BOTH, array, base64, cases, content, content_digest, hex, shape, text, unhex};

/// Compare a digest with the written form of the case, or of its field `digests`.
fn check(case: &Value, field: &str, kind: Option<&str>, algorithm: Algorithm, received: Hash) {
    let name = algorithm.name();
    let written = match kind {
        Some(kind) => format!("{kind}.v1.{name}:{}", hex(&received)),
        None => format!("{name}:{}", hex(&received)),
    };
    assert_eq!(text(&case[field][name]), written, "{}", case["name"]);
}

#[test]
fn content_digests() {
    for case in cases("plain") {
        let bytes = content(&case["content"]);
        let mut hasher = Hasher::new(Algorithms::BOTH);
        for part in bytes.chunks(10_007) {
            hasher.update(part);
        }
        assert_eq!(hasher.finish(), Digests::of(&bytes, Algorithms::BOTH));
        for algorithm in BOTH {
            check(
                &case,
                "digests",
                None,
                algorithm,
                content_digest(&bytes, algorithm),
            );
        }
    }
}

#[test]
fn subtree_digests() {
    for case in cases("plain") {
        let bytes = content(&case["content"]);
        let length = bytes.len() as u64;
        for unit in [CHUNK, 4 * CHUNK, 1 << 20, 4 << 20] {
            // A single piece has no chaining value to merge.
            if length <= unit || length / unit > 10_000 {
                continue;
            }
            let mut pieces = Vec::new();
            let mut start = 0;
            for part in bytes.chunks(usize::try_from(unit).expect("small")) {
                let end = start + part.len() as u64;
                let mut range = Pieces::new(start, end, length);
                range.update(part);
                pieces.extend(range.finish());
                start = end;
            }
            let hash = merge(&mut pieces, length).expect("the pieces cover the input");
            check(&case, "digests", None, Algorithm::Blake3, hash);
        }
    }
}

fn name_of(entry: &Value, field: &str) -> Vec<u8> {
    match entry[field].as_str() {
        Some(name) => name.as_bytes().to_vec(),
        None => base64(text(&entry[format!("{field}Base64").as_str()])),
    }
}

/// The result for an entry of a folder. The walk follows links, not this crate, so links are only recorded here.
enum Node {
    File { size: u64, digest: Hash },
    Folder(Hash),
    Link(Vec<u8>),
}

/// Return the `tree` digest of the folder of this name, and whether anything in it counts.
fn tree(entries: &[Value], folder: &[u8], algorithm: Algorithm) -> (Hash, bool) {
    let mut nodes = Vec::new();
    for entry in entries {
        let name = name_of(entry, "name");
        if name == b".git" || name == b".lineaprint" || (folder == b".cache" && name == b"huggingface") {
            continue;
        }
        let node = if entry["file"].is_object() {
            let bytes = content(&entry["file"]);
            Node::File {
                size: bytes.len() as u64,
                digest: content_digest(&bytes, algorithm),
            }
        } else if entry["folder"].is_array() {
            match tree(array(&entry["folder"]), &name, algorithm) {
                (_, false) => continue,
                (digest, true) => Node::Folder(digest),
            }
        } else {
            Node::Link(name_of(entry, "link"))
        };
        nodes.push((name, node));
    }
    let mut described: Vec<TreeEntry<'_>> = nodes
        .iter()
        .map(|(name, node)| match node {
            Node::File { size, digest } => TreeEntry::File {
                name,
                size: *size,
                digest: *digest,
            },
            Node::Folder(digest) => TreeEntry::Folder {
                name,
                digest: *digest,
            },
            Node::Link(target) => TreeEntry::Link { name, target },
        })
        .collect();
    (
        description::tree(algorithm, &mut described),
        !described.is_empty(),
    )
}

#[test]
fn trees() {
    for case in cases("tree") {
        // Following links is the walk's business, which is tested where it lives.
        if text(&case["links"]) == "follow" && case["root"].to_string().contains("\"link") {
            continue;
        }
        for algorithm in BOTH {
            let (digest, _) = tree(array(&case["root"]), b"", algorithm);
            check(&case, "digests", Some("tree"), algorithm, digest);
        }
    }
}

#[test]
fn tensors() {
    for case in cases("tensor") {
        let bytes = content(&case["data"]);
        for algorithm in BOTH {
            let data = content_digest(&bytes, algorithm);
            check(&case, "dataDigests", None, algorithm, data);
            let digest = description::tensor(algorithm, text(&case["dtype"]), &shape(&case["shape"]), &data);
            check(&case, "digests", Some("tensor"), algorithm, digest);
        }
    }
}

/// Run `check` with the tensors of a case in the order given and in the opposite one.
fn with_tensors(case: &Value, algorithm: Algorithm, check: impl Fn(&mut [Tensor<'_>])) {
    let given = array(&case["tensors"]);
    let shapes: Vec<_> = given.iter().map(|tensor| shape(&tensor["shape"])).collect();
    let mut tensors: Vec<Tensor<'_>> = given
        .iter()
        .zip(&shapes)
        .map(|(tensor, shape)| Tensor {
            of: TensorType {
                name: text(&tensor["name"]),
                dtype: text(&tensor["dtype"]),
                shape,
            },
            digest: content_digest(&content(&tensor["data"]), algorithm),
        })
        .collect();
    let mut turned: Vec<_> = tensors.iter().copied().rev().collect();
    check(&mut tensors);
    check(&mut turned);
}

#[test]
fn weights() {
    for case in cases("weights") {
        for algorithm in BOTH {
            with_tensors(&case, algorithm, |tensors| {
                let digest = description::weights(algorithm, tensors);
                check(&case, "digests", Some("weights"), algorithm, digest);
            });
        }
    }
}

#[test]
fn architectures() {
    for case in cases("architecture") {
        for algorithm in BOTH {
            let config = case["canonicalConfig"].as_str();
            assert_eq!(config.is_none(), case["config"].is_null());
            let config = config.map(|json| content_digest(json.as_bytes(), algorithm));
            with_tensors(&case, algorithm, |tensors| {
                let mut types: Vec<_> = tensors.iter().map(|tensor| tensor.of).collect();
                let digest = description::architecture(algorithm, &mut types, config.as_ref());
                check(&case, "digests", Some("architecture"), algorithm, digest);
            });
        }
    }
}

#[test]
fn tokenizers() {
    check_files("tokenizer", description::tokenizer);
}

#[test]
fn settings() {
    check_files("settings", description::settings);
}

/// Check a kind that consists of named files.
fn check_files(kind: &str, describe: impl Fn(Algorithm, &mut [(&str, Hash)]) -> Hash) {
    for case in cases(kind) {
        let files: Vec<_> = array(&case["files"])
            .iter()
            .filter(|file| file["counts"].as_bool().expect("a flag"))
            .collect();
        for algorithm in BOTH {
            let mut digests: Vec<(&str, Hash)> = files
                .iter()
                .map(|file| {
                    let bytes = match file["canonical"].as_str() {
                        Some(json) => json.as_bytes().to_vec(),
                        None => content(&file["content"]),
                    };
                    (text(&file["name"]), content_digest(&bytes, algorithm))
                })
                .collect();
            let digest = describe(algorithm, &mut digests);
            check(&case, "digests", Some(kind), algorithm, digest);
        }
    }
}

#[test]
fn pipelines() {
    for case in cases("pipeline") {
        for algorithm in BOTH {
            let config = content_digest(text(&case["canonicalConfig"]).as_bytes(), algorithm);
            let listed = case["componentDigests"].as_object().expect("an object");
            let mut components: Vec<_> = listed
                .iter()
                .map(|(name, digests)| Component {
                    name,
                    digests: digests[algorithm.name()]
                        .as_object()
                        .expect("an object")
                        .iter()
                        .map(|(kind, written)| (kind.as_str(), written_hash(text(written))))
                        .collect(),
                })
                .collect();
            let digest = description::pipeline(algorithm, &mut components, &config);
            check(&case, "digests", Some("pipeline"), algorithm, digest);
        }
    }
}

#[test]
fn named_splits() {
    for case in cases("splits") {
        for algorithm in BOTH {
            let mut splits: Vec<_> = array(&case["splits"])
                .iter()
                .map(|split| description::Split {
                    name: text(&split["name"]),
                    kind: text(&split["kind"]),
                    digest: unhex(text(&split["digest"])).try_into().expect("32 bytes"),
                })
                .collect();
            let digest = description::splits(algorithm, &mut splits);
            check(&case, "digests", Some("splits"), algorithm, digest);
        }
    }
}

#[test]
fn adapters() {
    for case in cases("adapter") {
        for algorithm in BOTH {
            let part = |name: &str| written_hash(text(&case["parts"][name][algorithm.name()]));
            let adapter = Adapter {
                config: content_digest(text(&case["canonicalConfig"]).as_bytes(), algorithm),
                weights: part("weights"),
                base_architecture: part("baseArchitecture"),
                base_weights: part("baseWeights"),
            };
            let digest = description::adapter(algorithm, &adapter);
            check(&case, "digests", Some("adapter"), algorithm, digest);
        }
    }
}

/// Return the bytes of a digest in its written form.
fn written_hash(written: &str) -> Hash {
    let (_, hex) = written.rsplit_once(':').expect("a colon");
    let mut hash = Hash::default();
    for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("two digits");
    }
    hash
}

#[test]
fn records() {
    for case in cases("json") {
        let kind = text(&case["kind"]);
        for algorithm in BOTH {
            let content = content_digest(text(&case["canonical"]).as_bytes(), algorithm);
            let digest = description::json(algorithm, kind, &content);
            check(&case, "digests", Some(kind), algorithm, digest);
        }
    }
}

fn cbor(value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::Array(items) => Cbor::Array(items.iter().map(cbor).collect()),
        _ => {
            if let Some(number) = value["integer"].as_str() {
                let number: i128 = number.parse().expect("an integer");
                return match u64::try_from(number) {
                    Ok(number) => Cbor::Unsigned(number),
                    Err(_) => Cbor::Negative(u64::try_from(-1 - number).expect("at least -2^64")),
                };
            }
            if let Some(digits) = value["bytes"].as_str() {
                return Cbor::Bytes(unhex(digits));
            }
            Cbor::Text(text(&value["text"]).to_owned())
        }
    }
}

#[test]
fn cbor_encodings() {
    for case in cases("cbor") {
        let mut encoder = Encoder::new();
        encoder.value(&cbor(&case["value"]));
        assert_eq!(text(&case["hex"]), hex(&encoder.into_bytes()), "{}", case["name"]);
    }
}
