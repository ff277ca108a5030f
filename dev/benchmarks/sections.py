"""Alignment of sections: planted motions, and layers of neighbouring cortex sections.

The simulated section is laid over itself, with half of its counts, after a turn, a
shift and a bend. The two sections of cortex are neighbours; the second is turned and
shifted first, and what counts is the share of spots whose nearest spot of the other
section has the same layer. ``same section`` is what the nearest other spot of its own
section gives, which no alignment of different spots can be expected to beat.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/sections.py
"""

import time

import anndata as ad
import numpy as np
from common import data_folder, write

import histobridge as hb
from histobridge import graphs
from histobridge.evaluation.result import tidy
from histobridge.sections import label_agreement, landmark_error
from histobridge.sections.rigid import turn

SEED = 21
MOTIONS = {
    "turn 35": (35, (100, -60), 0.0),
    "turn 170": (170, (0, 50), 0.0),
    "turn 20, bend 3 %": (20, (30, 10), 0.03),
}
WAYS = {
    "none": None,
    "expression": {},
    "expression, overlap 0.8": {"overlap": 0.8},
    "expression, warp": {"warp": True},
}


def moved(adata: ad.AnnData, degrees: float, shift: tuple, bend: float) -> ad.AnnData:
    made = adata.copy()
    made.obs["sample_id"] = "moved"
    made.obs_names = [f"moved_{name}" for name in made.obs_names]
    points = np.asarray(made.obsm["spatial"], dtype=float)[:, :2]
    centre, size = points.mean(axis=0), np.ptp(points)
    away = points - centre
    away = away + bend * size * np.sin(2 * np.pi * away[:, ::-1] / size)
    made.obsm["spatial"] = away @ turn(degrees).T + centre + np.array(shift)
    made.uns = {"spatial": {"moved": next(iter(adata.uns["spatial"].values()))}}
    return made


def simulated() -> list[dict]:
    still = hb.data.simulate_tissue(
        1, spots_per_side=20, microns_per_pixel=4, seed=SEED
    )
    still.obs["place"] = list(still.obs_names)
    rng, rows = np.random.default_rng(SEED), []
    for dataset, (degrees, shift, bend) in MOTIONS.items():
        other = moved(still, degrees, shift, bend)
        other.X = other.X.copy()
        other.X.data = rng.binomial(other.X.data.astype(int), 0.5).astype(float)
        for way, options in WAYS.items():
            seconds, places = aligned([still.copy(), other.copy()], options)
            names = [still.obs["place"], other.obs["place"]]
            value = landmark_error(places, names)
            rows.append(row(f"simulated, {dataset}", way, "landmark_error_um", value))
            rows[-1]["seconds"] = seconds
    return rows


def cortex() -> list[dict]:
    sections = []
    for name in ("151673", "151674"):
        adata = ad.read_h5ad(data_folder() / f"dlpfc/{name}_hvg_allspots.h5ad")
        adata.var_names_make_unique()
        adata.obs["sample_id"] = name
        points = np.asarray(adata.obsm["spatial"], dtype=float)[:, :2]
        # The distance of Visium spots is 100 um.
        factors = {"microns_per_pixel": 100 / graphs.pitch(points)}
        adata.uns = {"spatial": {name: {"scalefactors": factors}}}
        sections.append(adata)
    labels = [a.obs["layer"] for a in sections]
    own = graphs.positions_um(sections[0])
    near = graphs.nearest(own, 1)[1][:, 0]
    mine = labels[0].astype(object).to_numpy()
    known = labels[0].notna().to_numpy() & labels[0].notna().to_numpy()[near]
    same = float((mine[known] == mine[near][known]).mean())
    rows = [row("dlpfc 151673-151674", "same section", "layer_agreement", same)]
    for dataset, degrees in (("", 0), (", turned 60", 60)):
        other = moved(sections[1], degrees, (0, 0), 0)
        for way, options in WAYS.items():
            seconds, places = aligned([sections[0].copy(), other.copy()], options)
            value = label_agreement(places[1], places[0], labels[1], labels[0])
            name = f"dlpfc 151673-151674{dataset}"
            rows.append(row(name, way, "layer_agreement", value))
            rows[-1]["seconds"] = seconds
    return rows


def aligned(pair: list, options: dict | None) -> tuple[float, list[np.ndarray]]:
    started = time.perf_counter()
    if options is None:
        return 0.0, [graphs.positions_um(adata) for adata in pair]
    hb.align_sections(pair, **options)
    return time.perf_counter() - started, [adata.obsm["aligned"] for adata in pair]


def row(dataset: str, system: str, metric: str, value: float) -> dict:
    status = "baseline" if system in ("none", "same section") else "house"
    return {
        "dataset": dataset,
        "system": system,
        "status": status,
        "protocol": "alignment",
        "fold": f"seed {SEED}",
        "metric": metric,
        "value": value,
    }


def main() -> None:
    table = tidy(simulated() + cortex())
    columns = ["dataset", "system", "metric", "value", "seconds"]
    print(table[columns].to_string(index=False))
    write("sections", table)


if __name__ == "__main__":
    main()
