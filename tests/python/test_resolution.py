"""Expression between and within spots: what every system owes, and planted truth."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.data import pseudo_spots, simulate_tissue
from histobridge.evaluation.resolution import between_spots
from histobridge.normalisation import pearson_columns
from histobridge.resolution.kriging import kriging_weights, mixing_weight, ridge_trend
from histobridge.resolution.potts import lattice_graph
from histobridge.resolution.problem import conserve
from histobridge.resolution.subspots import keep_means
from histobridge.resolution.verbs import prepare
from histobridge.sections.transport import entropic_plan

QUICK = {
    "istar": {"epochs": 40, "members": 1},
    "scstgcn": {"epochs": 40, "members": 1},
    "xfuse": {"epochs": 150, "members": 1},
    "soscope": {"epochs": 60, "members": 1},
    "imspire": {"iterations": 1},
}
NAMES = sorted(registry.list_systems("resolution")["name"])
READS_IMAGE = [
    name
    for name in NAMES
    if "image" in registry.find(name, "resolution").needs
    and name not in ("shuffled_image", "turned_image")
]


@pytest.fixture(scope="module")
def fine():
    """The truth: tiles of 50 um, whose image shows what they express."""
    return simulate_tissue(
        1,
        spots_per_side=32,
        n_genes=40,
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


@pytest.fixture(scope="module")
def problem(spots):
    return prepare(spots, 50, None, 1000, ("colour",), False)[2][0]


@pytest.fixture(scope="module")
def truth(fine, spots):
    return hb.evaluation.resolution._binned(
        fine, prepare(spots, 50, None, 1000)[0], spots.var_names
    )


@pytest.fixture(scope="module")
def enhanced(problem):
    """Name -> expression of all points, each system run once."""
    made = {}

    def run(name):
        if name not in made:
            model = registry.find(name, "resolution").create(**QUICK.get(name, {}))
            made[name] = conserve(model.fit_predict(problem), problem)
        return made[name]

    return run


def gap_score(values, problem, truth):
    between = between_spots(problem.spots, problem.points)
    free = between & (np.asarray(problem.member.sum(axis=0)).ravel() == 0)
    return pearson_columns(values[free], truth[free]).mean()


@pytest.mark.parametrize("name", NAMES)
def test_every_system_conserves_sums_and_is_finite(name, enhanced, problem):
    values = enhanced(name)
    assert values.shape == (len(problem.points), problem.counts.shape[1])
    assert np.isfinite(values).all() and (values >= 0).all()
    sums, counts = problem.member @ values, problem.counts.toarray()
    assert np.abs(sums - counts).sum() < 0.01 * counts.sum()
    held = problem.member[5].indices
    assert values[held].sum() == 0


@pytest.mark.parametrize("name", ["regression_kriging", "imspire", "xfuse", "scstgcn"])
def test_the_same_seed_gives_the_same_numbers(name, problem):
    quick = {
        **QUICK.get(name, {}),
        **({"epochs": 3} if "epochs" in str(QUICK.get(name)) else {}),
    }
    runs = [
        registry.find(name, "resolution").create(seed=4, **quick).fit_predict(problem)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("name", READS_IMAGE)
def test_what_reads_the_image_beats_the_nearest_spot(name, enhanced, problem, truth):
    nearest = gap_score(enhanced("nearest"), problem, truth)
    assert gap_score(enhanced(name), problem, truth) > nearest


def test_the_house_default_needs_the_image_of_the_place(enhanced, problem, truth):
    house = gap_score(enhanced("regression_kriging"), problem, truth)
    for rival in ("inverse_distance", "bilinear", "pc_mean", "tesla", "turned_image"):
        assert house > gap_score(enhanced(rival), problem, truth) + 0.01, rival


def test_an_image_of_other_tissue_helps_nowhere_between_spots():
    # Scored over all points it seemed to: it told tissue from glass beyond the spots.
    options = {
        "spots_per_side": 28,
        "n_genes": 40,
        "pitch_microns": 50,
        "spot_microns": 50,
    }
    tiles = simulate_tissue(1, shared=0.0, microns_per_pixel=4, seed=2, **options)
    spots, _ = pseudo_spots(tiles, pitch_microns=200, diameter_microns=110, labels=None)
    fine, columns, (seen,) = prepare(spots, 50, None, 1000, ("colour",), False)
    known = hb.evaluation.resolution._binned(tiles, fine, spots.var_names[columns])
    blind = dataclasses.replace(seen, features=None)
    house = registry.find("regression_kriging", "resolution")
    scores = [gap_score(house.create().fit_predict(p), p, known) for p in (seen, blind)]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def test_the_new_object_is_whole_and_the_old_one_as_it_was(spots, untouched):
    with untouched(spots):
        made = hb.enhance_resolution(spots, system="nearest", pixel_microns=50, genes=7)
    assert made.n_vars == 7 and sp.issparse(made.X)
    microns = made.obsm["spatial_microns"]
    np.testing.assert_allclose(made.obsm["spatial"] * 4, microns)
    own = spots.obs_names.get_indexer(made.obs["spot"])
    inside = own >= 0
    assert set(own[inside]) == set(range(spots.n_obs))
    distance = np.linalg.norm(microns - spots.obsm["spatial"][own] * 4, axis=1)
    assert (distance[inside] <= 55).all()
    np.testing.assert_array_equal(made.obs["sample_id"].unique(), ["S1"])
    assert made.uns["histobridge"]["enhanced"]["system"] == "nearest"
    assert "hires" in made.uns["spatial"]["S1"]["images"]


def corner(adata, most):
    return adata[(adata.obsm["spatial"] < most).all(axis=1)].copy()


def test_sections_are_enhanced_apart(tissue):
    tissue = corner(tissue[tissue.obs["sample_id"] != "S3"], 220)
    both = hb.enhance_resolution(
        tissue, pixel_microns=50, genes=["gene0001", "gene0002"], cache=False
    )
    one = tissue[tissue.obs["sample_id"] == "S2"].copy()
    alone = hb.enhance_resolution(
        one, pixel_microns=50, genes=["gene0001", "gene0002"], cache=False
    )
    part = both[both.obs["sample_id"] == "S2"]
    np.testing.assert_allclose(part.X.toarray(), alone.X.toarray(), rtol=1e-4)
    assert list(part.obs["patient"].unique()) == list(one.obs["patient"].unique())


def test_the_grid_does_not_depend_on_the_order_of_the_spots(spots):
    # Off the lattice, where it matters from which spot the steps are counted.
    jittered = spots.copy()
    jitter = np.random.default_rng(0).uniform(-6, 6, (spots.n_obs, 2))
    jittered.obsm["spatial"] = spots.obsm["spatial"] + jitter
    turned = jittered[::-1].copy()
    made, again = (
        hb.enhance_resolution(s, system="nearest", pixel_microns=20, genes=["gene0001"])
        for s in (jittered, turned)
    )
    np.testing.assert_array_equal(
        made.obsm["spatial_microns"], again.obsm["spatial_microns"]
    )
    np.testing.assert_array_equal(made.X.toarray(), again.X.toarray())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Number of distinct", "ignore:invalid value")
def test_one_gene_or_one_spot_is_enough(name, problem):
    system = registry.find(name, "resolution").create(**QUICK.get(name, {}))
    held = np.asarray(problem.member[[0]].todense()).ravel() > 0
    gene = dataclasses.replace(problem, counts=problem.counts[:, [0]])
    spot = dataclasses.replace(
        problem,
        counts=problem.counts[[0]],
        spots=problem.spots[[0]],
        points=problem.points[held],
        member=problem.member[[0]][:, held],
        features=problem.features[held],
    )
    for part in (gene, spot):
        values = conserve(system.fit_predict(part), part)
        assert np.isfinite(values).all()
        np.testing.assert_allclose(part.member @ values, part.counts.toarray())


def test_without_an_image_the_house_default_still_works(spots):
    blind = spots.copy()
    del blind.uns["spatial"]["S1"]["images"]
    made = hb.enhance_resolution(blind, pixel_microns=50, genes=3)
    assert np.isfinite(made.X.data).all()
    with pytest.raises(ContractError, match="an image of the section"):
        hb.enhance_resolution(blind, system="tesla", pixel_microns=50, genes=3)


def test_what_cannot_be_enhanced_is_refused(spots):
    with pytest.raises(ContractError, match="finer than the spots"):
        hb.enhance_resolution(spots, system="nearest", pixel_microns=150, genes=3)
    with pytest.raises(ContractError, match="genes among"):
        hb.enhance_resolution(spots, system="nearest", genes=["moon"])
    double = spots.copy()
    double.obsm["spatial"][1] = double.obsm["spatial"][0]
    with pytest.raises(ContractError, match="places of their own in section 'S1'"):
        hb.enhance_resolution(double, system="nearest", genes=3)
    unscaled = spots.copy()
    del unscaled.uns["spatial"]["S1"]["scalefactors"]["microns_per_pixel"]
    with pytest.raises(ContractError, match="microns per full-resolution pixel"):
        hb.enhance_resolution(unscaled, system="nearest")
    with pytest.raises(ContractError, match="name of a resolution system"):
        hb.enhance_resolution(spots, system="nothing")


def test_spots_at_the_edge_of_the_image_are_no_error(spots):
    # iStar: IndexError where a spot leaves the image.
    library = spots.uns["spatial"]["S1"]
    cut = corner(spots, 200)
    height = int(cut.obsm["spatial"][:, 1].max()) + 3
    library = {**library, "images": {"hires": library["images"]["hires"][:height]}}
    cut.uns["spatial"] = {"S1": library}
    made = hb.enhance_resolution(cut, pixel_microns=50, genes=3, cache=False)
    assert made.obsm["spatial"][:, 1].max() <= height


def test_spots_and_points_share_one_colour_axis(problem):
    # TESLA measures the two in different ways; here a spot is the mean of its points.
    from histobridge.resolution.interpolation import colour_axis

    axis = colour_axis(problem)
    colour = problem.colour()
    correlation = np.corrcoef(axis, colour.sum(axis=1))[0, 1]
    assert abs(correlation) > 0.9
    assert axis.std() == pytest.approx(1)


def test_transport_reaches_neighbouring_spots_only_and_keeps_the_mass(problem):
    # The published plan is dense, and its patches are scaled to a million.
    from histobridge.resolution.transport import Transport, hops

    model = Transport(iterations=2)
    spots = np.arange(len(problem.spots))
    points = np.arange(len(problem.points))
    scores = np.random.default_rng(0).standard_normal((len(spots), 5))
    plan = model._plan(problem, spots, points, scores)
    away = np.linalg.norm(problem.spots[:, None] - problem.points, axis=2)
    assert (plan[away > 1.5 * problem.pitch] == 0).all()
    assert (plan.sum(axis=0) > 0).all()
    assert (plan > 0).sum() < 0.3 * plan.size
    assert hops(problem.points).max() == 1


@pytest.mark.parametrize("name", ["istar", "scstgcn", "imspire", "regression_kriging"])
def test_any_encoder_of_tokens_will_do(name, problem):
    tokens = np.random.default_rng(0).standard_normal((len(problem.points), 7))
    other = dataclasses.replace(problem, features=tokens, columns=())
    quick = {"epochs": 2, "members": 1} if name in ("istar", "scstgcn") else {}
    made = registry.find(name, "resolution").create(**quick).fit_predict(other)
    assert np.isfinite(made).all()


def test_conserving_spreads_what_was_not_expected(problem):
    nothing = np.zeros((len(problem.points), problem.counts.shape[1]))
    values = conserve(nothing, problem)
    np.testing.assert_allclose(problem.member @ values, problem.counts.toarray())


def test_kriging_weights_sum_to_one_and_return_the_spots():
    points = np.random.default_rng(0).uniform(0, 10, (40, 2))
    weights = kriging_weights(points, points, 3.0, 0.0)
    np.testing.assert_allclose(weights.toarray(), np.eye(40), atol=1e-4)
    for nugget in (0.0, 0.5):
        others = kriging_weights(points, None, 3.0, nugget)
        np.testing.assert_allclose(others.sum(axis=1), 1)
        assert np.abs(others.diagonal()).max() == 0


def test_left_out_predictions_of_the_ridge_are_what_refitting_gives():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 5)), rng.standard_normal((30, 3))
    trend = ridge_trend(x, y, strengths=(0.1,))
    unit = ((x - x.mean(axis=0)) ** 2).sum() / 5
    centred = x[1:] - x[1:].mean(axis=0)
    gram = centred.T @ centred + 0.1 * unit * np.eye(5)
    slope = np.linalg.solve(gram, centred.T @ (y[1:] - y[1:].mean(axis=0)))
    again = y[1:].mean(axis=0) + (x[0] - x[1:].mean(axis=0)) @ slope
    np.testing.assert_allclose(trend.left_out[0], again, atol=0.02)


def test_a_mixture_takes_what_predicts():
    truth = np.random.default_rng(0).standard_normal((50, 2))
    weight = mixing_weight(truth, 0 * truth, truth * [1.0, -1.0])
    np.testing.assert_allclose(weight, [1, 0])


def test_sub_spots_keep_the_mean_of_their_spot():
    values = np.random.default_rng(0).standard_normal((12, 3))
    own = np.repeat([0, 1, 2], 4)
    means = np.arange(9.0).reshape(3, 3)
    kept = keep_means(values, means, own)
    np.testing.assert_allclose(kept.reshape(3, 4, 3).mean(axis=1), means)


def test_both_ways_to_bayesspace_find_planted_regions(problem):
    model = registry.find("bayesspace", "resolution")
    scores = [
        model.create(method=method, iterations=40, burn_in=10).fit_predict(problem)
        for method in ("map", "mcmc")
    ]
    assert pearson_columns(*scores).mean() > 0.7
    with pytest.raises(ContractError, match="a method by name"):
        model.create(method="variational")


def test_the_lattice_has_two_colours_without_equal_neighbours():
    points = np.stack(np.meshgrid(np.arange(4), np.arange(3)), -1).reshape(-1, 2) * 5.0
    graph, colours = lattice_graph(points, 5.0)
    row, column = graph.nonzero()
    assert (colours[row] != colours[column]).all()
    assert graph.sum() == 2 * (3 * 3 + 4 * 2)


def test_a_plan_keeps_both_masses():
    rng = np.random.default_rng(0)
    first, second = rng.random((6, 2)), rng.random((9, 2))
    distance = [
        np.linalg.norm(a[:, None] - b, axis=2)
        for a, b in ((first, second), (first, first), (second, second))
    ]
    plan = entropic_plan(*distance, structure=0.5, epsilon=0.05, sinkhorn=500)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 9, atol=1e-4)
    np.testing.assert_allclose(plan.sum(axis=1), 1 / 6, atol=1e-4)
