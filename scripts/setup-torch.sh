#!/usr/bin/env bash
# Makes the virtual environment in which the Python bridge is tested with PyTorch: .peers/torch.
#
# It takes about 6 GB of disk, because the wheels for Linux bring CUDA along; `npm test` does not call it, and skips
# those tests visibly where it is missing. A stamp, written last, makes a second run do nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  numpy==2.4.6
  safetensors==0.8.0
  torch==2.15.0
)
target=.peers/torch
stamp="$target/lineaprint-stamp"

fail() {
  echo "setup-torch: $1" >&2
  exit 1
}

python=$(command -v python3 || true)
[ -n "$python" ] || fail "there is no python3: install Python 3.11 or newer"
wanted=$(printf '%s\n' "$("$python" -c 'import sys; print(sys.version, sys.executable)' | tr '\n' ' ')" "${packages[@]}")

if [ -x "$target/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
  echo "setup-torch: $target is up to date"
  exit 0
fi

echo "setup-torch: making $target: ${packages[*]}"
rm -rf "$target"
mkdir -p .peers
"$python" -m venv "$target" || fail "python3 -m venv failed: install pip and venv for $python"
"$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-cache-dir "${packages[@]}" ||
  fail "pip could not install ${packages[*]}: see its message above"
"$target/bin/python" -c 'import torch, safetensors.torch' ||
  fail "the packages were installed but do not load: remove $target and run this again"
printf '%s\n' "$wanted" > "$stamp"
echo "setup-torch: done"
