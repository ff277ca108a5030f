"""Errors of published code that must not come back, and the tests that hold them off.

Every row names an error, where it was found, and tests that fail when it is there.
"""

import ast
from pathlib import Path

import pytest

ERRORS = [
    (
        "a spot without neighbours is NaN (Hist2ST)",
        "test_neural_blocks.py::test_an_isolated_spot_is_finite",
    ),
    (
        "features are written back in the order of a shuffled loader (STGAT)",
        "test_neural_blocks.py::test_the_order_of_spots_changes_only_the_order",
        "test_neural_systems.py::"
        "test_prediction_reads_no_count_and_follows_the_order_of_spots",
    ),
    (
        "a graph is built on one coordinate twice (MERGE)",
        "test_neural_translator.py::test_near_spots_are_near_in_both_coordinates",
    ),
    (
        "a medoid's place in its cluster is taken for its place in the section (MERGE)",
        "test_neural_translator.py::test_medoids_are_spots_of_their_own_section",
    ),
    (
        "pixels are normalised twice (MERGE) or never (STimage)",
        "test_neural_blocks.py::test_patches_are_scaled_once_and_in_one_place",
        "test_backbones.py::test_a_network_gets_pixels_on_its_own_scale_once",
    ),
    (
        "augmentation stays on in validation (MERGE)",
        "test_neural_translator.py::test_predictions_are_made_without_augmentation",
    ),
    (
        "a prediction depends on the other spots of its batch (mclSTExp)",
        "test_neural_translator.py::test_a_spot_alone_is_predicted_as_among_others",
    ),
    (
        "genes x spots are given to a normaliser of rows (mclSTExp)",
        "test_neural_translator.py::test_depth_does_not_reach_the_target",
    ),
    (
        "padded neighbours win a maximum (DeepSpot)",
        "test_neural_blocks.py::test_padding_never_wins_a_pool",
        "test_neural_blocks.py::test_masked_pools_are_those_of_the_known",
    ),
    (
        "held-out truth is taken back through a scaler it never passed (DeepSpot)",
        "test_neural_translator.py::"
        "test_the_score_of_a_held_out_group_is_on_the_scale_of_the_target",
    ),
    (
        "validation spots stay in training (SpatialDIVA)",
        "test_neural_translator.py::"
        "test_a_held_out_group_is_a_patient_that_no_batch_knows",
    ),
    (
        "the mask is not permuted with the top k (HE2RNA)",
        "test_neural_blocks.py::test_the_best_k_are_among_the_spots_of_the_region",
    ),
    (
        "padding rows enter the mean of a bag",
        "test_neural_blocks.py::test_a_small_region_is_not_padded_to_a_large_one",
    ),
    (
        "the penalty that was asked for is ignored (HEST-Bench)",
        "test_neural_translator.py::test_the_penalty_that_is_asked_for_is_used",
    ),
    (
        "patches are so many pixels, whatever the scan (all)",
        "test_neural_translator.py::test_microns_make_patches_of_two_scans_the_same",
    ),
    (
        "a likelihood of counts is given logs (STimage)",
        "test_neural_blocks.py::test_logged_values_are_no_counts",
        "test_neural_translator.py::"
        "test_fractional_counts_are_refused_where_counts_are_read",
    ),
]


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row[0])
def test_every_error_has_a_test(row):
    assert len(row) > 1
    for name in row[1:]:
        file, test = name.split("::")
        tree = ast.parse((Path(__file__).parent / file).read_text())
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert test in found, name
