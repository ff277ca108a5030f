#!/usr/bin/env bash
# Builds the source distribution and the wheel, installs each into a virtual
# environment that sees the dependencies but not this checkout, and works with it on
# the shipped sample. Only the build backend is asked of the package index.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Without PYTHONPATH, which holds the checkout.
outside() { (cd "$work" && "$checkout/dev/run" env -u PYTHONPATH "$@"); }

outside python -m venv "$work/venv"
python=$work/venv/bin/python
outside python -c '
import sys, sysconfig
folder = sysconfig.get_path("purelib", vars={"base": sys.argv[1]})
open(folder + "/dependencies.pth", "w").write(sysconfig.get_path("purelib"))
' "$work/venv"
outside "$python" -m pip install --quiet --disable-pip-version-check hatchling
outside env -C "$checkout" "$python" -m hatchling build -d "$work/dist"

cat >"$work/try.py" <<'PY'
import sys
from importlib.resources import files

import histobridge as hb

assert hb.__file__.startswith(sys.argv[1]), hb.__file__
for name in ("py.typed", "report/report.html", "report/checklist.csv", "plotting/viewer.html"):
    assert (files("histobridge") / name).is_file(), name
print(hb.histobridge_info())
bulb = hb.data.example_bulb(("Rep4",))
hb.find_domains(bulb, k=3)
assert bulb.obs["domain"].nunique() == 3
PY
for made in "$work"/dist/*.whl "$work"/dist/*.tar.gz; do
    outside "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --no-index --no-build-isolation --force-reinstall "$made"
    outside "$python" "$work/try.py" "$work/venv"
    echo "wheel: $(basename "$made"), $(wc -c <"$made") bytes: installs and works (${SECONDS} s)"
done
