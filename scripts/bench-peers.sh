#!/usr/bin/env bash
# Builds the programs that the benchmark runs beside lineaprint, into .peers/cargo, and checks for those that
# the system brings. Every version is pinned; a program that is there in its version is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

root=.peers/cargo
# b3sum's default features are its fastest on x86: the assembly of the BLAKE3 project, chosen at run time.
# ("pure" and "prefer_intrinsics" switch that off, "neon" is for ARM, where it is on by default.)
b3sum_version=1.8.7
paq_version=2.0.0

fail() {
  echo "bench-peers: $1" >&2
  exit 1
}

install_crate() {
  local name=$1 version=$2
  if [ "$("$root/bin/$name" --version 2>/dev/null || true)" = "$name $version" ]; then
    echo "bench-peers: $root/bin/$name is $version already"
    return
  fi
  command -v cargo >/dev/null || fail "there is no cargo: install Rust to build $name $version"
  echo "bench-peers: building $name $version into $root"
  cargo install --quiet --locked --force --root "$root" --version "=$version" "$name" ||
    fail "cargo could not install $name $version: see its message above"
  local built
  built=$("$root/bin/$name" --version)
  [ "$built" = "$name $version" ] || fail "$root/bin/$name says it is \"$built\", not \"$name $version\""
}

install_crate b3sum "$b3sum_version"
install_crate paq "$paq_version"

# What hashes Arrow in Rust, in a program of our own; neither crate has one.
hashers=.peers/arrow-hashers
hashers_source=benchmark/arrow-hashers
hashers_stamp=$(cat "$hashers_source/Cargo.lock" "$hashers_source/src/main.rs" | sha256sum)
if [ "$(cat "$hashers/lineaprint-stamp" 2>/dev/null || true)" = "$hashers_stamp" ]; then
  echo "bench-peers: $hashers is there already"
else
  command -v cargo >/dev/null || fail "there is no cargo: install Rust to build $hashers_source"
  echo "bench-peers: building $hashers_source into $hashers"
  cargo install --quiet --locked --force --root "$hashers" --path "$hashers_source" --target-dir target/arrow-hashers ||
    fail "cargo could not build $hashers_source: see its message above"
  printf '%s' "$hashers_stamp" > "$hashers/lineaprint-stamp"
fi

# What people digest tables with in Python, and DVC.
tables=.peers/table-peers
table_packages=(numpy==2.4.6 pandas==3.0.2 pyarrow==26.0.1 datasets==5.2.0 mlflow-skinny==3.17.2 dvc==3.67.1)
if [ "$(cat "$tables/lineaprint-stamp" 2>/dev/null || true)" = "${table_packages[*]}" ]; then
  echo "bench-peers: $tables is there already"
else
  echo "bench-peers: installing ${table_packages[*]} into $tables"
  rm -rf "$tables"
  python3 -m venv "$tables"
  "$tables/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${table_packages[@]}"
  "$tables/bin/python" -c 'import datasets, dvc, mlflow.data, pandas, pyarrow'
  printf '%s' "${table_packages[*]}" > "$tables/lineaprint-stamp"
fi

# model_signing's own list of dependencies lacks pyOpenSSL, which it imports.
signing=.peers/model-signing
signing_packages=(model-signing==1.1.1 pyOpenSSL==26.4.0)
if [ "$(cat "$signing/lineaprint-stamp" 2>/dev/null || true)" = "${signing_packages[*]}" ]; then
  echo "bench-peers: $signing is there already"
else
  echo "bench-peers: installing ${signing_packages[*]} into $signing"
  rm -rf "$signing"
  python3 -m venv "$signing"
  "$signing/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${signing_packages[@]}"
  "$signing/bin/python" -c 'import model_signing.hashing'
  printf '%s' "${signing_packages[*]}" > "$signing/lineaprint-stamp"
fi

# The libraries that load models, without PyTorch, which scripts/setup-frameworks.sh installs. With --no-deps: what they
# name is in the list, and a new release of somebody else changes nothing.
readers=.peers/model-readers
reader_packages=(safetensors==0.8.0 gguf==0.19.0 h5py==3.16.0 numpy==2.4.6 tqdm==4.70.1 PyYAML==6.0.4 requests==2.34.2
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 idna==3.20 urllib3==2.8.0 ztensor==2.1.1)
if [ "$(cat "$readers/lineaprint-stamp" 2>/dev/null || true)" = "${reader_packages[*]}" ]; then
  echo "bench-peers: $readers is there already"
else
  echo "bench-peers: installing ${reader_packages[*]} into $readers"
  rm -rf "$readers"
  python3 -m venv "$readers"
  "$readers/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps "${reader_packages[@]}"
  "$readers/bin/python" -c 'import gguf, h5py, safetensors.numpy, ztensor'
  printf '%s' "${reader_packages[*]}" > "$readers/lineaprint-stamp"
fi

# weightscope runs on the Python with PyTorch of scripts/setup-frameworks.sh, which has what else it imports.
scope=.peers/weightscope
scope_packages=(weightscope==0.4.3 zstandard==0.25.0)
if [ ! -x .peers/frameworks/bin/python ]; then
  echo "bench-peers: there is no .peers/frameworks (npm run test:frameworks): the benchmark will leave weightscope out" >&2
elif [ "$(cat "$scope/lineaprint-stamp" 2>/dev/null || true)" = "${scope_packages[*]}" ]; then
  echo "bench-peers: $scope is there already"
else
  echo "bench-peers: installing ${scope_packages[*]} into $scope"
  rm -rf "$scope"
  .peers/frameworks/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
    --target "$scope" "${scope_packages[@]}"
  PYTHONPATH=$scope .peers/frameworks/bin/python -c 'import weightscope.cli'
  printf '%s' "${scope_packages[*]}" > "$scope/lineaprint-stamp"
fi

sift=.peers/row-diff
sift_packages=(lake-sift==0.6.0 oxenai==0.65.1)
if [ "$(cat "$sift/lineaprint-stamp" 2>/dev/null || true)" = "${sift_packages[*]}" ]; then
  echo "bench-peers: $sift is there already"
else
  echo "bench-peers: installing ${sift_packages[*]} into $sift"
  rm -rf "$sift"
  python3 -m venv "$sift"
  "$sift/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${sift_packages[@]}"
  "$sift/bin/lake-sift" --help > /dev/null
  "$sift/bin/python" -c 'import oxen'
  printf '%s' "${sift_packages[*]}" > "$sift/lineaprint-stamp"
fi

# The driver by which MLflow (of scripts/setup-peers.sh) uses PostgreSQL.
driver=.peers/mlflow-postgres
driver_package=psycopg2-binary==2.9.13
if [ ! -x .peers/mlflow/bin/python ]; then
  echo "bench-peers: there is no .peers/mlflow (npm run setup:peers): the benchmark will leave MLflow's server out" >&2
elif [ "$(cat "$driver/lineaprint-stamp" 2>/dev/null || true)" = "$driver_package" ]; then
  echo "bench-peers: $driver is there already"
else
  echo "bench-peers: installing $driver_package into $driver"
  rm -rf "$driver"
  # MLflow's environment has no pip; it is made with that of .peers/python, and with the same interpreter.
  .peers/python/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --target "$driver" "$driver_package"
  PYTHONPATH=$driver .peers/mlflow/bin/python -c 'import psycopg2'
  printf '%s' "$driver_package" > "$driver/lineaprint-stamp"
fi

# Aim of May 2025, its last release, with the packages of that time.
aim=.peers/aim
aim_packages=$(cat scripts/peers/aim.txt)
if [ "$(cat "$aim/lineaprint-stamp" 2>/dev/null || true)" = "$aim_packages" ]; then
  echo "bench-peers: $aim is there already"
else
  echo "bench-peers: installing the packages of scripts/peers/aim.txt into $aim"
  rm -rf "$aim"
  python3 -m venv "$aim"
  # Its storage is compiled for the Pythons of its time.
  if "$aim/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
    --requirement scripts/peers/aim.txt && "$aim/bin/aim" version; then
    printf '%s' "$aim_packages" > "$aim/lineaprint-stamp"
  else
    echo "bench-peers: Aim is not to be had for $("$aim/bin/python" --version): the benchmark will leave it out" >&2
    rm -rf "$aim"
  fi
fi

folder_hash=folder-hash@4.1.4
if [ -f .peers/npm/node_modules/folder-hash/package.json ]; then
  echo "bench-peers: $folder_hash is there already"
else
  echo "bench-peers: installing $folder_hash into .peers/npm"
  mkdir -p .peers/npm
  npm install --silent --no-audit --no-fund --prefix .peers/npm "$folder_hash"
fi

missing=0
for program in sha256sum openssl find xargs; do
  if path=$(command -v "$program"); then
    # `find` and `xargs` print many lines; the first says the version.
    version=$("$program" --version 2>/dev/null | head -n 1 || true)
    [ "$program" != openssl ] || version=$(openssl version)
    echo "bench-peers: $path: $version"
  else
    echo "bench-peers: there is no $program: the benchmark will leave out what needs it" >&2
    missing=1
  fi
done
exit "$missing"
