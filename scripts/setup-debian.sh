#!/usr/bin/env bash
# Installs what the tests need of Debian's packages: strace, with which they make system calls fail, PostgreSQL, of which
# they start a server of their own, Chromium, which shows them the page, and a font for texts in pictures. Without one, or where
# it may not be installed, its tests are skipped, and say so.
set -euo pipefail

# bring PACKAGE PROGRAM...: installs a package unless one of its programs, a name or a pattern of paths, is there.
bring() {
  local package=$1 program
  shift
  for program in "$@"; do
    if command -v "$program" > /dev/null || compgen -G "$program" > /dev/null; then
      echo "setup-debian: $package is there"
      return
    fi
  done
  if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "setup-debian: $package is not there and cannot be installed here; tests that need it are skipped" >&2
    return
  fi
  echo "setup-debian: installing $package"
  if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package"; } > "$log" 2>&1; then
    echo "setup-debian: $package is installed"
  else
    tail -n 5 "$log" >&2
    echo "setup-debian: $package could not be installed; tests that need it are skipped" >&2
  fi
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
bring strace strace
bring postgresql initdb '/usr/lib/postgresql/*/bin/initdb'
bring fonts-dejavu-core '/usr/share/fonts/*/*/*.ttf' '/usr/share/fonts/*/*.ttf'
bring chromium chromium chromium-browser google-chrome
