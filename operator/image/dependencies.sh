#!/bin/sh
# dependencies.sh PYTHON LOCK BASE ROOT: what the hash-locked file LOCK names, in ROOT/app. PYTHON brings pip.
set -eu
python=$1 lock=$2 base=$3 root=$4

machine=$(uname -m)
set -- --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	--python-version 3.11 --implementation cp
for glibc in 2_36 2_34 2_28 2_17; do set -- "$@" --platform "manylinux_${glibc}_$machine"; done
"$python" -m pip install "$@" --platform "manylinux2014_$machine" --target "$root/app" --requirement "$lock"
"$(dirname "$0")/finish.sh" "$base" "$root"
