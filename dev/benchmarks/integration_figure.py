"""Figure of integration from its results: growth with the tissue, mixing of sections.

Usage: python dev/benchmarks/integration_figure.py [man/figures/integration.png]
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from common import RESULTS

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.text import Text
from matplotlib.transforms import Bbox

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
    axis.annotate("5 minutes", (0.02, 5.07), xycoords=("axes fraction", "data"))
    axis.set(
        xlabel="bins of 8 um (thousands)",
        ylabel="processor minutes, one thread",
        title="Domains of simulated Visium HD",
        xlim=(0, None),
        ylim=(0, 5.6),
    )
    memory.set(ylabel="peak memory (GB, dotted)", ylim=(0, 16))
    axis.legend(loc="upper left", bbox_to_anchor=(0, 0.88), fontsize=7, frameon=False)


def mixing(axis, table: pd.DataFrame, dataset: str) -> None:
    """Sections mixed against labels apart, one point per system."""
    part = table[table["dataset"] == dataset]
    part = part.groupby(["system", "status"], as_index=False)[["ilisi", "clisi"]].mean()
    part = part[~part["system"].isin(["coordinates_kmeans"])]
    for status, own in part.groupby("status"):
        axis.scatter(own["ilisi"], own["clisi"], 18, COLOURS[status], label=status)
    axis.set(
        xlabel="sections mixed within layers (iLISI)",
        ylabel="layers apart (cLISI)",
        title=f"Two sections embedded together\n{dataset}",
    )
    axis.margins(0.15)
    axis.legend(fontsize=7, frameon=False, loc="lower left")
    names = [n.split(" (")[0].removesuffix("_mixture") for n in part["system"]]
    label_apart(axis, part[["ilisi", "clisi"]].to_numpy(), names)


# Where a label may stand, in points from its dot: the first place that is free.
PLACES = [(5, 0), (-5, 0), (0, 9), (0, -9)]
PLACES += [(x, y) for y in (9, -9, 18, -18, 27, -27) for x in (5, -5)]


def label_apart(axis, points, names: list[str]) -> None:
    """Write every name beside its point, where no other name or point stands."""
    axis.figure.canvas.draw()
    draw = axis.figure.canvas.get_renderer()
    dots = axis.transData.transform(points)
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in dots]
    inside = axis.get_window_extent(draw)
    for place in np.argsort(-points[:, 1]):
        for x, y in PLACES:
            text = axis.annotate(
                names[place],
                points[place],
                (x, y),
                textcoords="offset points",
                ha="center" if x == 0 else "left" if x > 0 else "right",
                va="center",
                fontsize=6,
                arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "#888888"}
                if abs(y) > 9
                else None,
            )
            text.update_positions(draw)
            box = Text.get_window_extent(text, draw)
            free = not any(box.overlaps(other) for other in taken)
            if free and inside.x0 < box.x0 and box.x1 < inside.x1:
                break
            text.remove()
        taken.append(box)


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "man/figures/integration.png")
    sections = pd.read_csv(RESULTS / "integration_sections.csv")
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 4.2), layout="constrained", dpi=110
    )
    speed = pd.read_csv(RESULTS / "integration_speed.csv")
    growth(left, speed[speed["system"] == "gpca_consensus"])
    mixing(right, sections, "dlpfc 151673 + 151674")
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
