"""Resolution in the benchmark: the ladder, the runner, bounds."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.data import pseudo_spots, simulate_tissue


@pytest.fixture(scope="module")
def fine():
    """The truth: two sections of tiles whose image shows what they express."""
    return simulate_tissue(
        2,
        spots_per_side=20,
        n_genes=20,
        pitch_microns=50,
        spot_microns=50,
        microns_per_pixel=4,
        depth=400,
        seed=3,
    )


@pytest.fixture(scope="module")
def spots(fine):
    """Pseudo-spots of 110 um every 200 um; one of them lost its counts."""
    made, _ = pseudo_spots(fine, pitch_microns=200, diameter_microns=110, labels=None)
    kept = np.arange(made.n_obs) != 5
    made.X = (sp.diags(kept.astype(float)) @ made.X).tocsr()
    return made


def test_the_benchmark_has_the_ladder_and_no_image_where_there_is_none(spots, fine):
    blind = spots.copy()
    for library in blind.uns["spatial"].values():
        del library["images"]
    scores = hb.benchmark_resolution(
        blind, fine, pixel_microns=50, genes=5, n_bootstrap=20, progress=False
    )
    table = scores.table
    assert {"regression_kriging", "nearest", "bilinear"} <= set(table["system"])
    assert "image_only" not in set(table["system"])
    wrong = table[table["metric"] == "aggregation_error"]["value"]
    assert (wrong < 0.01).all()


def test_the_benchmark_is_a_task_of_the_runner(spots, fine, tmp_path):
    settings = {"pixel_microns": 50, "genes": 5, "progress": False}
    made = hb.benchmark_resolution(
        spots, fine, systems="nearest", seeds=2, n_bootstrap=20,
        folder=tmp_path, **settings,
    )  # fmt: skip
    page = Path(hb.write_report(made, tmp_path / "report" / "r.html")).read_text()
    assert "points between spots" in page
    kept = len(list(tmp_path.glob("*.json")))
    assert kept == 2 * made.table["system"].nunique()
    assert set(made.runs["seed"]) == {0, 1}
    rows = hb.evaluation.benchmark(
        {"nearest": {}}, spots, task="resolution", truth=fine, **settings
    )
    both = made.table.merge(rows, on=["system", "metric"], suffixes=("", "_runner"))
    nearest = both[both["system"] == "nearest"]
    np.testing.assert_allclose(nearest["value"], nearest["value_runner"])
    gap = nearest[nearest["metric"] == "pearson_gap"].iloc[0]
    assert gap["lower"] < gap["value"] < gap["upper"]
    splitter = hb.evaluation.LeaveOneSectionOut()
    with pytest.raises(ContractError, match="no splitter"):
        hb.evaluation.benchmark(
            "nearest", spots, splitter, task="resolution", truth=fine, **settings
        )
