//! Fuzz the reader of shard indexes.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Shards);
