//! Fuzz the reader of zip archives and the data of their members.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Zip);
