"""Tissue whose spots are painted in colours that decide their expression."""

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

import histobridge as hb

SIDE = 7
SPOTS = SIDE**2
GENES = [f"gene{i}" for i in range(8)]
TILE = 20


def painted_tissue(sections=3, seed=0):
    """Sections of 7 x 7 spots; a spot's colour is independent of its place.

    Eight genes follow the colour, six are constant; what is left is counting noise.
    """
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(3, len(GENES)))
    parts = [_section(f"S{i + 1}", f"P{i + 1}", mixing, rng) for i in range(sections)]
    adata = ad.concat(parts, uns_merge="unique")
    hb.add_morphology(adata, "colour", patch_microns=160, cache=False, progress=False)
    return adata


def _section(name, patient, mixing, rng):
    colour = rng.uniform(60, 220, size=(SIDE, SIDE, 3))
    image = colour.repeat(TILE, axis=0).repeat(TILE, axis=1)
    image = image + rng.normal(0, 4, image.shape)
    rate = np.exp(0.7 * (colour.reshape(-1, 3) - 140) / 46 @ mixing)
    rate = np.column_stack([rate, np.full((SPOTS, 6), rate.sum(axis=1).mean() / 2)])
    counts = rng.poisson(5000 * rate / rate.sum(axis=1, keepdims=True))
    genes = [*GENES, *(f"constant{i}" for i in range(6))]
    part = ad.AnnData(
        sp.csr_matrix(counts.astype(float)),
        obs=pd.DataFrame(
            {"sample_id": name, "patient": patient},
            index=[f"{name}_{i}" for i in range(SPOTS)],
        ),
        var=pd.DataFrame(index=genes),
    )
    row, column = np.divmod(np.arange(SPOTS), SIDE)
    part.obsm["spatial"] = np.column_stack([column, row]) * TILE + TILE / 2.0
    part.uns["spatial"] = {
        name: {
            "images": {"hires": image.clip(0, 255).astype(np.uint8)},
            "scalefactors": {"tissue_hires_scalef": 1.0, "microns_per_pixel": 10.0},
        }
    }
    return part


def repainted(adata, spots, seed=1):
    """Copy whose images of ``spots`` (of one section) changed places at random."""
    rng = np.random.default_rng(seed)
    other = adata.copy()
    order = rng.permutation(len(spots))
    name = adata.obs["sample_id"].iloc[spots[0]]
    other.uns["spatial"] = dict(adata.uns["spatial"])
    library = dict(adata.uns["spatial"][name])
    image = library["images"]["hires"]
    tiles = image.reshape(SIDE, TILE, SIDE, TILE, 3).swapaxes(1, 2)
    tiles = tiles.reshape(SPOTS, TILE, TILE, 3)[order]
    tiles = tiles.reshape(SIDE, SIDE, TILE, TILE, 3).swapaxes(1, 2)
    library["images"] = {"hires": tiles.reshape(image.shape)}
    other.uns["spatial"][name] = library
    other.obsm["morphology"] = adata.obsm["morphology"].copy()
    other.obsm["morphology"][spots] = adata.obsm["morphology"][spots][order]
    return other
