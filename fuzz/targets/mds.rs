//! Fuzz the reader of the shards of MosaicML.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Mds);
