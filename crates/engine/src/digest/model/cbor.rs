//! The CBOR of a graph: the reader of ONNX files says what to write, and knows no encoder. Its tests use this file too.

use lineaprint_digest::cbor::Encoder;
use lineaprint_formats::model::onnx::graph::Write;

/// Deterministic CBOR, as the description of a graph is written.
#[derive(Default)]
pub struct Cbor(pub Encoder);

impl Write for Cbor {
    fn array(&mut self, length: usize) {
        self.0.array(length);
    }

    fn integer(&mut self, value: i64) {
        self.0.integer(value);
    }

    fn text(&mut self, value: &str) {
        self.0.text(value);
    }

    fn bytes(&mut self, value: &[u8]) {
        self.0.bytes(value);
    }

    fn null(&mut self) {
        self.0.null();
    }

    fn append(&mut self, other: Self) {
        self.0.append(&other.0);
    }
}
