//! safetensors headers, honest and lying.

use lineaprint_formats::FormatError;
use lineaprint_formats::model::dtype::DTYPES;
use lineaprint_formats::model::safetensors::{HEADER_LIMIT, Header, header_length, parse, parse_lenient};
use proptest::prelude::*;
use safetensors::Dtype as ReferenceDtype;

fn read(header: &str, data_bytes: u64) -> Result<Header, FormatError> {
    parse(header.as_bytes(), 8 + header.len() as u64 + data_bytes)
}

fn refusal(header: &str, data_bytes: u64) -> FormatError {
    read(header, data_bytes).expect_err("must be refused")
}

const ONE: &str = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;

#[test]
fn tensors_come_in_byte_order() {
    let header = r#"{"__metadata__":{"format":"pt"},
        "b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},
        "a":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}   "#;
    let read = read(header, 16).expect("reads");
    let names: Vec<_> = read.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(read.tensors[1].shape, [2, 3]);
    assert_eq!(read.tensors[1].elements(), 6);
    assert_eq!(read.tensors[0].start, read.data_start);
    assert_eq!(read.metadata, [("format".to_owned(), "pt".to_owned())]);
}

#[test]
fn null_metadata_is_none() {
    let header = r#"{"__metadata__": null ,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let read = read(header, 1).expect("reads");
    assert_eq!((read.tensors.len(), read.metadata.len()), (1, 0));
}

#[test]
fn empty_models_and_tensors_are_valid() {
    assert_eq!(read("{}", 0).expect("reads").tensors, []);
    let empty = r#"{"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    assert_eq!(read(empty, 1).expect("reads").tensors.len(), 2);
}

/// Headers that the reference takes and that are refused here, each with what its refusal says.
const DEVIATIONS: [(&str, &str); 6] = [
    (
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#,
        "twice in the header",
    ),
    (
        r#" {"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#,
        "does not start with {",
    ),
    (
        "{\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}\n",
        "other than spaces",
    ),
    (
        r#"{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4],"more":1}}"#,
        "malformed",
    ),
    (r#"{"a":["I32",[1],[0,4]]}"#, "not an object"),
    (
        r#"{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#,
        "key \"k\" twice",
    ),
];

#[test]
fn deviations_are_read_as_the_reference_reads_them_on_request() {
    for (header, reason) in DEVIATIONS {
        let error = refusal(header, 4);
        assert!(error.to_string().contains(reason), "{error}");
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend([1, 2, 3, 4]);
        let reference = safetensors::SafeTensors::deserialize(&file).expect("the reference takes it");
        let (read, deviations) = parse_lenient(header.as_bytes(), file.len() as u64).expect("reads");
        assert!(
            deviations.iter().any(|sentence| sentence.contains(reason)),
            "{deviations:?}"
        );
        assert_eq!(read.tensors.len(), reference.len());
        for tensor in &read.tensors {
            let other = reference.tensor(&tensor.name).expect("the same name");
            assert_eq!(tensor.dtype.name(), format!("{:?}", other.dtype()));
            assert_eq!(tensor.end - tensor.start, other.data().len() as u64);
        }
        if header.contains("metadata") {
            assert_eq!(read.metadata, [("k".to_owned(), "2".to_owned())]);
        }
    }
    let (_, none) = parse_lenient(ONE.as_bytes(), 8 + ONE.len() as u64 + 8).expect("reads");
    assert!(none.is_empty());
    // What the reference refuses is refused.
    assert!(parse_lenient(b"{\"a\":1}", 16).is_err());
}

#[test]
fn duplicate_names_are_refused() {
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#;
    let error = refusal(header, 4);
    assert_eq!(error.tensor.as_deref(), Some("a"));
    assert!(error.message.contains("twice"), "{error}");
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend([0; 4]);
    assert!(
        safetensors::SafeTensors::deserialize(&file).is_ok(),
        "the reason for our own pass"
    );
}

#[test]
fn escaped_names_are_equal() {
    let header = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
    assert!(refusal(header, 2).message.contains("twice"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn format_violations_are_refused() {
    let cases: &[(&str, &str, u64, &str)] = &[
        ("leading space", &format!(" {ONE}"), 8, "start with {"),
        ("not an object", "[1]", 0, "start with {"),
        ("empty", "", 0, "start with {"),
        ("trailing newline", &format!("{ONE}\n"), 8, "other than spaces"),
        ("NUL padding", &format!("{ONE}\0\0"), 8, "other than spaces"),
        ("two documents", &format!("{ONE}{{}}"), 8, "not JSON"),
        (
            "a list for an entry",
            r#"{"a":["F32",[1],[0,4]]}"#,
            4,
            "not an object",
        ),
        (
            "unknown field",
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#,
            4,
            "malformed",
        ),
        (
            "missing field",
            r#"{"a":{"dtype":"F32","shape":[1]}}"#,
            4,
            "malformed",
        ),
        (
            "field twice",
            r#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            4,
            "malformed",
        ),
        (
            "unknown dtype",
            r#"{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}"#,
            4,
            "unknown dtype",
        ),
        (
            "negative dimension",
            r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
            4,
            "malformed",
        ),
        (
            "fraction",
            r#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
            4,
            "malformed",
        ),
        (
            "three offsets",
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
            4,
            "malformed",
        ),
        (
            "offsets reversed",
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
            4,
            "do not fit",
        ),
        (
            "wrong length",
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            4,
            "do not fit",
        ),
        (
            "overflowing shape",
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
            4,
            "overflows",
        ),
        (
            "overflowing bits",
            r#"{"a":{"dtype":"F64","shape":[2147483648,4294967295],"data_offsets":[0,4]}}"#,
            4,
            "overflows",
        ),
        (
            "dimension beyond 2^53",
            r#"{"a":{"dtype":"F32","shape":[9007199254740993,0],"data_offsets":[0,0]}}"#,
            0,
            "beyond",
        ),
        (
            "half a byte",
            r#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}"#,
            2,
            "byte boundary",
        ),
        (
            "hole",
            r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            2,
            "gap",
        ),
        (
            "overlap",
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            3,
            "overlaps",
        ),
        ("truncated data", ONE, 7, "ends before"),
        ("bytes after the data", ONE, 9, "follow"),
        (
            "metadata is not text",
            r#"{"__metadata__":{"a":1}}"#,
            0,
            "text to text",
        ),
        (
            "metadata key twice",
            r#"{"__metadata__":{"a":"1","a":"2"}}"#,
            0,
            "twice",
        ),
    ];
    for (what, header, data, expected) in cases {
        let error = refusal(header, *data);
        assert!(error.to_string().contains(expected), "{what}: {error}");
    }
}

#[test]
fn invalid_utf8_headers_are_refused() {
    let error = parse(b"{\"\xff\":1}", 100).expect_err("refused");
    assert!(error.message.contains("UTF-8"));
}

#[test]
fn header_length_is_checked() {
    assert_eq!(header_length(2_u64.to_le_bytes(), 10), Ok(2));
    assert!(header_length(3_u64.to_le_bytes(), 10).is_err());
    assert!(header_length(u64::MAX.to_le_bytes(), u64::MAX).is_err());
    assert!(header_length((HEADER_LIMIT + 1).to_le_bytes(), u64::MAX).is_err());
    assert!(header_length(1_u64.to_le_bytes(), 0).is_err());
}

#[test]
fn deep_nesting_is_an_error() {
    let header = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refusal(&header, 0).message.contains("malformed"));
}

#[test]
fn dtypes_equal_the_reference_crate() {
    for dtype in DTYPES {
        let reference: ReferenceDtype =
            serde_json::from_str(&format!("\"{}\"", dtype.name())).expect("the crate knows it");
        assert_eq!(reference.bitsize() as u64, dtype.bits, "{}", dtype.name());
    }
}

proptest! {
    /// Parse any bytes: an answer, never a panic, and never tensors outside the file.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), data in 0_u64..64) {
        let length = 8 + bytes.len() as u64 + data;
        if let Ok(header) = parse(&bytes, length) {
            prop_assert!(header.tensors.iter().all(|tensor| tensor.end <= length));
        }
    }

    /// Change one byte of a valid header: it is refused, or stays within the file and has no two equal names.
    #[test]
    fn changed_byte_never_leaves_the_file(at in 0_usize..200, to in any::<u8>()) {
        let text = r#"{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[4],"data_offsets":[16,20]}}"#;
        let mut bytes = text.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = to;
        let length = 8 + bytes.len() as u64 + 20;
        if let Ok(header) = parse(&bytes, length) {
            let mut names: Vec<_> = header.tensors.iter().map(|tensor| &tensor.name).collect();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), header.tensors.len());
            prop_assert!(header.tensors.iter().all(|tensor| tensor.end <= length));
        }
    }

    /// The pass for plain headers takes nothing that the reference crate refuses, and reads the same; what is unusual takes
    /// the other pass. Random entries are mostly plain, and a changed byte makes them anything.
    #[test]
    fn what_is_read_the_reference_reads_alike(
        entries in proptest::collection::vec((0..6_usize, 0..4_usize, proptest::collection::vec(0..4_u64, 0..3)), 0..6),
        change in proptest::option::of((0_usize..400, any::<u8>())),
    ) {
        let names = ["a", "b.0", "\\u0062.0", "__metadata__x", "\u{e9}", "c"];
        let dtypes = [("U8", 8), ("F32", 32), ("BOOL", 8), ("F4", 4)];
        let mut end = 0;
        let fields: Vec<String> = entries.iter().map(|(name, dtype, shape)| {
            let (dtype, bits) = dtypes[*dtype];
            let start = end;
            end += shape.iter().product::<u64>() * bits / 8;
            format!(r#""{}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#, names[*name])
        }).collect();
        let mut header = format!("{{{}}}  ", fields.join(",")).into_bytes();
        if let Some((at, to)) = change && let Some(byte) = header.get_mut(at) {
            *byte = to;
        }
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(&header);
        file.resize(file.len() + usize::try_from(end).expect("small"), 0);
        if let Ok(read) = parse(&header, file.len() as u64) {
            let reference = safetensors::SafeTensors::deserialize(&file).expect("the reference reads it");
            prop_assert_eq!(read.tensors.len(), reference.len());
            for tensor in &read.tensors {
                let other = reference.tensor(&tensor.name).expect("the same name");
                prop_assert_eq!(tensor.dtype.name(), other.dtype().to_string());
                let shape: Vec<u64> = other.shape().iter().map(|length| *length as u64).collect();
                prop_assert_eq!(&tensor.shape, &shape);
                prop_assert_eq!(tensor.end - tensor.start, other.data().len() as u64);
            }
        }
    }
}
