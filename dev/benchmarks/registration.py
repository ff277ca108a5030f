"""Whether spots lie on their tissue: real sections as they are, and shifted on purpose.

Every section is checked as it lies, then with its spots moved in eight directions by
300 and 600 microns: how many of the moves raise doubt, and how far the shift that is
told misses the one that was made, from the place where the section was found to lie.
Images of more than 10 microns per pixel (cortex, mouse posterior) are kept apart.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/registration.py
"""

from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from common import data_folder, stamped, write

from histobridge import contract
from histobridge.images import Slide, open_slide
from histobridge.images.registration import placement

SECTIONS = (
    *(f"her2st/{name}" for name in ("A1", "A2", "B4", "C2", "C3", "C4")),
    *(f"mob/{name}" for name in ("Rep4", "Rep9")),
    *(f"dlpfc/{name}_hvg_allspots" for name in ("151673", "151674")),
    "visium_small/spaniel_mouse_posterior",
    "visium_small/giotto_mini",
)
MOVES_MICRONS = (300.0, 600.0)
TURNS = np.arange(8) * np.pi / 4


def slide_of(name: str, folder: Path) -> tuple[Slide, np.ndarray]:
    """Image of a section, and its spots in pixels of it."""
    adata = ad.read_h5ad(folder / f"{name}.h5ad")
    facts = adata.uns["image"]
    adata.obs["sample_id"] = name
    factors = {
        "tissue_hires_scalef": 1.0,
        "microns_per_pixel": float(facts["um_per_px"]),
    }
    path = (folder / name).parent / facts["file"]
    images = {"hires": str(path)}
    adata.uns = {"spatial": {name: {"images": images, "scalefactors": factors}}}
    return open_slide(adata, name), contract.coordinates(adata)


def rows(name: str, folder: Path) -> Iterator[dict]:
    """One row for the section as it lies, and one for every distance."""
    slide, points = slide_of(name, folder)
    scale = slide.microns_per_pixel
    lying = placement(slide, points)
    where = {"section": name, "microns_per_pixel": scale, "spots": len(points)}
    yield where | {
        "moved_microns": 0.0,
        "moves": 1,
        "in_doubt": int(lying.in_doubt),
        "on_tissue": lying.on_tissue,
        "on_tissue_shifted": lying.shifted,
        "shift_microns": np.hypot(*lying.shift) * scale,
    }
    home = points + lying.shift if lying.in_doubt else points
    for distance in MOVES_MICRONS:
        moves = distance / scale * np.column_stack([np.cos(TURNS), np.sin(TURNS)])
        found = [placement(slide, home + move) for move in moves]
        misses = [f.shift + move for f, move in zip(found, moves, strict=True)]
        yield where | {
            "moved_microns": distance,
            "moves": len(moves),
            "in_doubt": sum(f.in_doubt for f in found),
            "on_tissue": np.mean([f.on_tissue for f in found]),
            "on_tissue_shifted": np.mean([f.shifted for f in found]),
            "error_microns": np.median(np.linalg.norm(misses, axis=1)) * scale,
        }


def main() -> None:
    table = pd.DataFrame([r for name in SECTIONS for r in rows(name, data_folder())])
    print(table.round(3).to_string())
    write("registration", stamped(table, 0))


if __name__ == "__main__":
    main()
