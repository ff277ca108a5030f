"""Systems of every task see what they declare, and take what they have."""

import numpy as np
import pytest

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.images import open_slide
from histobridge.registry import system


class Spy:
    """Remember what was handed over; answer with something valid."""

    seen = None

    def fit_predict(self, adata, *rest):
        Spy.seen = adata
        if isinstance(rest[0], int):
            return np.arange(adata.n_obs) % rest[0]
        k = len(rest[1].types)
        return np.full((adata.n_obs, k), 1 / k)


@pytest.fixture
def spy():
    added = []

    def register(task, needs=()):
        system("spy", task=task, needs=needs)(lambda *, seed=0: Spy())
        added.append((task, "spy"))

    yield register
    for key in added:
        del registry._SYSTEMS[key]


def test_a_domain_system_without_needs_sees_no_gene_no_label_no_place(spy):
    spy("domains")
    tissue = hb.data.simulate_tissue(1, spots_per_side=8, n_genes=40)
    tissue.obs["truth"] = tissue.obs["domain"]
    hb.benchmark_domains(tissue, "truth", systems="spy", seeds=1, progress=False)
    assert Spy.seen.X is None
    assert set(Spy.seen.obs) <= {"sample_id", "patient"}
    assert not len(Spy.seen.obsm)
    assert not len(Spy.seen.layers)


def test_a_deconvolution_system_without_needs_sees_no_truth(spy):
    spy("deconvolution")
    hb.benchmark_deconvolution(
        hb.data.example_mixture()[:30].copy(),
        hb.data.example_reference(),
        systems="spy",
        n_bootstrap=5,
        progress=False,
    )
    assert Spy.seen.X is None
    assert not len(Spy.seen.obsm)


def test_an_unknown_parameter_names_those_there_are():
    with pytest.raises(ContractError, match=r"ridge_plus.*wings.*seed"):
        hb.train_translation(hb.data.simulate_tissue(1, spots_per_side=6), wings=2)


def test_without_microns_the_buffer_is_two_pitches():
    tissue = hb.data.simulate_tissue(1, spots_per_side=8, n_genes=40)
    tissue.uns.clear()
    points = np.asarray(tissue.obsm["spatial"])
    pitch = hb.graphs.pitch(points)
    assert hb.evaluation.SpatialBlockKFold().buffer(tissue) == pytest.approx(2 * pitch)


def test_transparent_pixels_are_background():
    tissue = hb.data.simulate_tissue(1, spots_per_side=6, n_genes=40)
    library = next(iter(tissue.uns["spatial"].values()))
    rgb = library["images"]["hires"]
    alpha = np.full((*rgb.shape[:2], 1), 255, dtype=np.uint8)
    alpha[:5, :5] = 0
    library["images"]["hires"] = np.concatenate([rgb, alpha], axis=2)
    slide = open_slide(tissue, next(iter(tissue.uns["spatial"])))
    assert (slide.read(0, 0, 5, 5) == 255).all()
    assert np.array_equal(slide.read(5, 5, 20, 20), rgb[5:25, 5:25])
