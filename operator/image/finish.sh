#!/bin/sh
# finish.sh BASE ROOT: commands of ROOT/app name the image's Python; then bytecode.
set -eu
base=$1 root=$2

for command in "$root"/app/bin/*; do
	[ -f "$command" ] && sed -i '1s|^#!.*|#!/usr/bin/python|' "$command"
done
find "$root/app" -name __pycache__ -prune -exec rm -rf {} +
"$(dirname "$0")/compile.sh" "$base" "$root" /app
