"""Morphology as models see it: standardised, with the mean of the surroundings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs, keys
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData

_known: ContextVar[dict | None] = ContextVar("features worked out", default=None)

WIDE = 200
"""Features of more columns than this enter models by their leading components."""

MOST_KEPT = 2**28
"""Bytes of the largest array that :func:`once` keeps."""


@contextmanager
def remembered() -> Iterator[None]:
    """Within it, :func:`once` answers from memory.

    For one fit or one prediction, whose members look at the same features of an
    object that nobody changes meanwhile.
    """
    if _known.get() is not None:
        yield
        return
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def once(
    adata: AnnData, what: tuple[Any, ...], work_out: Callable[[], np.ndarray]
) -> np.ndarray:
    """What ``work_out`` gives, from memory where it was asked for before.

    Only within :func:`remembered`. ``what`` names everything that it depends on
    besides the object; the answer is not to be changed.
    """
    known = _known.get()
    if known is None:
        return work_out()
    # The object is kept, so that no other can take over its identity.
    held = known.setdefault(id(adata), (adata, {}))[1]
    if what in held:
        return held[what]
    answer = work_out()
    if answer.nbytes <= MOST_KEPT:
        answer.flags.writeable = False
        held[what] = answer
    return answer


def morphology_columns(adata: AnnData, key: str = keys.MORPHOLOGY) -> dict:
    """Encoder name -> positions of its columns in ``obsm[key]``.

    Raises
    ------
    ContractError
        When the features are absent.
    """
    if key not in adata.obsm:
        raise ContractError(
            f"image features in obsm[{key!r}] (run add_morphology / addMorphology)",
            "none",
            adata.obsm.keys(),
        )
    width = adata.obsm[key].shape[1]
    settings = adata.uns.get(keys.SETTINGS, {}).get(key, {})
    encoder = np.asarray(settings.get("encoder", ["features"] * width))
    if len(encoder) != width:
        raise ContractError(
            f"encoders of the {width} columns of obsm[{key!r}]", f"{len(encoder)}"
        )
    return {name: np.flatnonzero(encoder == name) for name in dict.fromkeys(encoder)}


def feature_names(adata: AnnData, key: str = keys.MORPHOLOGY) -> list[str]:
    """Names of the feature columns, numbers where they were not recorded."""
    settings = adata.uns.get(keys.SETTINGS, {}).get(key, {})
    width = adata.obsm[key].shape[1] if key in adata.obsm else 0
    return [str(name) for name in settings.get("columns", range(1, width + 1))]


def same_features(expected: list[str], found: list[str]) -> None:
    """Refuse other features than those of training.

    Raises
    ------
    ContractError
        Naming the first that differs, or how many there are.
    """
    known = "the image features that the model was trained on"
    if len(expected) != len(found):
        raise ContractError(f"{known}: {len(expected)} columns", len(found))
    for mine, other in zip(expected, found, strict=True):
        if mine != other:
            raise ContractError(
                f"{known}: {mine!r}",
                repr(other),
            )


def standardised(
    features: np.ndarray, sections: np.ndarray, dtype: type = np.float64
) -> np.ndarray:
    """Features of unit variance and zero mean within each section.

    Only the image is used, so a test section is brought to the same scale without
    its expression: stain and scanner differences go, contrast within tissue stays.
    """
    out: np.ndarray = np.empty(features.shape, dtype=dtype)
    for section in np.unique(sections):
        spots = sections == section
        part = features[spots].astype(dtype)
        part -= part.mean(axis=0, dtype=float).astype(dtype)
        deviation = np.sqrt(np.square(part).mean(axis=0, dtype=float))
        part /= np.where(deviation > 1e-8, deviation, 1.0).astype(dtype)
        out[spots] = part
    return out


def leading_axes(x: np.ndarray, count: int) -> np.ndarray:
    """Leading principal directions (n_columns, count) of centred rows."""
    from sklearn.utils.extmath import randomized_svd

    count = min(count, *x.shape)
    return randomized_svd(x, count, n_iter=3, random_state=0)[2].T


def own_features(
    adata: AnnData, columns: np.ndarray, key: str = keys.MORPHOLOGY
) -> np.ndarray:
    """Features (n_spots, n_columns) of every spot, standardised within its section.

    Raises
    ------
    ContractError
        When a feature is not finite.
    """
    # Wide ones enter by their components, for which half the digits are enough.
    dtype = np.float32 if len(columns) > WIDE else np.float64
    return once(
        adata,
        ("own_features", key, columns.tobytes()),
        lambda: standardised(
            _finite(adata, columns, key), graphs.section_codes(adata), dtype
        ),
    )


def spot_features(
    adata: AnnData,
    columns: np.ndarray,
    neighbours: tuple[int, ...],
    key: str = keys.MORPHOLOGY,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """Standardised features beside their means over nearest spots.

    Parameters
    ----------
    columns
        Positions in ``obsm[key]``.
    neighbours
        For each entry k the mean over a spot and its k - 1 nearest; 1 is the spot.
    axes
        (len(columns), d) directions that stand for the columns, see
        :func:`leading_axes`; default the columns themselves.

    Returns
    -------
    (n_spots, d * len(neighbours))

    Raises
    ------
    ContractError
        When a feature is not finite.
    """
    names = None if axes is None else axes.tobytes()
    return once(
        adata,
        ("spot_features", key, columns.tobytes(), neighbours, names),
        lambda: _spot_features(adata, columns, neighbours, key, axes),
    )


def _spot_features(
    adata: AnnData,
    columns: np.ndarray,
    neighbours: tuple[int, ...],
    key: str,
    axes: np.ndarray | None,
) -> np.ndarray:
    sections = graphs.section_codes(adata)
    own = own_features(adata, columns, key)
    own = (own if axes is None else own @ axes).astype(float, copy=False)
    points = (
        graphs.positions_microns(adata) if max(neighbours) > 1 else np.empty((0, 2))
    )
    blocks = [
        own if k == 1 else graphs.neighbour_mean(own, points, sections, k)
        for k in neighbours
    ]
    return np.concatenate(blocks, axis=1)


def _finite(adata: AnnData, columns: np.ndarray, key: str) -> np.ndarray:
    # Columns of one encoder lie side by side: a view, not a copy.
    side_by_side = len(columns) and bool((np.diff(columns) == 1).all())
    chosen = slice(columns[0], columns[-1] + 1) if side_by_side else columns
    features = np.asarray(adata.obsm[key])[:, chosen]
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features).all(axis=1)).sum())
        raise ContractError(
            f"finite features in obsm[{key!r}]", f"{bad} spots with NaN"
        )
    return features
