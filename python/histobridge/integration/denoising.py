"""Expression pooled over neighbours, as far as held-out molecules call for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import __version__, contract, graphs, keys
from histobridge.contract import ContractError
from histobridge.integration.features import standardised_image
from histobridge.integration.pooling import (
    STEPS,
    Choice,
    choose_steps,
    lazy_walk,
    walk,
)
from histobridge.integration.preservation import Smooth, preservation
from histobridge.normalisation import log_normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

NEIGHBOURS = 6
REACH = 2.0
"""Pitches beyond which a spot is no neighbour."""


def denoise(
    adata: AnnData,
    *,
    image: str | bool = "auto",
    by: str | None = None,
    steps: Sequence[int] = STEPS,
    key_added: str = keys.DENOISED,
    seed: int = 0,
) -> None:
    """Denoise expression by pooling counts over neighbouring spots.

    Reads whole-number counts, positions, sections and, where used,
    ``obsm["morphology"]``; writes ``layers[key_added]`` (CSR, log1p of counts per
    10,000 after pooling; spots without counts stay empty) and a record under
    ``uns["histobridge"][key_added]``. The counts of a spot are averaged over a random
    walk to its neighbours; the number of steps is chosen for each section by
    :func:`~histobridge.integration.pooling.choose_steps` from molecules held out,
    never from labels. 0 steps leave the log-normalised counts as they are.

    Parameters
    ----------
    image
        Whether neighbours with alike image features weigh more: ``"auto"`` uses the
        image in the sections where it lowers the loss, ``True`` in all.
    by
        ``obs`` column of which the two most frequent levels are compared in the
        record; default two clusters of the counts. The layer does not depend on it.
    steps
        Numbers of steps to choose from.
    seed
        Of the thinning that scores steps, and of clusters that stand in for ``by``.

    Raises
    ------
    ContractError
        No counts, fractional counts, no coordinates, repeated names, an unknown
        ``image``, no image features with ``image=True``, steps below 0.

    Notes
    -----
    The record holds ``steps`` and ``image`` by section, the ``curve`` (Poisson loss per
    spot by section, weights and steps) and what
    :func:`~histobridge.integration.preservation.preservation` measures. A test between
    regions on a smoothed layer finds too much: test the counts, with
    :func:`~histobridge.test_spatial_de`.
    The loss weighs abundant genes most: where counts are shallow, more steps would
    have the least error on the log scale.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.denoise(bulb)
    >>> bulb.uns["histobridge"]["denoised"]["steps"]["Rep4"] > 0
    True
    """
    contract.unique_names(adata)
    counts = contract.integer_counts(adata)
    steps = _checked_steps(steps)
    walks = _walks(adata, image)
    inside, compared = _groups(adata, by)
    chosen, curve = _choose(adata, counts, walks, steps, seed)
    sections = contract.sections(adata)

    def smooth(matrix: sp.csr_matrix) -> sp.csr_matrix:
        return _smooth(matrix, sections, walks, chosen)

    kept = preservation(
        counts[compared],
        lambda part: _part_smooth(part, compared, smooth),
        graphs.section_codes(adata)[compared],
        inside[compared] if by is not None else None,
        seed,
    )
    facts = {
        "steps": {name: choice.steps for name, (_, choice) in chosen.items()},
        "image": {name: kind == "image" for name, (kind, _) in chosen.items()},
        "prior": {name: choice.prior for name, (_, choice) in chosen.items()},
        "curve": curve,
        "preservation": kept,
    }
    adata.layers[key_added] = smooth(counts)
    settings = {"verb": "denoise", "scale": "log1p of counts per 10,000"}
    made = {"seed": seed, "by": by or "", "version": __version__}
    contract.record(adata, key_added, settings | made | facts)


def _checked_steps(steps: Sequence[int]) -> tuple[int, ...]:
    each: tuple[Any, ...] = tuple(steps) if np.ndim(steps) else (steps,)
    if not each or any(int(s) != s or s < 0 for s in each):
        raise ContractError("steps as whole numbers of at least 0", repr(steps))
    return tuple(int(s) for s in each)


def _walks(adata: AnnData, image: str | bool) -> dict[str, sp.csr_matrix]:
    """Steps over all spots by what weighs neighbours: ``space``, ``image``."""
    if image not in ("auto", True, False):
        raise ContractError('image "auto", True or False', repr(image))
    points, codes = graphs.positions_microns(adata), graphs.section_codes(adata)
    near = graphs.near_graph(points, codes, REACH, NEIGHBOURS)
    if image is True and keys.MORPHOLOGY not in adata.obsm:
        raise ContractError(
            f'image features in obsm["{keys.MORPHOLOGY}"]', "none", adata.obsm.keys()
        )
    walks = {} if image is True else {"space": lazy_walk(near)}
    if image and keys.MORPHOLOGY in adata.obsm:
        features = standardised_image(adata)
        walks["image"] = lazy_walk(graphs.product_weights(near, [features]))
    return walks


def _groups(adata: AnnData, by: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Which spots are in the first group, and which are compared at all."""
    filled = ~contract.empty_spots(adata)
    if by is None:
        return filled, filled
    column = contract.labels(adata, by, "groups")
    names = column.value_counts().index[:2]
    return (column == names[0]).to_numpy(), column.isin(names).to_numpy() & filled


def _choose(
    adata: AnnData,
    counts: sp.csr_matrix,
    walks: dict[str, sp.csr_matrix],
    steps: tuple[int, ...],
    seed: int,
) -> tuple[dict[str, tuple[str, Choice]], dict[str, list]]:
    """Weights and steps of least loss in every section, and all losses as columns."""
    chosen: dict[str, tuple[str, Choice]] = {}
    curve: dict[str, list] = {"section": [], "weights": [], "steps": [], "loss": []}
    for section, spots in contract.sections(adata).items():
        for kind, step in walks.items():
            part = step[spots][:, spots]
            # One seed for all weights: their losses are on the same molecules.
            found = choose_steps(counts[spots], part, steps=steps, seed=seed)
            if section not in chosen or _least(found) < _least(chosen[section][1]):
                chosen[section] = kind, found
            for number, loss in found.loss.items():
                row = (section, kind, number, loss)
                for column, value in zip(curve.values(), row, strict=True):
                    column.append(value)
    return chosen, curve


def _least(choice: Choice) -> float:
    return choice.loss[choice.steps]


def _smooth(
    counts: sp.csr_matrix,
    sections: dict[str, np.ndarray],
    walks: dict[str, sp.csr_matrix],
    chosen: dict[str, tuple[str, Choice]],
) -> sp.csr_matrix:
    """Log-normalised pooled counts, in the order of ``counts``."""
    parts = []
    for section, spots in sections.items():
        kind, choice = chosen[section]
        part = counts[spots].astype(float)
        filled = np.asarray(part.sum(axis=1)).ravel() > 0
        pooled = walk(part, walks[kind][spots][:, spots], choice.steps)
        parts.append(sp.diags(filled.astype(float)) @ pooled)
    order = np.argsort(np.concatenate(list(sections.values())), kind="stable")
    smoothed = log_normalise(sp.vstack(parts).tocsr()[order])
    smoothed.eliminate_zeros()
    return smoothed


def _part_smooth(
    part: sp.csr_matrix, rows: np.ndarray, smooth: Smooth
) -> sp.csr_matrix:
    """Smooth some spots alone: the others hold nothing."""
    place = sp.identity(len(rows), format="csr")[:, np.flatnonzero(rows)]
    return smooth((place @ part).tocsr())[rows]
