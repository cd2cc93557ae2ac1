//! Fuzz the reader of archives of arrays of NumPy.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::Npz));
