//! Fuzz the reader of safetensors files.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::Safetensors));
