//! Fuzz the reader of the graphs of ONNX files.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Graph);
