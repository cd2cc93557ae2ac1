#!/usr/bin/env bash
# Makes the virtual environment in which the Python bridge is tested with PyTorch: .peers/torch.
#
# It takes about 6 GB of disk, because the wheels for Linux bring CUDA along; `npm test` does not call it, and skips
# those tests visibly where it is missing.
set -euo pipefail
# Not a second time in the cache of pip.
export PIP_NO_CACHE_DIR=1
exec bash "$(dirname "$0")/python-environment.sh" torch 'import torch, safetensors.torch' \
  numpy==2.4.6 \
  safetensors==0.8.0 \
  torch==2.15.0
