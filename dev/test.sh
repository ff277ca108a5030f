#!/usr/bin/env bash
# Every gate, each run even when an earlier one failed. The last line holds the
# counts of pytest and testthat together; the exit status is that of the gates.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
cd "$checkout" || exit
work=$(mktemp -d)
failures=()
passed=0 failed=0 skipped=0

# gate NAME COMMAND...
gate() {
    local name=$1 started=$SECONDS
    shift
    echo "== $name"
    if "$@"; then
        echo "== $name: ok ($((SECONDS - started)) s)"
    else
        echo "== $name: FAILED ($((SECONDS - started)) s)"
        failures+=("$name")
        return 1
    fi
}

# number TEXT WORD: the number before (pytest) or after (testthat) a word, or 0.
number() { grep -oE "[0-9]+ $2|$2 [0-9]+" <<<"$1" | grep -oE '[0-9]+' | head -n 1 || echo 0; }

count() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

python_tests() {
    # Two workers with one thread each: two workers with two threads each wait
    # for one another on two cores.
    OMP_NUM_THREADS=1 dev/run python -m pytest tests/python -n 2 -p no:cacheprovider |
        tee "$work/pytest.log"
    local status=${PIPESTATUS[0]} line
    line=$(tail -n 1 "$work/pytest.log")
    count "$(number "$line" passed)" \
        $(($(number "$line" failed) + $(number "$line" errors?))) \
        "$(number "$line" skipped)"
    return "$status"
}

# Without PYTHONPATH, so that the Python inside the tarball is what is tested.
in_package() { (cd "$work" && "$checkout/dev/run" env -u PYTHONPATH "$@"); }

# R CMD build waits for one vignette after another, on one core: it runs beside the
# Python tests, and its output is shown when they are through.
start_build() {
    OMP_NUM_THREADS=1 in_package R CMD build "$checkout" &>"$work/build.log" &
    building=$!
}

build() {
    wait "$building"
    local status=$?
    cat "$work/build.log"
    [ "$status" -eq 0 ] || return 1
    tarball=$(ls "$work"/*.tar.gz) || return 1
    local bytes
    bytes=$(wc -c <"$tarball")
    echo "$(basename "$tarball"): $bytes bytes"
    if [ "$bytes" -ge 5000000 ]; then
        echo "the tarball must stay under 5,000,000 bytes"
        return 1
    fi
}

check() {
    # The clock check asks a server on the internet; R CMD build has just built
    # the vignettes.
    NOT_CRAN=true TESTTHAT_CPUS=2 OMP_NUM_THREADS=1 _R_CHECK_SYSTEM_CLOCK_=0 in_package R CMD check --no-manual --no-vignettes "$tarball"
    local status=$? folder line log results
    folder=$(ls -d "$work"/*.Rcheck) || return 1
    log=$folder/00check.log
    # R writes .fail beside or instead of the output of a failed run.
    results=$(ls "$folder"/tests/testthat.Rout* 2>/dev/null | tail -n 1)
    if [ -n "$results" ]; then
        line=$(grep -E '^\[ FAIL [0-9]+ \|' "$results" | tail -n 1)
        count "$(number "$line" PASS)" "$(number "$line" FAIL)" "$(number "$line" SKIP)"
        if [ $status -ne 0 ]; then tail -n 200 "$results"; fi
    fi
    grep -E '\.\.\. (NOTE|WARNING|ERROR)' "$log"
    tail -n 2 "$log"
    if grep -qE '^Status:.*(ERROR|WARNING)' "$log"; then return 1; fi
    return "$status"
}

lint() {
    dev/run ruff check python tests/python dev
    local status=$?
    dev/run ruff format --check python tests/python dev && return "$status"
}

gate "ruff" lint
gate "import-linter" dev/run lint-imports --no-cache
gate "mypy" dev/run mypy
# It copies the checkout at once, before the tests write beside it.
start_build
# Python's tests of the bridge call the R package.
gate "R CMD INSTALL" dev/install.sh
gate "pytest" python_tests
gate "R CMD build" build && gate "R CMD check" check

echo "== ${SECONDS} s in all"
if [ ${#failures[@]} -gt 0 ]; then
    printf '== failed: %s\n' "${failures[@]}"
    echo "== kept for a look: $work"
else
    rm -rf "$work"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ ${#failures[@]} -eq 0 ]
