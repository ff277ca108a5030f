"""Tissue in which one kind of nuclei decides a gene, and a network that learnt it."""

import functools

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

import histobridge as hb
from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe
from histobridge.translation.inputs import Inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import Options

SIDE, TILE, MICRONS = 10, 24, 2.0
SPOTS = SIDE**2
PINK, BLUE, BROWN = (225, 170, 200), (130, 110, 200), (90, 50, 30)
RADIUS = 3


def nuclei_tissue(sections=2, seed=0):
    """Sections of 10 x 10 spots; ``informative`` follows blue nuclei, never brown.

    ``uns["truth"]`` holds a mask of the blue ones for every section.
    """
    rng = np.random.default_rng(seed)
    parts = [_section(f"S{i + 1}", rng) for i in range(sections)]
    adata = ad.concat([part for part, _ in parts], uns_merge="unique")
    adata.uns["truth"] = {f"S{i + 1}": mask for i, (_, mask) in enumerate(parts)}
    return adata


def _section(name, rng):
    size = SIDE * TILE
    image = np.array(PINK) + rng.normal(0, 5, (size, size, 3))
    truth = np.zeros((size, size), dtype=bool)
    blue, brown = (rng.integers(0, 5, SPOTS) for _ in range(2))
    for spot in range(SPOTS):
        row, column = np.divmod(spot, SIDE)
        cells = rng.permutation(9)[: blue[spot] + brown[spot]]
        for i, cell in enumerate(cells):
            y = row * TILE + 4 + 8 * (cell // 3) + rng.uniform(-1, 1)
            x = column * TILE + 4 + 8 * (cell % 3) + rng.uniform(-1, 1)
            inside = _disc(y, x, size)
            image[inside] = (BLUE if i < blue[spot] else BROWN) + rng.normal(0, 5, 3)
            truth[inside] |= i < blue[spot]
    rate = np.column_stack([5 + 10 * blue, np.full(SPOTS, 100), np.full(SPOTS, 60)])
    counts = rng.poisson(20 * rate).astype(float)
    part = ad.AnnData(
        sp.csr_matrix(counts),
        obs=pd.DataFrame(
            {"sample_id": name, "blue": blue},
            index=[f"{name}_{i}" for i in range(SPOTS)],
        ),
        var=pd.DataFrame(index=["informative", "constant", "other"]),
    )
    row, column = np.divmod(np.arange(SPOTS), SIDE)
    part.obsm["spatial"] = np.column_stack([column, row]) * TILE + TILE / 2.0
    part.uns["spatial"] = {
        name: {
            "images": {"hires": image.clip(0, 255).astype(np.uint8)},
            "scalefactors": {"tissue_hires_scalef": 1.0, "microns_per_pixel": MICRONS},
        }
    }
    return part, truth


def _disc(y, x, size):
    """Pixels of one nucleus."""
    rows, columns = np.ogrid[:size, :size]
    return (rows - y) ** 2 + (columns - x) ** 2 <= RADIUS**2


def truth_of(adata, spots):
    """Masks (n, side, side) of blue nuclei in the patches of some spots."""
    out = []
    for spot in spots:
        mask = adata.uns["truth"][adata.obs["sample_id"].iloc[spot]]
        x, y = (adata.obsm["spatial"][spot] - TILE / 2).astype(int)
        out.append(mask[y : y + TILE, x : x + TILE])
    return np.stack(out)


def tiny_network(size):
    """Convolutions whose maps keep half of the patch's resolution."""
    from histobridge.nn.encoders import ConvNet, Pixels
    from histobridge.nn.heads import Linear
    from histobridge.nn.network import Network

    encoder = ConvNet(16, channels=(8, 16), pool_every=2)
    return Network(Pixels(encoder), Linear(16, size.genes))


def tiny_model(network=tiny_network, epochs=25):
    """Untrained translator of patches of one tile."""
    model = NeuralTranslator(
        network,
        Inputs(patch=PatchGrid(TILE * MICRONS, TILE)),
        Stage(Recipe(epochs, 1e-2), size=32),
    )
    model.options = Options(pixels=TILE)
    return model


def tiny_transformer(size):
    """Nine sub-patches that attend to each other."""
    from histobridge.nn.encoders import PatchTransformer, Pixels
    from histobridge.nn.heads import Linear
    from histobridge.nn.network import Network

    encoder = PatchTransformer(size.pixels, 16, patch=8, depth=2, heads=2)
    return Network(Pixels(encoder), Linear(16, size.genes))


@functools.cache
def tissue():
    return nuclei_tissue()


@functools.cache
def trained(network=tiny_network):
    """Fitted on the first section."""
    genes, spots = ["informative", "constant"], np.arange(SPOTS)
    return tiny_model(network).fit(tissue(), genes, spots)


def explained(**arguments):
    adata = tissue()
    arguments = {"spots": 20, "n_units": 49, "steps": 5} | arguments
    unseen = adata[SPOTS:].copy()
    return hb.explain_translation(trained(), unseen, "informative", **arguments)
