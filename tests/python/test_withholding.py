"""A spy in the benchmark: nothing of a test spot but what may be known reaches it."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge import contract, registry
from histobridge.contract import ContractError
from histobridge.registry import system
from histobridge.translation import LogCP10k
from histobridge.translation.base import Translator

PROTOCOLS = ("patients", "sections", "blocks")


class Spy(Translator):
    """Keeps what it is shown and predicts noise."""

    seen: list

    def fit(self, adata, genes=250, spots=None):
        self.seen.append({"fit": adata.copy(), "genes": genes, "train": spots})
        return super().fit(adata, genes, spots)

    def predict(self, adata, spots=None):
        self.seen[-1] |= {"predict": adata.copy(), "test": spots}
        return super().predict(adata, spots)

    def _fit(self, adata, spots, target):
        self.seen[-1] |= {"target": target, "spots": spots}

    def _predict(self, adata, spots):
        return np.random.default_rng(0).random((len(spots), len(self.genes_)))


@pytest.fixture
def spy(tissue, monkeypatch):
    """Benchmark a spy that declares ``needs``, and it alone; what it saw."""
    names = []
    monkeypatch.setattr(registry, "chosen", lambda t, name, _: [registry.find(name, t)])

    def run(needs=("image", "coordinates"), adata=tissue, protocols=PROTOCOLS):
        seen = []

        @system(f"spy{len(names)}", task="translation", needs=needs)
        def build(*, seed=0):
            model = Spy()
            model.seen = seen
            return model

        names.append(f"spy{len(names)}")
        hb.benchmark_translation(
            adata,
            names[-1],
            protocols=protocols,
            genes=8,
            n_bootstrap=3,
            progress=False,
        )
        return seen

    yield run
    for name in names:
        del registry._SYSTEMS["translation", name]


@pytest.fixture
def labelled(tissue):
    """Truth wherever a user may keep it."""
    tissue.obs["annotation"] = tissue.obs["domain"]
    tissue.layers["counts"] = tissue.X.copy()
    tissue.layers["logcounts"] = tissue.X.log1p()
    tissue.obsm["X_pca"] = tissue.X.toarray()[:, :5]
    tissue.obsp["graph"] = sp.identity(tissue.n_obs, format="csr")
    tissue.varm["loadings"] = np.ones((tissue.n_vars, 2))
    tissue.raw = tissue.copy()
    tissue.uns["domain_truth"] = list(tissue.obs["domain"])
    return tissue


def test_every_fold_of_every_protocol_is_shown_once(spy):
    seen = spy()
    assert len(seen) == 3 + 3 + 5
    for fold in seen:
        assert not np.intersect1d(fold["train"], fold["test"]).size


def test_no_count_of_a_test_spot_reaches_fit(spy, tissue):
    for fold in spy():
        shown = fold["fit"].X.toarray()
        rest = np.setdiff1d(np.arange(tissue.n_obs), fold["train"])
        assert np.isin(fold["test"], rest).all()
        assert (shown[rest] == 0).all()
        original = tissue.X.toarray()[fold["train"]]
        np.testing.assert_array_equal(shown[fold["train"]], original)
        assert fold["target"].shape == (len(fold["train"]), 8)


def test_no_count_at_all_reaches_predict(spy):
    for fold in spy():
        view = fold["predict"]
        assert view.X is None
        with pytest.raises(ContractError, match="raw counts"):
            contract.counts(view)
        with pytest.raises(ContractError, match="raw counts"):
            contract.depth(view)


def test_no_label_and_no_truth_reaches_fit_or_predict(spy, labelled):
    for fold in spy(adata=labelled):
        for verb in ("fit", "predict"):
            view = fold[verb]
            assert list(view.obs) == ["sample_id", "patient"]
            assert list(view.var) == []
            assert set(view.obsm) == {"spatial", "morphology"}
            assert set(view.uns) == {"spatial", "histobridge"}
            assert not any(len(p) for p in (view.layers, view.obsp, view.varm))
            assert view.raw is None


def test_nothing_that_a_system_does_not_declare_is_shown(spy):
    for needs, expected in (
        ((), set()),
        (("coordinates",), {"spatial"}),
        (("image",), {"spatial", "morphology"}),
    ):
        fold = spy(needs, protocols="patients")[0]
        for verb in ("fit", "predict"):
            assert set(fold[verb].obsm) == expected
            pictures = [library.get("images") for library in libraries(fold[verb])]
            assert all(pictures) if "image" in needs else not any(pictures)
            assert "histobridge_depth" not in fold[verb].obs


def libraries(view):
    return view.uns["spatial"].values()


def test_depth_of_test_spots_is_shown_to_those_who_declare_it(spy, tissue):
    total = np.asarray(tissue.X.sum(axis=1)).ravel()
    for fold in spy(("depth",)):
        shown = fold["predict"].obs["histobridge_depth"].to_numpy()
        np.testing.assert_array_equal(shown[fold["test"]], total[fold["test"]])
        assert np.delete(shown, fold["test"]).sum() == 0
        assert "histobridge_depth" not in fold["fit"].obs
        assert fold["predict"].X is None


def test_genes_of_a_fold_are_those_of_its_training_spots(spy, tissue):
    chosen = []
    for fold in spy():
        alone = tissue[fold["train"]].copy()
        expected = LogCP10k().fit(alone, 8, np.arange(alone.n_obs)).genes_
        assert fold["genes"] == expected
        chosen.append(tuple(expected))
    assert len(set(chosen)) > 1


def test_other_counts_of_test_spots_change_nothing_that_is_shown(spy, tissue):
    """The whole proof at once: rewrite the truth, the model sees the same."""
    before = spy(protocols="patients")
    for fold in before:
        other = tissue.copy()
        rng = np.random.default_rng(1)
        rewritten = other.X.toarray()
        rewritten[fold["test"]] = rng.permuted(rewritten[fold["test"]], axis=1)
        other.X = sp.csr_matrix(rewritten)
        again = spy(adata=other, protocols="patients")
        (same,) = [f for f in again if np.array_equal(f["test"], fold["test"])]
        assert same["genes"] == fold["genes"]
        np.testing.assert_array_equal(same["target"], fold["target"])
        assert (same["fit"].X != fold["fit"].X).nnz == 0


def test_the_benchmark_changes_nothing(spy, labelled, untouched):
    with untouched(labelled):
        spy(adata=labelled, protocols="patients")


def test_a_benchmark_scores_as_its_parts_do(tissue):
    """Headline by hand: fit on two patients, Pearson per gene on the third."""
    found = hb.benchmark_translation(
        tissue, protocols="patients", genes=8, n_bootstrap=50, progress=False
    )
    section = tissue.obs["sample_id"]
    scores = []
    for name in ("S1", "S2", "S3"):
        train, test = tissue[section != name].copy(), tissue[section == name].copy()
        model = hb.train_translation(train, genes=8)
        guess = model.predict(test)
        truth = LogCP10k().fit(test, model.genes_, None).transform(test, np.arange(64))
        pairs = zip(guess.T, truth.T, strict=True)
        scores.append(np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]))
    table = found.table.query("system == 'ridge_plus' and metric == 'pearson_gene'")
    table = table.set_index("fold")
    for name, score in zip(("P1", "P2", "P3"), scores, strict=True):
        assert table.loc[f"test {name}", "value"] == pytest.approx(score, abs=1e-6)
    whole = table.loc["all"]
    assert whole["value"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert whole["lower"] <= whole["value"] <= whole["upper"]
    assert whole["n"] == tissue.n_obs


def test_the_ladder_stands_beside_every_model(tissue):
    found = hb.benchmark_translation(
        tissue, "train_mean", genes=8, n_bootstrap=3, progress=False
    )
    assert set(found.table["protocol"]) == {"patients", "blocks"}
    expected = {
        "train_mean",
        "depth_scalar",
        "section_copy",
        "coordinates_knn",
        "colour_ridge",
        "permuted_images",
        "noise_ceiling",
    }
    for _, part in found.table.groupby("protocol"):
        assert set(part["system"]) == expected


def test_a_benchmark_needs_no_image_to_show_the_blind_ladder(tissue):
    blind = ad.AnnData(tissue.X, obs=tissue.obs, var=tissue.var[[]])
    blind.obsm["spatial"] = tissue.obsm["spatial"]
    found = hb.benchmark_translation(
        blind, "train_mean", protocols="patients", genes=8, progress=False
    )
    assert not found.table["system"].str.contains("ridge|image").any()
