#!/usr/bin/env bash
# bench/gpu.sh: diffedit's networks beside those of diffusers, on an NVIDIA card that may be in a
# bare machine, without a network.
#
#     bench/gpu.sh pack        where diffedit can be built, with apt and PyPI at hand: writes
#                              build-gpu-bench/bundle.tar.xz, netbench and all that it and diffusers
#                              need beside the driver and torch
#     bench/gpu.sh [OPTION...] on the machine with the card, this tree and the bundle. It needs the
#                              driver, and a python3 with torch and numpy; ten minutes are enough.
#                              Options are those of bench/gpu/gpu_peers.py
#
# Results (results.md, results.json) and what was said go to $OUT, or else build-gpu-bench/results.
# It begins with what it finds there. What fails is said, and the rest goes on.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
PATH=$PATH:/usr/sbin:/sbin:/usr/local/nvidia/bin

folder=build-gpu-bench
bundle=$folder/bundle.tar.xz
# Vulkan's loader, and what NVIDIA's driver is linked to
debian=(libvulkan1 libglvnd0 libglx0 libegl1 libgl1 libopengl0 libgles2 libx11-6 libxext6 libxcb1
    libxau6 libxdmcp6 libbsd0 libmd0)
# The versions of bench/peers.py, and what they need that torch does not bring along
wheels=(diffusers==0.33.1 transformers==4.52.4 tokenizers==0.21.4 huggingface_hub==0.36.2
    safetensors==0.5.3 importlib_metadata==8.7.0 zipp==3.23.0 requests==2.32.5 urllib3==2.5.0
    idna==3.11 charset_normalizer==3.4.4 certifi==2025.10.5 tqdm==4.67.1 packaging==25.0)
limit=17000000

# ---- where there is a network ----

pack() {
    local work=$folder/bundle package
    set -e
    rm -rf "$work" $folder/debian
    mkdir -p "$work/lib" $folder/debian
    meson setup $folder/meson -Dpictures=false -Dprefer_static=true >/dev/null
    ninja -C $folder/meson --quiet netbench
    strip -o "$work/netbench" $folder/meson/netbench
    git describe --always --dirty >"$work/commit"
    (cd $folder/debian && apt-get -o APT::Sandbox::User=root -qq download "${debian[@]}")
    for package in "$folder"/debian/*.deb; do
        dpkg-deb -x "$package" $folder/debian/root
    done
    cp -a $folder/debian/root/usr/lib/*/lib*.so* "$work/lib"
    # for any Python from 3.9 on: what is compiled has its stable interface, the rest is Python
    python3 -m pip install --quiet --no-deps --no-compile --only-binary=:all: \
        --implementation cp --python-version 3.12 --abi abi3 --abi none \
        --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
        --target "$work/python" "${wheels[@]}"
    tar -C $folder -cJf $bundle bundle
    ls -l $bundle
    [ "$(stat -c %s $bundle)" -le $limit ] || {
        echo "gpu.sh: the bundle has more than $limit bytes" >&2
        return 1
    }
}

# ---- on the machine with the card ----

# What there is, before anything can fail.
look() {
    echo "== this machine"
    uname -srm
    echo "$(nproc) processors, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo)"
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit \
        --format=csv,noheader 2>&1 || echo "no nvidia-smi"
    find /dev -maxdepth 2 -path '/dev/nvidia*' -o -path '/dev/dri/*'
    echo "== Vulkan"
    ldconfig -p 2>/dev/null | grep -E 'lib(vulkan|GLX|EGL|GLX_nvidia|EGL_nvidia)\.so' ||
        echo "ldconfig knows neither a loader nor a driver"
    echo "manifests:" "${manifests[@]}"
    echo "drivers:" "${drivers[@]}"
    echo "== Python"
    python3 -c 'import sys, torch, numpy
print(sys.version.split()[0], "torch", torch.__version__, "numpy", numpy.__version__,
      "CUDA", torch.version.cuda, torch.cuda.is_available())'
    gcc --version 2>/dev/null | head -n 1 || echo "no gcc, which torch.compile needs"
    echo "bundle of commit $(cat $folder/bundle/commit)"
}

unpack() {
    mkdir -p $folder
    tar -C $folder -xJf $bundle || python3 -m tarfile -e $bundle $folder
}

find_drivers() {
    local places=(/usr/local/nvidia /usr/lib64 /usr/lib/x86_64-linux-gnu /usr/lib /opt/nvidia)
    mapfile -t manifests < <(find /etc /usr/share /usr/local \
        -path '*/icd.d/*nvidia*.json' 2>/dev/null)
    mapfile -t drivers < <(find "${places[@]}" -maxdepth 3 \
        '(' -name 'libGLX_nvidia.so.0' -o -name 'libEGL_nvidia.so.0' ')' 2>/dev/null | sort -ru)
}

# with VARIABLE=VALUE...: whether netbench finds a GPU so; then $work/netbench runs it so.
with() {
    local said
    echo "trying: $*"
    said=$(env "$@" "$PWD/$folder/bundle/netbench" --devices 2>&1)
    echo "$said"
    [[ $said = *'"device":"gpu:0"'* ]] || return 1
    printf '#!/bin/sh\nexec env%s %q "$@"\n' "$(printf ' %q' "$@")" \
        "$PWD/$folder/bundle/netbench" >"$work/netbench"
    chmod +x "$work/netbench"
}

# The machine's own loader and manifest, else the bundle's loader, else a manifest for the driver.
find_vulkan() {
    local library=$PWD/$folder/bundle/lib driver manifest
    library=LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$library
    with DIFFEDIT_DEVICE=cpu && return
    with "$library" && return
    for manifest in "${manifests[@]}"; do
        with "$library" "VK_DRIVER_FILES=$manifest" && return
    done
    for driver in "${drivers[@]}"; do
        manifest=$work/${driver##*/}.json
        printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", %s}}\n' \
            "$driver" '"api_version": "1.3.0"' >"$manifest"
        with "$library:${driver%/*}" "VK_DRIVER_FILES=$manifest" VK_LOADER_DEBUG=error,warn &&
            return
    done
    echo "no GPU is to be had by Vulkan: torch is measured alone"
    printf '#!/bin/sh\necho no GPU by Vulkan >&2\nexit 1\n' >"$work/netbench"
    chmod +x "$work/netbench"
}

measure() {
    local out=${OUT:-$folder/results} work manifests drivers
    mkdir -p "$out"
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # it is this folder, now
    trap "rm -rf $work" EXIT
    unpack
    find_drivers
    {
        look
        find_vulkan
    } 2>&1 | tee "$out/found.txt"
    PYTHONUNBUFFERED=1 PYTHONPATH=$PWD/$folder/bundle/python \
        python3 bench/gpu/gpu_peers.py "$work/netbench" "$out" --work "$work" "$@" 2>&1 |
        tee "$out/run.log"
    echo
    cat "$out/results.md"
}

if [ "${1-}" = pack ]; then
    pack
else
    measure "$@"
fi
