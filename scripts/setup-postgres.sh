#!/usr/bin/env bash
# Installs PostgreSQL, of which the tests start a server of their own. Without it, or where it may not be installed, those tests
# are skipped, and say so.
set -euo pipefail

if command -v initdb > /dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" > /dev/null; then
  echo 'setup-postgres: PostgreSQL is there'
  exit 0
fi
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo 'setup-postgres: PostgreSQL is not there and cannot be installed here; tests that need it are skipped' >&2
  exit 0
fi
echo 'setup-postgres: installing PostgreSQL'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql; } > "$log" 2>&1; then
  echo 'setup-postgres: done'
else
  tail -n 5 "$log" >&2
  echo 'setup-postgres: PostgreSQL could not be installed; tests that need it are skipped' >&2
fi
