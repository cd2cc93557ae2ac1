//! Fuzz the reader of pickles of PyTorch.
#![no_main]

use lineaprint_fuzz::Parser;

lineaprint_fuzz::target!(Parser::Pickle);
