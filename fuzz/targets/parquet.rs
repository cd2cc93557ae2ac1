//! Fuzz the reader of Parquet files.
#![no_main]

use lineaprint_fuzz::{Parser, Table};

lineaprint_fuzz::target!(Parser::Table(Table::Parquet));
