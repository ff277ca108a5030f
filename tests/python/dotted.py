"""A section whose image has a black dot at every spot, and nothing else."""

import anndata as ad
import numpy as np
import pandas as pd

SCALE = 0.5
WIDTH, HEIGHT = 360, 240
DOT = 4


def dotted_section(spots=24, seed=0, name="S1"):
    """Spots at random places of a wide image, at least 24 image pixels apart."""
    rng = np.random.default_rng(seed)
    places = []
    while len(places) < spots:
        x, y = rng.integers(12, WIDTH - 12), rng.integers(12, HEIGHT - 12)
        if all(np.hypot(x - u, y - v) >= 24 for u, v in places):
            places.append((x, y))
    image = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    for x, y in places:
        image[y - DOT // 2 : y + DOT // 2, x - DOT // 2 : x + DOT // 2] = 0
    adata = ad.AnnData(
        rng.poisson(2, (spots, 12)).astype(float),
        obs=pd.DataFrame(
            {"sample_id": name, "one": "same"}, index=[f"spot{i}" for i in range(spots)]
        ),
        var=pd.DataFrame(index=[f"gene{i}" for i in range(12)]),
        obsm={"spatial": np.array(places) / SCALE},
    )
    factors = {"tissue_hires_scalef": SCALE}
    library = {"images": {"hires": image}, "scalefactors": factors, "metadata": {}}
    adata.uns["spatial"] = {name: library}
    return adata
