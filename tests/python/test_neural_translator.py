"""Training and predicting with a network: what it may see, and what options do."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from painted import GENES, SPOTS, painted_tissue

import histobridge as hb
from histobridge import graphs
from histobridge.contract import ContractError
from histobridge.normalisation import pearson_columns
from histobridge.splits import inner_splits
from histobridge.translation import LogCP10k
from histobridge.translation.inputs import Clustered, Inputs, Near, Spots
from histobridge.translation.options import CPU_SCALE, Options
from histobridge.translation.scaling import KINDS, Scaling
from histobridge.translation.training_table import other_genes, spot_counts

TRAIN, TEST = np.arange(2 * SPOTS), np.arange(2 * SPOTS, 3 * SPOTS)
TINY = {"scale": 1 / 16, "epochs": 6, "learning_rate": 5e-3}


@pytest.fixture(scope="module")
def _painted():
    return painted_tissue()


@pytest.fixture
def painted(_painted):
    return _painted.copy()


def fitted(adata, name="merge", spots=TRAIN, **params):
    model = hb.registry.find(name, "translation").create(**(TINY | params))
    return model.fit(adata, GENES, spots)


def test_training_changes_nothing_of_the_object(painted, untouched):
    with untouched(painted):
        fitted(painted).predict(painted, TEST)


def test_a_held_out_group_is_a_patient_that_no_batch_knows(painted):
    """SpatialDIVA keeps its validation spots in training where indices default."""
    model = fitted(painted, patience=3, epochs=30)
    (train, held), *_ = inner_splits(painted, TRAIN, 0)
    assert not set(train) & set(held)
    assert model.settings_["n_held_out"] == len(held) == SPOTS
    assert model.size_.spots == len(train)
    assert set(painted.obs["patient"].iloc[held]) == {"P1"}
    # Other counts of the held-out patient leave the first epoch as it was.
    other = painted.copy()
    counts = other.X.toarray()
    counts[held] = np.random.default_rng(0).permuted(counts[held], axis=1)
    other.X = sp.csr_matrix(counts)
    again = fitted(other, patience=3, epochs=30)
    first, second = model.histories_[-1], again.histories_[-1]
    assert first.loss[0] == second.loss[0]
    assert first.score[0] != second.score[0]


def test_the_score_of_a_held_out_group_is_on_the_scale_of_the_target(painted):
    """DeepSpot takes held-out truth back through a scaler that it never passed."""
    model = fitted(painted, "deepspot", patience=2, epochs=4)
    (_, held), *_ = inner_splits(painted, TRAIN, 0)
    truth = LogCP10k().fit(painted, GENES, TRAIN).transform(painted, held)
    found = pearson_columns(model.predict(painted, held), truth).mean()
    history = model.histories_[-1]
    assert found == pytest.approx(history.score[history.best_epoch], abs=1e-5)


def test_one_section_is_held_out_by_blocks(painted):
    model = fitted(painted, spots=np.arange(SPOTS), patience=1, epochs=2)
    assert 0 < model.settings_["n_held_out"] < SPOTS


@pytest.mark.parametrize("name", ["st_net", "mclstexp", "deepspot", "egn"])
def test_a_spot_alone_is_predicted_as_among_others(painted, name):
    """mclSTExp lets spots attend to whatever else is in the batch."""
    params = {"backbone": "residual", "neighbours": 3, "pixels": 16}
    known = hb.registry.find(name, "translation").parameters
    params = {k: v for k, v in params.items() if k in known}
    model = fitted(painted, name, epochs=2, **params)
    together = model.predict(painted, TEST)
    for spot in (0, 7, 30):
        alone = model.predict(painted, TEST[[spot]])[0]
        np.testing.assert_allclose(alone, together[spot], atol=1e-4)


def test_predictions_are_made_without_augmentation(painted):
    """MERGE leaves a random flip in its validation transform."""
    model = fitted(painted, "task_ssl", pixels=16, epochs=1)
    first = model.predict(painted, TEST)
    np.testing.assert_array_equal(model.predict(painted, TEST), first)


def test_predictions_of_symmetric_systems_do_not_change_when_images_turn(painted):
    from histobridge.nn.pixels import symmetries

    model = fitted(painted, "st_net", pixels=16, epochs=1, backbone="residual")
    table = Inputs(patch=hb.images.PatchGrid(154, 16)).table(painted, TEST)
    first = model.network_.predict(table)
    for pixels in symmetries(table.pixels):
        torch.testing.assert_close(
            model.network_.predict(table.but(pixels=pixels)), first
        )
    plain = model.network_(table.but(pixels=table.pixels.flip(2)))["mean"]
    assert not torch.allclose(plain, model.network_(table)["mean"], atol=1e-6)


def test_depth_does_not_reach_the_target(painted):
    """mclSTExp gives genes x spots to a normaliser of rows, so depth stays."""
    target = LogCP10k().fit(painted, GENES, TRAIN)
    before = target.transform(painted, TRAIN)
    times = np.random.default_rng(0).integers(1, 9, painted.n_obs)
    painted.X = sp.csr_matrix(sp.diags(times) @ painted.X)
    np.testing.assert_allclose(target.transform(painted, TRAIN), before)


def test_fractional_counts_are_refused_where_counts_are_read(painted):
    painted.X = painted.X.log1p()
    with pytest.raises(ContractError, match="whole-number raw counts"):
        fitted(painted, "stimage")
    fitted(painted, "merge", epochs=1)


def test_near_spots_are_near_in_both_coordinates(painted):
    """MERGE builds its graph on one coordinate twice."""
    points = graphs.positions_microns(painted)[:SPOTS]
    graph = Near(1.5, k=8)(Spots(points, np.zeros(SPOTS, int), None)).tocoo()
    apart = np.linalg.norm(points[graph.row] - points[graph.col], axis=1)
    assert apart.max() <= 1.5 * 200
    degree = np.bincount(graph.row)
    assert (degree.min(), degree.max()) == (3, 8)


def test_medoids_are_spots_of_their_own_section(painted):
    """MERGE links spots with a medoid's place within its cluster."""
    sections = graphs.section_codes(painted)
    features = painted.obsm["morphology"]
    graph = graphs.medoid_graph(features, sections, k=3)
    for section in np.unique(sections):
        rows = np.flatnonzero(sections == section)
        part = graph[rows]
        assert np.isin(part.indices, rows).all()
        degree = np.diff(part.indptr)
        medoids = rows[np.argsort(degree)[-3:]]
        assert graph[np.ix_(medoids, medoids)].sum() == 6
        others = np.setdiff1d(rows, medoids)
        assert (np.diff(graph[others].indptr) == 1).all()
        assert np.isin(graph[others].indices, medoids).all()


def test_no_graph_crosses_sections(painted):
    inputs = Inputs(
        features=True,
        neighbours=8,
        graphs={"all": Clustered(pitches=2, k=8, in_space=3, in_features=3)},
    )
    table = inputs.table(painted, np.arange(painted.n_obs))
    source, target = table.edges["all"]
    assert (table.section[source] == table.section[target]).all()
    near = table.neighbours
    rows = np.arange(painted.n_obs)[:, None].repeat(8, axis=1)
    known = near.numpy() >= 0
    sections = table.section.numpy()
    assert (sections[near.numpy()[known]] == sections[rows[known]]).all()
    assert known.sum(axis=1).min() == 3


def test_microns_make_patches_of_two_scans_the_same(painted):
    """Fixed pixels are another field of view on another scanner."""
    double = painted.copy()
    for library in double.uns["spatial"].values():
        image = library["images"]["hires"]
        library["images"] = {"hires": image.repeat(2, axis=0).repeat(2, axis=1)}
        library["scalefactors"] = {
            "tissue_hires_scalef": 1.0,
            "microns_per_pixel": 5.0,
        }
    double.obsm["spatial"] = painted.obsm["spatial"] * 2
    inputs = Inputs(patch=hb.images.PatchGrid(120, 6))
    rows = np.arange(SPOTS)
    first, second = (inputs.table(x, rows).pixels.float() for x in (painted, double))
    assert (first - second).abs().mean() < 2


def test_the_penalty_that_is_asked_for_is_used(painted):
    """HEST-Bench ignores its alpha."""
    models = [
        hb.train_translation(painted, "hest_ridge", genes=GENES, alpha=alpha)
        for alpha in (1e-2, 1e4)
    ]
    weak, strong = (np.abs(model.coefficients_).sum() for model in models)
    assert models[0].settings_["alpha"] == 1e-2
    assert strong < weak / 2
    few = hb.train_translation(painted, "hest_ridge", genes=GENES, components=2)
    assert few.coefficients_.shape == (2, len(GENES))


def test_features_are_the_only_ones_that_were_trained_on(painted):
    model = fitted(painted, epochs=1)
    other = painted.copy()
    hb.add_morphology(other, "colour", patch_microns=100, cache=False, progress=False)
    with pytest.raises(ContractError, match="red_mean_160um"):
        model.predict(other)


def test_a_system_of_pixels_asks_for_an_image(painted):
    del painted.uns["spatial"]["S1"]["images"]
    with pytest.raises(ContractError, match="an image of section 'S1'"):
        fitted(painted, "histogene", pixels=16)


def test_options_change_the_recipe():
    from histobridge.nn.recipe import Recipe

    published = Recipe(50, 1e-5, patience=9)
    options = Options(scale=1 / 8)
    assert options.recipe(published, last=True).learning_rate == pytest.approx(8e-5)
    assert options.recipe(published, last=False).patience is None
    assert Options(scale=1e-4).recipe(published, last=True).learning_rate == 1e-3
    assert Options(scale=1 / 8).recipe(Recipe(5, 2e-3), last=True) == Recipe(5, 2e-3)
    off = Options(mixed_precision=False).recipe(published, last=False)
    assert (published.mixed_precision, off.mixed_precision) == (True, False)
    chosen = Options(scale=1.0, epochs=3, learning_rate=0.1, patience=2)
    assert chosen.recipe(published, last=True) == Recipe(3, 0.1, patience=2)
    assert Options(device="cpu").size() == CPU_SCALE
    grid = hb.images.PatchGrid(77, 112)
    assert Options(scale=1.0).patch(grid) == grid
    assert Options(scale=1 / 4).patch(grid) == hb.images.PatchGrid(77, 56)
    assert Options(scale=1 / 4, pixels=20).patch(grid).pixels == 20
    assert Options().patch(None) is None
    for wrong in (0, 1.5):
        with pytest.raises(ContractError, match="scale above 0"):
            Options(scale=wrong).size()


def test_an_unknown_option_names_those_there_are(painted):
    with pytest.raises(ContractError, match=r"hist2st.*wings.*scale, epochs"):
        hb.train_translation(painted, "hist2st", wings=2)


def test_an_interrupted_training_goes_on(painted, tmp_path, monkeypatch):
    from histobridge.nn import sampling

    expected = fitted(painted, "crossmodal").predict(painted, TEST)
    folder = str(tmp_path / "run")
    draw, calls = sampling.SAMPLERS["spots"], []

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setitem(sampling.SAMPLERS, "spots", killed)
    with pytest.raises(KeyboardInterrupt):
        fitted(painted, "crossmodal", checkpoint=folder)
    again = fitted(painted, "crossmodal", checkpoint=folder)
    np.testing.assert_array_equal(again.predict(painted, TEST), expected)
    assert len(calls) == 9 + 12 - 8


@pytest.mark.parametrize("kind", KINDS)
def test_scaling_is_undone(kind):
    y = np.random.default_rng(0).normal(3, 2, (20, 4))
    y[:, 0] = 7.0
    scaling = Scaling(kind).fit(y)
    scaled = scaling.forward(y)
    np.testing.assert_allclose(scaling.back(scaled), y)
    if kind == "range":
        assert (scaled[:, 1:].min(), scaled[:, 1:].max()) == (0, 1)
    if kind == "standard":
        np.testing.assert_allclose(scaled[:, 1:].std(axis=0), 1)


def test_counts_and_other_genes_are_those_of_the_spots(painted):
    counts, library = spot_counts(painted, TRAIN[3:5], GENES[:2])
    np.testing.assert_array_equal(counts, painted.X.toarray()[3:5, :2])
    np.testing.assert_array_equal(library, painted.X.toarray()[3:5].sum(axis=1))
    others = other_genes(painted, TRAIN, GENES, most=4)
    assert others.shape == (len(TRAIN), 4)
    np.testing.assert_allclose(others.mean(axis=0), 0, atol=1e-9)


def test_the_runner_knows_a_network_and_its_size_apart(painted, tmp_path):
    """Jobs are addressed by content: a system's parameters are part of it."""
    from histobridge.evaluation import benchmark
    from histobridge.splits import LeaveOnePatientOut

    systems = {"merge": TINY | {"epochs": 1}}
    rows = benchmark(
        systems,
        painted,
        LeaveOnePatientOut(),
        ["pearson_gene"],
        genes=GENES,
        folder=tmp_path,
        progress=False,
    )
    ours = rows[rows["system"] == "merge"]
    assert len(ours) == 3
    assert np.isfinite(ours["value"]).all()
    assert {"ridge_plus"}.isdisjoint(rows["system"])
    assert {"train_mean", "permuted_images"} <= set(rows["system"])


def test_minitiles_are_the_parts_of_a_patch(painted):
    from histobridge.images.patches import split_patches

    patches = np.arange(2 * 6 * 6 * 3).reshape(2, 6, 6, 3)
    tiles = split_patches(patches, 3)
    np.testing.assert_array_equal(tiles[1, 5], patches[1, 2:4, 4:6])
    with pytest.raises(ValueError, match="that 3 divides; found 5"):
        split_patches(patches[:, :5, :5], 3)
    inputs = Inputs(minitiles=hb.images.PatchGrid(112, 42))
    table = inputs.table(painted, np.arange(SPOTS))
    assert table.tiles.shape == (SPOTS, 9, 52)
    assert table.tiles.mean(dim=(0, 1)).abs().max() < 1e-4


def test_deepspot_without_tiles_reads_no_image(painted):
    del painted.uns["spatial"]
    model = fitted(painted, "deepspot", epochs=1, minitiles=False)
    assert model.size_.tiles == 0


def test_regions_are_pooled_by_attention_where_asked(painted):
    truth = LogCP10k().fit(painted, GENES, TRAIN).transform(painted, TEST)
    given = {"scale": 1 / 16, "epochs": 100, "learning_rate": 5e-3}
    model = fitted(painted, "he2rna", pooling="attention", **given)
    assert pearson_columns(model.predict(painted, TEST), truth).mean() > 0.25
    with pytest.raises(ContractError, match="a pooling; found 'mean'"):
        fitted(painted, "he2rna", pooling="mean")


@pytest.mark.parametrize("name", ["merge", "ridge_plus"])
def test_features_of_someone_else_are_read_from_obsm(painted, name):
    """Of a foundation model, say: a matrix without columns, encoder or record."""
    del painted.uns["histobridge"]
    truth = LogCP10k().fit(painted, GENES, TRAIN).transform(painted, TEST)
    given = TINY | {"epochs": 30} if name == "merge" else {}
    model = hb.registry.find(name, "translation").create(**given)
    model.fit(painted, GENES, TRAIN)
    assert pearson_columns(model.predict(painted, TEST), truth).mean() > 0.4
    painted.obsm["morphology"] = painted.obsm["morphology"][:, :9]
    with pytest.raises(ContractError, match="52 columns; found 9"):
        model.predict(painted, TEST)
