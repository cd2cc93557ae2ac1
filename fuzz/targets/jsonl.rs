//! Fuzz the reader of JSON lines.
#![no_main]

use lineaprint_fuzz::{Parser, Table};

lineaprint_fuzz::target!(Parser::Table(Table::Jsonl));
