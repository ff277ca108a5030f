"""Sections with an H&E image as the benchmarks read them, features added."""

from collections.abc import Iterable
from pathlib import Path

import anndata as ad

import histobridge as hb


def load(
    folder: Path, names: Iterable[str], patients: dict | None = None
) -> ad.AnnData:
    """Sections side by side over their shared genes.

    ``patients`` maps sections to patients; default the first letter of the name.
    Where the spots of a section lie beside the tissue of its image (A2 of HER2ST, by
    half a millimetre), they are moved onto it; counts have no say in that.
    """
    parts = {}
    for name in names:
        part = ad.read_h5ad(folder / f"{name}.h5ad")
        part.var_names_make_unique()
        facts = part.uns["image"]
        part.obs["sample_id"] = name
        part.obs["patient"] = (patients or {}).get(name, name[0])
        part.obs_names = [f"{name}_{spot}" for spot in part.obs_names]
        part.uns = {
            "spatial": {
                name: {
                    "images": {"hires": str(folder / facts["file"])},
                    # Coordinates are pixels of the image that is there.
                    "scalefactors": {
                        "tissue_hires_scalef": 1.0,
                        "microns_per_pixel": facts["um_per_px"],
                    },
                }
            }
        }
        parts[name] = part
    return onto_tissue(ad.concat(parts.values(), join="inner", uns_merge="unique"))


def onto_tissue(adata: ad.AnnData) -> ad.AnnData:
    """The same object, sections in doubt shifted as ``check_registration`` says."""
    found = hb.check_registration(adata).set_index("section")
    for section, row in found[found["in_doubt"]].iterrows():
        print(f"{section}: {row['shift_microns']:.0f} microns onto its tissue")
        spots = (adata.obs["sample_id"] == section).to_numpy()
        adata.obsm["spatial"][spots] += row[["shift_x", "shift_y"]].to_numpy(float)
    return adata


def described(adata: ad.AnnData, encoders: Iterable[str]) -> ad.AnnData:
    """The same object with image features."""
    hb.add_morphology(adata, tuple(encoders), progress=False)
    return adata


def of_one_scale(adata: ad.AnnData, besides: str) -> ad.AnnData:
    """The same object without the feature columns whose name ends in ``besides``."""
    facts = adata.uns["histobridge"]["morphology"]
    keep = [not str(name).endswith(besides) for name in facts["columns"]]
    adata.obsm["morphology"] = adata.obsm["morphology"][:, keep]
    for entry in ("columns", "encoder"):
        facts[entry] = [x for x, kept in zip(facts[entry], keep, strict=True) if kept]
    return adata
