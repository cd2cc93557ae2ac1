//! Fuzz the reader of archives of Keras.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::Keras));
