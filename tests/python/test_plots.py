"""Pictures: the right place, the right colours, every name, clear refusals."""

import numpy as np
import pandas as pd
import pytest
from dotted import SCALE, dotted_section
from matplotlib.colors import to_rgb
from scipy import ndimage

import histobridge as hb
from histobridge.evaluation.metrics import METRICS
from histobridge.images.overview import overview
from histobridge.images.slides import Slide
from histobridge.plotting import MISSING, PALETTE
from histobridge.plotting.proportions import dominant, wedge
from histobridge.plotting.scores import LESS_IS_BETTER
from histobridge.plotting.style import palette


def pixels(figure):
    """Drawn pixels (height, width, 3), rows from the bottom as axes count them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(int)


def drawn_at(figure, axes, points):
    """Colours of a figure at points in the units of an axes."""
    picture = pixels(figure)
    across, up = np.round(axes.transData.transform(points)).astype(int).T
    return picture[up, across]


def blobs(mask):
    """Centres (x, y) of connected true pixels."""
    labelled, count = ndimage.label(mask)
    centres = ndimage.center_of_mass(mask, labelled, range(1, count + 1))
    return np.array(centres)[:, ::-1]


def test_black_dots_of_the_image_lie_where_the_spots_are():
    adata = dotted_section()
    figure = hb.plot_spots(adata)
    figure.set_dpi(150)
    axes = figure.axes[0]
    spots = adata.obsm["spatial"]
    assert (drawn_at(figure, axes, spots) < 80).all()
    beside = spots + 6 / SCALE * np.array([1, 0])
    assert (drawn_at(figure, axes, beside) > 200).all()
    found = blobs(pixels(figure)[:, :, 0] < 110)
    inside = axes.bbox.contains
    found = np.array([p for p in found if inside(*p)])
    expected = axes.transData.transform(spots)
    distance = np.linalg.norm(found[:, None] - expected[None], axis=2)
    assert len(found) == len(spots)
    assert distance.min(axis=0).max() < 1.5


def test_discs_cover_the_dots_and_have_the_colour_of_their_value():
    adata = dotted_section()
    adata.obs["side"] = np.where(np.arange(adata.n_obs) % 3 == 0, "left", "right")
    adata.obs.loc["spot1", "side"] = None
    figure = hb.plot_spots(adata, "side")
    colours = drawn_at(figure, figure.axes[0], adata.obsm["spatial"])
    wanted = {"left": PALETTE[0], "right": PALETTE[1]}
    for colour, side in zip(colours, adata.obs["side"], strict=True):
        expected = np.array(to_rgb(wanted.get(side, MISSING))) * 255
        assert np.abs(colour - expected).max() < 6


def test_numbers_follow_viridis_and_missing_ones_are_grey():
    from matplotlib import colormaps

    adata = dotted_section()
    adata.obs["depth"] = np.linspace(0, 10, adata.n_obs)
    adata.obs.loc["spot2", "depth"] = np.nan
    figure = hb.plot_spots(adata, "depth")
    colours = drawn_at(figure, figure.axes[0], adata.obsm["spatial"])
    expected = colormaps["viridis"](adata.obs["depth"] / 10)[:, :3] * 255
    expected[2] = np.array(to_rgb(MISSING)) * 255
    assert np.abs(colours - expected).max() < 6


def test_several_sections_are_panels_with_one_legend():
    bulb = hb.data.example_bulb()
    figure = hb.plot_spots(bulb, "layer")
    assert [a.get_title() for a in figure.axes] == ["Rep4", "Rep9"]
    texts = [t.get_text() for a in figure.axes if a.get_legend() for t in legend(a)]
    assert texts == list(bulb.obs["layer"].cat.categories)
    one = hb.plot_spots(bulb, "layer", sections="Rep9")
    assert [a.get_title() for a in one.axes] == ["Rep9"]


def legend(axes):
    return axes.get_legend().get_texts()


def test_drawing_changes_nothing(untouched):
    adata = dotted_section()
    adata.obsm["predicted"] = pd.DataFrame(
        {"gene1": np.arange(24.0)}, index=adata.obs_names
    )
    with untouched(adata):
        hb.plot_spots(adata, "gene1")
        hb.plot_spots(adata, "gene1", source="predicted")
        hb.plot_expression_pair(adata, "gene1")


def test_a_pair_tells_the_correlation_and_draws_both():
    adata = dotted_section()
    depth = adata.X.sum(axis=1)
    truth = np.log1p(adata.X[:, 3] / depth * 1e4)
    adata.obsm["predicted"] = pd.DataFrame({"gene3": truth}, index=adata.obs_names)
    titles = [a.get_title() for a in hb.plot_expression_pair(adata, "gene3").axes]
    assert titles[:3] == ["S1: H&E", "gene3 measured", "gene3 predicted (r = 1.00)"]
    adata.obsm["predicted"]["gene3"] = -truth
    titles = [a.get_title() for a in hb.plot_expression_pair(adata, "gene3").axes]
    assert titles[2].endswith("(r = -1.00)")
    adata.obsm["predicted"]["gene3"] = 1.0
    titles = [a.get_title() for a in hb.plot_expression_pair(adata, "gene3").axes]
    assert titles[2].endswith("(r = nan)")


def test_domains_beside_labels_share_no_colour():
    adata = dotted_section()
    adata.obs["domain"] = pd.Categorical([str(i % 2) for i in range(24)])
    adata.obs["layer"] = pd.Categorical(["out" if i % 2 else "in" for i in range(24)])
    figure = hb.plot_domains(adata, truth="layer")
    assert [a.get_title() for a in figure.axes] == ["S1: layer", "S1: domain"]
    left, right = (
        {tuple(c) for c in drawn_at(figure, a, adata.obsm["spatial"])}
        for a in figure.axes
    )
    assert len(left) == len(right) == 2
    assert not left & right
    texts = legend(figure.axes[1])
    assert [t.get_text() for t in texts] == ["layer", "in", "out", "domain", "0", "1"]
    bold = [t.get_text() for t in texts if t.get_fontweight() == "bold"]
    assert bold == ["layer", "domain"]


def test_labels_and_domains_of_one_name_are_two_colours():
    adata = dotted_section()
    adata.obs["domain"] = pd.Categorical(["1", "2"] * 12)
    adata.obs["layer"] = pd.Categorical(["2", "1"] * 12)
    adata.obs.loc["spot0", "layer"] = None
    figure = hb.plot_domains(adata, truth="layer")
    left, right = (drawn_at(figure, a, adata.obsm["spatial"])[:3] for a in figure.axes)
    wanted = [MISSING, PALETTE[0], PALETTE[1]]
    for colour, expected in zip(left, wanted, strict=True):
        assert np.abs(colour - np.array(to_rgb(expected)) * 255).max() < 6
    wanted = [PALETTE[2], PALETTE[3], PALETTE[2]]
    for colour, expected in zip(right, wanted, strict=True):
        assert np.abs(colour - np.array(to_rgb(expected)) * 255).max() < 6


@pytest.mark.parametrize("kind", ["panels", "pies", "dominant"])
def test_proportions_are_drawn_in_every_kind(kind):
    adata = dotted_section()
    shares = np.zeros((24, 3))
    shares[:, 1] = 1
    shares[0] = [0, 0, 1]
    adata.obsm["proportions"] = pd.DataFrame(
        shares, index=adata.obs_names, columns=["A", "B", "C"]
    )
    figure = hb.plot_proportions(adata, kind=kind)
    place = adata.obsm["spatial"] + 3 / SCALE
    colours = drawn_at(figure, figure.axes[0], place)
    if kind == "panels":
        assert len(figure.axes) == 4
        return
    for colour, level in ((colours[0], 2), (colours[5], 1)):
        expected = np.array(to_rgb(PALETTE[level])) * 255
        assert np.abs(colour - expected).max() < 6


def test_pies_run_clockwise_from_the_top_of_the_picture():
    quarter = wedge(np.zeros(2), 1.0, 0.0, 0.25)
    np.testing.assert_allclose(quarter[1], [0, -1], atol=1e-12)
    np.testing.assert_allclose(quarter[-1], [1, 0], atol=1e-12)


def test_the_dominant_type_of_a_spot_without_proportions_is_missing():
    frame = pd.DataFrame([[0.2, 0.8], [np.nan, np.nan], [0.6, 0.4]], columns=["A", "B"])
    assert list(dominant(frame).astype(object).fillna("-")) == ["B", "-", "A"]


def test_aligned_sections_coincide_where_one_was_moved():
    adata = hb.data.simulate_tissue(2, spots_per_side=6, n_genes=20)
    points = adata.obsm["spatial"]
    moved = points.copy()
    second = adata.obs["sample_id"] == adata.obs["sample_id"].iloc[-1]
    moved[second] = moved[~second.to_numpy()]
    adata.obsm["aligned"] = moved
    figure = hb.plot_sections(adata)
    before, after = figure.axes[:2]
    assert (before.get_title(), after.get_title()) == ("before", "aligned")
    offsets = after.collections[0].get_offsets()
    half = len(offsets) // 2
    np.testing.assert_allclose(offsets[:half], offsets[half:])


def test_benchmarks_are_drawn_best_on_top():
    table = pd.DataFrame(
        {
            "system": ["bad", "good"] * 2,
            "status": ["baseline", "house"] * 2,
            "protocol": "patients",
            "fold": "all",
            "metric": ["pearson_gene"] * 2 + ["rmse_spot"] * 2,
            "value": [0.1, 0.5, 0.3, 0.1],
            "lower": [0.0, 0.4, np.nan, np.nan],
            "upper": [0.2, 0.6, np.nan, np.nan],
        }
    )
    for metric in ("pearson_gene", "rmse_spot"):
        axes = hb.plot_benchmark(table, metric).axes[0]
        assert [t.get_text() for t in axes.get_yticklabels()] == ["bad", "good"]
    table["value"] = [-0.001, 0.5, 0.3, 0.1]
    axes = hb.plot_benchmark(table, "pearson_gene").axes[0]
    assert sorted(t.get_text() for t in axes.texts) == ["0.00", "0.50"]
    with pytest.raises(hb.ContractError, match="rmse_spot"):
        hb.plot_benchmark(table, "ari")
    with pytest.raises(hb.ContractError, match="available: all"):
        hb.plot_benchmark(table, "rmse_spot", fold="one")


def test_the_plot_knows_which_metrics_are_better_when_less():
    assert set(LESS_IS_BETTER) == {m.name for m in METRICS if m.better == "less"}


def test_leaks_are_marked_by_more_than_a_colour():
    audit = pd.DataFrame(
        {
            "split": ["one", "two"],
            "flag": "a",
            "leak": "patients on both sides",
            "status": ["clean", "leak"],
        }
    )
    axes = hb.plot_leakage(audit).axes[0]
    assert [(t.get_text(), t.get_position()) for t in axes.texts] == [("!", (1, 0))]
    whole = pd.DataFrame(
        {"split": ["one"], "leaks": "", "overlapping_spots": 3, "duplicated_spots": 0}
    )
    assert len(hb.plot_leakage(whole).axes[0].texts) == 1
    with pytest.raises(hb.ContractError, match="audit"):
        hb.plot_leakage(pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda a: hb.plot_spots(a, "gone"), "gene0, gene1"),
        (lambda a: hb.plot_spots(a, "gone"), "sample_id"),
        (lambda a: hb.plot_spots(a, "one", sections="S9"), "available: S1"),
        (lambda a: hb.plot_spots(a, "gene0", source="nothing"), "nothing"),
        (lambda a: hb.plot_expression_pair(a, "gene0"), "predicted"),
        (lambda a: hb.plot_domains(a), "domain"),
        (lambda a: hb.plot_proportions(a), "proportions"),
        (lambda a: hb.plot_sections(a), "aligned"),
    ],
)
def test_what_is_missing_is_named_with_what_there_is(call, named):
    with pytest.raises(hb.ContractError, match=named):
        call(dotted_section())


def test_a_name_that_stands_for_two_genes_is_refused():
    adata = dotted_section()
    adata.var_names = ["twice", "twice", *adata.var_names[2:]]
    with pytest.raises(hb.ContractError, match="2 of that name"):
        hb.plot_spots(adata, "twice")


def test_any_name_is_drawn_as_it_is():
    adata = dotted_section()
    adata.var_names = ["$x^{", "_hidden", *adata.var_names[2:]]
    adata.obs["_kind"] = pd.Categorical(["_a", "$b"] * 12)
    pixels(hb.plot_spots(adata, "$x^{"))
    figure = hb.plot_spots(adata, "_kind")
    pixels(figure)
    assert [t.get_text() for t in legend(figure.axes[0])] == ["$b", "_a"]


def test_no_two_levels_share_a_colour():
    assert len(set(palette(16))) == 16
    assert len(set(palette(40))) == 40


def test_an_overview_averages_squares_and_keeps_their_edges():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (70, 101, 3)).astype(np.uint8)
    small, side = overview(Slide(image, 1.0, 1.0), 30)
    assert side == 4
    assert small.shape == (18, 26, 3)
    mean = image[4:8, 8:12].reshape(-1, 3).mean(axis=0)
    assert np.abs(small[1, 2] - mean).max() <= 0.5
