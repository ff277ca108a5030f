"""Signatures of several donors: depth and what leaks in are taken apart."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.data.simulate_counts import type_profiles
from histobridge.deconvolution.signatures import reference_signatures
from histobridge.deconvolution.systems.cell2location import (
    donor_means,
    regressed_means,
)
from histobridge.evaluation import metrics

TYPES, GENES, EACH = 4, 120, 60


@pytest.fixture(scope="module")
def donors():
    """Two donors: one three times as deep, with RNA of type 1 in every cell."""
    rng = np.random.default_rng(0)
    profiles, _ = type_profiles(0, GENES, TYPES)
    kind = np.repeat(np.arange(TYPES), EACH)
    # Types 3 and 4 are nearly all of the second donor.
    second = rng.random(len(kind)) < np.array([0.2, 0.2, 0.9, 0.9])[kind]
    rate = 500 * profiles[kind]
    rate[second] = 3 * (rate[second] + 200 * profiles[0])
    cells = ad.AnnData(
        sp.csr_matrix(rng.poisson(rate)),
        obs=pd.DataFrame(
            {
                "cell_type": [f"type{k + 1}" for k in kind],
                "patient": np.where(second, "b", "a"),
            },
            index=[f"cell{i}" for i in range(len(kind))],
        ),
    )
    return cells, profiles


def correlation(means, profiles):
    """Of log profiles over genes, for the types that the second donor holds."""
    found = np.log(means / means.sum(axis=0) + 1e-4).T
    wanted = np.log(profiles + 1e-4)
    return np.mean([np.corrcoef(found[k], wanted[k])[0, 1] for k in (2, 3)])


def test_what_a_donor_adds_is_taken_out(donors):
    cells, profiles = donors
    signatures = reference_signatures(cells, "cell_type", cells.var_names)
    plain = correlation(donor_means(signatures), profiles)
    regressed = correlation(regressed_means(signatures, 100, 0), profiles)
    assert regressed > 0.95
    assert 1 - regressed < 0.5 * (1 - plain)


def test_cell2location_uses_it_where_there_are_donors(donors):
    cells, profiles = donors
    rng = np.random.default_rng(1)
    truth = rng.dirichlet(np.full(TYPES, 0.5), 60)
    spots = ad.AnnData(sp.csr_matrix(rng.poisson(1500 * truth @ profiles)))
    spots.var_names = cells.var_names
    error = {}
    for use in (True, False):
        hb.deconvolve(
            spots, cells, system="cell2location", donors=use, cell_epochs=60, epochs=300
        )
        found = spots.obsm["proportions"].to_numpy()
        error[use] = metrics.spot_rmse(found, truth).mean()
    assert error[True] < 0.9 * error[False]
