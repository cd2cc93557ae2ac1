//! Fuzz the reader of tar archives.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Tar);
