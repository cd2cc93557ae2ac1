#!/usr/bin/env bash
# Makes the virtual environment of `npm run test:frameworks`: PyTorch, transformers, Lightning and others. It takes
# 7.4 GB, so it lies in the cache folder of the user, where every checkout finds it: .peers/frameworks leads to it.
#
#   setup-frameworks.sh            the versions of scripts/peers/frameworks.txt
#   setup-frameworks.sh --newest   the newest versions, in an environment of the day
#
# The name of the folder holds a digest of what it was made from. A stamp is written last, so that an environment is
# complete or is made again.
set -euo pipefail
cd "$(dirname "$0")/.."
# Not a second time in the cache of pip.
export PIP_NO_CACHE_DIR=1

packages=(torch transformers accelerate trl lightning hydra-core omegaconf lightgbm scikit-learn 'jax[cpu]' joblib
  nbclient nbconvert papermill ipykernel tensorboard tensorboardX wandb mlflow-skinny xgboost-cpu keras safetensors uv)
check='import torch, transformers, trl, lightning, hydra, lightgbm, jax, joblib, nbclient, papermill, tensorboard, tensorboardX, wandb, mlflow, xgboost'
pins=scripts/peers/frameworks.txt

case "${1-}" in
'') wanted=$(cat "$pins") constraints=(--constraint "$pins") ;;
--newest) wanted="newest of $(date -u +%F)" constraints=() ;;
*)
  echo "setup-frameworks: unknown argument $1: expected none or --newest" >&2
  exit 2
  ;;
esac

fail() {
  echo "setup-frameworks: $1" >&2
  exit 1
}

python=$(command -v python3 || true)
[ -n "$python" ] || fail 'there is no python3: install Python 3.11 or newer'
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version 2>&1) is too old for the pinned packages: install Python 3.11 or newer"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail 'python3 has no venv or pip: install them (on Debian: apt-get install python3-venv python3-pip)'
name=$(
  printf '%s\n' "$("$python" -c 'import sys; print(sys.version, sys.executable)')" "${packages[@]}" "$wanted" |
    "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])'
)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lineaprint
target=$cache/frameworks-$name
stamp=$target/lineaprint-stamp
mkdir -p "$cache" .peers

# Two checkouts may want it at once: the second waits, and finds it made. The lock ends with this process.
exec 9> "$target.lock"
"$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'

if [ -x "$target/bin/python" ] && [ -f "$stamp" ]; then
  echo "setup-frameworks: $target is up to date"
else
  echo "setup-frameworks: making $target with $("$python" --version 2>&1); this takes minutes"
  rm -rf "$target"
  trap 'rm -rf "$target"' EXIT
  "$python" -m venv "$target" || fail "python3 -m venv failed: install pip and venv for $python"
  "$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --retries 5 --timeout 60 \
    "${constraints[@]}" "${packages[@]}" || fail 'pip could not install the packages: see its message above'
  "$target/bin/python" -c "$check" || fail 'the packages were installed but do not load'
  trap - EXIT
  # Last of all: only an environment that is complete has a stamp.
  printf '%s\n' "$wanted" > "$stamp"
  echo 'setup-frameworks: done'
fi
ln -sfn "$target" .peers/frameworks
