#!/usr/bin/env bash
# R CMD check as CRAN runs it, on a tarball without built vignettes. Tests, examples
# and vignettes are run by dev/test.sh, and the manual needs LaTeX. Fails on errors, on
# warnings and on notes other than those that CONTRIBUTING.md explains.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
in_package() { (cd "$work" && "$checkout/dev/run" env -u PYTHONPATH "$@"); }

in_package R CMD build --no-build-vignettes "$checkout" || exit
# The clock and the incoming checks ask servers on the internet.
_R_CHECK_SYSTEM_CLOCK_=0 _R_CHECK_CRAN_INCOMING_REMOTE_=false in_package \
    R CMD check --as-cran --no-manual --no-tests --no-examples --no-vignettes \
    --no-build-vignettes "$work"/*.tar.gz
status=$?

# The blocks of the log that are not OK, without what every run here must show.
left=$(awk '/^\* / { bad = / \.\.\. (\[.*\] )?(NOTE|WARNING|ERROR)$/ } bad' \
    "$work"/*.Rcheck/00check.log |
    grep -vE '^$|CRAN incoming feasibility|^Maintainer:|no prebuilt vignette index')
if [ -n "$left" ]; then
    printf 'cran: left to do:\n%s\n' "$left"
    exit 1
fi
[ "$status" -eq 0 ] && echo "cran: nothing left to do (${SECONDS} s)"
