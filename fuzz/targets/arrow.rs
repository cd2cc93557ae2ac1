//! Fuzz the reader of Arrow files and streams.
#![no_main]

use lineaprint_fuzz::{Parser, Table};

lineaprint_fuzz::target!(Parser::Table(Table::Arrow));
