"""Sections embedded together: mixed where their labels agree, apart where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import registry
from histobridge.contract import ContractError
from histobridge.evaluation import metrics
from histobridge.evaluation.baselines.domains import Rung, mixture

if TYPE_CHECKING:
    from anndata import AnnData

COMPONENTS = 20


@dataclass(frozen=True)
class Joint:
    """One embedding (n, d) of the spots of several sections, and their labels.

    Scores are computed when first read, then serve every section.
    """

    embedding: np.ndarray
    sections: np.ndarray
    labels: np.ndarray

    @cached_property
    def ilisi(self) -> float:
        """Sections mixed within labels."""
        return metrics.ilisi(self.embedding, self.sections, self.labels)

    @cached_property
    def clisi(self) -> float:
        """Labels apart."""
        return metrics.clisi(self.embedding, self.labels)

    @cached_property
    def kbet(self) -> float:
        """Neighbourhoods that hold sections as their label does."""
        return metrics.kbet(self.embedding, self.sections, self.labels)

    @cached_property
    def silhouette(self) -> float:
        """Width of the labels."""
        return metrics.label_silhouette(self.embedding, self.labels)

    @cached_property
    def batch_silhouette(self) -> float:
        """Width of the sections within labels."""
        return metrics.batch_silhouette(self.embedding, self.sections, self.labels)


NAMES = ("ilisi", "clisi", "kbet", "silhouette", "batch_silhouette")


def joint_scores() -> Mapping[str, Callable[[Any], float]]:
    """Scores of a part whose ``joint`` is a :class:`Joint`; NaN without one."""

    def score(name: str) -> Callable[[Any], float]:
        return lambda s: float("nan") if s.joint is None else getattr(s.joint, name)

    return {name: score(name) for name in NAMES}


def packed(labels: np.ndarray, embedding: np.ndarray | None) -> np.ndarray:
    """Domains as numbers in the first column, the embedding in the others."""
    codes = np.unique(labels, return_inverse=True)[1].reshape(-1, 1).astype(float)
    return codes if embedding is None else np.hstack([codes, embedding])


def unpacked(answer: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Domains (n,) and embedding (n, d), None where a system has none."""
    if answer.ndim == 1:
        return answer, None
    return answer[:, 0].astype(int), answer[:, 1:] if answer.shape[1] > 1 else None


def several(sections: Mapping[str, np.ndarray]) -> None:
    """Check that there is something to mix."""
    if len(sections) < 2:
        raise ContractError("at least two sections to embed together", len(sections))


def _uncorrected(adata: AnnData, seed: int) -> np.ndarray:
    from histobridge.integration.embedding import component_scores
    from histobridge.integration.features import log_genes

    return component_scores(sp.csr_matrix(log_genes(adata)), COMPONENTS, seed=seed)


def uncorrected_mixture(*, seed: int = 0) -> Rung:
    """Gaussian mixture on principal components of all sections as they are."""
    return Rung(_uncorrected, mixture, seed)


UNCORRECTED = registry.System(
    name="uncorrected_mixture",
    task="domains",
    build=uncorrected_mixture,
    needs=("counts",),
    status="baseline",
    paper="",
    summary="Gaussian mixture on principal components of all sections as they are.",
    evidence="",
    deviations="",
    module=__name__,
)
"""Rung of joint benchmarks: on one section it is ``pca_mixture``."""
