//! Fuzz the reader of the canonical form of JSON.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Json);
