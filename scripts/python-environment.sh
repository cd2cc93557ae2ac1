#!/usr/bin/env bash
# python-environment.sh NAME CHECK PACKAGE…: makes the virtual environment .peers/NAME with exactly these packages by
# name; the Python statement CHECK must run in it.
#
# A stamp of the packages and of the interpreter lies in the environment; while both are unchanged a second run does
# nothing. The stamp is written last, so that a run that was interrupted leaves nothing that looks finished.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1 check=$2
shift 2
target=.peers/$name
stamp="$target/lineaprint-stamp"

fail() {
  echo "setup-$name: $1" >&2
  exit 1
}

python=$(command -v python3 || true)
[ -n "$python" ] || fail "there is no python3: install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version 2>&1) is too old for the pinned numpy: install Python 3.11 or newer"
wanted=$(printf '%s\n' "$("$python" -c 'import sys; print(sys.version, sys.executable)' | tr '\n' ' ')" "$@")

if [ -x "$target/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
  echo "setup-$name: $target is up to date"
  exit 0
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "python3 has no venv or pip: install them (on Debian: apt-get install python3-venv python3-pip)"

echo "setup-$name: making $target with $("$python" --version 2>&1): $*"
rm -rf "$target"
mkdir -p .peers
"$python" -m venv "$target" || fail "python3 -m venv failed: install pip and venv for $python"
"$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" ||
  fail "pip could not install $*: see its message above"
"$target/bin/python" -c "$check" ||
  fail "the packages were installed but do not load: remove $target and run this again"
# Last of all: only an environment that is complete has a stamp.
printf '%s\n' "$wanted" > "$stamp"
echo "setup-$name: done"
