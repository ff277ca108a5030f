"""The runner: one table, whoever computes it, and however often it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anndata
import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.evaluation import benchmark, cost, jobs, tidy
from histobridge.evaluation.scores import SCORES
from histobridge.splits import LeaveOnePatientOut, SpatialBlockKFold

COST = list(cost.COLUMNS)
ASKED = {"genes": 8, "progress": False}


def run(adata, splitter=None, systems="train_mean", **settings):
    splitter = splitter or LeaveOnePatientOut()
    return benchmark(systems, adata, splitter, **{**ASKED, **settings})


@pytest.fixture
def counted(monkeypatch):
    """How many jobs are computed rather than read."""
    done = []
    compute = jobs.compute

    def count(*call):
        done.append(call)
        return compute(*call)

    monkeypatch.setattr(jobs, "compute", count)
    return done


def test_the_table_is_that_of_benchmark_translation(tissue):
    names = [n for n in SCORES if n in ("pearson_gene", "mse_skill", "pearson_spot")]
    found = run(tissue, systems="ridge_plus", metrics=names)
    expected = hb.benchmark_translation(
        tissue,
        "ridge_plus",
        protocols="patients",
        genes=8,
        n_bootstrap=2,
        progress=False,
    ).table
    both = found.merge(expected, on=["system", "fold", "metric"])
    assert len(both) == len(found) == 3 * 3 * found["system"].nunique()
    np.testing.assert_allclose(both["value_x"], both["value_y"])
    assert list(found.columns) == list(tidy.COLUMNS)
    assert "train_mean" in set(found["system"])


def test_every_score_is_finite_and_the_mean_of_training_scores_nothing(tissue):
    found = run(tissue, SpatialBlockKFold(2, block_microns=800, patch_microns=50))
    assert set(found["metric"]) == set(SCORES)
    assert np.isfinite(found["value"]).all()
    mean = found[found["system"] == "train_mean"].set_index("metric")["value"]
    for name in ("pearson_gene", "spearman_gene", "mse_skill", "r2_gene"):
        np.testing.assert_allclose(mean[name], 0, atol=1e-12)


def test_a_finished_run_is_read_and_a_changed_one_is_not(tissue, tmp_path, counted):
    first = run(tissue, folder=tmp_path, metrics=["pearson_gene"])
    jobs = len(counted)
    assert jobs == len(first) == len(list(tmp_path.iterdir()))
    pd.testing.assert_frame_equal(
        run(tissue, folder=tmp_path, metrics=["pearson_gene"]), first
    )
    assert len(counted) == jobs
    # Other names of the same content are the same jobs.
    named = run({"again": tissue}, folder=tmp_path, metrics=["pearson_gene"])
    assert set(named["dataset"]) == {"again"}
    assert len(counted) == jobs
    for change in ({"seeds": (1,)}, {"genes": 9}, {"metrics": ["mse_skill"]}):
        counted.clear()
        run(tissue, folder=tmp_path, **{"metrics": ["pearson_gene"], **change})
        assert len(counted) == len(first)
    counted.clear()
    tissue.X = tissue.X.copy()
    tissue.X.data[0] += 1
    run(tissue, folder=tmp_path, metrics=["pearson_gene"])
    assert len(counted) == len(first)


def test_processes_give_the_table_of_one(tissue):
    few = {"metrics": ["pearson_gene", "r2_gene"], "seeds": (0, 1)}
    one = run(tissue, **few)
    two = run(tissue, workers=2, **few)
    pd.testing.assert_frame_equal(one.drop(columns=COST), two.drop(columns=COST))


SCRIPT = """
import sys, time
import anndata
from histobridge.evaluation import benchmark, jobs, runner
from histobridge.splits import LeaveOnePatientOut
score = jobs.compute
def slow(*call):
    time.sleep(0.2)
    return score(*call)
jobs.compute = slow
adata = anndata.read_h5ad(sys.argv[1])
benchmark("train_mean", adata, LeaveOnePatientOut(), ["pearson_gene"], genes=8,
          folder=sys.argv[2], progress=False)
"""


def test_a_killed_run_goes_on_and_gives_the_same_table(tmp_path, counted):
    tissue = hb.data.simulate_tissue(3, spots_per_side=6, n_genes=40)
    file, folder = tmp_path / "tissue.h5ad", tmp_path / "jobs"
    tissue.write_h5ad(file)
    tissue = anndata.read_h5ad(file)
    python = str(Path(hb.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(file), str(folder)],
        env={**os.environ, "PYTHONPATH": python},
    )
    until = time.monotonic() + 120
    while len(list(folder.glob("*.json"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = len(list(folder.glob("*.json")))
    whole = run(tissue, metrics=["pearson_gene"])
    assert 3 <= saved < len(whole)
    counted.clear()
    resumed = run(tissue, metrics=["pearson_gene"], folder=folder)
    assert len(counted) == len(whole) - saved
    pd.testing.assert_frame_equal(resumed.drop(columns=COST), whole.drop(columns=COST))


def test_a_metric_is_known_by_what_it_does():
    def scaled(by):
        return lambda part: by * sum(t for t in part.truth)

    def known(function):
        return joblib.hash(jobs._code(function))

    assert known(scaled(2)) == known(scaled(2)) != known(scaled(3))
    script = "import joblib; from histobridge.evaluation import jobs, scores; "
    script += "print(joblib.hash([jobs._code(f) for f in scores.SCORES.values()]))"
    python = str(Path(hb.__file__).parents[1])
    elsewhere = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": python},
        capture_output=True,
        text=True,
        check=True,
    )
    here = joblib.hash([jobs._code(f) for f in SCORES.values()])
    assert elsewhere.stdout.strip() == here


def test_own_metrics_parameters_and_data(tissue, counted):
    found = benchmark(
        {"ridge_plus": {}},
        {"one": tissue[:128], "two": tissue[64:]},
        LeaveOnePatientOut(),
        {"spots": lambda part: len(part.truth)},
        **ASKED,
    )
    assert set(found["dataset"]) == {"one", "two"}
    assert set(found["value"]) == {64}
    with pytest.raises(ContractError, match="parameters of ridge_plus"):
        benchmark({"ridge_plus": {"nothing": 1}}, tissue, LeaveOnePatientOut(), **ASKED)
    with pytest.raises(ContractError, match=r"metrics; found \['beauty'\]"):
        run(tissue, metrics=["beauty"])


def test_the_runner_changes_nothing(tissue, untouched):
    with untouched(tissue):
        run(tissue, metrics=["pearson_gene"])


def test_every_cost_is_marked_measured_or_estimated():
    with cost.Meter() as meter:
        block = np.ones(20_000_000)
        block.sum()
    found = meter.cost
    assert tuple(found) == cost.COLUMNS
    marked = f"{found['measured']}, {found['estimated']}".split(", ")
    assert sorted(marked) == sorted(cost.COLUMNS[:4])
    assert found["energy_kwh"] == found["cpu_s"] * cost.WATTS_PER_CORE / 3.6e6
    assert "energy_kwh" in found["estimated"]
    assert found["wall_s"] > 0
    if "peak_rss" in found["measured"]:
        del block
        with cost.Meter() as second:
            pass
        # The peak is of the block, not of the process.
        assert second.cost["peak_rss"] < found["peak_rss"] - 100


def test_codecarbon_is_asked_for_by_name():
    pytest.importorskip("codecarbon")
    with cost.Meter("codecarbon") as meter:
        sum(range(1_000_000))
    assert meter.cost["energy_kwh"] > 0
    with pytest.raises(ContractError, match="energy"):
        cost.Meter("guess")


@pytest.mark.parametrize(
    ("task", "settings", "metric"),
    [
        ("domains", {"truth": "domain"}, "ari"),
        ("deconvolution", {"labels": "cell_type"}, "rmse_spot"),
    ],
)
def test_every_task_runs_in_the_one_runner(
    task, settings, metric, tissue, reference, tmp_path, counted
):
    if task == "deconvolution":
        settings = {**settings, "reference": reference}
    asked = {"task": task, "folder": tmp_path, "progress": False, **settings}
    first = benchmark(None, tissue, seeds=(0, 1, 2), **asked)
    assert {"house", "baseline"} <= set(
        hb.list_systems(task).set_index("name").loc[first["system"].unique(), "status"]
    )
    runs = first[first["metric"] == metric].groupby(["system", "fold"]).size()
    # Who answers alike twice is not asked a third time.
    assert set(runs) == {2, 3}
    counted.clear()
    again = benchmark(None, tissue, seeds=(0, 1, 2), **asked)
    assert not counted
    pd.testing.assert_frame_equal(first, again)


def test_the_runner_says_what_tasks_and_settings_there_are(tissue):
    with pytest.raises(ContractError, match="available: translation, domains"):
        benchmark(None, tissue, task="segmentation")
    with pytest.raises(ContractError, match=r"settings of domains; found .'genes'"):
        benchmark(None, tissue, task="domains", truth="domain", genes=3)


def test_seeds_give_median_spread_and_consensus(tissue):
    asked = {"systems": "gpca_consensus", "n_bootstrap": 10, "progress": False}
    found = hb.benchmark_domains(tissue, "domain", seeds=3, **asked)
    own = found.table.query("system == 'image_mixture' and fold == 'S1'")
    own = own.set_index("metric")["value"]
    runs = found.runs.query("system == 'image_mixture' and fold == 'S1'")
    runs = runs[runs["metric"] == "ari"]["value"]
    assert own["ari"] == pytest.approx(np.median(runs))
    assert own["ari_spread"] == pytest.approx(np.ptp(runs))
    assert "ari_consensus" in set(found.table["metric"])


def test_every_metric_of_a_summary_has_an_interval_over_patients(tissue):
    found = hb.benchmark_translation(
        tissue,
        "train_mean",
        splitter={"mine": LeaveOnePatientOut()},
        genes=8,
        n_bootstrap=20,
        progress=False,
    ).table
    whole = found.query("fold == 'all' and system != 'noise_ceiling'")
    assert set(whole["protocol"]) == {"mine"}
    assert np.isfinite(whole[["value", "lower", "upper"]]).all(axis=None)
    assert (whole["lower"] <= whole["value"]).all()
    assert (whole["value"] <= whole["upper"]).all()


def test_another_image_under_the_same_name_is_another_job(tissue, tmp_path, counted):
    picture = tmp_path / "section.png"
    library = tissue.uns["spatial"]["S1"]
    tissue.uns["spatial"]["S1"] = {
        "scalefactors": library["scalefactors"],
        "metadata": {"source_image_path": str(picture)},
    }
    for shade, computed in ((200, True), (200, False), (90, True)):
        Image.new("RGB", (64, 64), (shade,) * 3).save(picture)
        counted.clear()
        run(tissue, folder=tmp_path / "jobs", metrics=["pearson_gene"])
        assert bool(counted) == computed


def test_a_job_cut_short_is_done_again(tissue, tmp_path, counted):
    first = run(tissue, folder=tmp_path, metrics=["pearson_gene"])
    next(tmp_path.glob("*.json")).write_text('{"cost": ')
    counted.clear()
    again = run(tissue, folder=tmp_path, metrics=["pearson_gene"])
    assert len(counted) == 1
    np.testing.assert_array_equal(again["value"], first["value"])
