"""The real sample that ships with the package; sources in inst/extdata/README.md."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import keys
from histobridge.contract import ContractError


def sample_folder() -> Path:
    """Folder of the shipped sample, in a wheel, a checkout or the R package.

    Raises
    ------
    ContractError
        When none of the three places holds it.
    """
    package = Path(__file__).resolve().parents[1]
    places = [
        package / "data" / "sample",
        package.parents[1] / "inst" / "extdata",
        package.parents[1] / "extdata",
    ]
    for place in places:
        if (place / "bulb" / "sections.csv").exists():
            return place
    raise ContractError("the shipped sample", "none", places)


def example_bulb(sections: tuple[str, ...] = ("Rep4", "Rep9")) -> ad.AnnData:
    """Two sections of mouse olfactory bulb, one from each of two animals.

    Spatial Transcriptomics (200 um pitch) with H&E and five layer labels.

    Parameters
    ----------
    sections
        Names among ``Rep4`` (animal A, 264 spots), ``Rep9`` (animal D, 237 spots).

    Returns
    -------
    AnnData of 501 spots x 2,500 genes: raw counts in ``X``; ``obs`` columns
    ``sample_id``, ``patient``, ``layer``; ``obsm["spatial"]``;
    ``uns["spatial"][section]`` with the path of the H&E image (key ``hires``) and
    ``scalefactors["microns_per_pixel"]``.
    """
    folder = sample_folder() / "bulb"
    table = pd.read_csv(folder / "sections.csv", index_col="sample_id")
    unknown = set(sections) - set(table.index)
    if unknown:
        raise ContractError("bulb sections", sorted(unknown), table.index)
    parts, libraries = [], {}
    for name in sections:
        counts = pd.read_csv(folder / name / "counts.tsv.gz", sep="\t", index_col=0)
        spots = pd.read_csv(folder / name / "spots.csv", index_col="spot")
        facts = table.loc[name]
        obs = spots.drop(columns=["x", "y"]).assign(
            **{keys.SECTION: name, keys.PATIENT: facts["patient"]}
        )
        obs.index = [f"{name}_{spot}" for spot in spots.index]
        parts.append((counts, obs, spots[["x", "y"]].to_numpy()))
        libraries[name] = {
            keys.IMAGES: {"hires": str(folder / name / "HE.jpg")},
            keys.SCALE_FACTORS: {
                keys.scale_factor("hires"): 1.0,
                keys.MICRONS_PER_PIXEL: facts["microns_per_pixel"],
                keys.SPOT_DIAMETER: facts["spot_diameter_microns"]
                / facts["microns_per_pixel"],
            },
            keys.IMAGE_METADATA: {},
        }
    obs = pd.concat([part[1] for part in parts])
    for column in (keys.SECTION, keys.PATIENT, "layer"):
        obs[column] = obs[column].astype("category")
    adata = ad.AnnData(
        sp.csr_matrix(np.vstack([part[0].to_numpy() for part in parts]), dtype=float),
        obs=obs,
        var=pd.DataFrame(index=parts[0][0].columns.astype(str)),
        obsm={keys.SPATIAL: np.vstack([part[2] for part in parts])},
        uns={keys.SPATIAL: libraries},
    )
    adata.obs_names.name = adata.var_names.name = None
    return adata


def example_mixture() -> ad.AnnData:
    """Pseudo-spots of mouse visual cortex with known proportions of 12 cell types.

    Returns
    -------
    AnnData of 239 spots x 1,020 genes: raw counts in ``X``,
    ``obs["n_cells"]``, ``obsm["spatial"]`` and the truth as a data frame in
    ``obsm["true_proportions"]`` (spots x types).
    """
    folder = sample_folder() / "mixture"
    counts = pd.read_csv(folder / "spots_counts.tsv.gz", sep="\t", index_col=0)
    spots = pd.read_csv(folder / "spots.csv", index_col="spot")
    truth = pd.read_csv(folder / "proportions.csv", index_col="spot")
    truth.index.name = spots.index.name = None
    return ad.AnnData(
        sp.csr_matrix(counts.to_numpy(), dtype=float),
        obs=spots[[keys.N_CELLS]].assign(**{keys.SECTION: "mixture"}),
        var=pd.DataFrame(index=counts.columns.astype(str)),
        obsm={
            keys.SPATIAL: spots[["x", "y"]].to_numpy(dtype=float),
            keys.TRUE_PROPORTIONS: truth,
        },
    )


def example_reference() -> ad.AnnData:
    """Single cells of another section than the mixture: 1,170 cells of 12 types.

    Returns
    -------
    AnnData of 1,170 cells x 1,020 genes: raw counts in ``X``,
    ``obs["cell_type"]``.
    """
    folder = sample_folder() / "mixture"
    counts = pd.read_csv(folder / "reference_counts.tsv.gz", sep="\t", index_col=0)
    cells = pd.read_csv(folder / "reference_cells.csv", index_col="cell")
    cells.index.name = None
    cells[keys.CELL_TYPE] = cells[keys.CELL_TYPE].astype("category")
    return ad.AnnData(
        sp.csr_matrix(counts.to_numpy(), dtype=float),
        obs=cells,
        var=pd.DataFrame(index=counts.columns.astype(str)),
    )
