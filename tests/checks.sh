# shellcheck shell=bash disable=SC2154 # read by ./run, which knows the packages
# What a change is held to: ./run check. A check fails by its exit status; a last line
# "N passed, N failed" is counted, else it counts as one. Exit status 77: cannot be done here.

# In the order in which ./run check goes through them. Each is a function check_NAME below.
checks=(
    "format     C files are as clang-format 14 writes them; shellcheck finds nothing"
    "docs       links lead somewhere, and the commands in the pages parse"
    "warnings   gcc and clang compile everything without a warning"
    "test       every test"
    "api        requests that schemathesis makes from openapi.json, valid and not"
    "webui      webuiapi, a client of AUTOMATIC1111's web UI, against the server"
    "page       axe-core finds nothing on the page, in each state, language, theme and width"
    "ref        the C tests and the golden runs on the plain C kernels"
    "sanitize   every test but the page's under AddressSanitizer and UndefinedBehaviorSanitizer"
    "threads    the C tests under ThreadSanitizer"
    "arm64      what needs no libvips, built for aarch64, its C tests under qemu"
    "fuzz       a minute of changed files for the parsers"
)

# The clang-format that .clang-format is written for: others differ in some lines.
find_clang_format() {
    # shellcheck source=/dev/null
    if [ "$(. /etc/os-release && echo "${VERSION_CODENAME-}")" = bookworm ]; then
        install_packages clang-format-14 >&2 || return
        echo clang-format-14
        return
    fi
    local folder
    folder=$(python_venv clang-format 14.0.6) || return
    echo "$folder/clang-format"
}

check_format() {
    local tool files
    install_packages shellcheck
    shellcheck run .ci/run tests/*.sh
    tool=$(find_clang_format) || {
        echo "clang-format 14.0.6 is not to be had: neither the package nor PyPI's"
        return 77
    }
    mapfile -t files < <(find bench cli examples include server src tests -name '*.[ch]')
    "$tool" --dry-run -Werror "${files[@]}"
    echo "${#files[@]} C files are formatted"
}

check_docs() {
    build_tests build
    /usr/bin/python3 tests/run_tests.py build tests/test_docs.py
}

check_warnings() {
    local compiler
    install_packages clang
    for compiler in gcc clang; do
        CC=$compiler build_tests build-$compiler -Dwerror=true
        echo "$compiler: no warning"
    done
}

check_test() {
    run_tests
}

# python_venv NAME VERSION: a package of PyPI in a venv of its own, whose folder of programs is
# printed.
python_venv() {
    local folder=build-$1
    if [ ! -f "$folder/installed-$2" ]; then
        install_packages python3-venv >&2 && /usr/bin/python3 -m venv --clear "$folder" >&2 &&
            "$folder/bin/pip" install --quiet "$1==$2" >&2 && touch "$folder/installed-$2" || return
    fi
    echo "$PWD/$folder/bin"
}

check_api() {
    local folder
    build_tests build
    folder=$(python_venv schemathesis 4.32.5) || {
        echo "schemathesis 4.32.5 is not to be had from PyPI"
        return 77
    }
    /usr/bin/python3 tests/server/drive.py "$folder/schemathesis"
}

check_webui() {
    local folder
    build_tests build
    folder=$(python_venv webuiapi 0.9.17) || {
        echo "webuiapi 0.9.17 is not to be had from PyPI"
        return 77
    }
    "$folder/python" tests/server/webui_client.py
}

# What PyPI has stands in a folder of its own; chromium and selenium are Debian's.
check_page() {
    local folder=build-page
    build_tests build
    if [ ! -f $folder/done ]; then
        install_packages python3-venv
        /usr/bin/python3 -m venv --system-site-packages $folder
        $folder/bin/pip install --quiet axe-core-python==0.1.0
        touch $folder/done
    fi
    DIFFEDIT_BUILD=build $folder/bin/python3 -m pytest -q -p no:cacheprovider \
        tests/page/check_axe.py
}

check_ref() {
    build_tests build
    DIFFEDIT_CPU=ref /usr/bin/python3 tests/run_tests.py build c tests/golden
}

check_sanitize() {
    build_tests build-sanitize "-Db_sanitize=address,undefined" -Dbuildtype=debugoptimized
    # what is freed is kept by the sanitizer for a while, so that memory does not stay flat
    DIFFEDIT_KILLS=5 /usr/bin/python3 tests/run_tests.py build-sanitize c tests/abi tests/cli \
        tests/golden tests/models tests/install tests/server \
        --deselect=tests/server/test_editors.py::test_memory_stays_flat
}

# ThreadSanitizer did not compile libvips and GLib and does not know their locks: what they do among
# themselves is not looked at. A test forks and starts threads in the child. Gcc 12's sanitizer
# needs addresses that are not random.
check_threads() {
    build_tests build-threads -Db_sanitize=thread -Dbuildtype=debugoptimized
    export TSAN_OPTIONS="ignore_noninstrumented_modules=1 die_after_fork=0"
    setarch -R /usr/bin/python3 tests/run_tests.py build-threads c
}

# The libraries of arm64, unpacked where only the cross build sees them: neither the machine's
# packages nor its architectures change. Apt gets lists and caches of its own for that.
unpack_arm64() {
    local folder=$PWD/$1 package options
    [ ! -f "$folder.done" ] || return 0
    rm -rf "$folder" "$folder.apt"
    mkdir -p "$folder" "$folder.apt"/{lists,archives}/partial
    touch "$folder.apt/status"
    options=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64
        -o APT::Sandbox::User=root -o Debug::NoLocking=1
        -o Dir::State="$folder.apt" -o Dir::State::status="$folder.apt/status"
        -o Dir::Cache="$folder.apt")
    apt-get "${options[@]}" update
    apt-get "${options[@]}" install -y --no-install-recommends --download-only \
        libc6-dev libcmocka-dev libjansson-dev libpcre2-dev libutf8proc-dev >/dev/null
    for package in "$folder.apt"/archives/*.deb; do
        dpkg-deb -x "$package" "$folder"
    done
    [ -e "$folder/lib" ] || ln -s usr/lib "$folder/lib"
    touch "$folder.done"
}

check_arm64() {
    local folder=build-arm64
    install_packages "${build_packages[@]}" gcc-aarch64-linux-gnu qemu-user
    unpack_arm64 $folder/sysroot
    printf "[constants]\nsysroot = '%s'\n" "$PWD/$folder/sysroot" >$folder/sysroot.ini
    build $folder --cross-file $folder/sysroot.ini --cross-file tests/arm64.ini -Dpictures=false
    /usr/bin/python3 tests/run_tests.py $folder c
}

check_fuzz() {
    fuzz 60
}

# ---- ./run check ----

# Runs one check by itself; its output goes to the terminal and into build-check/NAME.log.
# Sets passed, failed and skipped.
run_check() {
    local name=$1 log=build-check/$1.log status=0 said start=$SECONDS
    echo "== $name"
    ./run check "$name" 2>&1 | tee "$log" || status=$?
    said=$(tail -n 1 "$log")
    passed=0 failed=0 skipped=0
    if [ $status -eq 77 ]; then
        skipped=1
    elif [[ $said =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
        [ $status -eq 0 ] || [ "$failed" -ne 0 ] || failed=1
    else
        passed=$((status == 0)) failed=$((status != 0))
    fi
    summary+=("$(printf '%-10s%6d passed %4d failed %6d s' "$name" "$passed" "$failed" \
        $((SECONDS - start)))$([ $skipped -eq 0 ] || echo "  skipped: $said")")
}

run_checks() {
    local name all_passed=0 all_failed=0 all_skipped=0 note='' summary=()
    mkdir -p build-check
    for name in "$@"; do
        run_check "$name"
        all_passed=$((all_passed + passed))
        all_failed=$((all_failed + failed))
        all_skipped=$((all_skipped + skipped))
    done
    echo
    printf '%s\n' "${summary[@]}"
    [ $all_skipped -eq 0 ] || note=", $all_skipped skipped"
    echo "$all_passed passed, $all_failed failed$note"
    return $((all_failed != 0))
}

check() {
    local line names=() name
    for line in "${checks[@]}"; do
        names+=("${line%% *}")
    done
    if [ "${1-}" = --list ]; then
        printf '%s\n' "${checks[@]}"
        return
    fi
    for name in "$@"; do
        [[ " ${names[*]} " = *" $name "* ]] || {
            echo "run: there is no check \"$name\"; ./run check --list names them" >&2
            exit 2
        }
    done
    if [ $# -eq 1 ]; then
        "check_$1"
    elif [ $# -gt 1 ]; then
        run_checks "$@"
    else
        printf '%s\n' "${checks[@]}"
        run_checks "${names[@]}"
    fi
}
