#!/bin/sh
# compile.sh ROOT FOLDER PATH: bytecode for FOLDER/PATH by the Python in ROOT, since nothing can be written at run time.
set -eu
root=$1 folder=$2 path=$3

loader=$(ls "$root"/lib*/*/ld-linux-*.so.* "$root"/lib*/ld-linux-*.so.* 2>/dev/null | head -n 1)
libraries=$(echo "$root"/lib/*-linux-gnu "$root"/usr/lib/*-linux-gnu | tr ' ' :)
# Files in an image have no times to compare with.
# Nor may what this run itself imports be compiled in the usual way, which compares times.
PYTHONDONTWRITEBYTECODE=1 PYTHONHOME="$root/usr" "$loader" --library-path "$libraries" "$root/usr/bin/python3.11" -m compileall -q -j 0 \
	--invalidation-mode unchecked-hash -s "$folder" -p / "$folder$path"
