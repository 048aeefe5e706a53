#!/usr/bin/env bash
# tests/lavapipe.sh FOLDER: a newer lavapipe than Debian 12's and 13's, one that has cooperative
# matrices, with Vulkan's loader, validation layers and every library that they need, the C library
# among them: packages of Debian 13 and its backports, unpacked into FOLDER and not installed. They
# come by apt from the mirror that this machine uses, signatures checked; what is there already is
# left alone. Programs that are linked by FOLDER/link-arguments run on it, in the environment that
# FOLDER/environment sets. Exit status 77: it cannot be had.
set -euo pipefail

root=$(realpath -m "$1")
apt=$root.apt
drivers=usr/share/vulkan/icd.d layers=usr/share/vulkan/explicit_layer.d
packages=(mesa-vulkan-drivers/trixie-backports libvulkan1 vulkan-validationlayers)

# Apt with lists and a cache of its own, which knows of no installed package.
private_apt() {
    apt-get -qq -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Dir::State="$apt" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
        -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts="$apt/none" "$@"
}

fetch() {
    local mirror suite
    # shellcheck disable=SC2016 # apt's variable, not the shell's
    mirror=$(apt-get indextargets --format '$(LABEL) $(SITE)' 2>/dev/null |
        sed -n 's/^Debian //p' | head -n 1)
    rm -rf "$root" "$apt"
    mkdir -p "$root" "$apt"/{none,lists/partial,archives/partial}
    touch "$apt/status"
    for suite in trixie trixie-backports; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
            "${mirror:-http://deb.debian.org/debian} $suite main"
    done >"$apt/sources.list"
    private_apt --error-on=any update &&
        private_apt install -y --no-install-recommends --download-only "${packages[@]}" >/dev/null
}

unpack() {
    local package libraries loader manifest
    for package in "$apt"/archives/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    libraries=$(dirname "$(find "$root/usr/lib" -name libvulkan_lvp.so)")
    loader=$(find "$libraries" -name 'ld-linux-*')
    for manifest in "$root/$drivers"/lvp_icd*.json "$root/$layers"/*.json; do
        sed -i -E 's|("library_path": *").*/?(lib[^/"]*")|\1'"$libraries"'/\2|' "$manifest"
    done
    # rpath without new tags, because the driver's libraries are to be found by it too
    echo "-Wl,--dynamic-linker=$loader,-rpath,$libraries,--disable-new-dtags" \
        "-Wl,--allow-shlib-undefined" >"$root/link-arguments"
    cat >"$root/environment" <<TEXT
export VK_DRIVER_FILES=$(echo "$root/$drivers"/lvp_icd*.json) VK_LAYER_PATH=$root/$layers
export DIFFEDIT_VULKAN_SOFTWARE=1
TEXT
    rm -rf "$apt"
}

[ ! -f "$root/environment" ] || exit 0
fetch || {
    echo "Mesa's lavapipe of trixie-backports is not to be had from Debian's mirror" >&2
    exit 77
}
unpack
