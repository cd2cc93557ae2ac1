#!/usr/bin/env bash
# Installs strace, with which the tests make system calls fail. Without it, or where it may not be installed, those tests
# are skipped, and say so.
set -euo pipefail

if command -v strace > /dev/null; then
  echo 'setup-strace: strace is there'
  exit 0
fi
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo 'setup-strace: strace is not there and cannot be installed here; tests that need it are skipped' >&2
  exit 0
fi
echo 'setup-strace: installing strace'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends strace; } > "$log" 2>&1; then
  echo 'setup-strace: done'
else
  tail -n 5 "$log" >&2
  echo 'setup-strace: strace could not be installed; tests that need it are skipped' >&2
fi
