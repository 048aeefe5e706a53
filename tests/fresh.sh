#!/usr/bin/env bash
# ./run fresh [bookworm|trixie]: the README's two commands on a bare Debian 12 or 13 that has git
# and certificates and nothing else, in build-fresh/SUITE. What is cloned is the last commit.
# Mirror, proxy and certificates are this machine's. Needs root: chroot, mounts.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=${1-bookworm}
root=$PWD/build-fresh/$suite
here=(bookworm trixie)

if [[ " ${here[*]} " != *" $suite "* ]] || [ $# -gt 1 ]; then
    echo "usage: ./run fresh [bookworm|trixie]" >&2
    exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "run: fresh needs root, for chroot(8)" >&2
    exit 1
fi
# in a mount namespace of its own, so that no mount outlives this script however it ends
if [ -z "${DIFFEDIT_FRESH-}" ]; then
    DIFFEDIT_FRESH=1 exec unshare --mount "$PWD/tests/fresh.sh" "$suite"
fi

# The mirror that this machine has Debian from.
mirror() {
    local found
    # shellcheck disable=SC2016 # apt's variable, not the shell's
    found=$(apt-get indextargets --format '$(LABEL) $(SITE)' 2>/dev/null |
        sed -n 's/^Debian //p' | head -n 1)
    echo "${found:-http://deb.debian.org/debian}"
}

install_debootstrap() {
    command -v debootstrap >/dev/null && return
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
}

# What lets the machine reach its mirror: names, apt's settings for http, certificates.
copy_settings() {
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries|ForceIPv)' \
        >"$root/etc/apt/apt.conf.d/99machine" || true
    if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
        cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
        chroot "$root" update-ca-certificates >/dev/null
    fi
}

make_root() {
    install_debootstrap
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    echo "== debootstrap $suite from $(mirror)"
    debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$root" "$(mirror)" \
        >"$root.log" || { tail "$root.log"; exit 1; }
    copy_settings
    git -c safe.directory='*' clone --quiet --no-hardlinks . "$root/root/diffedit"
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
}

# in_root COMMAND: as root's first login has it, proxies aside
in_root() {
    local variable kept=()
    for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [ -z "${!variable-}" ] || kept+=("$variable=${!variable}")
    done
    echo "== $suite: $1"
    chroot "$root" env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin "${kept[@]}" \
        bash -c "cd /root/diffedit && $1"
}

make_root
in_root "./run demo"
in_root "./run test"
