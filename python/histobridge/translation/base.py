"""The contract of every translator: fit on some spots, predict others."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import __version__, contract
from histobridge.contract import ContractError
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

GENES = 250


class Translator:
    """Base of translators: chooses genes, drops empty spots, checks shapes.

    A subclass writes ``_fit(adata, spots, target)`` and ``_predict(adata, spots)``.
    Both may look at the image and the positions of every spot of ``adata`` but at
    counts of ``spots`` only.

    Attributes
    ----------
    genes_ : list of str
    settings_ : dict
        What the verb records.
    """

    def fit(
        self,
        adata: AnnData,
        genes: int | Sequence[str] = GENES,
        spots: np.ndarray | None = None,
    ) -> Translator:
        """Fit to the non-empty ``spots`` (default all).

        Raises
        ------
        ContractError
            Fewer than ten spots with counts; absent genes; whatever the system
            needs and ``adata`` does not hold.
        """
        spots = np.arange(adata.n_obs) if spots is None else np.asarray(spots)
        full = spots[~contract.empty_spots(adata)[spots]]
        if len(full) < 10:
            raise ContractError("at least 10 training spots with counts", len(full))
        target = LogCP10k().fit(adata, genes, full)
        self.genes_ = target.genes_
        self.settings_ = {
            "version": __version__,
            "n_spots": len(full),
            "n_empty": len(spots) - len(full),
            "target": "log1p CP10k",
        }
        self._fit(adata, full, target.transform(adata, full))
        return self

    def predict(self, adata: AnnData, spots: np.ndarray | None = None) -> np.ndarray:
        """Prediction (n_spots, n_genes) on the scale of the target."""
        if not hasattr(self, "genes_"):
            raise ContractError("a fitted translator", "fit() was not called")
        spots = np.arange(adata.n_obs) if spots is None else np.asarray(spots)
        out = np.asarray(self._predict(adata, spots), dtype=float)
        shape = (len(spots), len(self.genes_))
        if out.shape != shape:
            raise ValueError(f"expected a prediction of shape {shape}; got {out.shape}")
        return out

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        raise NotImplementedError

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def save_model(model: Translator, path: str | Path) -> str:
    """Write a fitted translator to ``path``; returns the path."""
    with open(path, "wb") as file:
        pickle.dump({"version": __version__, "model": model}, file)
    return str(path)


def load_model(path: str | Path) -> Any:
    """Read what :func:`save_model` wrote. Only open files that you trust.

    Raises
    ------
    ContractError
        When the file does not exist or holds something else.
    """
    if not Path(path).exists():
        raise ContractError("a saved model", f"no file {str(path)!r}")
    with open(path, "rb") as file:
        stored = pickle.load(file)
    if not isinstance(stored, dict) or not isinstance(stored.get("model"), Translator):
        raise ContractError("a file written by save_model", f"{type(stored).__name__}")
    return stored["model"]
