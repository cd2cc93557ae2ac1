//! Fuzz the reader of HDF5 files.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::Hdf5));
