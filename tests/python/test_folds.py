"""Folds as data: the splits that a splitter made, and those of someone else."""

import numpy as np
import pytest

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.evaluation import audit
from histobridge.splits import SPLITTERS, SpatialFolds, spatial_folds

SETTINGS = {
    "blocks": {"n_splits": 3, "shape": "hex", "balance_by": "domain"},
    "group": {"key": "patient"},
    "spot": {"n_tests": 3},
    "distance": {"n_splits": 3},
}


@pytest.mark.parametrize("by", SPLITTERS)
def test_folds_are_the_splits_of_their_splitter(by, tissue):
    tissue.obs["site"] = np.where(tissue.obs["patient"] == "P1", "a", "b")
    folds = spatial_folds(tissue, by, **SETTINGS.get(by, {}))
    splits = list(SPLITTERS[by](**SETTINGS.get(by, {})).splits(tissue))
    again = SpatialFolds.of_members(
        folds.spots, list(folds.test), *folds.members.to_numpy().T
    )
    for made in (folds, again):
        assert [s.name for s in made.splits(tissue)] == [s.name for s in splits]
        for one, other in zip(made.split(tissue), splits, strict=True):
            np.testing.assert_array_equal(one[0], other.train)
            np.testing.assert_array_equal(one[1], other.test)
    for row, split in zip(folds.audit.to_dict("records"), splits, strict=True):
        assert row == {"split": split.name, **split.audit}


def test_folds_follow_their_spots_and_refuse_others(tissue):
    folds = spatial_folds(tissue, "section", audit=False)
    turned = tissue[::-1].copy()
    train, test = next(folds.split(turned))
    assert set(turned.obs["sample_id"].iloc[test]) == {"S1"}
    assert "S1" not in set(turned.obs["sample_id"].iloc[train])
    with pytest.raises(ContractError, match="spots that the folds were made for"):
        next(folds.split(tissue[:10].copy()))


def test_random_folds_of_someone_else_are_found_out(tissue):
    labels = np.random.default_rng(0).integers(3, size=tissue.n_obs).astype(object)
    labels[0] = None
    folds = SpatialFolds.of_labels(tissue, labels)
    assert [0 in train for train, _ in folds.split(tissue)] == [True] * 3
    found = audit(tissue, folds).query("flag == 'k'")
    assert set(found["status"]) == {"leak"}
    own = audit(tissue, spatial_folds(tissue, "patient")).query("flag == 'k'")
    assert set(own["status"]) == {"clean"}
    with pytest.raises(ContractError, match="two folds or more"):
        SpatialFolds.of_labels(tissue, [1] * tissue.n_obs)


def test_a_benchmark_takes_folds(tissue):
    asked = {"genes": 8, "n_bootstrap": 3, "progress": False}
    folds = spatial_folds(tissue, "patient")
    found = hb.benchmark_translation(tissue, "train_mean", splitter=folds, **asked)
    expected = hb.benchmark_translation(
        tissue, "train_mean", protocols="patients", **asked
    )
    np.testing.assert_allclose(found.table["value"], expected.table["value"])


def test_an_unknown_way_or_setting_is_refused(tissue):
    with pytest.raises(ContractError, match="made by; found 'luck'"):
        spatial_folds(tissue, "luck")
    with pytest.raises(ContractError, match="settings of folds by section"):
        spatial_folds(tissue, "section", n_splits=3)
