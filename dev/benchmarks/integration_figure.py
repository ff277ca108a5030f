"""Figure of integration from its results: growth with the tissue, mixing of sections.

Usage: python dev/benchmarks/integration_figure.py [man/figures/integration.png]
"""

import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from common import RESULTS

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"house": "#0072B2", "published": "#999999", "baseline": "#D55E00"}


def growth(axis, table: pd.DataFrame) -> None:
    """Processor minutes and peak memory by number of bins."""
    memory = axis.twinx()
    for system, part in table.groupby("system"):
        part = part.sort_values("spots")
        bins = part["spots"] / 1000
        axis.plot(bins, part["cpu_seconds"] / 60, "o-", label=f"{system}, minutes")
        memory.plot(bins, part["peak_gb"], "s:", color="#888888")
    axis.axhline(5, color="black", linewidth=0.8, linestyle="--")
    axis.annotate("5 minutes", (0.02, 4.7), xycoords=("axes fraction", "data"))
    axis.set(
        xlabel="bins of 8 um (thousands)",
        ylabel="processor minutes, one thread",
        title="Domains of simulated Visium HD",
        xlim=(0, None),
        ylim=(0, 5.6),
    )
    memory.set(ylabel="peak memory (GB, dotted)", ylim=(0, 16))
    axis.legend(loc="upper left", bbox_to_anchor=(0, 0.85), fontsize=7, frameon=False)


def mixing(axis, table: pd.DataFrame, dataset: str) -> None:
    """Sections mixed against labels apart, one point per system."""
    part = table[table["dataset"] == dataset]
    part = part.groupby(["system", "status"], as_index=False)[["ilisi", "clisi"]].mean()
    part = part[~part["system"].isin(["coordinates_kmeans"])]
    for status, own in part.groupby("status"):
        axis.scatter(own["ilisi"], own["clisi"], 18, COLOURS[status], label=status)
    part = part.sort_values("clisi")
    for i, row in enumerate(part.itertuples()):
        axis.annotate(
            row.system.split(" (")[0].removesuffix("_mixture"),
            (row.ilisi, row.clisi),
            xytext=(3, 3 - 9 * (i % 2)),
            textcoords="offset points",
            fontsize=6,
        )
    axis.set(
        xlabel="sections mixed within layers (iLISI)",
        ylabel="layers apart (cLISI)",
        title=f"Two sections embedded together\n{dataset}",
    )
    axis.margins(x=0.15)
    axis.legend(fontsize=7, frameon=False, loc="lower left")


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "man/figures/integration.png")
    sections = pd.read_csv(RESULTS / "integration_sections.csv")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    growth(left, pd.read_csv(RESULTS / "integration_speed.csv"))
    mixing(right, sections, "dlpfc 151673 + 151674")
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
