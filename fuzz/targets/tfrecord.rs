//! Fuzz the reader of the records of TensorFlow.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::TfRecord);
