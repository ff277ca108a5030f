"""Real sections with labels of domains, and several of them as one object."""

from pathlib import Path

import anndata as ad
import pandas as pd

import histobridge as hb

SECTIONS = {
    "mob Rep4": ("mob/Rep4", "layer", ()),
    "mob Rep9": ("mob/Rep9", "layer", ()),
    "starmap BY3": ("starmap/BY3_1k", "layer", ()),
    "starmap BZ5": ("starmap/20180417_BZ5_control", "domain", ()),
    "starmap BZ9": ("starmap/20180419_BZ9_control", "domain", ()),
    "her2st A1": ("her2st/A1", "pathologist_label", ("undetermined",)),
    "her2st B1": ("her2st/B1", "pathologist_label", ("undetermined",)),
    "her2st C1": ("her2st/C1", "pathologist_label", ("undetermined",)),
    "her2st D1": ("her2st/D1", "pathologist_label", ("undetermined",)),
    "dlpfc 151673": ("dlpfc/151673_hvg_allspots", "layer", ()),
    "dlpfc 151674": ("dlpfc/151674_hvg_allspots", "layer", ()),
    "osmfish": ("osmfish/osmfish_all", "region", ("Excluded",)),
}
"""Name -> file, column of labels, labels that are none."""

PICTURED = ("mob Rep4", "mob Rep9", "her2st A1", "dlpfc 151673", "dlpfc 151674")
"""Those with an image of their own."""


def section(name: str, folder: Path) -> tuple[ad.AnnData, pd.Series]:
    """Labelled spots with counts, without any label, and the labels."""
    path, truth, dropped = SECTIONS[name]
    adata = ad.read_h5ad(folder / f"{path}.h5ad")
    adata.var_names_make_unique()
    labels = adata.obs[truth].astype(object)
    keep = ~(labels.isin(dropped) | labels.isna() | (labels.astype(str) == "nan"))
    keep &= ~hb.contract.empty_spots(adata)
    adata = adata[keep.to_numpy()].copy()
    adata.uns.clear()
    adata.obs["sample_id"] = name
    return adata, labels[keep].astype(str)


def pictured(name: str, folder: Path) -> tuple[ad.AnnData, pd.Series]:
    """:func:`section` with the handcrafted features of its H&E."""
    adata, labels = section(name, folder)
    file = folder / f"{SECTIONS[name][0]}.h5ad"
    facts = ad.read_h5ad(file, backed="r").uns["image"]
    factors = {"tissue_hires_scalef": 1.0, "microns_per_pixel": facts["um_per_px"]}
    images = {"hires": str(file.parent / facts["file"])}
    adata.uns["spatial"] = {name: {"images": images, "scalefactors": factors}}
    hb.add_morphology(adata, cache=False, progress=False)
    return adata, labels


def together(names: tuple[str, ...], folder: Path) -> ad.AnnData:
    """Sections with the genes they share, labels in ``obs["truth"]``."""
    parts = []
    for name in names:
        adata, labels = section(name, folder)
        own = pd.DataFrame({"sample_id": name, "truth": labels.to_numpy()})
        own.index = [f"{name} {spot}" for spot in adata.obs_names]
        part = ad.AnnData(adata.X, obs=own, var=pd.DataFrame(index=adata.var_names))
        part.obsm["spatial"] = adata.obsm["spatial"]
        parts.append(part)
    return ad.concat(parts, join="inner")
