#!/usr/bin/env bash
# R CMD check as CRAN runs it, but for what dev/test.sh runs (tests, examples) and for
# the manual, which needs LaTeX. Fails on errors, warnings and notes.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
in_package() { (cd "$work" && "$checkout/dev/run" env -u PYTHONPATH "$@"); }

OMP_NUM_THREADS=1 in_package R CMD build "$checkout" || exit
# The clock and the incoming checks ask servers on the internet.
_R_CHECK_SYSTEM_CLOCK_=0 _R_CHECK_CRAN_INCOMING_REMOTE_=false in_package \
    R CMD check --as-cran --no-manual --no-tests --no-examples --no-vignettes \
    "$work"/*.tar.gz
status=$?

# The blocks of the log that are not OK, without who maintains the package and which
# servers could not be reached.
left=$(awk '/^\* / { bad = / \.\.\. *(\[.*\] *)?(NOTE|WARNING|ERROR)$/ } bad' \
    "$work"/*.Rcheck/00check.log |
    grep -vE '^$|CRAN incoming feasibility|^Maintainer:|unable to access index|cannot open URL')
if [ -n "$left" ]; then
    printf 'cran: left to do:\n%s\n' "$left"
    exit 1
fi
[ "$status" -eq 0 ] && echo "cran: nothing left to do (${SECONDS} s)"
