//! Fuzz the reader of tables of SQLite databases.
#![no_main]

use lineaprint_fuzz::{Parser, Table};

lineaprint_fuzz::target!(Parser::Table(Table::Sqlite));
