//! Fuzz the reader of CSV files.
#![no_main]

use lineaprint_fuzz::{Parser, Table};

lineaprint_fuzz::target!(Parser::Table(Table::Csv));
