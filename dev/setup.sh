#!/usr/bin/env bash
# Makes what HistoBridge runs on: an R with Bioconductor and a Python environment.
# Both live in a cache folder (HISTOBRIDGE_CACHE, or histobridge in the user's
# cache folder) that several checkouts share; dev/run runs commands in them.
# HISTOBRIDGE_PYTHON chooses the Python.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
cd "$checkout"
export DEBIAN_FRONTEND=noninteractive
log=$state/setup.log

# Without this pin pip brings gigabytes of CUDA libraries where a CPU build exists.
torch="torch==2.13.0"

made_from=
key=$({
    echo "${HISTOBRIDGE_PYTHON:-}"
    cat dev/setup.sh dev/debian-packages.txt pyproject.toml DESCRIPTION 2>/dev/null || true
} | digest)

is_ready() {
    [ -f "$state/environment" ] || return 1
    source "$state/environment"
    [ "$made_from" = "$key" ] && [ -x "$venv/bin/python" ] || return 1
    [ -f "$venv/.complete" ] || return 1
    if [ -n "$root" ]; then [ -f "$root/.complete" ]; else command -v Rscript >/dev/null; fi
}

finish_if_ready() {
    is_ready || return 0
    touch "$venv/.complete" ${root:+"$root/.complete"}
    echo "setup: environment ready in $cache (${SECONDS} s)"
    exit 0
}

begin() { printf 'setup: %s ... ' "$1"; started=$SECONDS; }
finished() { echo "$((SECONDS - started)) s"; }

# attempt SENTENCE COMMAND...: the sentence is what the user reads on failure.
attempt() {
    local sentence=$1
    shift
    "$@" >>"$log" 2>&1 </dev/null && return
    echo failed
    tail -n 15 "$log" >&2
    die "$sentence (the whole log: $log)"
}

apt_install() {
    attempt "apt-get could not install $*" \
        apt-get install --yes --no-install-recommends "$@"
}

can_use_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
candidate() { apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/ { print $2 }'; }
packages() { grep -v '^ *#' dev/debian-packages.txt | sort; }

# Prints what the R on PATH lacks; succeeds when it lacks nothing.
r_lacks() {
    command -v Rscript >/dev/null || { echo "R itself"; return 1; }
    Rscript --vanilla - <<'R' 2>/dev/null
needed <- "SpatialExperiment"
if (file.exists("DESCRIPTION")) {
    fields <- read.dcf("DESCRIPTION", c("Depends", "Imports", "Suggests"))
    needed <- trimws(unlist(strsplit(fields[!is.na(fields)], ",")))
    needed <- setdiff(sub("[[:space:](].*", "", needed), c("R", ""))
}
lacks <- needed[!nzchar(vapply(needed, \(p) system.file(package = p), ""))]
if (getRversion() < "4.4") lacks <- c("R >= 4.4", lacks)
cat(lacks, sep = ", ")
quit(status = length(lacks) > 0)
R
}

choose_r() {
    root=
    local lacks own names
    lacks=$(r_lacks) && { echo "setup: using the R on PATH"; return; }
    own=$cache/debian-13-$(packages | digest)
    if [ -f "$own/.complete" ]; then
        root=$own
        return
    fi
    can_use_apt || die "no R >= 4.4 with all packages on PATH (missing: $lacks): install them" \
        "with BiocManager::install(), or run this as root on Debian or Ubuntu, or use the Dockerfile"
    begin "apt-get update"
    attempt "apt-get update failed" apt-get -o Acquire::Retries=3 update
    finished
    if [ "$(candidate r-bioc-spatialexperiment)" ] &&
        dpkg --compare-versions "$(candidate r-base-core)" ge 4.4; then
        begin "R and Bioconductor from this system's own packages"
        mapfile -t names < <(packages)
        apt_install "${names[@]}"
        lacks=$(r_lacks) || die "this system's packages still lack: $lacks"
        finished
    else
        build_root "$own"
        root=$own
    fi
}

# Debian 13's R cannot go into an older system without replacing its C library,
# so it gets a root folder of its own.
build_root() {
    unshare -m mount --make-rprivate / 2>/dev/null ||
        die "this system's R is too old and private mounts are refused here (CAP_SYS_ADMIN):" \
            "install R >= 4.4 with SpatialExperiment, or use the Dockerfile"
    if ! command -v mmdebstrap >/dev/null; then
        begin "mmdebstrap"
        apt_install mmdebstrap debian-archive-keyring
        finished
    fi
    begin "R and Bioconductor in a private Debian 13 (2 GB, some minutes)"
    attempt "the private Debian 13 could not be made" mmdebstrap --variant=apt \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt=force-unsafe-io --include="$(packages | paste -sd,)" \
        trixie "$1.partial"
    touch "$1.partial/.complete"
    mv "$1.partial" "$1"
    finished
}

# One line "executable TAB version TAB shared library" for a Python that will do.
probe_python() {
    "$1" - <<'PY' 2>/dev/null
import ensurepip, os, platform, sys, sysconfig, venv
folder, name, shared = map(
    sysconfig.get_config_var, ("LIBDIR", "INSTSONAME", "Py_ENABLE_SHARED")
)
library = os.path.join(folder or "", name or "")
loadable = sys.platform != "linux" or (shared and os.path.isfile(library))
if sys.version_info < (3, 11) or not loadable:
    sys.exit(1)
print(os.path.realpath(sys._base_executable), platform.python_version(), library, sep="\t")
PY
}

find_python() {
    local name
    for name in "${HISTOBRIDGE_PYTHON:-python3}" python3.13 python3.12 python3.11 /usr/bin/python3; do
        probe_python "$name" && return
    done
    return 1
}

choose_python() {
    local found
    if ! found=$(find_python); then
        can_use_apt || die "no Python >= 3.11 with venv and a shared libpython: install one" \
            "(on Debian: python3 python3-venv libpython3-dev) or name one in HISTOBRIDGE_PYTHON"
        begin "Python from this system's own packages"
        attempt "apt-get update failed" apt-get -o Acquire::Retries=3 update
        apt_install python3 python3-venv libpython3-dev
        found=$(find_python) || die "this system's Python is older than 3.11: install a newer" \
            "one with a shared libpython and name it in HISTOBRIDGE_PYTHON"
        finished
    fi
    IFS=$'\t' read -r python version libpython <<<"$found"
}

requirements() {
    "$python" - "$torch" <<'PY'
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
extras = project.get("optional-dependencies", {})
needs = project.get("dependencies", []) + sum(extras.values(), [])
print(sys.argv[1], *sorted(n for n in needs if not n.startswith(project["name"])), sep="\n")
PY
}

# Holds the dependencies only: dev/run adds the checkout's own python/, so that
# checkouts with the same dependencies can share one environment.
build_venv() {
    local needs
    needs=$(requirements)
    venv=$cache/python-$(printf '%s\n' "$python" "$version" "$needs" | digest)
    [ -f "$venv/.complete" ] && [ -x "$venv/bin/python" ] && return
    rm -rf "$venv"
    begin "Python $version packages (some minutes)"
    attempt "no virtual environment could be made with $python" "$python" -m venv "$venv"
    printf '%s\n' "$needs" >"$venv/requirements.txt"
    # rpy2 is bound to R when it is imported, not when it is installed.
    attempt "pip could not install the Python packages" \
        env RPY2_CFFI_MODE=ABI "$venv/bin/python" -m pip install \
        --disable-pip-version-check --progress-bar off -r "$venv/requirements.txt"
    touch "$venv/.complete"
    finished
}

# A Python in a folder that the private root has too is mounted there piece by
# piece; anything elsewhere (a home folder, /opt) is visible in it anyway.
prepare_mounts() {
    mounts=()
    if [ -z "$root" ] || [[ $python != /usr/* ]]; then return; fi
    local minor=${version%.*} file
    mounts=("$python" "${python%/bin/*}/lib/python$minor" "$libpython")
    mkdir -p "$root${mounts[1]}"
    for file in "$python" "$libpython"; do
        mkdir -p "$root${file%/*}"
        [ -e "$root$file" ] || touch "$root$file"
    done
    for file in "${libpython%.so*}".so*; do
        if [ -L "$file" ]; then cp -P "$file" "$root$file"; fi
    done
}

save_environment() {
    for name in root venv mounts "$@"; do declare -p "$name" | sed 's/^declare [^ ]* //'; done \
        >"$state/environment.new"
    mv "$state/environment.new" "$state/environment"
}

check_environment() {
    begin "trying R, reticulate and torch together"
    attempt "R and Python do not work together" dev/run Rscript -e \
        'library(SpatialExperiment); reticulate::import("torch"); reticulate::import("anndata")'
    finished
}

# Nobody else builds while this script holds the lock, so what has no stamp is
# what a killed run left.
tidy_cache() {
    local folder
    for folder in "$cache"/debian-13-*/ "$cache"/python-*/; do
        folder=${folder%/}
        [ -d "$folder" ] || continue
        if [ ! -f "$folder/.complete" ] || [ -n "$(find "$folder/.complete" -mtime +14)" ]; then
            rm -rf --one-file-system "$folder"
        fi
    done
}

finish_if_ready
mkdir -p "$state/library"
exec 9>"$cache/lock"
if command -v flock >/dev/null && ! flock -n 9; then
    echo "setup: waiting for another setup to finish"
    flock 9
    finish_if_ready
fi
: >"$log"
tidy_cache
choose_r
choose_python
build_venv
prepare_mounts
save_environment
check_environment
made_from=$key
save_environment made_from
echo "setup: environment ready in $cache (${SECONDS} s)"
