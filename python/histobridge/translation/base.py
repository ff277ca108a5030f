"""The contract of every translator: fit on some spots, predict others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import __version__, contract, keys
from histobridge.contract import ContractError
from histobridge.images.features import remembered
from histobridge.translation.scope import fingerprint
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

GENES = 250

MANY = 2**26
"""Values of a target above which single precision is used, to halve the memory."""


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
        self.settings_: dict[str, Any] = {
            "version": __version__,
            "n_spots": len(full),
            "n_empty": len(spots) - len(full),
            "target": "log1p CP10k",
            "trained_on": _manifest(adata, full),
        }
        self.scope_ = fingerprint(adata, full)
        many = len(full) * len(self.genes_) > MANY
        dtype = np.float32 if many else np.float64
        with remembered():
            self._fit_own(adata, full, target.transform(adata, full, dtype))
        return self

    def predict(self, adata: AnnData, spots: np.ndarray | None = None) -> np.ndarray:
        """Prediction (n_spots, n_genes) on the scale of the target.

        In single precision from a model trained on more than 67 million values.
        """
        if not hasattr(self, "genes_"):
            raise ContractError("a fitted translator", "fit() was not called")
        if not adata.n_obs:
            raise ContractError("spots to predict", "none")
        spots = np.arange(adata.n_obs) if spots is None else np.asarray(spots)
        with remembered():
            out = np.asarray(self._predict(adata, spots))
        out = out if out.dtype.kind == "f" else out.astype(float)
        shape = (len(spots), len(self.genes_))
        if out.shape != shape:
            raise ValueError(f"expected a prediction of shape {shape}; got {out.shape}")
        return out

    def get_state(self) -> dict[str, Any]:
        """What was fitted, as ``save_model`` stores it.

        By default every attribute whose name ends with ``_``. A subclass that holds
        more than arrays, numbers, texts, lists and dictionaries (a torch module,
        say) puts those in its place and takes them back in :meth:`set_state`.
        """
        own = {"genes_", "settings_"}
        return {k: v for k, v in vars(self).items() if k.endswith("_") and k not in own}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`get_state` gave; tensors come as NumPy arrays."""
        vars(self).update(state)

    def _fit_own(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        """Fit to a target that nobody else reads, so that it may be changed."""
        self._fit(adata, spots, target)

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        raise NotImplementedError

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def _manifest(adata: AnnData, spots: np.ndarray) -> dict[str, Any]:
    """Which spots a model was fitted on: sections, patients, hash of their names."""
    sections = contract.section_names(adata).astype(str).iloc[spots]
    manifest = {
        "sections": {s: int(n) for s, n in sections.value_counts(sort=False).items()},
        "spots_sha256": hashlib.sha256(
            "\n".join(map(str, adata.obs_names[spots])).encode()
        ).hexdigest(),
    }
    if keys.PATIENT in adata.obs:
        manifest["patients"] = patients_of(adata, spots)
    return manifest


def patients_of(adata: AnnData, spots: np.ndarray) -> list[str]:
    """Patients of ``spots`` in the order met; none where nobody says whose they are."""
    if keys.PATIENT not in adata.obs:
        return []
    return list(dict.fromkeys(adata.obs[keys.PATIENT].iloc[spots].dropna().astype(str)))
