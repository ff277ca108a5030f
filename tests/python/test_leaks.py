"""Every leak of the taxonomy is planted once and caught; an honest run has none."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import pearsonr

import histobridge as hb
from histobridge import graphs
from histobridge.contract import ContractError
from histobridge.evaluation import audit, audit_predictions
from histobridge.evaluation.leaks import FLAGS, poisson_score
from histobridge.normalisation import log_normalise
from histobridge.splits import (
    KNNDM,
    LeaveOnePatientOut,
    LeaveOneSectionOut,
    SpatialBlockKFold,
)
from histobridge.translation.target import LogCP10k


class Run:
    """An honest run: train on S1 and S2, predict S3; each test spoils one thing."""

    def __init__(self, adata, n_genes=20):
        section = adata.obs["sample_id"].astype(str).to_numpy()
        self.adata = adata
        self.train = np.flatnonzero(section != "S3")
        self.test = np.flatnonzero(section == "S3")
        self.genes = LogCP10k().fit(adata, n_genes, self.train).genes_
        rng = np.random.default_rng(0)
        rate = pd.DataFrame(adata.layers["rate"], adata.obs_names, adata.var_names)
        names = adata.obs_names[self.test]
        self.prediction = rate.loc[names, self.genes]
        self.prediction += rng.normal(0, 0.8, self.prediction.shape)
        self.facts = {
            "truth": self.raw(),
            "fitted_on": {
                "training": self.train[:100],
                "validation": self.train[100:],
                "normalisation": self.train,
            },
            "inputs": rng.normal(size=(len(self.test), 30)),
            "reported_genes": self.genes[:10],
        }

    def raw(self):
        normal = log_normalise(self.adata.X)[self.test].toarray()
        names = self.adata.obs_names[self.test]
        return pd.DataFrame(normal, names, self.adata.var_names)[self.genes]

    def status(self):
        found = audit(
            self.adata, [(self.train, self.test)], [self.prediction], **self.facts
        )
        assert list(found["flag"]) == list(FLAGS) == list("abcdefghijklmn")
        return found.set_index("flag")["status"]

    def leaks(self):
        status = self.status()
        return "".join(status.index[status == "leak"])


@pytest.fixture
def run(tissue):
    return Run(tissue)


def headline(run, truth=None):
    truth = run.raw() if truth is None else truth
    pairs = zip(run.prediction.to_numpy().T, truth.to_numpy().T, strict=True)
    return float(np.mean([pearsonr(a, b)[0] for a, b in pairs]))


def test_an_honest_run_is_clean(run):
    run.facts["reported"] = headline(run)
    status = run.status()
    assert run.leaks() == ""
    assert set(status) == {"clean"}


def test_what_was_not_handed_over_is_unknown_not_clean(run):
    run.facts = {}
    status = run.status()
    assert "".join(status.index[status == "unknown"]) == "defghil"
    found = audit(run.adata, [(run.train, run.test)]).set_index("flag")["status"]
    assert "".join(found.index[found == "clean"]) == "abkmn"


def test_a_sections_of_one_patient(run):
    run.adata.obs["patient"] = ["A"] * 64 + ["B"] * 128
    assert run.leaks() == "a"
    del run.adata.obs["patient"]
    assert run.status()["a"] == "unknown"


def test_a_leaving_sections_out_is_caught_and_leaving_patients_out_is_not(tissue):
    tissue.obs["patient"] = ["A"] * 64 + ["B"] * 128
    by = {}
    for splitter in (LeaveOneSectionOut(), LeaveOnePatientOut()):
        found = audit(tissue, splitter)
        by[splitter.key] = found[found["flag"] == "a"].set_index("split")["status"]
    assert by["sample_id"].to_dict() == {
        "test S1": "clean",
        "test S2": "leak",
        "test S3": "leak",
    }
    assert set(by["patient"]) == {"clean"}


@pytest.mark.parametrize("thinned", [False, True])
def test_b_the_same_library_twice(run, thinned):
    """Copied as it is, or with a fiftieth of the molecules missing."""
    counts = run.adata.X.toarray()
    copied = counts[run.train[:8]]
    if thinned:
        copied = np.random.default_rng(0).binomial(copied.astype(int), 0.98)
    counts[run.test[:8]] = copied
    run.adata.X = sp.csr_matrix(counts)
    run.facts = {}
    assert run.leaks() == "b"


def test_b_two_sequencings_of_one_tissue_are_no_copy():
    """The score is standard normal for Poisson draws of one rate."""
    rng = np.random.default_rng(0)
    rate = rng.gamma(0.5, 4, (1000, 300))
    score = poisson_score(*(sp.csr_matrix(rng.poisson(rate)) for _ in range(2)))
    assert abs(score.mean()) < 0.1
    assert score.std() == pytest.approx(1, abs=0.1)
    x = sp.csr_matrix(rng.poisson(rate[:5]))
    assert (poisson_score(x, x) < -10).all()


def test_b_fractional_counts_say_nothing(run):
    run.adata.X = run.adata.X * 0.5
    assert run.status()["b"] == "unknown"


def test_c_genes_chosen_on_test(tissue):
    run = Run(tissue)
    run.genes = LogCP10k().fit(tissue, 20, run.test).genes_
    assert set(run.genes) != set(LogCP10k().fit(tissue, 20, run.train).genes_)
    rate = pd.DataFrame(tissue.layers["rate"], tissue.obs_names, tissue.var_names)
    run.prediction = rate.loc[tissue.obs_names[run.test], run.genes]
    run.facts = {}
    assert run.leaks() == "c"


def test_c_genes_chosen_on_training_spots_are_clean_in_real_tissue(bulb):
    for splitter in (
        LeaveOneSectionOut(),
        KNNDM(3),
        SpatialBlockKFold(2, patch_microns=50),
    ):
        for split in splitter.splits(bulb):
            genes = LogCP10k().fit(bulb, 40, split.train).genes_
            names = bulb.obs_names[split.test]
            normal = log_normalise(bulb.X)[split.test].toarray()
            truth = pd.DataFrame(normal, names, bulb.var_names)[genes]
            found = audit_predictions(bulb, truth * 0, split.train, truth=truth)
            status = found.set_index("flag")["status"]
            assert list(status[["c", "d", "e"]]) == ["clean"] * 3
            best = LogCP10k().fit(bulb, 40, split.test).genes_
            if set(best) != set(genes):
                guess = pd.DataFrame(0.0, names, best)
                found = audit_predictions(bulb, guess, split.train)
                assert found.set_index("flag").loc["c", "status"] == "leak"


def test_c_a_panel_says_nothing(run):
    rng = np.random.default_rng(2)
    run.genes = list(rng.permutation(run.adata.var_names)[:20])
    rate = pd.DataFrame(
        run.adata.layers["rate"], run.adata.obs_names, run.adata.var_names
    )
    run.prediction = rate.loc[run.adata.obs_names[run.test], run.genes]
    run.facts = {}
    assert run.status()["c"] == "unknown"


def standardise(truth, counts):
    return (truth - truth.mean()) / truth.std(ddof=0)


def min_max(truth, counts):
    return (truth - truth.min()) / (truth.max() - truth.min())


def panel_only(truth, counts):
    return np.log1p(1e4 * counts.div(counts.sum(axis=1), axis=0))


@pytest.mark.parametrize("normalise", [standardise, min_max, panel_only])
def test_d_a_truth_shows_how_it_was_normalised(run, normalise):
    names = run.adata.obs_names[run.test]
    counts = run.adata.to_df().loc[names, run.genes]
    run.facts["truth"] = normalise(run.raw(), counts)
    assert run.leaks() == "d"


@pytest.mark.parametrize("step", ["normalisation", "scaler", "batch"])
def test_d_a_step_fitted_on_test(run, step):
    run.facts["fitted_on"][step] = np.append(run.train, run.test[:1])
    assert run.leaks() == "d"


@pytest.mark.parametrize("own", [0.0, 0.5])
def test_e_the_smoothed_target(run, own):
    points = graphs.positions_microns(run.adata)[run.test]
    raw = run.raw()
    mean = graphs.neighbour_mean(raw.to_numpy(), points, np.zeros(len(points)), 9)
    run.facts["truth"] = own * raw + (1 - own) * mean
    assert run.leaks() == "e"


def test_e_other_normalisations_are_not_smoothing(run):
    """log2 of counts per million, and residuals that depend on depth."""
    counts = run.adata.to_df().loc[run.adata.obs_names[run.test]]
    depth = counts.sum(axis=1)
    cpm = np.log2(1 + counts.div(depth, axis=0) * 1e6)[run.genes]
    expected = np.outer(depth, counts.sum() / depth.sum())
    residual = ((counts - expected) / np.sqrt(expected + expected**2 / 100))[run.genes]
    for truth in (cpm, residual):
        run.facts["truth"] = truth
        assert run.status()["e"] == "clean"


def test_f_test_spots_choose_the_checkpoint(run):
    run.facts["fitted_on"]["checkpoint"] = run.test
    assert run.leaks() == "f"


def test_g_genes_picked_by_test_score(run):
    truth = run.raw().to_numpy()
    guess = run.prediction.to_numpy()
    scores = [pearsonr(a, b)[0] for a, b in zip(guess.T, truth.T, strict=True)]
    run.facts["reported_genes"] = [run.genes[i] for i in np.argsort(scores)[::-1][:5]]
    assert run.leaks() == "g"
    del run.facts["reported_genes"]
    run.facts["reported"] = float(np.sort(scores)[::-1][:10].mean())
    assert run.leaks() == "g"


def test_h_pooled_sections(tissue):
    """Sections of other level: predicting the level alone correlates when pooled."""
    run = Run(tissue)
    run.test, run.train = run.train, run.test
    run.genes = LogCP10k().fit(tissue, 20, run.train).genes_
    truth = run.raw()
    second = np.arange(len(truth)) >= 64
    truth += np.where(second, 3.0, 0.0)[:, None]
    rng = np.random.default_rng(1)
    run.prediction = truth * 0 + np.where(second, 3.0, 0.0)[:, None]
    run.prediction += rng.normal(0, 0.2, truth.shape)
    pooled = headline(run, truth)
    found = audit_predictions(
        tissue, run.prediction, run.train, truth=truth, reported=pooled
    ).set_index("flag")
    assert found.loc["h", "status"] == "leak"
    assert found.loc["h", "value"] > 0.5
    within = np.mean(
        [
            pearsonr(run.prediction[s][g], truth[s][g])[0]
            for s in (second, ~second)
            for g in run.genes
        ]
    )
    honest = audit_predictions(
        tissue, run.prediction, run.train, truth=truth, reported=within
    ).set_index("flag")
    assert honest.loc["h", "status"] == "clean"


def test_i_per_spot_over_genes(run):
    mean = log_normalise(run.adata.X)[run.train].toarray().mean(axis=0)
    levels = pd.Series(mean, run.adata.var_names)[run.genes]
    run.prediction = run.prediction * 0.1 + levels.to_numpy()
    pairs = zip(run.prediction.to_numpy(), run.raw().to_numpy(), strict=True)
    run.facts["reported"] = float(np.mean([pearsonr(a, b)[0] for a, b in pairs]))
    assert run.leaks() == "i"


def test_j_depth_predicts_every_gene(run):
    counts = np.asarray(run.adata.X.sum(axis=1)).ravel()[run.test]
    depth = np.log(counts)[:, None]
    names = run.prediction.index
    noise = np.random.default_rng(0).normal(0, 0.1, run.prediction.shape)
    run.prediction = pd.DataFrame(depth + noise, names, run.genes)
    truth = np.log1p(run.adata.to_df().loc[names, run.genes])
    run.facts["truth"] = truth
    run.facts["reported_genes"] = None
    assert run.leaks() == "j"


def test_k_random_spots(tissue):
    order = np.random.default_rng(0).permutation(tissue.n_obs)
    random = [(np.sort(order[40:]), np.sort(order[:40]))]
    found = audit(tissue, random).set_index("flag")
    assert found.loc["k", "status"] == "leak"
    assert found.loc["k", "value"] > 0.9
    blocks = audit(tissue, SpatialBlockKFold(3)).set_index("flag")
    assert set(blocks.loc["k", "status"]) == {"clean"}
    assert set(blocks.loc["k", "value"]) == {0.0}
    # Without a buffer it is the pixels that are shared.
    bare = audit(tissue, SpatialBlockKFold(3, buffer_microns=0), patch_microns=400)
    assert set(bare[bare["flag"] == "k"]["status"]) == {"leak"}


@pytest.mark.parametrize("where", ["inputs", "shared", "prediction"])
def test_l_the_target_as_input(run, where):
    truth = run.facts["truth"]
    if where == "inputs":
        run.facts["inputs"][:, 4] = 2 - 3 * truth.to_numpy()[:, 7]
    elif where == "shared":
        run.facts["inputs"] = truth.to_numpy()
    else:
        run.prediction = truth + 1
        run.facts["reported_genes"] = None
    assert run.leaks() == "l"


def test_m_fixed_pixels_over_mixed_scales(run):
    library = run.adata.uns["spatial"]["S1"]["scalefactors"]
    library["microns_per_pixel"] *= 1.33
    run.adata.obsm["spatial"][:64] /= 1.33
    found = audit(run.adata, [(run.train, run.test)], patch_px=56).set_index("flag")
    assert found.loc["m", "status"] == "leak"
    assert found.loc["m", "value"] == pytest.approx(1.33)
    # In microns the same patch is the same piece of tissue.
    found = audit(run.adata, [(run.train, run.test)]).set_index("flag")
    assert found.loc["m", "status"] == "clean"
    # Without a stated scale the pitch tells.
    for name in run.adata.uns["spatial"]:
        del run.adata.uns["spatial"][name]["scalefactors"]["microns_per_pixel"]
    found = audit(run.adata, [(run.train, run.test)], patch_px=56).set_index("flag")
    assert found.loc["m", "value"] == pytest.approx(1.33)
    found = audit(run.adata, [(run.train, run.test)]).set_index("flag")
    assert found.loc["m", "status"] == "unknown"


def test_m_a_wrong_scale_is_seen_by_the_pitch(run):
    run.adata.uns["spatial"]["S1"]["scalefactors"]["microns_per_pixel"] *= 1.5
    assert run.leaks() == "m"


@pytest.mark.parametrize("step", ["training", "validation"])
def test_n_validation_inside_training(run, step):
    spots = run.test[:3] if step == "training" else run.train[:1]
    run.facts["fitted_on"][step] = np.append(run.facts["fitted_on"][step], spots)
    assert run.leaks() == "n"


def test_n_a_spot_on_both_sides(run):
    run.train = np.append(run.train, run.test[0])
    status = run.status()
    assert status["n"] == "leak"


def test_spots_go_by_name_or_position_and_must_exist(run):
    by_name = {k: run.adata.obs_names[v] for k, v in run.facts["fitted_on"].items()}
    honest = run.status()
    run.facts["fitted_on"] = by_name
    pd.testing.assert_series_equal(run.status(), honest)
    with pytest.raises(ContractError, match="spots of the object; found absent"):
        audit_predictions(run.adata, run.prediction, ["nobody"])
    other = run.prediction.rename(columns={run.genes[0]: "nothing"})
    with pytest.raises(ContractError, match=r"predictions of genes.*\['nothing'\]"):
        audit_predictions(run.adata, other, run.train)
    with pytest.raises(ContractError, match="truth for every predicted spot"):
        audit_predictions(
            run.adata, run.prediction, run.train, truth=run.raw().iloc[:5]
        )
    with pytest.raises(ContractError, match="1 tables of predictions; found 2"):
        audit(run.adata, [(run.train, run.test)], [run.prediction] * 2)


def test_a_leaky_pipeline_is_caught_flag_by_flag(run):
    """All at once, as in the published pipelines; nothing is changed."""
    run.adata.obs["patient"] = ["A"] * 64 + ["B"] * 128
    points = graphs.positions_microns(run.adata)[run.test]
    smooth = run.raw() * 0 + graphs.neighbour_mean(
        run.raw().to_numpy(), points, np.zeros(len(points)), 9
    )
    run.facts["truth"] = (smooth - smooth.mean()) / smooth.std(ddof=0)
    run.facts["fitted_on"] = {"checkpoint": run.test}
    before = run.adata.copy()
    assert run.leaks() == "adef"
    np.testing.assert_array_equal(run.adata.X.toarray(), before.X.toarray())


def test_it_is_reached_from_the_package():
    assert hb.evaluation.audit is audit


def test_a_patient_nobody_names_is_no_patient(run):
    """Two sections without a patient are not of one patient, nor known not to be."""
    section = run.adata.obs["sample_id"].astype(str)
    run.adata.obs["patient"] = section.map({"S1": "A"})
    assert run.status()["a"] == "unknown"
    run.adata.obs["patient"] = section.map({"S1": "A", "S3": "A"})
    assert run.status()["a"] == "leak"
    facts = hb.evaluation.audit_split(run.adata, run.train, run.test)
    assert facts["sibling_spots"] == len(run.test)
    assert facts["shared_patients"] == 1


def test_spots_may_be_names_masks_or_lists(run):
    names = run.adata.obs_names
    mask = np.isin(np.arange(run.adata.n_obs), run.train)
    expected = audit(run.adata, [(run.train, run.test)])
    for pair in (
        (mask, ~mask),
        (names[run.train], names[run.test]),
        (run.train.tolist(), run.test.tolist()),
    ):
        pd.testing.assert_frame_equal(audit(run.adata, [pair]), expected)
    for wrong in (-1, run.adata.n_obs):
        with pytest.raises(ContractError, match="positions from 0 to 191"):
            audit(run.adata, [(run.train, [wrong])])


def test_a_prediction_names_every_spot_and_gene_once(run):
    for axis, what in ((0, "spots"), (1, "genes")):
        twice = pd.concat([run.prediction] * 2, axis=axis)
        with pytest.raises(ContractError, match=f"every one of the {what} once"):
            audit_predictions(run.adata, twice, run.train)


def test_k_without_a_scale_a_patch_is_as_large_as_the_buffer_takes_it(tissue):
    """200 microns are not 200 pixels: an honest split must not be called a leak."""
    for library in tissue.uns["spatial"].values():
        del library["scalefactors"]["microns_per_pixel"]
    found = audit(tissue, SpatialBlockKFold(3)).set_index("flag")["status"]
    assert set(found["k"]) == {"clean"}
    order = np.random.default_rng(0).permutation(tissue.n_obs)
    found = audit(tissue, [(order[:96], order[96:])]).set_index("flag")["status"]
    assert found["k"] == "leak"
