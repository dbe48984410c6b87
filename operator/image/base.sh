#!/bin/sh
# base.sh PACKAGES ROOT: Python alone, without a shell, from Debian's packages in the folder PACKAGES.
set -eu
packages=$1 root=$2

mkdir -p "$root"
for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$root"; done
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/lintian "$root"/usr/share/locale
rm -rf "$root"/usr/share/python3 "$root"/usr/share/binfmts "$root"/usr/share/apport "$root"/usr/share/applications
# Character sets of the C library, and parts of Python that only its developers use.
rm -rf "$root"/usr/lib/*/gconv "$root"/usr/lib/python3.11/test "$root"/usr/lib/python3.11/pydoc_data \
	"$root"/usr/lib/python3.11/lib2to3 "$root"/usr/lib/python3.11/ensurepip
ln -s python3.11 "$root/usr/bin/python"
ln -s python3.11 "$root/usr/bin/python3"
mkdir -p "$root/etc"
echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
"$(dirname "$0")/compile.sh" "$root" "$root" /usr/lib/python3.11
