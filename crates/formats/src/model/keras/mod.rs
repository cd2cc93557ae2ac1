//! Keras: a zip of `config.json`, `metadata.json` and the weights as HDF5 (`.keras`).
//!
//! Names: those of the HDF5 file inside (`layers/dense/vars/0`), the variables of the optimiser included. Keras stores its
//! members as they are, so that tensors stay where they lie; an archive that was packed again with deflate is unpacked in
//! memory, up to a limit. `config.json` and `metadata.json` become metadata under their own names. Nothing is ever made of
//! `config.json`, which can name code to run. A model whose weights are `.npz` holds pickles and is refused.
//!
//! `.h5` and `.weights.h5` of Keras are HDF5 files; see [`super::hdf5`]. Their `model_config` is metadata too.

use crate::archive::zip::{Archive, Member};
use crate::error::FormatError;
use crate::input::Input;
use crate::model::hdf5;
use crate::model::listing::{Checked, Listing, NotRead};
use crate::model::window::{Window, of_bytes, of_part};

const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &str = "model.weights.h5";
const PICKLED: &str = "model.weights.npz";

/// The longest member of JSON, in bytes.
const JSON_LIMIT: u64 = 16 << 20;

/// Weights that were deflated may take as much as the file and half of it again, and so many bytes for any file.
const UNPACKED: u64 = 16 << 20;

/// Members of other kinds that are listed.
const LISTED: usize = 1000;

/// Return whether an archive with members of these names is a model of Keras.
pub fn recognise<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut config, mut weights) = (false, false);
    for name in names {
        config |= name == CONFIG;
        weights |= name == WEIGHTS || name == PICKLED;
    }
    config && weights
}

/// Read a model of Keras.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let archive = Archive::read(input)?;
    let Some(weights) = archive.get(WEIGHTS) else {
        return Err(match archive.get(PICKLED) {
            Some(_) => FormatError::unsupported(format!(
                "its weights are {PICKLED}, which holds pickles and is not read: save the model with its weights as HDF5"
            )),
            None => FormatError::new(format!("it has no member {WEIGHTS}")),
        });
    };
    let mut listing = read_weights(input, weights)?;
    for name in [CONFIG, METADATA] {
        if let Some(member) = archive.get(name) {
            let bytes = member.bytes(input, JSON_LIMIT)?;
            let text = String::from_utf8(bytes.to_vec())
                .map_err(|_| FormatError::new(format!("its member {name} is not UTF-8")))?;
            listing.metadata.push((name.to_owned(), text));
        }
    }
    listing.metadata.sort();
    list_others(&archive, &mut listing);
    Ok(listing)
}

fn read_weights(input: &dyn Input, member: &Member) -> Result<Listing, FormatError> {
    let inside = |error: FormatError| FormatError {
        message: format!("its member {WEIGHTS}: {}", error.message),
        ..error
    };
    if let Some((start, end)) = member.span() {
        let length = end - start;
        let mut listing = hdf5::read(&Window { input, start, length }).map_err(inside)?;
        for tensor in &mut listing.tensors {
            let elements = tensor.elements.clone();
            tensor.elements = of_part(elements, start, length);
        }
        // Keras refuses weights whose checksum does not fit.
        listing.checked.extend(Checked::of(member, true));
        return Ok(listing);
    }
    let limit = input
        .length()
        .saturating_add(input.length() / 2)
        .saturating_add(UNPACKED);
    if member.length > limit {
        return Err(FormatError::unsupported(format!(
            "its member {WEIGHTS} is compressed and too large to be unpacked in memory: pack the archive again without compression, as Keras writes it"
        ))
        .with_expected(format!("at most {limit} bytes"), format!("{} bytes", member.length)));
    }
    let bytes = member.bytes(input, limit)?;
    let mut listing = hdf5::read(&bytes).map_err(inside)?;
    for tensor in &mut listing.tensors {
        let elements = tensor.elements.clone();
        tensor.elements = of_bytes(elements, &bytes)?;
    }
    listing.remarks.push(format!(
        "Its member {WEIGHTS} is compressed, which Keras does not do."
    ));
    Ok(listing)
}

fn list_others(archive: &Archive, listing: &mut Listing) {
    let known = [CONFIG, METADATA, WEIGHTS];
    let others = archive
        .members()
        .iter()
        .filter(|member| !known.contains(&member.name.as_str()));
    for member in others.take(LISTED) {
        listing.not_read.push(NotRead {
            name: member.name.clone(),
            reason: "It is a file beside the weights.".to_owned(),
        });
    }
}
