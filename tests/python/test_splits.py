"""Splitters: what must never be on both sides is not, whatever the tissue."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.evaluation.audit import audit_split
from histobridge.splits import (
    LeaveOneGroupOut,
    LeaveOnePatientOut,
    LeaveOneSectionOut,
    SpatialBlockKFold,
    honest_splits,
    inner_splits,
)


def scattered(sizes, pitch=100.0, seed=0, microns=1.0):
    """Sections of ``sizes`` spots on a jittered grid with some spots missing."""
    rng = np.random.default_rng(seed)
    points, names = [], []
    for i, size in enumerate(sizes):
        side = int(np.ceil(np.sqrt(size)))
        grid = np.stack(np.divmod(rng.permutation(side**2)[:size], side), axis=1)
        points.append(pitch * (grid + rng.uniform(-0.2, 0.2, grid.shape)))
        names += [f"S{i}"] * size
    order = rng.permutation(len(names))
    obs = pd.DataFrame({"sample_id": names}).iloc[order]
    obs.index = [f"spot{i}" for i in range(len(obs))]
    places = {"spatial": np.vstack(points)[order] / microns}
    adata = ad.AnnData(np.zeros((len(obs), 1)), obs=obs, obsm=places)
    factors = {"scalefactors": {"microns_per_pixel": microns}}
    adata.uns["spatial"] = {name: factors for name in set(names)}
    return adata


tissues = st.builds(
    scattered,
    st.lists(st.integers(60, 200), min_size=1, max_size=3),
    pitch=st.sampled_from([30.0, 100.0, 200.0]),
    seed=st.integers(0, 1000),
    microns=st.sampled_from([0.3, 1.0, 4.0]),
)
folds = st.builds(
    SpatialBlockKFold,
    n_splits=st.integers(2, 4),
    block_microns=st.sampled_from([None, 250.0, 700.0]),
    patch_microns=st.sampled_from([20.0, 100.0, 300.0]),
    seed=st.integers(0, 5),
)


def splits_of(splitter, adata):
    """Splits, or a reason to try another example where blocks are too large."""
    try:
        return list(splitter.split(adata))
    except ContractError:
        assume(False)


@settings(max_examples=60, deadline=None)
@given(tissues, folds)
def test_every_spot_is_tested_exactly_once(adata, splitter):
    tested = np.concatenate([test for _, test in splits_of(splitter, adata)])
    np.testing.assert_array_equal(np.sort(tested), np.arange(adata.n_obs))


@settings(max_examples=60, deadline=None)
@given(tissues, folds)
def test_no_training_spot_within_the_buffer_and_none_dropped_beyond(adata, splitter):
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    buffer = splitter.buffer(adata)
    for train, test in splits_of(splitter, adata):
        assert not np.intersect1d(train, test).size
        apart = np.linalg.norm(points[:, None] - points[test], axis=2)
        apart[sections[:, None] != sections[test]] = np.inf
        allowed = np.flatnonzero(apart.min(axis=1) > buffer)
        np.testing.assert_array_equal(train, allowed)


@settings(max_examples=60, deadline=None)
@given(tissues, folds)
def test_the_default_buffer_leaves_no_shared_patch(adata, splitter):
    assert splitter.buffer(adata) >= splitter.patch_microns
    for train, test in splits_of(splitter, adata):
        found = audit_split(adata, train, test, patch_microns=splitter.patch_microns)
        assert found["overlapping_patches"] == 0
        assert found["leaks"] == ""


@settings(max_examples=20, deadline=None)
@given(tissues, folds)
def test_the_same_call_gives_the_same_splits(adata, splitter):
    first, second = splits_of(splitter, adata), splits_of(splitter, adata.copy())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_folds_of_a_section_differ_by_no_more_than_a_block(seed, n_splits):
    adata = scattered([400], seed=seed)
    splitter = SpatialBlockKFold(n_splits, block_microns=300.0)
    largest = np.bincount(splitter.blocks(adata)).max()
    sizes = np.bincount(splitter.folds(adata), minlength=n_splits)
    assert np.ptp(sizes) <= largest


def test_few_blocks_per_section_still_fill_every_fold():
    adata = scattered([64] * 5)
    splitter = SpatialBlockKFold(5, patch_microns=100)
    blocks = [len(set(splitter.blocks(adata)[s])) for s in sections_of(adata)]
    assert max(blocks) < 5
    sizes = [len(test) for _, test in splitter.split(adata)]
    assert min(sizes) > 0.5 * max(sizes)


def sections_of(adata):
    return contract.sections(adata).values()


def test_another_seed_deals_other_folds():
    adata = scattered([150])
    one, other = (SpatialBlockKFold(seed=s).folds(adata) for s in (0, 1))
    assert not np.array_equal(one, other)


def test_a_block_has_one_fold_and_spans_no_two_sections():
    adata = scattered([150, 90])
    splitter = SpatialBlockKFold(3)
    blocks, sections = splitter.blocks(adata), graphs.section_codes(adata)
    points = graphs.positions_microns(adata)
    for block in np.unique(blocks):
        mine = blocks == block
        assert len(set(splitter.folds(adata)[mine])) == 1
        assert len(set(sections[mine])) == 1
        side = 5 * graphs.pitch(points[sections == sections[mine][0]])
        assert (np.ptp(points[mine], axis=0) <= side + 1e-6).all()


def test_sections_far_from_or_on_top_of_each_other_do_not_matter():
    """The buffer acts within a section: positions of two slides are unrelated."""
    near = scattered([100, 100], seed=3)
    far = near.copy()
    far.obsm["spatial"][near.obs["sample_id"] == "S1"] += 1e6
    splitter = SpatialBlockKFold(3, patch_microns=100)
    for one, other in zip(splitter.split(near), splitter.split(far), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_default_buffer_is_recorded_patch_plus_pitch(tissue):
    # 200 um patches by add_morphology, 200 um pitch.
    assert SpatialBlockKFold().buffer(tissue) == pytest.approx(400)
    assert SpatialBlockKFold(patch_microns=50).buffer(tissue) == pytest.approx(250)
    assert SpatialBlockKFold(buffer_microns=7).buffer(tissue) == 7
    del tissue.uns["histobridge"]
    assert SpatialBlockKFold().buffer(tissue) == pytest.approx(400)


def test_a_buffer_that_eats_the_tissue_is_refused(tissue):
    with pytest.raises(ContractError, match=r"both sides \(buffer 9000 um\)"):
        list(SpatialBlockKFold(3, buffer_microns=9000).split(tissue))


@pytest.mark.parametrize(
    "splitter", [SpatialBlockKFold(3), LeaveOnePatientOut(), LeaveOneSectionOut()]
)
def test_the_scikit_learn_contract(splitter, tissue):
    """split() as cross_validate calls it, and get_n_splits() tells how often."""
    from sklearn.dummy import DummyRegressor

    y = np.arange(tissue.n_obs, dtype=float)
    pairs = list(splitter.split(tissue, None, None))
    assert splitter.get_n_splits(tissue) == len(pairs) == 3
    for train, test in pairs:
        model = DummyRegressor().fit(np.zeros((len(train), 1)), y[train])
        assert model.predict(np.zeros((len(test), 1))).shape == test.shape


def test_splits_are_accepted_by_cross_validate(tissue):
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_validate

    pairs = list(SpatialBlockKFold(3).split(tissue))
    y = np.asarray(tissue.X.sum(axis=1)).ravel()
    found = cross_validate(Ridge(), tissue.obsm["morphology"], y, cv=pairs)
    assert len(found["test_score"]) == 3


def test_a_section_is_never_split(tissue):
    for train, test in LeaveOneSectionOut().split(tissue):
        names = tissue.obs["sample_id"].astype(str)
        assert len(set(names.iloc[test])) == 1
        assert not set(names.iloc[test]) & set(names.iloc[train])
        assert len(train) + len(test) == tissue.n_obs


def test_a_patient_leaves_with_all_sections(tissue):
    section = tissue.obs["sample_id"].astype(str)
    tissue.obs["patient"] = section.map({"S1": "A", "S2": "B", "S3": "A"})
    (train, test), (train2, _) = LeaveOnePatientOut().split(tissue)
    assert set(section.iloc[test]) == {"S1", "S3"}
    assert set(section.iloc[train]) == {"S2"}
    assert set(section.iloc[train2]) == {"S1", "S3"}


def test_the_patient_column_is_mandatory(tissue):
    del tissue.obs["patient"]
    with pytest.raises(ContractError, match=r"patient in obs.*available: sample_id"):
        list(LeaveOnePatientOut().split(tissue))


def test_a_patient_for_every_spot(tissue):
    tissue.obs["patient"] = tissue.obs["patient"].where(tissue.obs["patient"] != "P2")
    with pytest.raises(ContractError, match="a patient for every spot; found 64"):
        list(LeaveOnePatientOut().split(tissue))


def test_one_patient_is_no_cross_patient_split(tissue):
    tissue.obs["patient"] = "P1"
    with pytest.raises(ContractError, match="two levels of patient"):
        list(LeaveOnePatientOut().split(tissue))


def test_any_column_can_be_left_out(tissue):
    splitter = LeaveOneGroupOut("domain", "domain")
    assert splitter.get_n_splits(tissue) == tissue.obs["domain"].nunique()


def test_inner_splits_go_by_patient_then_section_then_block(tissue):
    spots = np.flatnonzero(tissue.obs["sample_id"] != "S2")
    patients = inner_splits(tissue, spots, 0)
    del tissue.obs["patient"]
    by_section = inner_splits(tissue, spots, 0)
    one = np.flatnonzero(tissue.obs["sample_id"] == "S2")
    blocks = inner_splits(tissue, one, 0)
    for outer, inner in ((spots, patients), (spots, by_section), (one, blocks)):
        for train, test in inner:
            assert np.isin(train, outer).all()
            assert np.isin(test, outer).all()
            assert not np.intersect1d(train, test).size
    assert len(patients) == len(by_section) == 2
    assert len(blocks) >= 2


def test_inner_splits_never_learn_from_a_handful_of_spots(tissue):
    """A patient of 5 spots: all others would be told by a model of those."""
    names = tissue.obs["sample_id"].to_numpy()
    spots = np.concatenate(
        [np.flatnonzero(names == "S1"), np.flatnonzero(names == "S2")[:5]]
    )
    tissue.obs["patient"] = np.where(names == "S1", "A", "B")
    for train, test in inner_splits(tissue, spots, 0):
        assert set(names[test]) != {"S1"} or len(train) >= 20


def test_halves_at_random_are_no_honest_splits(tissue):
    few = np.arange(16)
    assert len(inner_splits(tissue, few, 0)) == 2
    assert honest_splits(tissue, few, 0) == []
