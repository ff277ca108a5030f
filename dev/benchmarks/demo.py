"""Scores of the demo on the shipped sample, and the README's picture.

Usage: python dev/benchmarks/demo.py
"""

from pathlib import Path

from common import write

import histobridge as hb
from histobridge.demo import ENCODERS, benchmarks

ROOT = Path(__file__).parents[2]


def main() -> None:
    scores = benchmarks()
    write("demo", *(benchmark.table for benchmark in scores.values()))
    write("demo_audit", scores["translation"].audit)
    picture(scores["translation"])


def picture(benchmark: hb.evaluation.Benchmark) -> None:
    bulb = hb.data.example_bulb()
    hb.add_morphology(bulb, ENCODERS)
    known = bulb[bulb.obs["patient"] == "animal A"].copy()
    unseen = bulb[bulb.obs["patient"] == "animal D"].copy()
    hb.predict_expression(unseen, hb.train_translation(known))
    figures = ROOT / "man" / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    plot = hb.plotting.plot_expression_pair(unseen, "Doc2g", "Rep9")
    plot.savefig(figures / "demo.png", dpi=80)
    scores = hb.plotting.plot_benchmark(benchmark.table, "pearson_gene")
    scores.savefig(figures / "demo-scores.png", dpi=80)


if __name__ == "__main__":
    main()
