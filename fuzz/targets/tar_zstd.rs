//! Fuzz the reader of tar archives in zstd.
#![no_main]

use lineaprint_fuzz::{Compression, Parser};

lineaprint_fuzz::target!(Parser::PackedTar(Compression::Zstd));
