#!/usr/bin/env bash
# Writes the model files of vectors/models again, each with the reference writer of its format.
#
#   scripts/fixtures.sh                     all of them
#   scripts/fixtures.sh gguf onnx           those that vectors/write_gguf.py and write_onnx.py write
#   scripts/fixtures.sh gguf -- --into F    into another folder
#   scripts/fixtures.sh datasets            the folders of vectors/datasets
#   scripts/fixtures.sh mds                 the folders of vectors/mds
#
# The packages are those of scripts/peers/fixtures.txt, in the environment .peers/fixtures (8 GB, of which PyTorch is
# most). Keras and HDF5 write times and addresses of memory, so that their files differ each time; the digests in
# expected.json do not.
set -euo pipefail
cd "$(dirname "$0")/.."

names=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ -f "vectors/write_$1.py" ] || {
    echo "fixtures: there is no vectors/write_$1.py" >&2
    exit 2
  }
  names+=("$1")
  shift
done
[ "${1-}" = -- ] && shift
if [ ${#names[@]} -eq 0 ]; then
  names=(flax gguf graphs hdf5 keras onnx pytorch table tfjs tflite)
fi

# The writer of datasets has packages of its own, and is only called by name.
if [ "${names[*]}" = datasets ]; then
  bash scripts/python-environment.sh datasets 'import datasets' datasets==5.2.0 pyarrow==26.0.1
  exec .peers/datasets/bin/python -B vectors/write_datasets.py "$@"
fi

# So has the writer of shards. The package itself depends on PyTorch and the clients of all clouds, and needs neither to
# write; what it was written with is enough.
if [ "${names[*]}" = mds ]; then
  bash scripts/python-environment.sh mds 'import blake3, brotli, cbor2, numpy, PIL, snappy, tqdm, xxhash, zstd' --no-deps \
    mosaicml-streaming==0.13.0 numpy==2.1.3 pillow==13.0.0 brotli==1.2.1 python-snappy==0.7.3 cramjam==2.14.0 \
    zstd==1.5.7.2 xxhash==4.1.0 tqdm==4.70.1 typing_extensions==4.16.0 blake3==1.0.11 cbor2==6.3.0
  exec .peers/mds/bin/python -B vectors/write_mds.py "$@"
fi

mapfile -t pins < <(grep -v '^#' scripts/peers/fixtures.txt)
bash scripts/python-environment.sh fixtures 'import ai_edge_litert, flax, gguf, h5py, jax, keras, onnx, torch' \
  --no-deps "${pins[@]}"
export JAX_PLATFORMS=cpu KERAS_BACKEND=jax
for name in "${names[@]}"; do
  echo "fixtures: vectors/write_$name.py"
  .peers/fixtures/bin/python -B "vectors/write_$name.py" "$@"
done
