"""cell2location: hierarchical Gamma priors on cells per spot, by MAP or variationally.

Kleshchevnikov et al. 2022, Nat Biotechnol 40:661. Expected counts of a spot are
(m_g sum_f w_sf g_fg + s_g) y_s with negative binomial noise; abundances w come from
groups of types, their total from the expected cells per spot. ``method="map"`` is the
mode, ``"variational"`` a log-normal mean field. Deviations: signatures are the mean
counts per cell, averaged over donors, instead of a second Bayesian fit; 1,000 steps.
Corrected: ``nuclei`` names a column of nuclei counted in the H&E, which replaces the
one guess ``cells_per_spot`` for all spots.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.contract import ContractError
from histobridge.deconvolution.base import Deconvolver, Estimate
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.priors import nuclei_per_spot
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

METHODS = ("map", "variational")
CONSTANT = 1e-2


def _module():
    import torch
    from torch import nn

    from histobridge.deconvolution.networks import log_gamma_prior, negative_binomial

    class Model(nn.Module):
        """Logs of every positive variable, with deviations when variational."""

        def __init__(self, signatures, cells, detection, groups, variational):
            super().__init__()
            n, (genes, k) = len(cells), signatures.shape
            self.register_buffer("g", torch.tensor(signatures, dtype=torch.float32))
            self.register_buffer("cells", torch.tensor(cells, dtype=torch.float32))
            self.detection, self.variational = detection, variational
            start = {
                "w": torch.log(self.cells[:, None] / k).repeat(1, k),
                "z": torch.log(self.cells[:, None] / groups).repeat(1, groups),
                "x": torch.full((groups, k), -np.log(k)) + 0.1 * torch.randn(groups, k),
                "m": torch.zeros(genes),
                "s": torch.full((genes,), np.log(CONSTANT)),
                "y": torch.zeros(n, 1),
                "inverse": torch.full((genes,), np.log(10.0)),
            }
            self.mean = nn.ParameterDict(start)
            wide = {name: torch.full_like(v, -3.0) for name, v in start.items()}
            self.log_sd = nn.ParameterDict(wide) if variational else None

        def draw(self):
            logs = dict(self.mean.items())
            if self.variational and self.training:
                logs = {
                    name: v + torch.exp(self.log_sd[name]) * torch.randn_like(v)
                    for name, v in logs.items()
                }
            return {name: torch.exp(v.clamp(-20, 20)) for name, v in logs.items()}

        def forward(self, counts, rows):
            v = self.draw()
            expected = v["w"] @ (v["m"][:, None] * self.g).T + v["s"]
            data = negative_binomial(counts, expected * v["y"], v["inverse"]).sum()
            group = v["z"] @ v["x"]
            k = self.g.shape[1]
            per_group = self.cells[:, None] / v["z"].shape[1]
            prior = (
                log_gamma_prior(v["w"], 5 * group, torch.tensor(5.0)).sum()
                + log_gamma_prior(v["z"], per_group, torch.tensor(1.0)).sum()
                + log_gamma_prior(
                    v["x"], torch.tensor(1.0 / k), torch.tensor(1.0)
                ).sum()
                + log_gamma_prior(v["m"], torch.tensor(10.0), torch.tensor(10.0)).sum()
                + log_gamma_prior(v["s"], torch.tensor(1.0), torch.tensor(100.0)).sum()
                + log_gamma_prior(v["y"], self.detection, self.detection).sum()
                - 0.1 * v["inverse"].rsqrt().sum()
            )
            # Density of the logs, in which the mode is sought and samples are drawn.
            jacobian = sum(torch.log(value).sum() for value in v.values())
            entropy = 0.0
            if self.variational:
                entropy = sum(s.sum() for s in self.log_sd.values())
            return (data - prior - jacobian - entropy) / len(counts)

    return Model


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


def solve(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    method: str,
    cells_per_spot: float,
    nuclei: str | None,
    detection: float,
    n_genes: int,
    groups: int,
    epochs: int,
    seed: int,
) -> Estimate:
    """Fit all spots at once."""
    from histobridge.deconvolution.networks import dense, fit

    if method not in METHODS:
        raise ContractError("a method of cell2location", repr(method), METHODS)
    cells = np.full(counts.shape[0], float(cells_per_spot))
    if nuclei is not None:
        cells = np.maximum(nuclei_per_spot(adata, nuclei), 0.5)
    genes = select_genes(signatures, counts, "leverage", n_genes)
    y = dense(counts[:, genes])
    mean = donor_means(signatures)[genes]
    # So that the detection of the mean spot is about 1.
    mean *= y.sum(axis=1).mean() / (cells.mean() * mean.sum(axis=0).mean())
    model = fit(
        lambda: _module()(mean, cells, detection, groups, method == "variational"),
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


@system(
    "cell2location",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Kleshchevnikov et al. 2022, Nat Biotechnol 40:661",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations=(
        "signatures are mean counts over donors; 1,000 steps; counted nuclei "
        "may replace the guess of cells per spot"
    ),
)
def cell2location(
    *,
    method: str = "map",
    cells_per_spot: float = 8.0,
    nuclei: str | None = None,
    detection: float = 20.0,
    n_genes: int = 1000,
    groups: int = 20,
    epochs: int = 500,
    seed: int = 0,
) -> Deconvolver:
    """Hierarchical Gamma priors on the cells of a spot."""
    return Deconvolver(
        solve,
        method=method,
        cells_per_spot=cells_per_spot,
        nuclei=nuclei,
        detection=detection,
        n_genes=n_genes,
        groups=groups,
        epochs=epochs,
        seed=seed,
    )
