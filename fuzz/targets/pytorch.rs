//! Fuzz the reader of checkpoints of PyTorch, in every container.
#![no_main]

use lineaprint_fuzz::{Format, Parser};

lineaprint_fuzz::target!(Parser::Model(Format::PyTorch));
