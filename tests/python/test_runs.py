"""Domains from several seeds: the vote, how sure it is, and when it stops."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.integration.runs import FEW_SPOTS, several_runs, usual_runs

TRUTH = np.repeat([0, 1, 2], 40)


class Flighty:
    """Knows the domains but for a fifth of the spots, which change by the seed."""

    def __init__(self, seed, share=0.2):
        self.seed, self.share = seed, share

    def fit_predict(self, adata, k):
        rng = np.random.default_rng(self.seed)
        found = rng.permutation(3)[TRUTH]
        lost = rng.random(len(found)) < self.share
        found[lost] = rng.integers(0, 3, lost.sum())
        return found


def entry_of(build):
    return SimpleNamespace(name="flighty", create=lambda **params: build(**params))


@pytest.fixture(scope="module")
def tissue():
    """196 spots that are hard to tell apart: runs differ."""
    return hb.data.simulate_tissue(1, spots_per_side=14, n_genes=60, depth=60)


def test_most_runs_are_right_where_each_errs():
    one = several_runs(entry_of(Flighty), None, 3, 0, 1, {})[1]
    first, vote, runs = several_runs(entry_of(Flighty), None, 3, 0, 10, {})
    assert runs == 10
    assert adjusted_rand_score(TRUTH, one.labels) < 0.8
    assert adjusted_rand_score(TRUTH, vote.labels) == 1.0
    # An eighth of the spots err in a run: a fifth, of which a third by chance do not.
    assert vote.support.mean() == pytest.approx(1 - 0.2 * 2 / 3, abs=0.03)
    assert adjusted_rand_score(first.labels, one.labels) == 1.0


def test_what_is_not_random_is_run_twice_only():
    seen = []

    def build(seed):
        seen.append(seed)
        return Flighty(seed=3, share=0.0)

    vote, runs = several_runs(entry_of(build), None, 3, 0, 10, {})[1:]
    assert runs == len(seen) == 2
    assert vote.agreement == 1.0 and (vote.support == 1.0).all()


def test_the_first_run_says_how_many_domains():
    asked = []

    class Choosing(Flighty):
        def fit_predict(self, adata, k):
            asked.append(k)
            return super().fit_predict(adata, k)

    several_runs(entry_of(Choosing), None, None, 0, 4, {})
    assert asked == [None, 3, 3, 3]


def test_ensembles_of_neighbouring_seeds_share_no_member():
    seen = []

    def build(seed):
        seen.append(seed)
        return Flighty(seed)

    for seed in range(5):
        several_runs(entry_of(build), None, 3, seed, 10, {})
    assert seen[::10] == list(range(5))
    assert len(set(seen)) == 50


def test_progress_counts_every_run_but_the_first_two():
    told = []
    several_runs(
        entry_of(Flighty), None, 3, 0, 5, {}, progress=lambda *at: told.append(at)
    )
    assert told == [(3, 5), (4, 5), (5, 5)]


def test_ten_runs_up_to_a_slide_and_one_beyond():
    assert usual_runs(FEW_SPOTS) == 10
    assert usual_runs(FEW_SPOTS + 1) == 1


def test_domains_say_how_sure_they_are(tissue):
    hb.find_domains(tissue, 4, system="pca_mixture", progress=False)
    settings = tissue.uns["histobridge"]["domain"]
    assert (settings["seeds"], settings["runs"]) == (10, 10)
    assert 0 < settings["run_agreement"] < 1
    support = tissue.obs["domain_support"]
    assert support.between(0.1, 1).all() and support.nunique() > 1


def test_one_run_is_the_system_and_leaves_nothing_of_ten(tissue):
    hb.find_domains(tissue, 4, system="graphst", epochs=3, seeds=3, progress=False)
    assert "domain_support" in tissue.obs
    hb.find_domains(tissue, 4, system="pca_mixture", seeds=1, seed=5)
    settings = tissue.uns["histobridge"]["domain"]
    assert settings["runs"] == 1 and "run_agreement" not in settings
    assert "domain_support" not in tissue.obs
    model = registry.find("pca_mixture", "domains").create(seed=5)
    alone = model.fit_predict(tissue, 4)
    assert adjusted_rand_score(alone, tissue.obs["domain"]) == 1.0


def test_a_column_of_the_user_is_not_taken_away(tissue):
    mine = tissue.copy()
    mine.obs["regions_support"] = 7.0
    hb.find_domains(mine, 4, key_added="regions", system="pca_mixture", seeds=1)
    assert (mine.obs["regions_support"] == 7.0).all()


def test_processes_find_what_one_finds(tissue):
    alone, shared = tissue.copy(), tissue.copy()
    ask = {"system": "pca_mixture", "seeds": 4, "progress": False}
    hb.find_domains(alone, 4, **ask)
    hb.find_domains(shared, 4, workers=2, **ask)
    assert alone.obs["domain"].equals(shared.obs["domain"])
    assert alone.obs["domain_support"].equals(shared.obs["domain_support"])


@pytest.mark.parametrize("seeds", [0, 2.5, True, "many"])
def test_runs_are_a_whole_number(tissue, seeds):
    before = tissue.obs.copy()
    with pytest.raises(ContractError, match="seeds, a whole number of at least 1"):
        hb.find_domains(tissue, 4, seeds=seeds)
    assert tissue.obs.equals(before)
