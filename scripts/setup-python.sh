#!/usr/bin/env bash
# Makes the virtual environment that the Python side of the tests runs in: .peers/python.
set -euo pipefail
exec bash "$(dirname "$0")/python-environment.sh" python 'import blake3, cbor2, joblib, numpy, safetensors.numpy' \
  blake3==1.0.11 \
  cbor2==6.3.0 \
  cloudpickle==3.1.3 \
  joblib==1.6.0 \
  numpy==2.4.6 \
  safetensors==0.8.0
