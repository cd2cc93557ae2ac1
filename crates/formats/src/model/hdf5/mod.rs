//! HDF5: groups and datasets, as h5py and Keras write them (superblocks 0 to 3).
//!
//! Names: the path of a dataset without the first `/`, through every hard link; a soft link to a dataset is another name
//! of it. Several names of one dataset are listed as shared. Contiguous datasets stay where they lie; chunked ones, and
//! those of the other byte order, are decoded. Complex numbers and booleans are read as h5py writes them, bfloat16 as
//! Keras writes it (two opaque bytes and an attribute `dtype`). Text, structures, references and other enumerations are
//! listed and are no tensors. Elements that lie in other files (external storage, external links, virtual datasets) are
//! refused. Source of the rules: the HDF5 File Format Specification, version 3.0.
//!
//! A reader of our own: `hdf5-reader` 0.12 gives no byte ranges of datasets, decodes whole datasets, follows links
//! without saying so, and brings memory maps, ndarray and a second lz4.

mod attribute;
mod checksum;
mod chunks;
mod dataset;
mod decode;
mod fields;
mod file;
mod group;
mod header;
mod heap;
mod layout;
mod space;
mod tree;
mod types;
mod walk;

use crate::error::FormatError;
use crate::input::Input;
use crate::model::listing::Listing;

/// Return whether a file that begins with `first` is an HDF5 file; one that begins with bytes of a user needs as many.
pub fn recognise(first: &[u8]) -> bool {
    let mut location = 0;
    while let Some(rest) = first.get(location..) {
        if rest.starts_with(file::SIGNATURE) {
            return true;
        }
        location = if location == 0 { 512 } else { location * 2 };
    }
    false
}

/// Read an HDF5 file. Text that is an attribute of its root becomes metadata (Keras: `model_config`).
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    walk::read(input)
}
