"""Make the sample that ships in inst/extdata from the full public sections.

Usage: python dev/make_sample.py FOLDER, where FOLDER holds mob/ and
deconvolution/starmap/ as h5ad files with their H&E images.
"""

import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from PIL import Image

GENES = 2500
MARGIN_MICRONS = 400
QUALITY = 85


def main(source: Path, target: Path) -> None:
    bulb(source / "mob", target / "bulb")
    mixture(source / "deconvolution" / "starmap", target / "mixture")


def bulb(source: Path, target: Path) -> None:
    sections = {name: ad.read_h5ad(source / f"{name}.h5ad") for name in BULB}
    shared = sections["Rep4"].var_names.intersection(sections["Rep9"].var_names)
    means = sum(np.asarray(a[:, shared].X.mean(0)).ravel() for a in sections.values())
    genes = shared[np.sort(np.argsort(-means, kind="stable")[:GENES])]
    rows = []
    for name, adata in sections.items():
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        um_per_px = float(adata.uns["image"]["um_per_px"])
        points = np.asarray(adata.obsm["spatial"], dtype=float)
        margin = MARGIN_MICRONS / um_per_px
        left, top = np.floor(points.min(0) - margin).astype(int)
        right, bottom = np.ceil(points.max(0) + margin).astype(int)
        image = Image.open(source / f"{name}_HE.jpg").convert("RGB")
        image.crop((left, top, right, bottom)).save(
            folder / "HE.jpg", quality=QUALITY, optimize=True
        )
        write_counts(adata[:, genes], folder / "counts.tsv.gz")
        spots = pd.DataFrame(
            {
                "x": np.round(points[:, 0] - left, 3),
                "y": np.round(points[:, 1] - top, 3),
                "array_x": adata.obs["array_x"].astype(int).to_numpy(),
                "array_y": adata.obs["array_y"].astype(int).to_numpy(),
                "layer": adata.obs["layer"].astype(str).str.capitalize().to_numpy(),
            },
            index=adata.obs_names,
        )
        spots.to_csv(folder / "spots.csv", index_label="spot", lineterminator="\n")
        rows.append((name, f"animal {adata.obs['animal'].iloc[0]}", um_per_px, 100.0))
    pd.DataFrame(
        rows,
        columns=["sample_id", "patient", "microns_per_pixel", "spot_diameter_microns"],
    ).to_csv(target / "sections.csv", index=False, lineterminator="\n")


def mixture(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    spots = ad.read_h5ad(source / "spots.h5ad")
    write_counts(spots, target / "spots_counts.tsv.gz")
    points = np.asarray(spots.obsm["spatial"], dtype=float)
    pd.DataFrame(
        {
            "x": points[:, 0],
            "y": points[:, 1],
            "n_cells": spots.obs["n_cells"].astype(int).to_numpy(),
        },
        index=spots.obs_names,
    ).to_csv(target / "spots.csv", index_label="spot", lineterminator="\n")
    spots.obsm["true_prop"].to_csv(
        target / "proportions.csv", index_label="spot", lineterminator="\n"
    )
    reference = ad.read_h5ad(source / "reference.h5ad")
    write_counts(reference, target / "reference_counts.tsv.gz")
    reference.obs[["cell_type"]].to_csv(
        target / "reference_cells.csv", index_label="cell", lineterminator="\n"
    )


def write_counts(adata: ad.AnnData, path: Path) -> None:
    table = pd.DataFrame(
        adata.X.toarray().astype(int), index=adata.obs_names, columns=adata.var_names
    )
    table.to_csv(
        path,
        sep="\t",
        lineterminator="\n",
        compression={"method": "gzip", "compresslevel": 9, "mtime": 1},
    )


BULB = ("Rep4", "Rep9")

if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parents[1] / "inst" / "extdata")
