"""cell2location: hierarchical Gamma priors on cells per spot, by MAP or variationally.

Kleshchevnikov et al. 2022, Nat Biotechnol 40:661. Expected counts of a spot are
(m_g sum_f w_sf g_fg + s_g) y_s with negative binomial noise; abundances w come from
groups of types, their total from the expected cells per spot. ``method="map"`` is the
mode, ``"variational"`` a log-normal mean field. Signatures are those of a negative
binomial regression that takes apart what the donors of a reference add and how deep
they are; of one donor they are mean counts. Deviations: that regression is a mode, not
a second variational fit, and knows no technologies within it; 500 steps. Corrected:
``nuclei`` names a column of nuclei counted in the H&E, which replaces the one guess
``cells_per_spot`` for all spots.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.contract import ContractError
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.priors import nuclei_per_spot
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

METHODS = ("map", "variational")


def donor_means(signatures: Signatures) -> np.ndarray:
    """Mean counts of a cell (n_genes, n_types), every donor with equal weight."""
    found = []
    for donor in np.unique(signatures.donors):
        member = signatures.members(donor)
        n = np.asarray(member.sum(axis=1))
        mean = (member @ signatures.cells).toarray() / np.maximum(n, 1)
        found.append(np.where(n > 0, mean, np.nan).T)
    stack = np.stack(found)
    n = np.maximum(np.isfinite(stack).sum(axis=0), 1)
    return np.nan_to_num(stack).sum(axis=0) / n


def regressed_means(signatures: Signatures, epochs: int, seed: int) -> np.ndarray:
    """Mean counts of a cell (n_genes, n_types) without what its donor adds."""
    from histobridge.deconvolution.networks.fitting import dense, fit
    from histobridge.deconvolution.networks.regression import DonorRegression

    _, donors = np.unique(signatures.donors, return_inverse=True)
    start = donor_means(signatures).T
    model = fit(
        lambda: DonorRegression(start, int(donors.max()) + 1, len(donors)),
        dense(signatures.cells),
        signatures.codes,
        donors,
        epochs=epochs,
        learning_rate=0.02,
        seed=seed,
        # Ten steps a pass: the number of cells does not decide how far it comes.
        batch=max(32, len(donors) // 10),
    )
    return model.means()


@system(
    "cell2location",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Kleshchevnikov et al. 2022, Nat Biotechnol 40:661",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations=(
        "signatures are the mode of the regression on donors; 500 steps; counted "
        "nuclei may replace the guess of cells per spot"
    ),
)
@deconvolver
def cell2location(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    method: str = "map",
    cells_per_spot: float = 8.0,
    nuclei: str | None = None,
    detection: float = 20.0,
    n_genes: int = 1000,
    groups: int = 20,
    donors: bool = True,
    cell_epochs: int = 100,
    epochs: int = 500,
    seed: int = 0,
) -> Estimate:
    """Hierarchical Gamma priors on the cells of a spot.

    Parameters
    ----------
    cells_per_spot, nuclei
        Expected cells of every spot; a column of ``obs``, or ``image``, that counts
        them.
    donors, cell_epochs
        Whether what donors of the reference add is taken out of the signatures, and
        the passes over its cells that find it.
    """
    from histobridge.deconvolution.networks.cell2location import Abundances
    from histobridge.deconvolution.networks.fitting import dense, fit

    if method not in METHODS:
        raise ContractError("a method of cell2location", repr(method), METHODS)
    cells = np.full(counts.shape[0], float(cells_per_spot))
    if nuclei is not None:
        cells = np.maximum(nuclei_per_spot(adata, nuclei), 0.5)
    genes = select_genes(signatures, counts, "leverage", n_genes)
    y = dense(counts[:, genes])
    if donors and len(np.unique(signatures.donors)) > 1:
        mean = regressed_means(signatures.subset(genes), cell_epochs, seed)
    else:
        mean = donor_means(signatures)[genes]
    # So that the detection of the mean spot is about 1.
    mean *= y.sum(axis=1).mean() / (cells.mean() * mean.sum(axis=0).mean())
    model = fit(
        lambda: Abundances(mean, cells, detection, groups, method == "variational"),
        y,
        epochs=epochs,
        learning_rate=0.05,
        seed=seed,
    )
    log_mean = model.mean["w"].detach().numpy().astype(float)
    tables = {"abundance": np.exp(log_mean)}
    if method == "variational":
        spread = np.exp(model.log_sd["w"].detach().numpy().astype(float))
        tables["abundance"] = np.exp(log_mean - 1.645 * spread)
    return Estimate(shares(np.exp(log_mean)), tables=tables)
