"""The leak audit: every planted leak is found, a clean split has none."""

import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.evaluation.audit import audit_split
from histobridge.splits import LeaveOnePatientOut, SpatialBlockKFold


@pytest.fixture
def sides(tissue):
    """Train on section S1, test on S2: nothing in common."""
    section = tissue.obs["sample_id"]
    return np.flatnonzero(section == "S1"), np.flatnonzero(section == "S2")


def test_a_clean_split_leaks_nothing(tissue, sides):
    found = audit_split(tissue, *sides)
    assert found == {
        "n_train": 64,
        "n_test": 64,
        "n_dropped": 64,
        "overlapping_spots": 0,
        "min_distance_microns": np.inf,
        "median_distance_microns": np.inf,
        "adjacent_spots": 0.0,
        "sibling_spots": 0,
        "overlapping_patches": 0.0,
        "shared_sections": 0,
        "shared_patients": 0,
        "duplicated_spots": 0,
        "leaks": "",
    }


def test_blocks_with_the_default_buffer_leak_nothing(tissue):
    for train, test in SpatialBlockKFold(4).split(tissue):
        found = audit_split(tissue, train, test)
        assert found["leaks"] == ""
        assert found["min_distance_microns"] > 400
        assert found["n_dropped"] > 0
        # Said, though it is no leak: a block has its section on both sides.
        assert found["shared_sections"] == found["shared_patients"] == 3


def test_near_spots_are_measured(tissue):
    """Lattice of 200 um: columns 1-3 train, columns 5-8 test."""
    column = tissue.obsm["spatial"][:, 0] / 50
    one = tissue.obs["sample_id"] == "S1"
    train, test = (np.flatnonzero(one & c) for c in (column <= 3, column >= 5))
    assert audit_split(tissue, train, test)["min_distance_microns"] == pytest.approx(
        400
    )
    nearer = np.flatnonzero(one & (column <= 4))
    assert audit_split(tissue, nearer, test)["min_distance_microns"] == pytest.approx(
        200
    )


def test_overlapping_patches_are_counted(tissue):
    column = tissue.obsm["spatial"][:, 0] / 50
    one = tissue.obs["sample_id"] == "S1"
    train, test = (np.flatnonzero(one & c) for c in (column <= 4, column >= 5))
    for patch, share in ((200, 0.0), (201, 0.25), (401, 0.5), (801, 1.0)):
        found = audit_split(tissue, train, test, patch_microns=patch)
        assert found["overlapping_patches"] == pytest.approx(share)
        assert ("overlapping_patches" in found["leaks"]) == (share > 0)


def test_patches_that_touch_by_a_corner_are_seen(tissue):
    one = np.flatnonzero(tissue.obs["sample_id"] == "S1")
    train, test = one[[0]], one[[9]]
    assert tuple(np.ptp(tissue.obsm["spatial"][one[[0, 9]]], axis=0)) == (50, 50)
    diagonal = audit_split(tissue, train, test, patch_microns=201)
    assert diagonal["min_distance_microns"] == pytest.approx(200 * np.sqrt(2))
    assert diagonal["overlapping_patches"] == 1.0
    assert (
        audit_split(tissue, train, test, patch_microns=199)["overlapping_patches"] == 0
    )


def test_the_patch_is_the_largest_that_was_described(tissue):
    column = tissue.obsm["spatial"][:, 0] / 50
    one = tissue.obs["sample_id"] == "S1"
    train, test = (np.flatnonzero(one & c) for c in (column <= 4, column >= 5))
    settings = {"cache": False, "progress": False, "key_added": "wide"}
    assert audit_split(tissue, train, test)["leaks"] == ""
    hb.add_morphology(tissue, "colour", patch_microns=300, **settings)
    assert "overlapping_patches" in audit_split(tissue, train, test)["leaks"]


@pytest.mark.parametrize("dense", [False, True])
def test_duplicated_count_vectors_are_found(dense, tissue, sides):
    train, test = sides
    counts = tissue.X.toarray()
    counts[test[[3, 8]]] = counts[train[[0, 60]]]
    tissue.X = counts if dense else sp.csr_matrix(counts)
    found = audit_split(tissue, train, test)
    assert found["duplicated_spots"] == 2
    assert found["leaks"] == "duplicated_spots"


def test_a_duplicate_stored_in_another_order_is_found(tissue, sides):
    train, test = sides
    counts = tissue.X.toarray()
    counts[test[3]] = counts[train[0]]
    stored = sp.csr_matrix(counts)
    row = slice(stored.indptr[test[3]], stored.indptr[test[3] + 1])
    stored.indices[row] = stored.indices[row][::-1].copy()
    stored.data[row] = stored.data[row][::-1].copy()
    stored.has_sorted_indices = False
    tissue.X = stored
    assert audit_split(tissue, train, test)["duplicated_spots"] == 1


def test_empty_and_nearly_empty_spots_are_no_duplicates(tissue, sides):
    train, test = sides
    counts = tissue.X.toarray()
    counts[train[:2]], counts[test[:2]] = 0, 0
    counts[[train[3], test[3]], 5] = 1
    counts[[train[3], test[3]], 6:] = 0
    counts[[train[3], test[3]], :5] = 0
    tissue.X = sp.csr_matrix(counts)
    assert audit_split(tissue, train, test)["duplicated_spots"] == 0


def test_a_patient_on_both_sides_is_counted(tissue, sides):
    tissue.obs["patient"] = "P1"
    assert audit_split(tissue, *sides)["shared_patients"] == 1
    del tissue.obs["patient"]
    assert audit_split(tissue, *sides)["shared_patients"] == -1


def test_a_spot_on_both_sides_is_found(tissue, sides):
    train, test = sides
    found = audit_split(tissue, np.append(train, test[5]), test)
    assert found["overlapping_spots"] == 1
    assert found["min_distance_microns"] == 0
    assert found["shared_sections"] == 1
    assert found["leaks"].split(", ") == [
        "overlapping_spots",
        "overlapping_patches",
        "duplicated_spots",
    ]


def test_every_split_of_a_benchmark_is_audited(tissue):
    found = hb.benchmark_translation(
        tissue, protocols="patients", genes=5, n_bootstrap=5, progress=False
    )
    expected = [audit_split(tissue, *s) for s in LeaveOnePatientOut().split(tissue)]
    kept = found.audit.drop(columns=["protocol", "fold"]).to_dict("records")
    assert kept == expected
    assert list(found.audit["fold"]) == ["test P1", "test P2", "test P3"]
