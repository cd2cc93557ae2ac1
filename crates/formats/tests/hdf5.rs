//! HDF5 files, honest and lying.

#[path = "models/support.rs"]
mod support;

use lineaprint_formats::model::hdf5::{looks_like, read};
use lineaprint_formats::model::listing::{Elements, Listing};
use support::{check, expected, file};

fn listing(name: &str) -> Listing {
    read(&file(&format!("hdf5/{name}"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn files_of_h5py_read_as_h5py_reads_them() {
    for (name, tensors) in &expected("hdf5") {
        let bytes = file(&format!("hdf5/{name}"));
        assert!(looks_like(&bytes), "{name}");
        let listing = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(listing.incomplete, None, "{name}");
        check(name, &bytes, &listing, tensors);
    }
}

#[test]
fn contiguous_datasets_stay_where_they_lie() {
    for name in ["plain-earliest.h5", "plain-latest.h5"] {
        let listing = listing(name);
        let find = |name: &str| {
            listing
                .tensors
                .iter()
                .find(|tensor| tensor.name == name)
                .expect("is listed")
        };
        assert!(matches!(
            find("little/float32").elements,
            Elements::InPlace { .. }
        ));
        assert!(matches!(find("big/float32").elements, Elements::Decoded(_)));
    }
}

#[test]
fn other_objects_are_listed() {
    for name in ["plain-earliest.h5", "plain-latest.h5"] {
        let listing = listing(name);
        let mut names: Vec<_> = listing.not_read.iter().map(|part| part.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["named type", "nothing", "structure", "text", "texts"]);
    }
}

#[test]
fn text_of_the_root_is_metadata() {
    for name in ["plain-earliest.h5", "plain-latest.h5"] {
        let metadata = listing(name).metadata;
        let pairs: Vec<_> = metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("fixed", "fixed text"),
                ("layer_names", r#"["layer 0","layer 1","layer 2"]"#),
                ("model_config", r#"{"class_name": "Sequential"}"#),
            ]
        );
    }
    for name in ["attributes-earliest.h5", "attributes-latest.h5"] {
        assert_eq!(listing(name).metadata.len(), 40);
    }
}

#[test]
fn two_names_of_one_dataset_are_shared() {
    for name in ["linked-earliest.h5", "linked-latest.h5"] {
        let listing = listing(name);
        assert_eq!(listing.shared, [["a/weights", "b/again", "a/soft", "softer"]]);
        assert_eq!(listing.not_read[0].name, "dangling");
    }
}

#[test]
fn a_group_within_itself_is_not_followed() {
    let listing = listing("cycle.h5");
    assert_eq!(listing.tensors.len(), 1);
    let names: Vec<_> = listing.not_read.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["a/b/back", "a/root"]);
}

#[test]
fn groups_of_many_members_are_read() {
    for name in ["many-earliest.h5", "many-latest.h5"] {
        let names: Vec<_> = listing(name)
            .tensors
            .into_iter()
            .map(|tensor| tensor.name)
            .collect();
        let expected: Vec<_> = (0..300)
            .map(|index| format!("many/{index:05}"))
            .chain(["one".to_owned()])
            .collect();
        assert_eq!(names, expected);
    }
}
