//! Fuzz the reader of models of TensorFlow.js: each file as its length in four bytes and its bytes, `model.json` first.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::TensorFlowJs));
