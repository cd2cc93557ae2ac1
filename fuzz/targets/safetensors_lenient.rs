//! Fuzz the reader of safetensors files, read as the reference crate reads them.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Lenient);
