"""Jobs leave this process: the same table, even from workers that are killed."""

import os
import signal
import threading
import time

import joblib
import pandas as pd
import pytest

from histobridge.contract import ContractError
from histobridge.evaluation import benchmark, cost
from histobridge.parallel import workers_of
from histobridge.splits import LeaveOnePatientOut

distributed = pytest.importorskip("dask.distributed")
COST = list(cost.COLUMNS)
ASKED = {"metrics": ["pearson_gene", "mse_skill"], "genes": 8, "progress": False}


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread each, on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        ) as here,
        distributed.Client(here) as client,
    ):
        yield client


def slowly(part):
    """A score that leaves time to kill who computes it."""
    time.sleep(0.15)
    return float(part.truth.mean())


def test_a_killed_worker_changes_nothing(tissue, cluster, tmp_path):
    asked = {**ASKED, "metrics": {"mean": slowly}, "folder": tmp_path}
    expected = benchmark(
        "train_mean", tissue, LeaveOnePatientOut(), **asked | {"folder": None}
    )
    victim = next(iter(cluster.run(os.getpid).values()))

    def kill():
        until = time.monotonic() + 60
        while len(list(tmp_path.glob("*.json"))) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        killed.append(len(list(tmp_path.glob("*.json"))))
        os.kill(victim, signal.SIGKILL)

    killed = []
    watch = threading.Thread(target=kill)
    watch.start()
    found = benchmark(
        "train_mean",
        tissue,
        LeaveOnePatientOut(),
        cluster=cluster.scheduler.address,
        **asked,
    )
    watch.join()
    assert 3 <= killed[0] < len(expected)
    assert victim not in cluster.run(os.getpid).values()
    pd.testing.assert_frame_equal(found.drop(columns=COST), expected.drop(columns=COST))


def test_a_backend_that_the_caller_has_set_is_used(tissue, cluster):
    expected = benchmark("train_mean", tissue, LeaveOnePatientOut(), **ASKED)
    with joblib.parallel_config(backend="dask", client=cluster):
        found = benchmark("train_mean", tissue, LeaveOnePatientOut(), **ASKED)
    pd.testing.assert_frame_equal(found.drop(columns=COST), expected.drop(columns=COST))


def processes_of_a_loop(part):
    """How many foreign processes a loop within a score is sent to."""
    pids = joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(4))
    return float(len(set(pids) - {os.getpid()}))


def test_a_loop_within_a_job_stays_in_its_process(tissue, cluster):
    asked = {**ASKED, "metrics": {"foreign": processes_of_a_loop}}
    with joblib.parallel_config(backend="dask", client=cluster):
        found = benchmark("train_mean", tissue, LeaveOnePatientOut(), **asked)
    assert (found["value"] == 0).all()


def test_workers_and_a_cluster_are_two_answers_to_one_question():
    with pytest.raises(ContractError, match="workers or a cluster"), workers_of(2, "a"):
        pass


def test_progress_is_told_to_a_function(tissue):
    told = []
    benchmark(
        "train_mean",
        tissue,
        LeaveOnePatientOut(),
        **{**ASKED, "progress": lambda done, total: told.append((done, total))},
    )
    total = told[0][1]
    assert told == [(i + 1, total) for i in range(total)]
