//! Fuzz the reader of TensorFlow Lite files.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::Tflite));
