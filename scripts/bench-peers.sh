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
