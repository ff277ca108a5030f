"""Folders as other pipelines write them, of tissue with two planted halves."""

import gzip
import json

import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp
from PIL import Image

GENES = 40
MICRONS = 0.5
HIRES = 0.1


def planted(points, seed=0):
    """Counts (n, GENES): the first half of the genes is high on the left."""
    rng = np.random.default_rng(seed)
    left = points[:, 0] < np.median(points[:, 0])
    rate = np.ones((len(points), GENES))
    rate[left, : GENES // 2] = 12
    rate[~left, GENES // 2 :] = 12
    return rng.poisson(rate), left


def lattice(rows=12, columns=12):
    """Array rows and columns of a hexagonal lattice, and pixels (x, y)."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    column = 2 * column + row % 2
    x = 400 + column * 50 / MICRONS
    y = 500 + row * 50 * np.sqrt(3) / MICRONS
    return row, column, np.column_stack([x, y])


def dotted_png(path, points, scale):
    """White, with a black dot at every point."""
    width, height = np.ceil(points.max(axis=0) * scale + 40).astype(int)
    image = np.full((height, width, 3), 255, dtype=np.uint8)
    for x, y in np.round(points * scale).astype(int):
        image[y - 2 : y + 2, x - 2 : x + 2] = 0
    Image.fromarray(image).save(path)


def visium_folder(path, header=True, matrix="mtx"):
    """Space Ranger's ``outs``; every seventh spot lies outside the tissue."""
    spatial = path / "outs" / "spatial"
    spatial.mkdir(parents=True)
    row, column, points = lattice()
    tissue = (np.arange(len(points)) % 7 > 0).astype(int)
    barcodes = np.array([f"AAC{i:04d}-1" for i in range(len(points))])
    counts, left = planted(points)
    frame = pd.DataFrame(
        {
            "barcode": barcodes,
            "in_tissue": tissue,
            "array_row": row,
            "array_col": column,
            "pxl_row_in_fullres": points[:, 1].round().astype(int),
            "pxl_col_in_fullres": points[:, 0].round().astype(int),
        }
    ).sample(frac=1, random_state=0)
    name = "tissue_positions.csv" if header else "tissue_positions_list.csv"
    frame.to_csv(spatial / name, index=False, header=header)
    factors = {
        "spot_diameter_fullres": 65 / MICRONS,
        "fiducial_diameter_fullres": 144 / MICRONS,
        "tissue_hires_scalef": HIRES,
        "tissue_lowres_scalef": HIRES / 2,
    }
    (spatial / "scalefactors_json.json").write_text(json.dumps(factors))
    dotted_png(spatial / "tissue_hires_image.png", points, HIRES)
    dotted_png(spatial / "tissue_lowres_image.png", points, HIRES / 2)
    inside = tissue == 1
    write = write_h5 if matrix == "h5" else write_mtx
    write(path / "outs", counts[inside], barcodes[inside])
    return left[inside]


def gene_names():
    """Two genes share one symbol, as in real references."""
    symbols = [f"Gene{i}" for i in range(GENES)]
    symbols[1] = symbols[0]
    return [f"ENS{i:05d}" for i in range(GENES)], symbols


def write_mtx(outs, counts, barcodes):
    folder = outs / "filtered_feature_bc_matrix"
    folder.mkdir()
    ids, symbols = gene_names()
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        scipy.io.mmwrite(file, sp.coo_matrix(counts.T))
    lines = [f"{i}\t{s}\tGene Expression" for i, s in zip(ids, symbols, strict=True)]
    for name, rows in (("features", lines), ("barcodes", list(barcodes))):
        with gzip.open(folder / f"{name}.tsv.gz", "wt") as file:
            file.write("\n".join(rows) + "\n")


def write_h5(outs, counts, barcodes, name="filtered_feature_bc_matrix.h5"):
    import h5py

    matrix = sp.csc_matrix(counts.T)
    ids, symbols = gene_names()
    with h5py.File(outs / name, "w") as file:
        group = file.create_group("matrix")
        group["shape"] = np.array(matrix.shape, dtype=np.int32)
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(matrix, part).astype(np.int64)
        group["barcodes"] = [str(b).encode() for b in barcodes]
        features = group.create_group("features")
        features["id"] = [i.encode() for i in ids]
        features["name"] = [s.encode() for s in symbols]
        features["feature_type"] = [b"Gene Expression"] * GENES
        features["genome"] = [b"toy"] * GENES


def st_folder(path, separator="\t"):
    """Counts, spots and image of Spatial Transcriptomics."""
    path.mkdir(parents=True)
    row, column = np.divmod(np.arange(12 * 12), 12)
    array = np.column_stack([column + 5, row + 3])
    points = array * 40.0 + 20
    counts, left = planted(points)
    frame = pd.DataFrame(
        counts,
        index=[f"{x}x{y}" for x, y in array],
        columns=[f"Gene{i}" for i in range(GENES)],
    )
    frame.to_csv(path / "counts.tsv", sep=separator)
    spots = pd.DataFrame(
        np.column_stack([array, points]), columns=["x", "y", "pixel_x", "pixel_y"]
    )
    spots.sample(frac=1, random_state=0).to_csv(
        path / "spots.tsv", sep=separator, index=False
    )
    dotted_png(path / "image.png", points, 1.0)
    return left


def xenium_folder(path):
    """Counts as h5, cells in another order."""
    path.mkdir(parents=True)
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 600, (300, 2))
    counts, left = planted(points)
    names = [f"cell{i}-1" for i in range(300)]
    write_h5(path, counts, names, "cell_feature_matrix.h5")
    cells = pd.DataFrame(
        {"cell_id": names, "x_centroid": points[:, 0], "y_centroid": points[:, 1]}
    )
    cells.sample(frac=1, random_state=0).to_csv(path / "cells.csv.gz", index=False)
    return left


def cosmx_folder(path):
    """Two fields of view, cells numbered from 1 in each, and controls."""
    path.mkdir(parents=True)
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 5000, (240, 2))
    points = points[np.argsort(points[:, 1])]
    counts, left = planted(points)
    fov, cell = np.divmod(np.arange(240), 120)
    frame = pd.DataFrame(counts, columns=[f"Gene{i}" for i in range(GENES)])
    frame.insert(0, "fov", fov + 1)
    frame.insert(1, "cell_ID", cell + 1)
    frame["NegPrb1"] = 99
    outside = frame.iloc[[0]].assign(cell_ID=0)
    pd.concat([outside, frame]).to_csv(path / "run_exprMat_file.csv", index=False)
    cells = frame[["fov", "cell_ID"]].assign(
        CenterX_global_px=points[:, 0], CenterY_global_px=points[:, 1]
    )
    cells.sample(frac=1, random_state=0).to_csv(
        path / "run_metadata_file.csv", index=False
    )
    return left
