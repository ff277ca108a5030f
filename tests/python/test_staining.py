"""Virtual stains on tissue whose colours decide markers and a second picture."""

import functools
import tempfile

import numpy as np
import pandas as pd
import pytest
from painted import GENES, SIDE, SPOTS, TILE, painted_tissue, repainted

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.images import PatchGrid, open_slide
from histobridge.nn import maps
from histobridge.staining import lesson, painting
from histobridge.staining.cross_check import spot_stain
from histobridge.staining.lesson import MarkerScores, View, Wanted

TRAIN, TEST = np.arange(2 * SPOTS), np.arange(2 * SPOTS, 3 * SPOTS)
NAMES = list(hb.list_systems("staining")["name"])
NETWORKS = [name for name in NAMES if name != "colour_filters"]
TINY = {"pixels": 16, "scale": 1 / 8, "epochs": 8, "learning_rate": 1e-2}
MARKERS = {"first": GENES[:1], "pair": GENES[1:3]}
BROWN = np.array([0.268, 0.570, 0.776])


@functools.cache
def tissue():
    """Painted sections with a second picture: brown where the H&E is rather red."""
    adata = painted_tissue()
    libraries = {}
    for name, library in adata.uns["spatial"].items():
        picture = library["images"]["hires"]
        red = picture[..., 0].astype(float) - picture[..., 2] > 0
        density = red[..., None] * 0.8 * BROWN / np.linalg.norm(BROWN)
        brown = np.round(256 * 10**-density - 1).clip(0, 255).astype(np.uint8)
        libraries[name] = library | {
            "images": library["images"] | {"ihc": brown},
            "scalefactors": library["scalefactors"] | {"tissue_ihc_scalef": 1.0},
        }
    adata.uns["spatial"] = libraries
    return adata


def params(name, **changes):
    known = registry.find(name, "staining").parameters
    given = TINY | changes
    if name == "colour_filters":
        given = {"pixels": 16}
    if name == "mvfstain":
        given["epochs"] *= 2
    return {k: v for k, v in given.items() if k in known}


FOLDER = tempfile.mkdtemp()
"""Of trained networks, so that each is trained once."""


def stain(name, unseen):
    hb.stain_virtually(
        unseen,
        tissue()[TRAIN].copy(),
        channels="dab",
        genes=MARKERS,
        target_image="ihc",
        system=name,
        **params(name, checkpoint=f"{FOLDER}/{name}"),
    )
    return unseen


@functools.cache
def stained(name):
    """The third patient, stained by networks that saw the first two."""
    return stain(name, tissue()[TEST].copy())


def truth():
    scores = MarkerScores(MARKERS).fit(tissue(), TRAIN).transform(tissue(), TEST)
    brown = spot_stain(tissue()[TEST].copy(), "dab", "ihc")
    return np.column_stack([brown, scores])


def agreement(found):
    return [np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, truth().T, strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_a_stain_and_its_markers_are_painted_in_another_patient(name):
    found = stained(name).obsm["virtual_stain"]
    assert list(found) == ["dab", "first", "pair"]
    assert min(agreement(found.to_numpy())) > 0.5, agreement(found.to_numpy())


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_painted_and_lie_where_the_tissue_does(name):
    adata = stained(name)
    slide = open_slide(adata, "S3", "virtual_stain_dab")
    low, high = adata.uns["histobridge"]["virtual_stain"]["range"]["dab"]
    centres = (adata.obsm["spatial"] * slide.pixel_scale).astype(int)
    grey = np.array([slide.read(x, y, 1, 1)[0, 0, 0] for x, y in centres])
    level = low + grey / 255 * (high - low)
    assert np.corrcoef(level, truth()[:, 0])[0, 1] > 0.4
    assert slide.microns_per_pixel == pytest.approx(16)
    side = SIDE * TILE * 10 / 16
    assert (slide.width, slide.height) == (np.ceil(side), np.ceil(side))


@pytest.mark.parametrize("name", NAMES)
def test_shuffled_images_paint_nothing(name):
    stained(name)
    other = stain(name, repainted(tissue(), TEST)[TEST].copy())
    found = agreement(other.obsm["virtual_stain"].to_numpy())
    assert np.abs(found).max() < 0.45, found


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_all(name):
    first, second, third = (tissue()[TEST[:9]].copy() for _ in range(3))
    known = tissue()[TRAIN[:20]].copy()
    for adata, seed in ((first, 3), (second, 3), (third, 4)):
        given = params(name, epochs=1) | {"seed": seed}
        hb.stain_virtually(adata, known, genes=MARKERS, system=name, **given)
    found = [x.obsm["virtual_stain"].to_numpy() for x in (first, second, third)]
    np.testing.assert_array_equal(found[0], found[1])
    if name in NETWORKS:
        assert not np.array_equal(found[0], found[2])


def test_cross_fitting_never_learns_from_what_it_paints(untouched):
    """A patient's own counts leave its own stain as it is, and change the others'."""
    plain, other = tissue().copy(), tissue().copy()
    rng = np.random.default_rng(0)
    counts = other.X.toarray()
    counts[TEST] = rng.permuted(counts[TEST], axis=1)
    other.X = type(tissue().X)(counts)
    for adata in (plain, other):
        hb.stain_virtually(adata, genes=MARKERS, pixels=16)
    first, second = (x.obsm["virtual_stain"].to_numpy() for x in (plain, other))
    np.testing.assert_array_equal(first[TEST], second[TEST])
    assert not np.allclose(first[TRAIN], second[TRAIN])
    pictures = [x.uns["spatial"]["S3"]["images"] for x in (plain, other)]
    assert pictures[0].keys() == {"hires", "ihc", "virtual_stain_first"} | {
        "virtual_stain_pair"
    }
    settings = plain.uns["histobridge"]["virtual_stain"]
    assert (settings["cross_fitted"], settings["networks"]) == (True, 3)


def test_one_section_is_cross_fitted_by_blocks_and_painted_whole():
    adata = tissue()[:SPOTS].copy()
    hb.stain_virtually(adata, genes=MARKERS, pixels=16)
    assert adata.uns["histobridge"]["virtual_stain"]["networks"] > 1
    assert np.isfinite(adata.obsm["virtual_stain"]).all(axis=None)


def test_what_is_not_written_stays(untouched):
    reference, adata = tissue()[TRAIN].copy(), tissue()[TEST].copy()
    before = adata.uns["spatial"]
    images = dict(before["S3"]["images"])
    with untouched(reference):
        hb.stain_virtually(adata, reference, genes=MARKERS, pixels=16)
    assert before["S3"]["images"].keys() == images.keys()
    blind = tissue()[TEST].copy()
    blind.X = None
    hb.stain_virtually(blind, reference, genes=MARKERS, pixels=16)
    pd.testing.assert_frame_equal(
        blind.obsm["virtual_stain"], adata.obsm["virtual_stain"]
    )


def test_a_spot_without_counts_is_painted_and_not_learnt_from():
    adata = tissue().copy()
    counts = adata.X.toarray()
    counts[:3] = 0
    adata.X = type(adata.X)(counts)
    hb.stain_virtually(adata, genes=MARKERS, pixels=16)
    assert np.isfinite(adata.obsm["virtual_stain"]).all(axis=None)


def test_an_inner_group_stops_training_and_a_folder_resumes_it(tmp_path, monkeypatch):
    known, adata = tissue()[TRAIN].copy(), tissue()[TEST].copy()
    given = TINY | {"patience": 2, "epochs": 6, "checkpoint": str(tmp_path)}
    asked = {"genes": MARKERS, "system": "mvfstain"} | given
    hb.stain_virtually(adata, known, **asked)
    assert [p.name for p in tmp_path.rglob("*.ckpt")] == ["stage1.ckpt"]
    again = tissue()[TEST].copy()
    monkeypatch.setattr(maps.Painter, "loss", None)
    hb.stain_virtually(again, known, **asked)
    pd.testing.assert_frame_equal(
        again.obsm["virtual_stain"], adata.obsm["virtual_stain"]
    )


def test_keratins_are_the_default_of_virtual_panck():
    adata = tissue()[TRAIN[:20]].copy()
    with pytest.raises(ContractError, match="'KRT19'"):
        hb.stain_virtually(adata, system="virtual_panck", **TINY)
    adata.var_names = ["Krt8", "KRT19", *adata.var_names[2:]]
    hb.stain_virtually(adata, adata, system="virtual_panck", **TINY | {"epochs": 1})
    settings = adata.uns["histobridge"]["virtual_stain"]
    assert settings["markers"] == {"panCK": ["Krt8", "KRT19"]}


REFUSED = [
    ({}, "channels among .* or genes; found neither"),
    ({"channels": "magic"}, "name of a stain; found 'magic'; available: haematox"),
    ({"genes": "magic"}, "genes of channel 'magic'"),
    ({"genes": {"x": []}}, "genes of channel 'x'; found none"),
    ({"channels": "dab", "genes": {"dab": GENES[:1]}}, "different names"),
    ({"channels": "dab", "target_image": "gone"}, "no image named 'gone'"),
    ({"genes": GENES[:1], "system": "magic"}, "staining system; found 'magic'"),
    ({"genes": ["constant"]}, "channels that vary"),
]


@pytest.mark.parametrize(("asked", "message"), REFUSED)
def test_what_cannot_be_stained_is_refused(asked, message, untouched):
    adata = tissue().copy()
    if asked.get("genes") == ["constant"]:
        counts = adata.X.toarray()
        counts[:, -1] = 0
        adata.X = type(adata.X)(counts)
        asked = {"genes": [adata.var_names[-1]]}
    with untouched(adata), pytest.raises(ContractError, match=message):
        hb.stain_virtually(adata, pixels=16, **asked)


def test_stains_are_those_of_scikit_image():
    color = pytest.importorskip("skimage.color")
    pixels = np.random.default_rng(0).integers(1, 255, (40, 3)).astype(np.uint8)
    theirs = color.rgb2hed(pixels[None])[0] / -np.log(1e-6) * np.log(10)
    for i, name in enumerate(lesson.STAINS[:3]):
        ours = lesson.stain_channel(pixels, name)
        assert np.corrcoef(ours, theirs[:, i].clip(0))[0, 1] > 0.95, name


def test_marker_scores_are_means_of_standardised_genes_of_training_spots():
    scores = MarkerScores(MARKERS).fit(tissue(), TRAIN)
    own = scores.transform(tissue(), TRAIN)
    np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-5)
    values = np.log1p(
        1e4 * tissue().X.toarray() / tissue().X.toarray().sum(1, keepdims=True)
    )[:, :3]
    z = (values - values[TRAIN].mean(0)) / values[TRAIN].std(0)
    expected = np.column_stack([z[:, 0], z[:, 1:3].mean(1)])
    np.testing.assert_allclose(own, expected[TRAIN], atol=1e-4)
    np.testing.assert_allclose(
        scores.transform(tissue(), TEST), expected[TEST], atol=1e-4
    )


class Echo(lesson.Lesson):
    """Stands for a trained stainer: the map is the red of the picture."""

    mean_ = np.zeros(1)

    def __init__(self):
        pass

    @staticmethod
    def paint(pixels):
        return pixels[..., :1].transpose(0, 3, 1, 2).astype(float)


def test_tiles_are_put_together_without_seams():
    adata = tissue()[:SPOTS].copy()
    slide = open_slide(adata, "S1", "hires")
    view = View(PatchGrid(240, 24))
    found = painting.paint_section(Echo(), slide, adata.obsm["spatial"], view)
    picture = adata.uns["spatial"]["S1"]["images"]["hires"]
    np.testing.assert_array_equal(found[0], picture[..., 0])
    part = painting.paint_section(Echo(), slide, adata.obsm["spatial"][:2], view)
    assert np.isnan(part[0, -10:]).all()
    asked = np.arange(SPOTS) < 2
    same = painting.paint_section(Echo(), slide, adata.obsm["spatial"], view, asked)
    np.testing.assert_array_equal(same, part)
    assert np.isfinite(part[0, :20, :40]).all()


def test_a_spot_is_the_mean_of_its_disc():
    x, y = np.meshgrid(np.arange(40), np.arange(30))
    found = np.stack([x, y]).astype(float)
    value = painting.spot_values(found, np.array([[10.5, 20.5], [39.9, 0.1]]), 3.0)
    np.testing.assert_allclose(value[0], [10, 20])
    tiny = painting.spot_values(found, np.array([[10.2, 20.7]]), 0.1)
    np.testing.assert_allclose(tiny[0], [10, 20])
    assert np.isfinite(value).all()


def test_wanted_channels_keep_their_order():
    wanted = lesson.wanted_channels(tissue(), ["eosin", "dab"], GENES[0], None)
    assert wanted == Wanted(("eosin", "dab"), {GENES[0]: (GENES[0],)}, None)
    assert wanted.names == ["eosin", "dab", GENES[0]]
