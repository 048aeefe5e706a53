#!/usr/bin/env bash
# ./run fresh [bookworm|trixie] [--packages]: the README's two commands on a bare Debian 12 or 13
# that has git and certificates and nothing else, in build-fresh/SUITE. What is cloned is the last
# commit. With --packages: the Debian packages are built there, and installed, used and purged in
# another bare system. Mirror, proxy and certificates are this machine's. Needs root: chroot,
# mounts.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm what=commands
for word in "$@"; do
    case $word in
    bookworm | trixie) suite=$word ;;
    --packages) what=packages ;;
    *)
        echo "usage: ./run fresh [bookworm|trixie] [--packages]" >&2
        exit 2
        ;;
    esac
done
if [ "$(id -u)" -ne 0 ]; then
    echo "run: fresh needs root, for chroot(8)" >&2
    exit 1
fi
# in a mount namespace of its own, so that no mount outlives this script however it ends
if [ -z "${DIFFEDIT_FRESH-}" ]; then
    DIFFEDIT_FRESH=1 exec unshare --mount "$PWD/tests/fresh.sh" "$@"
fi
root=$PWD/build-fresh/$suite bare=$PWD/build-fresh/$suite-bare

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
}

mount_in() {
    mount --rbind /dev "$1/dev"
    mount -t proc proc "$1/proc"
}

# in_root ROOT COMMAND: as root's first login has it, proxies aside
in_root() {
    local variable kept=()
    for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [ -z "${!variable-}" ] || kept+=("$variable=${!variable}")
    done
    echo "== $(basename "$1"): $2"
    chroot "$1" env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        DEBIAN_FRONTEND=noninteractive "${kept[@]}" bash -c "cd /root/diffedit && $2"
}

commands() {
    in_root "$root" "./run demo"
    in_root "$root" "./run test"
}

# Built with the tests that packages run; what is installed comes with what it depends on, and
# nothing of it is left when it is purged.
packages() {
    local install="apt-get install -y -qq --no-install-recommends"
    mkdir -p "$bare/root/diffedit"
    in_root "$root" "apt-get update -qq && apt-get build-dep -y -qq . >/dev/null &&
        $install lintian >/dev/null"
    in_root "$root" "DEB_BUILD_OPTIONS=noautodbgsym ./run packages"
    in_root "$root" "lintian --allow-root --pedantic --fail-on error,warning,pedantic \
        build-packages/*.changes"
    cp -r debian/tests "$bare/root/diffedit/"
    cp "$root"/root/diffedit/build-packages/*.deb "$bare/root/diffedit/"
    in_root "$bare" "apt-get update -qq && $install curl ./diffedit_*.deb ./diffedit-data_*.deb \
        ./libdiffedit0_*.deb >/dev/null"
    in_root "$bare" tests/edit
    in_root "$bare" tests/serve
    in_root "$bare" "$install ./libdiffedit-dev_*.deb gcc libc6-dev pkgconf >/dev/null"
    in_root "$bare" tests/library
    in_root "$bare" "apt-get purge -y -qq '*diffedit*' >/dev/null"
    in_root "$bare" "! find / -xdev -not -path '/root/*' -not -path '/tmp/*' -name '*diffedit*' |
        grep ."
}

make_root
if [ $what = packages ]; then
    rm -rf --one-file-system "$bare"
    cp -a "$root" "$bare"
    mount_in "$bare"
fi
git -c safe.directory='*' clone --quiet --no-hardlinks . "$root/root/diffedit"
mount_in "$root"
$what
