"""What every published system must do, each at a size that trains in a second."""

import functools

import numpy as np
import pytest
import scipy.sparse as sp
from painted import GENES, SPOTS, painted_tissue, repainted

import histobridge as hb
from histobridge import registry
from histobridge.normalisation import pearson_columns
from histobridge.translation import LogCP10k

TRAIN, TEST = np.arange(2 * SPOTS), np.arange(2 * SPOTS, 3 * SPOTS)

BULK = {"he2rna", "pathomch"}
"""Systems that are shown sums over regions and never a single spot."""

TINY = {"scale": 1 / 16, "epochs": 30, "learning_rate": 5e-3}
PIXELS = TINY | {"pixels": 16}
SMALL = PIXELS | {"backbone": "residual"}
COPY = TINY | {"backbone": "features", "neighbours": 3}
OWN = {
    "hest_ridge": {},
    "histogene": PIXELS | {"scale": 1 / 32},
    "hist2st": PIXELS | {"scale": 1 / 32, "epochs": 20},
    "st_net": SMALL,
    # The other painted genes are noise.
    "he2gene": SMALL | {"auxiliary_weight": 1.0},
    "triplex": SMALL | {"epochs": 15},
    "bleep": COPY,
    "mclstexp": COPY,
    "egn": PIXELS | {"epochs": 10, "learning_rate": 2e-3},
    "thitogene": PIXELS | {"epochs": 25},
    "stgat": PIXELS | {"epochs": 40, "learning_rate": 1e-2},
    # Two stains cannot hold the three colours that are painted.
    "histospace": PIXELS | {"scale": 1 / 4, "epochs": 12, "stain": "none"},
    "task_ssl": PIXELS | {"epochs": 12},
    "stem": TINY | {"draws": 2},
    "he2rna": TINY | {"epochs": 100},
    "pathomch": TINY | {"epochs": 40},
    "deepspot": TINY,
}
NAMES = [
    row.name
    for row in hb.list_systems("translation").itertuples()
    if row.status == "published"
]


def params(name, **changes):
    """Tiny configuration of a system; a new one gets the smallest there is."""
    known = registry.find(name, "translation").parameters
    given = OWN.get(name, PIXELS) | changes
    return {k: v for k, v in given.items() if k in known}


@functools.cache
def tissue():
    return painted_tissue()


@functools.cache
def truth():
    target = LogCP10k().fit(tissue(), GENES, TRAIN)
    return target.transform(tissue(), np.arange(3 * SPOTS))


@functools.cache
def trained(name):
    known = tissue()[TRAIN].copy()
    return hb.train_translation(known, name, genes=GENES, **params(name))


def score(guess, spots):
    return pearson_columns(guess, truth()[spots]).mean()


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_map_is_found_in_another_patient(name):
    found = score(trained(name).predict(tissue(), TEST), TEST)
    assert found > (0.25 if name in BULK else 0.4), found


@pytest.mark.parametrize("name", NAMES)
def test_shuffled_images_predict_nothing(name):
    other = repainted(tissue(), TEST)
    assert abs(score(trained(name).predict(other, TEST), TEST)) < 0.25


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_is_the_same_bit_for_bit(name, tmp_path):
    path = hb.save_model(trained(name), tmp_path / "model")
    again = hb.load_model(path)
    expected = trained(name).predict(tissue(), TEST)
    np.testing.assert_array_equal(again.predict(tissue(), TEST), expected)


@pytest.mark.parametrize("name", NAMES)
def test_prediction_reads_no_count_and_follows_the_order_of_spots(name):
    blind = tissue().copy()
    blind.X = None
    order = np.random.default_rng(0).permutation(TEST)[:20]
    expected = trained(name).predict(tissue(), TEST)[order - TEST[0]]
    found = trained(name).predict(blind, order)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_all_and_test_counts_nothing(name):
    """Two fits, the second on an object whose test counts are others."""
    rewritten = tissue().copy()
    counts = rewritten.X.toarray()
    counts[TEST] = np.random.default_rng(1).permuted(counts[TEST], axis=1) * 3
    rewritten.X = sp.csr_matrix(counts)
    found = []
    for adata in (tissue(), rewritten):
        model = registry.find(name, "translation").create(
            **params(name, epochs=2), seed=3
        )
        found.append(model.fit(adata, GENES, TRAIN).predict(tissue(), TEST))
    np.testing.assert_array_equal(*found)
    assert np.isfinite(found[0]).all()


FEW = np.arange(30)
BY_HEART = {
    "hist2st": {"epochs": 40},
    "he2gene": {
        "epochs": 45,
        "batch_size": 4,
        "learning_rate": 2e-3,
        "auxiliary_weight": 0.1,
    },
    "stgat": {"epochs": 150},
}
GREY = {"stgat"}
"""Systems that see no colour, which is two thirds of what is painted here."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BULK])
def test_thirty_spots_are_learnt_by_heart(name):
    tiny = OWN.get(name, PIXELS)
    changes = {"epochs": 3 * tiny.get("epochs", 1), "neighbours": 1}
    changes |= {"scale": 2 * tiny.get("scale", 1)} | BY_HEART.get(name, {})
    model = registry.find(name, "translation").create(**params(name, **changes))
    model.fit(tissue(), GENES, FEW)
    found = score(model.predict(tissue(), FEW), FEW)
    assert found > (0.45 if name in GREY else 0.9), found


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_trains(name, monkeypatch):
    """What a GPU does, on the CPU: layers in bfloat16, losses finite."""
    import torch

    from histobridge.nn import training

    def mixed(device, recipe):
        return torch.autocast("cpu", torch.bfloat16)

    monkeypatch.setattr(training, "_precision", mixed)
    model = registry.find(name, "translation").create(**params(name, epochs=1))
    model.fit(tissue(), GENES, FEW)
    assert np.isfinite(model.predict(tissue(), FEW)).all()
