"""The main job on the shipped real tissue: ``python -m histobridge.demo``."""

from __future__ import annotations

import sys
from pathlib import Path

import histobridge as hb
from histobridge.evaluation import Benchmark

# The last is for the encoder ridge among the baselines.
ENCODERS = ("colour", "texture", "efficientnet-lite0")


def benchmarks(progress: bool = True) -> dict[str, Benchmark]:
    """Score the three house systems beside their ladders on the shipped sample."""
    bulb = hb.data.example_bulb()
    hb.add_morphology(bulb, ENCODERS, progress=progress)
    mixture, reference = hb.data.example_mixture(), hb.data.example_reference()
    return {
        "translation": hb.benchmark_translation(
            bulb, dataset="bulb", progress=progress
        ),
        "domains": hb.benchmark_domains(
            bulb, "layer", dataset="bulb", progress=progress
        ),
        "deconvolution": hb.benchmark_deconvolution(
            mixture, reference, dataset="mixture", progress=progress
        ),
    }


def main(folder: str | Path = "histobridge-demo") -> None:
    """Load, describe, train, predict, find domains, deconvolve, score, report."""
    bulb = hb.data.example_bulb()
    hb.add_morphology(bulb, ENCODERS)
    known = bulb[bulb.obs["patient"] == "animal A"].copy()
    unseen = bulb[bulb.obs["patient"] == "animal D"].copy()

    model = hb.train_translation(known)
    hb.predict_expression(unseen, model)
    hb.find_domains(unseen, k=5)
    mixture, reference = hb.data.example_mixture(), hb.data.example_reference()
    hb.deconvolve(mixture, reference)

    scores = benchmarks()
    folder = Path(folder)
    for name, benchmark in scores.items():
        benchmark.to_csv(folder / f"{name}.csv")
    path = hb.write_report(
        {**scores, "unseen animal": unseen, "mixture": mixture},
        folder / "report.html",
        truth="layer",
        title="HistoBridge demo",
    )
    for name, benchmark in scores.items():
        print(f"\n{name}\n{benchmark.summary().to_string(index=False)}")
    print(f"\nReport: {path}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
