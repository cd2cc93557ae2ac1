//! Attacks that concern several formats, each by its name. `docs/security.md` lists all of them, with those that one format
//! alone has in the test file of that format.

#[path = "model_files/support.rs"]
mod files;
#[path = "pickle/support.rs"]
mod pickle;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::format::{self, Detected, Format};
use lineaprint_formats::model::listing::Listing;
use pickle::zip::{self, End, Member};

fn read(bytes: &Bytes) -> Result<Listing, FormatError> {
    let Detected::Read(format) = format::detect(bytes)? else {
        return Err(FormatError::unsupported("of no format that is read"));
    };
    format::read(format, bytes, false, &mut |_| {
        Err(FormatError::new("there is no other file"))
    })
}

#[track_caller]
fn assert_refused(bytes: &Bytes, part: &str) {
    let error = read(bytes).expect_err("must be refused");
    assert!(error.to_string().contains(part), "{error}");
}

fn safetensors(header: &str, data: &[u8]) -> Bytes {
    let length = (header.len() as u64).to_le_bytes();
    Bytes::from([&length[..], header.as_bytes(), data].concat())
}

/// An array of four floats.
fn npy(shape: &str, data: &[u8]) -> Bytes {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(text.len()).expect("short").to_le_bytes();
    Bytes::from([b"\x93NUMPY\x01\0", &length[..], text.as_bytes(), data].concat())
}

/// The members of a sound archive of each format that is a zip. The first is the largest.
fn archives() -> [(Format, Vec<Member>); 3] {
    let view = pickle::view(4, 0, &[4], &[1]);
    let checkpoint = vec![
        zip::stored("a/data.pkl", &pickle::dictionary(&view)),
        zip::stored("a/data/0", &[1; 16]),
    ];
    let arrays = vec![
        zip::stored("b.npy", &npy("(4,)", &[1; 16])),
        zip::stored("a.npy", &npy("(4,)", &[2; 16])),
    ];
    let keras = vec![
        zip::stored("model.weights.h5", &files::bytes("table", "contiguous.h5")),
        zip::stored("config.json", b"{}"),
    ];
    [
        (Format::PyTorch, checkpoint),
        (Format::Npz, arrays),
        (Format::Keras, keras),
    ]
}

/// Check that every archive is read as it is, and refused with a change.
#[track_caller]
fn assert_archives_refused(part: &str, change: impl Fn(&mut Vec<Member>) -> Vec<u8>) {
    for (format, mut members) in archives() {
        let sound = Bytes::from(zip::write(&members));
        assert_eq!(format::detect(&sound), Ok(Detected::Read(format)));
        assert!(!read(&sound).expect("is sound").tensors.is_empty(), "{format:?}");
        let changed = Bytes::from(change(&mut members));
        let error = read(&changed).expect_err("must be refused");
        assert!(error.to_string().contains(part), "{format:?}: {error}");
    }
}

#[test]
fn overlaps_in_safetensors_are_refused() {
    let header = r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#;
    assert_refused(&safetensors(header, &[0; 3]), "overlaps");
}

#[test]
fn holes_in_safetensors_are_refused() {
    let header = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
    assert_refused(&safetensors(header, &[0; 2]), "gap");
}

#[test]
fn overflow_in_safetensors_is_refused() {
    for shape in ["4294967296,4294967296", "2305843009213693952,8"] {
        let header = format!(r#"{{"a":{{"dtype":"F64","shape":[{shape}],"data_offsets":[0,0]}}}}"#);
        let error = read(&safetensors(&header, &[])).expect_err("must be refused");
        assert_eq!(error.tensor.as_deref(), Some("a"), "{error}");
    }
}

#[test]
fn overflow_in_arrays_of_numpy_is_refused() {
    for shape in [
        "(4294967296, 4294967296)",
        "(2305843009213693952, 8)",
        "(4611686018427387904,)",
    ] {
        assert_refused(&npy(shape, &[]), "overflows");
        let archive = zip::write(&[zip::deflated("a.npy", &npy(shape, &[]))]);
        assert_refused(&Bytes::from(archive), "overflows");
    }
}

#[test]
fn zip_bombs_of_numpy_are_refused() {
    // A megabyte of zeros that states a gigabyte, one that states less than it inflates to, and one behind its array.
    let mut array = npy("(268435456,)", &[]).to_vec();
    array.resize(array.len() + (1 << 20), 0);
    assert_refused(&Bytes::from(zip::write(&[zip::deflated("a.npy", &array)])), "fit");
    for length in [127, (1 << 20) + 12, u32::MAX - 1] {
        let mut member = zip::deflated("a.npy", &npy("(4,)", &vec![0; 1 << 20]));
        (member.length, member.local_length) = (length, length);
        assert!(read(&Bytes::from(zip::write(&[member]))).is_err(), "{length}");
    }
}

#[test]
fn overlapping_members_are_refused_in_every_archive() {
    assert_archives_refused("overlaps", |members| {
        members[1].offset = Some(0);
        zip::write(members)
    });
}

#[test]
fn holes_are_refused_in_every_archive() {
    assert_archives_refused("belong to no member", |members| {
        members[1].before = vec![0; 8];
        zip::write(members)
    });
    assert_archives_refused("belong to neither", |members| {
        zip::write_with(
            members,
            End {
                gap: &[0; 8],
                ..End::default()
            },
        )
    });
}

#[test]
fn duplicate_members_are_refused_in_every_archive() {
    assert_archives_refused("two members named", |members| {
        members.push(members[0].clone());
        zip::write(members)
    });
}

#[test]
fn differing_headers_are_refused_in_every_archive() {
    assert_archives_refused("another name in its local header", |members| {
        members[0].local_name[0] ^= 1;
        zip::write(members)
    });
    assert_archives_refused("another CRC-32 in its local header", |members| {
        members[0].local_crc ^= 1;
        zip::write(members)
    });
    assert_archives_refused("another length in its local header", |members| {
        members[0].local_length += 1;
        zip::write(members)
    });
    assert_archives_refused("another method in its local header", |members| {
        members[0].local_method = 8;
        zip::write(members)
    });
}

#[test]
fn names_that_escape_are_refused_in_every_archive() {
    for name in ["../a", "/a", "a/../../b", "C:a", "a\\..\\b"] {
        assert_archives_refused("is no path below the root", |members| {
            members.push(zip::stored(name, b"x"));
            zip::write(members)
        });
    }
}

#[test]
fn polyglots_are_refused_in_every_archive() {
    let other = zip::write(&[zip::stored("z", b"z")]);
    // A second archive behind the first, whose end record two readers would find in different places.
    assert_archives_refused("", |members| [zip::write(members), other.clone()].concat());
    // And one in a comment.
    assert_archives_refused("", |members| {
        zip::write_with(
            members,
            End {
                comment: &other,
                ..End::default()
            },
        )
    });
}

#[test]
fn archives_behind_a_model_are_refused_or_no_part_of_it() {
    let archive = zip::write(&archives()[0].1);
    // Formats that state where they end, or that end where their last value does.
    for file in [
        files::bytes("table", "weights.safetensors"),
        files::bytes("table", "weights.gguf"),
        files::bytes("table", "weights.msgpack"),
        files::bytes("table", "raw.onnx"),
        files::bytes("pytorch", "tied.legacy.pt"),
        files::bytes("pytorch", "old.tar.pt"),
        npy("(4,)", &[1; 16]),
    ] {
        assert!(read(&file).is_ok());
        assert!(
            read(&Bytes::from([&file[..], &archive].concat())).is_err(),
            "{:?}",
            &file[..16]
        );
    }
    // HDF5 and FlatBuffers are read by offsets; what is behind the data is in no tensor.
    for file in [
        files::bytes("table", "contiguous.h5"),
        files::bytes("tflite", "names.tflite"),
    ] {
        let names = |listing: Listing| {
            listing
                .tensors
                .into_iter()
                .map(|tensor| tensor.name)
                .collect::<Vec<_>>()
        };
        let sound = names(read(&file).expect("is sound"));
        let longer = read(&Bytes::from([&file[..], &archive].concat())).map(names);
        assert!(longer.is_err() || longer == Ok(sound));
    }
}
