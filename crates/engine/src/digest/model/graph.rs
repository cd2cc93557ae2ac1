//! The `graph` digest of an ONNX file: the computation, without the values of the weights.

use super::cbor::Cbor;
use super::{Shard, sibling};
use crate::control::Control;
use crate::error::{Code, Error, Result};
use crate::io::input::FileInput;
use crate::io::source::Source;
use lineaprint_digest::{Algorithm, Algorithms, Digests, Hash, Hasher, description};
use lineaprint_formats::FormatError;
use lineaprint_formats::input::Input;
use lineaprint_formats::model::listing::{Elements, Tensor};
use lineaprint_formats::model::onnx::graph::describe;
use std::sync::Arc;

/// Compute the `graph` digests of an ONNX file.
///
/// `digest_of` computes the plain digest of the elements of a constant, which may lie in another file of the model.
pub fn graph(
    input: &dyn Input,
    algorithms: Algorithms,
    digest_of: &mut dyn FnMut(&Tensor, Algorithm) -> std::result::Result<Hash, FormatError>,
) -> std::result::Result<Digests, FormatError> {
    let mut digests = Digests::default();
    for algorithm in algorithms.iter() {
        let Cbor(items) = describe(input, &mut |tensor| digest_of(tensor, algorithm))?;
        digests.set(algorithm, description::graph(algorithm, &items));
    }
    Ok(digests)
}

/// Compute the `graph` digests of a shard that is an ONNX file, which is opened once more; or the reason why it has none.
pub fn of_shard(
    shard: &Shard,
    algorithms: Algorithms,
    control: &Control,
) -> Result<std::result::Result<Digests, String>> {
    let source = Arc::new(Source::open(&shard.path)?);
    if source.stamp() != shard.stamp {
        return Err(Error::new(Code::Changed, "it changed while it was read").at(&shard.path));
    }
    let input = FileInput::silent(source, control);
    let mut failure = None;
    let outcome = graph(&input, algorithms, &mut |tensor, algorithm| {
        constant(tensor, algorithm, shard, &input, control).map_err(|error| {
            let reason = FormatError::new(error.message.clone());
            failure.get_or_insert(error);
            reason
        })
    });
    if let Some(error) = input.failure().or(failure) {
        return Err(error);
    }
    input.verify_unchanged()?;
    Ok(outcome.map_err(|error| error.to_string()))
}

/// Compute the plain digest of a constant.
fn constant(
    tensor: &Tensor,
    algorithm: Algorithm,
    shard: &Shard,
    input: &FileInput,
    control: &Control,
) -> Result<Hash> {
    let mut hasher = Hasher::new(match algorithm {
        Algorithm::Blake3 => Algorithms::BLAKE3,
        Algorithm::Sha256 => Algorithms::SHA256,
    });
    match &tensor.elements {
        Elements::Held(bytes) => hasher.update(bytes),
        Elements::InPlace { start, end } => {
            input
                .source()
                .read_range(*start, *end, control, |block| hasher.update(block))?;
        }
        Elements::External { path, start, end } => {
            let other = sibling::open(&shard.path, path)?;
            let end = end.unwrap_or(other.size());
            if *start > end || end > other.size() {
                return Err(Error::new(Code::Format, "its elements are outside the file")
                    .of_tensor(&tensor.name)
                    .at(other.path()));
            }
            other.read_range(*start, end, control, |block| hasher.update(block))?;
            other.verify_unchanged()?;
        }
        Elements::Decoded(decode) => {
            let decoded = decode.decode(input, &mut |piece| {
                hasher.update(piece);
                Ok(())
            });
            decoded.map_err(|error| input.error(error))?;
        }
    }
    let missing = || Error::new(Code::Internal, "a hasher was asked for another hash");
    hasher.finish().get(algorithm).ok_or_else(missing)
}
