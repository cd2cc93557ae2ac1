//! Fuzz the reader of GGUF files.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::Gguf));
