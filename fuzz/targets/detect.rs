//! Fuzz the reader of files of any format, which is found from their content.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Detected);
