#!/usr/bin/env bash
# Brings the programs that the tests hand our outputs to, or that write what they read: .peers/mlflow (a server),
# .peers/wandb (wandb sync), .peers/validators (of in-toto and CycloneDX, and blake3), .peers/tables (pyarrow and Polars), .peers/uv,
# .peers/managers (pnpm, Yarn, Bun) and .peers/javascript (TensorFlow.js, ONNX Runtime, apache-arrow, arquero), .peers/polars (nodejs-polars); and
# those that the Python package meets: .peers/typing (hatchling, mypy, pyright) and .peers/notebook (a kernel of Jupyter). About
# 1470 MB; a second run does nothing. "setup-peers.sh danfo" also makes .peers/danfo (danfojs, 377 MB), for one test that is
# skipped without it.
#
# Every package is pinned, those that others need as well, so that a release of somebody else changes nothing here.
# A peer that cannot be had is named and left out: its tests are then skipped, and say so. conda and micromamba are
# in none of PyPI, npm and Debian (what has their names there downloads them from elsewhere), so that they are used
# where the machine has them and are not set up here.
set -uo pipefail
cd "$(dirname "$0")/.."

uv_version=0.13.9
# The last version that brings a reader of its files in Python; the tests read ours with it.
reader_version=0.29.0

python=.peers/python/bin/python
if [ ! -x "$python" ] && ! bash scripts/setup-python.sh; then
  echo 'setup-peers: without Python there are no peers; the tests that need one will be skipped' >&2
  exit 0
fi
interpreter=$("$python" -c 'import sys; print(sys.version)' | tr '\n' ' ')
quiet=(--quiet --disable-pip-version-check --no-input --retries 2 --timeout 60)

# Installs packages into an environment, with nothing that they do not name. uv takes a quarter of the time; pip is
# there for where uv cannot reach the index, because only pip reads the settings that people make for pip.
install() {
  local target=$1
  shift
  if [ -x .peers/uv/bin/uv ] &&
    .peers/uv/bin/uv pip install --quiet --no-config --system-certs --no-deps --python "$target/bin/python" "$@" 2>/dev/null; then
    return
  fi
  "$python" -m pip --python "$target/bin/python" install "${quiet[@]}" --no-deps "$@"
}

# peer NAME WANTED CHECK INSTALL…: makes .peers/NAME with the command INSTALL unless it is there as WANTED.
peer() {
  local name=$1 wanted=$2 check=$3
  shift 3
  local target=.peers/$name stamp=.peers/$name/lineaprint-stamp
  wanted=$(printf '%s\n' "$interpreter" "$wanted")
  if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
    echo "setup-peers: $target is up to date"
    return
  fi
  echo "setup-peers: making $target"
  rm -rf "$target"
  if "$python" -m venv --without-pip "$target" && "$@" "$target" && "$target/bin/python" -c "$check"; then
    # Last of all: only an environment that is complete has a stamp.
    printf '%s\n' "$wanted" > "$stamp"
  else
    echo "setup-peers: $target could not be made; the tests that need it will be skipped" >&2
    rm -rf "$target"
  fi
}

install_uv() { install "$1" "uv==$uv_version"; }

install_validators() { install "$1" --requirement scripts/peers/validators.txt; }

install_notebook() { install "$1" --requirement scripts/peers/notebook.txt; }

install_typing() { install "$1" --requirement scripts/peers/typing.txt; }

install_mlflow() { install "$1" --requirement scripts/peers/mlflow.txt; }

# The reference writers of Parquet, Arrow and CSV.
tables='pyarrow==26.0.1 polars==2.1.0 polars-runtime-32==2.1.0'
install_tables() {
  # shellcheck disable=SC2086
  install "$1" $tables
}

install_wandb() {
  local folder status=0
  install "$1" --requirement scripts/peers/wandb.txt || return 1
  folder=$(mktemp -d)
  "$python" -m pip download "${quiet[@]}" --no-deps --dest "$folder" "wandb==$reader_version" &&
    "$python" - "$folder" "$1/datastore.py" <<'PYTHON' || status=1
import glob, sys, zipfile
[wheel] = glob.glob(sys.argv[1] + "/*.whl")
with zipfile.ZipFile(wheel) as archive, open(sys.argv[2], "wb") as file:
    file.write(archive.read("wandb/sdk/internal/datastore.py"))
PYTHON
  rm -rf "$folder"
  return $status
}

peer uv "$uv_version" 'import uv; uv.find_uv_bin()' install_uv
peer validators "$(cat scripts/peers/validators.txt)" 'import blake3, cyclonedx.validation.json, in_toto_attestation.v1.statement' install_validators
peer tables "$tables" 'import pyarrow.parquet, polars' install_tables
peer typing "$(cat scripts/peers/typing.txt)" 'import hatchling, mypy, pyright' install_typing
peer notebook "$(cat scripts/peers/notebook.txt)" 'import ipykernel, jupyter_client' install_notebook
peer wandb "$reader_version $(cat scripts/peers/wandb.txt)" 'import wandb.proto.wandb_internal_pb2' install_wandb
peer mlflow "$(cat scripts/peers/mlflow.txt)" 'import mlflow.tracking, mlflow.server, alembic, flask, pandas' install_mlflow
# Package managers of JavaScript, by which "reproduce --rebuild" is tested.
pinned() { node -p "'$1@' + require('./scripts/peers/runtimes/package.json').dependencies['$1']"; }
# Yarn of version 1: the runtimes have a later one.
managers="$(pinned pnpm) yarn@1.22.22 $(pinned bun)"

# Makes a folder with packages of npm; the last argument is the command that installs them there.
from_npm() {
  local name=$1 wanted=$2 install=$3
  if [ "$(cat ".peers/$name/lineaprint-stamp" 2>/dev/null || true)" = "$wanted" ]; then
    echo "setup-peers: .peers/$name is up to date"
    return
  fi
  echo "setup-peers: making .peers/$name"
  rm -rf ".peers/$name" && mkdir -p ".peers/$name"
  if "$install"; then
    printf '%s\n' "$wanted" > ".peers/$name/lineaprint-stamp"
  else
    echo "setup-peers: .peers/$name could not be made; the tests that need it will be skipped" >&2
    rm -rf ".peers/$name"
  fi
}
install_managers() {
  echo '{"private":true}' > .peers/managers/package.json &&
    # shellcheck disable=SC2086
    npm install --prefix .peers/managers --silent --no-audit --no-fund --save-exact $managers
}
install_javascript() {
  cp scripts/peers/javascript/package.json scripts/peers/javascript/package-lock.json .peers/javascript &&
    # Its script would fetch what a GPU needs. The package has the library for every system; 240 MB of it are for others.
    (cd .peers/javascript && npm ci --silent --no-audit --no-fund --ignore-scripts &&
      node -e "
        const { readdirSync, rmSync } = require('node:fs')
        const folder = 'node_modules/onnxruntime-node/bin/napi-v6'
        for (const platform of readdirSync(folder))
          for (const arch of readdirSync(folder + '/' + platform))
            if (platform !== process.platform || arch !== process.arch)
              rmSync(folder + '/' + platform + '/' + arch, { recursive: true })")
}
from_npm managers "$managers" install_managers
# No lock file: it would need a package of nodejs-polars for every system, and each version has some of them alone.
install_polars() {
  echo '{"private":true}' > .peers/polars/package.json &&
    npm install --prefix .peers/polars --silent --no-audit --no-fund --ignore-scripts --save-exact nodejs-polars@0.26.1
}
install_danfo() {
  # It names a package at an address that is no registry; the registry has an older version of it.
  echo '{"private":true,"dependencies":{"danfojs":"1.2.0"},"overrides":{"xlsx":"0.18.5"}}' > .peers/danfo/package.json &&
    npm install --prefix .peers/danfo --silent --no-audit --no-fund --ignore-scripts
}
# Models, tensors and tables in memory, as their libraries hold them.
from_npm polars 'nodejs-polars 0.26.1' install_polars
if [ "${1:-}" = danfo ]; then from_npm danfo 'danfojs 1.2.0' install_danfo; fi
from_npm javascript "$(cat scripts/peers/javascript/package-lock.json)" install_javascript
exit 0
