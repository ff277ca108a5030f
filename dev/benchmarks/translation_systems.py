"""Every translation system beside every baseline, at a size for two cores.

One olfactory bulb against the other and back (Rep4, Rep9: two animals). Genes,
normalisation and every parameter come from the training bulb; the target is log1p of
counts per 10,000, never smoothed; scores are per gene within the test section. The
sizes below are a share of the published ones and say so in the column ``params``; none
was tuned on these sections. A system that sees a section at a time takes one step per
epoch here, so that 60 epochs are hardly a beginning for some (thitogene, stgat). Jobs
are kept in a folder: an interrupted run goes on.

Usage: python dev/benchmarks/translation_systems.py FOLDER [--minutes M] [SYSTEM ...]
"""

import argparse
import time
from pathlib import Path

import pandas as pd
from common import stamped, write

import histobridge as hb
from histobridge.evaluation import benchmark
from histobridge.registry import find
from histobridge.splits import LeaveOnePatientOut

SMALL = {"scale": 1 / 8, "epochs": 60, "pixels": 32, "backbone": "features"}
OWN = {
    "hist2st": {"scale": 1 / 16},
    "he2rna": {"epochs": 200},
    "stem": {"scale": 1 / 16, "epochs": 30, "draws": 4},
    "task_ssl": {"epochs": 30},
}
FIRST = ("ridge_plus", "hest_ridge", "st_net", "histogene", "hist2st", "bleep", "egn")
ENCODERS = ("colour", "efficientnet-lite0")
SEED = 0


def sizes(name: str) -> dict:
    """Parameters of one system, as far as it has them."""
    known = find(name, "translation").parameters
    given = SMALL | OWN.get(name, {})
    return {k: v for k, v in given.items() if k in known}


def systems() -> list[str]:
    """House and published systems, the best known first."""
    table = hb.systems("translation")
    ours = table["name"][table["status"] != "baseline"]
    return [*FIRST, *(name for name in ours if name not in FIRST)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("systems", nargs="*")
    asked = parser.parse_args()
    started = time.monotonic()
    bulbs = hb.data.example_bulb()
    hb.add_morphology(bulbs, ENCODERS, progress=False)
    parts = []
    for name in asked.systems or systems():
        if time.monotonic() - started > 60 * asked.minutes:
            print(f"time is over before {name}")
            break
        part = benchmark(
            {name: sizes(name)},
            {"bulb": bulbs},
            LeaveOnePatientOut(),
            seeds=[SEED],
            folder=asked.folder,
            progress=False,
        )
        part["params"] = [str(sizes(s) if s == name else {}) for s in part["system"]]
        parts.append(part)
        print(name, f"{time.monotonic() - started:.0f} s", flush=True)
    # Baselines run once and are read from the folder afterwards.
    scores = pd.concat(parts).drop_duplicates(["system", "fold", "metric"])
    wide = scores.pivot_table("value", "system", "metric", sort=False)
    print(wide.round(3).to_string())
    write("translation_systems", stamped(scores, SEED, "torch"))


if __name__ == "__main__":
    main()
