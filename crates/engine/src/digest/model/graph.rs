//! The `graph` digest of an ONNX file: the computation, without the values of the weights.

use lineaprint_digest::cbor::Encoder;
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash, description};
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::listing::Tensor;
use lineaprint_formats::model::onnx::graph::{Write, describe};

/// Deterministic CBOR.
#[derive(Default)]
struct Cbor(Encoder);

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

/// Compute the `graph` digests of an ONNX file.
///
/// `digest_of` computes the plain digest of the elements of a constant, which may lie in another file of the model.
pub fn graph(
    input: &dyn Input,
    algorithms: Algorithms,
    digest_of: &mut dyn FnMut(&Tensor, Algorithm) -> Result<Hash, FormatError>,
) -> Result<Digests, FormatError> {
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        let Cbor(items) = describe(input, &mut |tensor| digest_of(tensor, algorithm))?;
        digests.set(algorithm, description::graph(algorithm, &items));
    }
    Ok(digests)
}
