"""A section scanned by another scanner, and brought back by its stain."""

import numpy as np
import pytest

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.data import simulate_tissue
from histobridge.images import open_slide
from histobridge.images.stains import NORMALISERS
from histobridge.normalisation import log_normalise
from histobridge.resolution.kriging import ridge_trend

# Rows sum to 1, so that glass stays white.
COLOURS = np.array([[0.90, 0.08, 0.02], [0.10, 0.80, 0.10], [0.02, 0.10, 0.88]])
GAMMA = 1.4


@pytest.fixture(scope="module")
def section():
    return simulate_tissue(
        1, spots_per_side=12, n_genes=40, microns_per_pixel=4, depth=3000, seed=8
    )


def scanned(adata, name="scan"):
    """The same section as another scanner sees it."""
    made = adata.copy()
    library = made.uns["spatial"]["S1"]
    light = library["images"]["hires"] / 255.0
    image = np.clip(light @ COLOURS.T, 0, 1) ** GAMMA
    library = {**library, "images": {"hires": np.round(255 * image).astype(np.uint8)}}
    made.uns["spatial"] = {name: library}
    made.obs["sample_id"] = name
    made.obs_names = [f"{name}_{spot}" for spot in made.obs_names]
    return made


def features(adata, stain=None):
    hb.add_morphology(
        adata, "colour", patch_microns=200, stain=stain, cache=False, progress=False
    )
    return adata.obsm["morphology"].copy()


@pytest.mark.parametrize("method", NORMALISERS)
def test_features_and_predictions_of_another_scanner_move_back(section, method):
    still, shifted = section.copy(), scanned(section)
    hb.harmonize_sections([still, shifted], method=method)
    key = "harmonized_stain"
    kept = features(still)
    spread = np.where(kept.std(axis=0) > 1e-6, kept.std(axis=0), 1.0)
    model = ridge_trend(kept / spread, log_normalise(still.X).toarray())

    def error(found):
        away = np.sqrt(np.mean(((found - kept) / spread) ** 2))
        wrong = model.predict(found / spread) - model.predict(kept / spread)
        return away, np.sqrt(np.mean(wrong**2))

    before, after = error(features(shifted)), error(features(shifted, key))
    assert before[0] > 0.5
    assert after[0] < 0.5 * before[0]
    assert after[1] < 0.5 * before[1]


def test_images_stay_and_the_reference_is_the_one_asked_for(section, untouched):
    pair = [section.copy(), scanned(section)]
    before = open_slide(pair[1], "scan").digest()
    hb.harmonize_sections(pair, method="reinhard", reference="scan", key_added="mine")
    assert open_slide(pair[1], "scan").digest() == before
    own = open_slide(pair[1], "scan", stain="mine").read(0, 0, 60, 60)
    plain = open_slide(pair[1], "scan").read(0, 0, 60, 60)
    assert np.abs(own.astype(int) - plain).mean() < 3
    assert pair[0].uns["histobridge"]["mine"]["reference"] == "scan"
    assert "mine" not in pair[0].layers


def test_features_of_two_references_are_not_mixed_up_in_the_cache(section, tmp_path):
    pair, found = [section.copy(), scanned(section)], []
    for reference in ("S1", "scan"):
        hb.harmonize_sections(pair, method="macenko", reference=reference)
        hb.add_morphology(
            pair[1],
            "colour",
            patch_microns=200,
            stain="harmonized_stain",
            cache=tmp_path,
            progress=False,
        )
        found.append(pair[1].obsm["morphology"].copy())
    assert not np.allclose(*found)


def test_what_cannot_be_harmonised_is_refused(section):
    pair = [section.copy(), scanned(section)]
    with pytest.raises(ContractError, match="a reference among the sections"):
        hb.harmonize_sections(pair, method="macenko", reference="moon")
    with pytest.raises(ContractError, match="stain normaliser or of harmonised"):
        features(pair[0], "harmonized_stain")
    hb.harmonize_sections(pair, method="macenko")
    other = scanned(section, "third")
    other.uns["histobridge"] = pair[0].uns["histobridge"]
    with pytest.raises(ContractError, match="a section of 'harmonized_stain'"):
        features(other, "harmonized_stain")
    del pair[1].uns["spatial"]["scan"]["images"]
    with pytest.raises(ContractError, match="an image of section"):
        hb.harmonize_sections(pair, method="macenko", key_added="again")
    assert "again" not in pair[0].uns["histobridge"]
