#!/bin/sh
# application.sh PYTHON WHEEL BASE ROOT: the project's own wheel, in ROOT/app. PYTHON brings pip.
set -eu
python=$1 wheel=$2 base=$3 root=$4

"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$root/app" "$wheel"
"$(dirname "$0")/finish.sh" "$base" "$root"
