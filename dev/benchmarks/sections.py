"""Alignment of sections: planted motions, and layers of neighbouring cortex sections.

The simulated section is laid over itself, with half of its counts, after a turn, a
shift and a bend of spots and image; ``half in common`` cuts either to seven tenths.
Errors are those of equal spots, in spot pitches. The two sections of cortex are
neighbours; the second is turned first, and what counts is the share of spots whose
nearest spot of the other section has the same layer. ``same section`` is what the
nearest other spot of its own section gives, which no alignment of different spots can
be expected to beat.

Rows of the scanner shift are those of ``scanner_shift.py``.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/sections.py [PART ...]

Parts are simulated, scanner and cortex; rows of the others are kept.
"""

import sys
import time

import anndata as ad
import numpy as np
import pandas as pd
import scanner_shift
import sections_with_images
from common import RESULTS, data_folder, write
from scipy.ndimage import map_coordinates

import histobridge as hb
from histobridge import graphs
from histobridge.evaluation.result import tidy
from histobridge.sections import label_agreement
from histobridge.sections.rigid import turn

SEED = 21
MOTIONS = {
    "turn 35": (35, 0.0, 1.0),
    "turn 170": (170, 0.0, 1.0),
    "turn 20, bend 3 %": (20, 0.03, 1.0),
    "turn 20, half in common": (20, 0.0, 0.7),
}
WAYS = {
    "none": None,
    "expression": {},
    "expression, overlap 0.6": {"overlap": 0.6},
    "expression, warp": {"warp": True},
    "expression and image": {"image": 0.5},
    "image": {"method": "image"},
    "image, warp": {"method": "image", "warp": True},
}
SHIFT, MARGIN = (25, -15), 300


def wave(points: np.ndarray, bend: float, size: float) -> np.ndarray:
    return bend * size * np.sin(2 * np.pi * points[:, ::-1] / size)


def photographed(adata: ad.AnnData, degrees: float, bend: float) -> ad.AnnData:
    """The section and its image again, turned, bent, half as deep."""
    made, library = again(adata), next(iter(adata.uns["spatial"].values()))
    image = library["images"]["hires"]
    size, rotation = float(image.shape[1]), turn(degrees)
    offset = size / 2 + MARGIN + np.array(SHIFT)
    side = image.shape[0] + 2 * MARGIN
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    flat = (grid - offset) @ rotation
    x, y = (flat + wave(flat, bend, size) + size / 2).T
    channels = [
        map_coordinates(image[..., c].astype(float), [y, x], order=1, cval=244)
        for c in range(3)
    ]
    picture = np.stack(channels, -1).reshape(side, side, 3)
    target = adata.obsm["spatial"] - size / 2
    inner = target.copy()
    for _ in range(50):
        inner = target - wave(inner, bend, size)
    made.obsm["spatial"] = inner @ rotation.T + offset
    images = {"hires": np.clip(np.round(picture), 0, 255).astype(np.uint8)}
    made.uns = {"spatial": {"moved": {**library, "images": images}}}
    return made


def again(adata: ad.AnnData) -> ad.AnnData:
    """The section under another name, without features."""
    made = adata.copy()
    made.obs["sample_id"] = "moved"
    made.obs_names = [f"moved_{name}" for name in made.obs_names]
    return made


def simulated() -> list[dict]:
    still = hb.data.simulate_tissue(
        1, spots_per_side=20, microns_per_pixel=4, seed=SEED
    )
    still.obs["place"] = list(still.obs_names)
    described(still)
    rng, rows = np.random.default_rng(SEED), []
    for dataset, (degrees, bend, common) in MOTIONS.items():
        other = photographed(still, degrees, bend)
        other.X = other.X.copy()
        other.X.data = rng.binomial(other.X.data.astype(int), 0.5).astype(float)
        described(other)
        x, pitch = (
            still.obsm["spatial"][:, 0],
            graphs.pitch(graphs.positions_microns(still)),
        )
        pair = [
            still[x <= np.quantile(x, common)].copy(),
            other[x >= np.quantile(x, 1 - common)].copy(),
        ]
        for way, options in WAYS.items():
            if common < 1 and "image" in str(options):
                continue  # The image is not cut.
            seconds, places = aligned([a.copy() for a in pair], options)
            away = apart(places, [list(a.obs["place"]) for a in pair]) / pitch
            name = f"simulated, {dataset}"
            for metric, value in (
                ("landmark_error_pitches", np.median(away)),
                ("landmark_error_pitches_rms", np.sqrt(np.mean(away**2))),
            ):
                rows.append(row(name, way, metric, float(value), len(away), seconds))
    return rows


def apart(places: list[np.ndarray], names: list[list[str]]) -> np.ndarray:
    """Distance between equal places of the two sections."""
    first = dict(zip(names[0], places[0], strict=True))
    both = zip(names[1], places[1], strict=True)
    return np.array([np.linalg.norm(first[n] - at) for n, at in both if n in first])


def described(adata: ad.AnnData) -> None:
    hb.add_morphology(adata, "colour", cache=False, progress=False)


def cortex() -> list[dict]:
    names = ("151673_hvg_allspots", "151674_hvg_allspots")
    sections = [
        sections_with_images.load(data_folder() / "dlpfc", [name]) for name in names
    ]
    for adata in sections:
        described(adata)
    labels = [a.obs["layer"] for a in sections]
    own = graphs.positions_microns(sections[0])
    near = graphs.nearest(own, 1)[1][:, 0]
    mine = labels[0].astype(object).to_numpy()
    known = labels[0].notna().to_numpy() & labels[0].notna().to_numpy()[near]
    same = float((mine[known] == mine[near][known]).mean())
    title = "dlpfc 151673-151674"
    rows = [row(title, "same section", "layer_agreement", same, int(known.sum()))]
    for dataset, degrees in ((title, 0), (f"{title}, turned 60", 60)):
        for way, options in WAYS.items():
            if degrees and way.startswith("image"):
                continue  # Only the spots are turned.
            other = again(sections[1])
            points = np.asarray(other.obsm["spatial"], dtype=float)[:, :2]
            centre = points.mean(axis=0)
            other.obsm["spatial"] = (points - centre) @ turn(degrees).T + centre
            other.uns = {"spatial": {"moved": sections[1].uns["spatial"][names[1]]}}
            seconds, places = aligned([sections[0].copy(), other], options)
            value = label_agreement(places[1], places[0], labels[1], labels[0])
            n = len(places[1])
            rows.append(row(dataset, way, "layer_agreement", value, n, seconds))
    return rows


def aligned(pair: list, options: dict | None) -> tuple[float, list[np.ndarray]]:
    started = time.perf_counter()
    if options is None:
        return 0.0, [graphs.positions_microns(adata) for adata in pair]
    hb.align_sections(pair, **options)
    return time.perf_counter() - started, [adata.obsm["aligned"] for adata in pair]


def row(
    dataset: str, system: str, metric: str, value: float, n: int, seconds: float = 0.0
) -> dict:
    status = "baseline" if system in ("none", "same section") else "house"
    return {
        "dataset": dataset,
        "system": system,
        "status": status,
        "protocol": "alignment",
        "fold": f"seed {SEED}",
        "metric": metric,
        "value": value,
        "n": n,
        "seconds": seconds,
    }


PARTS = {
    "simulated": simulated,
    "scanner": scanner_shift.rows,
    "cortex": cortex,
}


def main() -> None:
    path = RESULTS / "sections.csv"
    for name in sys.argv[1:] or PARTS:
        made = tidy(PARTS[name]())
        columns = ["dataset", "system", "metric", "value", "seconds"]
        print(made[columns].to_string(index=False), flush=True)
        known = pd.read_csv(path) if path.exists() else made[:0]
        start = {"simulated": "simulated", "scanner": "bulb", "cortex": "dlpfc"}[name]
        known = known[~known["dataset"].str.startswith(start)]
        write("sections", known, made)


if __name__ == "__main__":
    main()
