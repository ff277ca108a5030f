#!/usr/bin/env bash
# Installs the R package into this checkout's own library, which dev/run puts on
# R_LIBS; does nothing when neither the sources nor the environment changed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
cd "$checkout"
[ -f DESCRIPTION ] || die "there is no DESCRIPTION in $checkout to install"

exec 9>"$state/library.lock"
if command -v flock >/dev/null; then flock 9; fi
sources=$({
    cat "$state/environment"
    find -L DESCRIPTION NAMESPACE R man inst -type f ! -path '*/__pycache__/*' -print0 |
        LC_ALL=C sort -z | xargs -0 cksum
} | digest)
stamp=$state/library.stamp
if [ "$(cat "$stamp" 2>/dev/null)" = "$sources" ]; then
    echo "install: HistoBridge is up to date (${SECONDS} s)"
    exit 0
fi
rm -rf "$stamp" "$state/library/"00LOCK*
if ! dev/run R CMD INSTALL --no-test-load "--library=$state/library" . \
    >"$state/install.log" 2>&1; then
    cat "$state/install.log" >&2
    die "the R package could not be installed"
fi
echo "$sources" >"$stamp"
echo "install: HistoBridge installed into $state/library (${SECONDS} s)"
