//! Files of Keras, honest and lying.

#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::archive::zip::Archive;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::keras::{read, recognise};
use lineaprint_formats::model::listing::{Elements, Listing};
use lineaprint_formats::model::{hdf5, keras};
use support::{check, expected, mutate};

fn file(name: &str) -> Bytes {
    support::bytes("keras", name)
}

fn read_any(input: &dyn Input) -> Result<Listing, FormatError> {
    if input.read(0, 2)?[..] == b"PK"[..] {
        keras::read(input)
    } else {
        hdf5::read(input)
    }
}

#[test]
fn files_of_keras_have_the_weights_that_h5py_reads() {
    for wanted in expected("keras") {
        assert!(!check("keras", read_any, &wanted).tensors.is_empty());
    }
}

#[test]
fn an_archive_its_copy_and_its_weights_file_have_the_same_weights() {
    let files = expected("keras");
    let weights = |name: &str| {
        let file = files.iter().find(|file| file["file"] == name);
        file.map(|file| file["weights"].clone()).expect("is there")
    };
    assert_eq!(weights("plain.keras"), weights("deflated.keras"));
    assert_eq!(weights("plain.keras"), weights("weights.weights.h5"));
    assert_ne!(weights("plain.keras"), weights("compiled.keras"));
}

#[test]
fn stored_weights_stay_where_they_lie() {
    let bytes = file("plain.keras");
    assert!(recognise(Archive::read(&bytes).expect("reads").names()));
    let listing = read(&bytes).expect("reads");
    let is_in_file = |tensor: &Elements| matches!(tensor, Elements::InPlace { .. });
    assert!(listing.tensors.iter().all(|tensor| is_in_file(&tensor.elements)));
    let deflated = read(&file("deflated.keras")).expect("reads");
    assert!(
        deflated
            .tensors
            .iter()
            .all(|tensor| matches!(tensor.elements, Elements::Held(_)))
    );
    assert_eq!(deflated.remarks.len(), 1);
}

#[test]
fn the_config_is_metadata() {
    let listing = read(&file("plain.keras")).expect("reads");
    let keys: Vec<_> = listing.metadata.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["config.json", "metadata.json"]);
    assert!(listing.metadata[0].1.contains("Sequential"));
    let legacy = hdf5::read(&file("legacy.h5")).expect("reads");
    let config = legacy.metadata.iter().find(|(key, _)| key == "model_config");
    assert!(config.expect("is there").1.contains("Sequential"));
}

#[test]
fn weights_that_are_pickles_are_refused() {
    let bytes = file("pickled.keras");
    assert!(recognise(Archive::read(&bytes).expect("reads").names()));
    let error = read(&bytes).expect_err("must be refused");
    assert!(error.unsupported && error.message.contains("pickles"), "{error}");
}

#[test]
fn weights_that_lie_elsewhere_are_refused() {
    let error = read(&file("external-storage.keras")).expect_err("must be refused");
    assert!(
        error.unsupported && error.message.contains("external storage"),
        "{error}"
    );
}

#[test]
fn a_zip_bomb_is_refused() {
    let error = read(&file("bomb.keras")).expect_err("must be refused");
    assert!(
        error.unsupported && error.message.contains("without compression"),
        "{error}"
    );
}

#[test]
fn every_prefix_and_every_changed_byte_gets_an_answer() {
    mutate(read, &file("plain.keras"), 97);
    mutate(read, &file("deflated.keras"), 13);
    mutate(hdf5::read, &file("legacy.h5"), 97);
}
