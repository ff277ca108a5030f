"""One pipeline that does everything wrong, caught flag by flag, and its clean twin."""

import numpy as np
import pandas as pd
import pytest

from histobridge import graphs
from histobridge.data import simulate_tissue
from histobridge.evaluation import audit
from histobridge.evaluation.metrics import pearson_columns
from histobridge.normalisation import log_normalise
from histobridge.splits import LeaveOnePatientOut

GENES = 30


@pytest.fixture(scope="module")
def cohort():
    """Two patients with two sections each; sections of a patient are alike."""
    adata = simulate_tissue(4, spots_per_side=10, n_genes=60)
    adata.obs["patient"] = adata.obs["sample_id"].map(
        dict(zip(adata.obs["sample_id"].unique(), "AABB", strict=True))
    )
    return adata


def copied(adata, train, test, values):
    """Nearest training spot by position."""
    points = graphs.positions_microns(adata)
    near = graphs.nearest(points[train], 1, points[test])[1][:, 0]
    return values[train][near]


def table(adata, spots, values):
    names = adata.var_names[:GENES]
    return pd.DataFrame(values, index=adata.obs_names[spots], columns=names)


def statuses(found):
    return dict(zip(found["flag"], found["status"], strict=True))


def test_a_clean_pipeline_is_clean(cohort):
    train, test = next(LeaveOnePatientOut().split(cohort))
    raw = log_normalise(cohort.X).toarray()[:, :GENES]
    found = audit(
        cohort,
        [(train, test)],
        [table(cohort, test, copied(cohort, train, test, raw))],
        truth=table(cohort, test, raw[test]),
        fitted_on={
            "training": train,
            "validation": train[:0],
            "normalisation": train,
            "checkpoint": train,
        },
        inputs=graphs.positions_microns(cohort)[test],
    )
    flags = statuses(found)
    assert {flags[f] for f in "abdefln"} == {"clean"}


def leaky(cohort):
    """Siblings in training, a smoothed target, test spots in every fitted step."""
    sections = cohort.obs["sample_id"].to_numpy()
    test = np.flatnonzero(sections == sections[0])
    train = np.flatnonzero(sections != sections[0])
    raw = log_normalise(cohort.X).toarray()[:, :GENES]
    points, codes = graphs.positions_microns(cohort), graphs.section_codes(cohort)
    smooth = graphs.neighbour_mean(raw, points, codes, 9)
    facts = {
        "truth": table(cohort, test, smooth[test]),
        "fitted_on": {
            "training": train,
            "validation": test,
            "normalisation": np.r_[train, test],
            "checkpoint": test,
        },
    }
    return train, test, table(cohort, test, copied(cohort, train, test, smooth)), facts


def test_a_leaky_pipeline_is_caught_flag_by_flag(cohort):
    train, test, guess, facts = leaky(cohort)
    found = audit(cohort, [(train, test)], [guess], **facts)
    flags = statuses(found)
    assert {f for f, status in flags.items() if status == "leak"} >= set("adef")
    rows = found.set_index("flag")
    assert rows.loc["a", "value"] == len(test)
    assert rows.loc["d", "value"] == len(test)
    assert rows.loc["f", "value"] == len(test)


@pytest.mark.parametrize("step", ["normalisation", "checkpoint"])
def test_one_test_spot_in_a_step_is_enough(cohort, step):
    train, test, guess, facts = leaky(cohort)
    seen = {"normalisation": train, "checkpoint": train}
    seen[step] = np.r_[train, test[:1]]
    facts = {"fitted_on": seen}
    flags = statuses(audit(cohort, [(train, test)], [guess], **facts))
    other = {"normalisation": "f", "checkpoint": "d"}[step]
    assert flags[{"normalisation": "d", "checkpoint": "f"}[step]] == "leak"
    assert flags[other] == "clean"


def test_the_leaks_raise_the_score_they_are_caught_for(cohort):
    """A smoothed target flatters the very same prediction."""
    _, test, guess, facts = leaky(cohort)
    raw = log_normalise(cohort.X).toarray()[test, :GENES]
    honest = pearson_columns(guess.to_numpy(), raw).mean()
    assert pearson_columns(guess.to_numpy(), facts["truth"].to_numpy()).mean() > honest
