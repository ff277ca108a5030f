"""Planted truth of the simulated tissue: does every knob move what it says, alone?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from histobridge import contract
from histobridge.contract import ContractError
from histobridge.data import simulate_reference, simulate_tissue
from histobridge.images import add_morphology

SMALL = {"spots_per_side": 6, "n_genes": 40}
MANY = {"n_sections": 6, "spots_per_side": 10}


def image(adata, section="S1"):
    return adata.uns["spatial"][section]["images"]["hires"]


def log_counts(adata):
    counts = adata.X.toarray()
    return np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))


def column_pearson(a, b):
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))


def across_sections(features, target, sections):
    """Mean Pearson of a ridge over all ordered pairs of sections and columns."""
    scores = []
    for train in sections.values():
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 4, 5)))
        model.fit(features[train], target[train])
        for test in sections.values():
            if test is not train:
                predicted = model.predict(features[test]).reshape(target[test].shape)
                scores.append(column_pearson(predicted, target[test]).mean())
    return np.mean(scores)


def top_markers(adata, n=20):
    markers = np.flatnonzero(adata.var["marker_of"] != "none")
    means = np.asarray(adata.X.mean(axis=0)).ravel()[markers]
    return markers[np.argsort(-means)[:n]]


@pytest.fixture(scope="module")
def tissue():
    return simulate_tissue(**SMALL)


@pytest.fixture(scope="module")
def described():
    adata = simulate_tissue(**MANY)
    add_morphology(
        adata, encoders="colour", patch_microns=200, cache=False, progress=False
    )
    return adata


@pytest.fixture(scope="module")
def stained():
    adata = simulate_tissue(**MANY, exclusive=1.0)
    add_morphology(
        adata, encoders="colour", patch_microns=200, cache=False, progress=False
    )
    return adata


def test_same_seed_same_everything(tissue):
    again = simulate_tissue(**SMALL)
    np.testing.assert_array_equal(tissue.X.toarray(), again.X.toarray())
    np.testing.assert_array_equal(image(tissue), image(again))
    assert tissue.obs.equals(again.obs)


def test_other_seed_other_everything(tissue):
    other = simulate_tissue(**SMALL, seed=1)
    assert not np.array_equal(tissue.X.toarray(), other.X.toarray())
    assert not np.array_equal(image(tissue), image(other))
    assert not np.array_equal(tissue.obs["domain"], other.obs["domain"])


def test_sections_differ_and_adding_one_keeps_the_others(tissue):
    assert not np.array_equal(image(tissue, "S1"), image(tissue, "S2"))
    more = simulate_tissue(3, **SMALL)
    np.testing.assert_array_equal(more[: tissue.n_obs].X.toarray(), tissue.X.toarray())
    np.testing.assert_array_equal(image(more, "S2"), image(tissue, "S2"))


@settings(max_examples=12, deadline=None)
@given(
    n_types=st.integers(2, 10),
    n_domains=st.integers(1, 12),
    shared=st.floats(0, 1),
    exclusive=st.floats(0, 1),
    pitch_microns=st.sampled_from([55.0, 100.0, 151.3]),
    platform_sd=st.sampled_from([0.0, 1.0]),
    depth_cv=st.sampled_from([0.0, 1.0]),
)
def test_every_tissue_keeps_the_contract(**arguments):
    adata = simulate_tissue(
        1, spots_per_side=3, n_genes=30, spot_microns=50, **arguments, seed=3
    )
    counts = contract.integer_counts(adata)
    assert counts.shape == (9, 30)
    assert counts.data.min() >= 0
    assert not contract.empty_spots(adata).any()
    contract.unique_names(adata)
    assert contract.microns_per_pixel(adata, "S1") == 2.0
    for key in ("true_proportions", "image_proportions"):
        table = adata.obsm[key]
        assert (table.to_numpy() >= 0).all()
        np.testing.assert_allclose(table.sum(axis=1), 1.0)
        assert table.shape == (9, arguments["n_types"])
    cells = adata.obsm["true_proportions"].mul(adata.obs["n_cells"], axis=0)
    np.testing.assert_allclose(cells, np.round(cells), atol=1e-9)
    np.testing.assert_allclose(np.expm1(adata.layers["rate"]).sum(axis=1), 1e4)
    height, width = image(adata).shape[:2]
    assert (contract.coordinates(adata) < [width, height]).all()


def test_layout(tissue):
    assert list(contract.sections(tissue)) == ["S1", "S2"]
    assert image(tissue).dtype == np.uint8
    assert image(tissue).shape == (700, 700, 3)
    np.testing.assert_array_equal(
        contract.coordinates(tissue)[:7],
        [[100 * (i + 1), 100] for i in range(6)] + [[100, 200]],
    )
    assert tissue.X.has_sorted_indices
    assert tissue.X.format == "csr"


def test_patients():
    alone = simulate_tissue(4, spots_per_side=2, n_genes=10)
    paired = simulate_tissue(
        4, spots_per_side=2, n_genes=10, one_section_per_patient=False
    )
    assert list(alone.obs["patient"].iloc[::4]) == ["P1", "P2", "P3", "P4"]
    assert list(paired.obs["patient"].iloc[::4]) == ["P1", "P1", "P2", "P2"]


def test_survives_h5ad(tissue, tmp_path):
    import anndata as ad

    tissue.write_h5ad(tmp_path / "tissue.h5ad")
    back = ad.read_h5ad(tmp_path / "tissue.h5ad")
    np.testing.assert_array_equal(image(back), image(tissue))
    assert back.obsm["true_proportions"].equals(tissue.obsm["true_proportions"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"shared": 1.1}, "shared"),
        ({"exclusive": -0.1}, "exclusive"),
        ({"n_sections": 0}, "n_sections"),
        ({"n_types": 1}, "n_types"),
        ({"n_genes": 3}, "n_genes"),
        ({"depth": float("nan")}, "depth"),
        ({"spot_microns": 300.0}, "pitch_microns"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_argument_is_named(arguments, named):
    with pytest.raises(ContractError, match=f"expected {named} .*; found"):
        simulate_tissue(**arguments)


def test_reference_refuses_no_cells():
    with pytest.raises(ContractError, match="n_cells_per_type"):
        simulate_reference(0)


def recovered(platform_sd):
    """Pearson of NNLS proportions, on mean profiles of the reference, with truth."""
    tissue = simulate_tissue(1, platform_sd=platform_sd)
    reference = simulate_reference()
    assert (reference.var["marker_of"] == tissue.var["marker_of"]).all()
    cells = reference.X.toarray()
    cells /= cells.sum(axis=1, keepdims=True)
    kind = reference.obs["cell_type"]
    profiles = np.stack([cells[kind == t].mean(axis=0) for t in kind.cat.categories])
    spots = tissue.X.toarray()
    weights = np.stack([nnls(profiles.T, spot)[0] for spot in spots])
    weights /= weights.sum(axis=1, keepdims=True)
    assert list(kind.cat.categories) == list(tissue.obsm["true_proportions"])
    truth = tissue.obsm["true_proportions"].to_numpy()
    return np.corrcoef(weights.ravel(), truth.ravel())[0, 1]


def test_reference_has_the_profiles_of_the_tissue():
    assert recovered(platform_sd=0.0) > 0.95
    assert recovered(platform_sd=1.5) < recovered(platform_sd=0.0) - 0.05


def test_markers_mark():
    reference = simulate_reference()
    cells = log_counts(reference)
    kind = reference.obs["cell_type"]
    for name in kind.cat.categories:
        genes = (reference.var["marker_of"] == name).to_numpy()
        inside, outside = cells[kind == name][:, genes], cells[kind != name][:, genes]
        assert inside.mean() > outside.mean() + 0.7


def test_depth_is_independent_of_composition(described):
    depth = np.asarray(described.X.sum(axis=1)).ravel()
    assert depth.mean() == pytest.approx(3000, rel=0.1)
    assert depth.std() / depth.mean() == pytest.approx(0.5, rel=0.2)
    others = described.obsm["true_proportions"].assign(n=described.obs["n_cells"])
    tied = [np.corrcoef(depth, column)[0, 1] for column in others.to_numpy().T]
    # 600 independent depths: chance stays below 4 standard errors.
    assert np.abs(tied).max() < 4 / np.sqrt(600)


def test_shared_leaves_the_image_alone():
    whole, none = (simulate_tissue(**SMALL, shared=s) for s in (1.0, 0.0))
    for section in ("S1", "S2"):
        np.testing.assert_array_equal(image(whole, section), image(none, section))
    table = whole.obsm["true_proportions"]
    assert table.equals(whole.obsm["image_proportions"])
    assert table.equals(none.obsm["image_proportions"])
    assert (whole.obs["domain"] == whole.obs["image_domain"]).all()
    assert not np.allclose(table, none.obsm["true_proportions"])


def test_shared_keeps_the_marginal_law():
    """Domains, cells and their autocorrelation are alike at both ends."""
    ends = [simulate_tissue(**MANY, shared=s, microns_per_pixel=20) for s in (0.0, 1.0)]
    facts = []
    for adata in ends:
        table = adata.obsm["true_proportions"].to_numpy()
        maps = table.reshape(6, 10, 10, -1)
        step = np.corrcoef(maps[:, :, 1:].ravel(), maps[:, :, :-1].ravel())[0, 1]
        facts.append([table.std(), (table == 0).mean(), step])
    np.testing.assert_allclose(facts[0], facts[1], atol=0.1)


def test_image_predicts_expression_as_far_as_shared(described):
    features = described.obsm["morphology"]
    sections = contract.sections(described)
    scores = []
    for shared in (0.0, 0.5, 1.0):
        # The image does not depend on the knob (tested above), so neither do features.
        adata = simulate_tissue(**MANY, shared=shared)
        target = log_counts(adata)[:, top_markers(adata)]
        scores.append(across_sections(features, target, sections))
    assert abs(scores[0]) < 0.1
    assert scores[-1] > 0.6
    assert (np.diff(scores) > 0.06).all(), scores


def test_exclusive_leaves_expression_alone(described, stained):
    np.testing.assert_array_equal(described.X.toarray(), stained.X.toarray())
    for key in ("true_proportions", "image_proportions"):
        assert described.obsm[key].equals(stained.obsm[key])
    assert described.obs.equals(stained.obs)
    assert not np.array_equal(image(described), image(stained))


def test_image_holds_the_exclusive_field_and_expression_does_not(described, stained):
    sections = contract.sections(stained)
    field = stained.obs[["image_exclusive"]].to_numpy()
    assert across_sections(stained.obsm["morphology"], field, sections) > 0.9
    assert abs(across_sections(described.obsm["morphology"], field, sections)) < 0.1
    assert abs(across_sections(log_counts(stained), field, sections)) < 0.1


def test_nuclei_are_readable_under_any_stroma(stained):
    target = stained.obsm["image_proportions"].to_numpy()
    sections = contract.sections(stained)
    assert across_sections(stained.obsm["morphology"], target, sections) > 0.8


def test_looks_like_stained_tissue(tissue):
    from histobridge.images.colour import separate_stains

    pixels = image(tissue)
    blank = (pixels.min(axis=-1) > 220).mean()
    assert 0.02 < blank < 0.25
    haematoxylin = separate_stains(pixels)[..., 0]
    assert 0.02 < (haematoxylin > 0.25).mean() < 0.3
    red, green, blue = np.median(pixels[100:-100, 100:-100].reshape(-1, 3), axis=0)
    assert red > blue > green


def test_nuclei_are_where_they_are_painted():
    """And asking for them changes neither image nor counts."""
    plain, marked = (
        simulate_tissue(1, spots_per_side=4, n_genes=20, n_types=3, nuclei=asked)
        for asked in (False, True)
    )
    np.testing.assert_array_equal(image(plain), image(marked))
    assert (plain.X != marked.X).nnz == 0
    raster = marked.uns["nuclei"]["S1"]
    assert raster.shape == image(marked).shape[:2]
    assert set(np.unique(raster)) == {0, 1, 2, 3}
    # Haematoxylin takes red light.
    inner = (slice(100, -100), slice(100, -100))
    red, seen = image(marked)[inner][..., 0].astype(float), raster[inner]
    assert red[seen > 0].mean() < red[seen == 0].mean() - 40
    # Pixels of a type per square go with its cells.
    spots = contract.coordinates(marked).astype(int)
    squares = [raster[y - 50 : y + 50, x - 50 : x + 50] for x, y in spots]
    cells = marked.obsm["image_proportions"].mul(marked.obs["n_cells"], axis=0)
    for kind in range(3):
        drawn = [(square == kind + 1).sum() for square in squares]
        assert np.corrcoef(drawn, cells.iloc[:, kind])[0, 1] > 0.9
