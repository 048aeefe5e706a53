#!/usr/bin/env bash
# tests/packages.sh FOLDER: builds the Debian packages of the last commit there, as Debian does:
# from the tarball that `meson dist` makes, which has what is in git and nothing else.
# dpkg-buildpackage heeds DEB_BUILD_OPTIONS; "nocheck" leaves the tests out.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(realpath -m "$1")
# a clone may belong to another user than this one
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
rm -rf "$folder"
mkdir -p "$folder"
meson setup "$folder/dist" -Dtests=false
meson dist -C "$folder/dist" --no-tests --allow-dirty --formats gztar
tar -C "$folder" -xf "$folder"/dist/meson-dist/*.tar.gz
cd "$folder"/diffedit-*
# weights and arrays hardly shrink, however long it is tried
DPKG_DEB_COMPRESSOR_LEVEL=1 dpkg-buildpackage -us -uc --source-option=-Zgzip
