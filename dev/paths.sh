# shellcheck shell=bash
# Sourced by the scripts in this folder: where the cache is and what in it
# belongs to this checkout.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${HISTOBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/histobridge}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd -P)

digest() { { sha256sum 2>/dev/null || shasum -a 256; } | cut -c 1-12; }

state=$cache/checkouts/$(printf %s "$checkout" | digest)

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}
