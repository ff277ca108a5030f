"""Bad input: one clear error that says expected, found, available; object untouched."""

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import histobridge as hb
from histobridge import contract
from histobridge.contract import ContractError

QUIET = {"cache": False, "progress": False}


def domains(adata, reference):
    hb.find_domains(adata, 3)


def proportions(adata, reference):
    hb.deconvolve(adata, reference)


def morphology(adata, reference):
    hb.add_morphology(adata, "colour", patch_microns=100, **QUIET)


def training(adata, reference):
    hb.train_translation(adata, genes=5)


def translation_benchmark(adata, reference):
    hb.benchmark_translation(adata, genes=5, progress=False)


def domain_benchmark(adata, reference):
    hb.benchmark_domains(adata, "domain", progress=False)


def deconvolution_benchmark(adata, reference):
    hb.benchmark_deconvolution(adata, reference, progress=False)


READ_COUNTS = [
    domains,
    proportions,
    training,
    translation_benchmark,
    domain_benchmark,
    deconvolution_benchmark,
]


@pytest.fixture
def refused(untouched):
    """The verb raises one ContractError with these words and changes nothing."""

    def check(verb, adata, reference, *words):
        with untouched(adata, reference), pytest.raises(ContractError) as caught:
            verb(adata, reference)
        message = str(caught.value)
        assert message.startswith("expected ")
        assert "; found " in message
        for word in words:
            assert word in message, message

    return check


@pytest.mark.parametrize("verb", READ_COUNTS)
def test_no_counts_anywhere(verb, tissue, reference, refused):
    tissue.X = None
    refused(verb, tissue, reference, "raw counts", "neither", "available: rate")


@pytest.mark.parametrize("verb", READ_COUNTS)
def test_an_assay_of_another_name_is_not_taken_for_counts(
    verb, tissue, reference, refused
):
    tissue.uns["X_name"] = "logcounts"
    refused(verb, tissue, reference, "found X = 'logcounts'", "available: logcounts")


def test_the_counts_layer_wins_over_x(tissue):
    tissue.layers["counts"] = tissue.X.copy()
    tissue.X = tissue.X.log1p()
    tissue.uns["X_name"] = "logcounts"
    assert contract.counts(tissue).max() == tissue.layers["counts"].max()


@pytest.mark.parametrize("verb", [domains, morphology, training, translation_benchmark])
def test_no_coordinates(verb, tissue, reference, refused):
    del tissue.obsm["spatial"]
    refused(verb, tissue, reference, 'obsm["spatial"]', "found none", "morphology")


@pytest.mark.parametrize("verb", [domains, morphology])
def test_coordinates_with_nan(verb, tissue, reference, refused):
    tissue.obsm["spatial"][[3, 5], 0] = np.nan
    refused(verb, tissue, reference, "finite coordinates", "2 spots")


def test_no_image(tissue, reference, refused):
    tissue.uns["spatial"]["S2"]["images"] = {}
    refused(morphology, tissue, reference, "image of section 'S2'", "S1, S2, S3")


def test_no_images_at_all(tissue, reference, refused):
    del tissue.uns["spatial"]
    refused(morphology, tissue, reference, "image of section 'S1'", "found none")


def test_unknown_image_lists_those_there_are(tissue, reference, refused):
    def verb(adata, reference):
        hb.add_morphology(adata, "colour", image_id="lowres", **QUIET)

    refused(verb, tissue, reference, "no image named 'lowres'", "available: hires")


def test_image_path_that_does_not_exist(tissue, reference, refused):
    tissue.uns["spatial"]["S1"]["images"]["hires"] = "nowhere/he.png"
    refused(morphology, tissue, reference, "'S1'", "no file 'nowhere/he.png'")


def test_source_image_that_does_not_exist(tissue, reference, refused):
    library = tissue.uns["spatial"]["S1"]
    library["images"] = {}
    library["metadata"] = {"source_image_path": "nowhere/he.tif"}
    refused(morphology, tissue, reference, "'S1'", "no file 'nowhere/he.tif'")


@pytest.mark.parametrize("value", [None, np.nan, 0.0, -1.0])
def test_microns_per_pixel_missing(value, tissue, reference, refused):
    factors = tissue.uns["spatial"]["S3"]["scalefactors"]
    factors["microns_per_pixel"] = value
    if value is None:
        del factors["microns_per_pixel"]
    words = ("microns per full-resolution pixel of section 'S3'", "tissue_hires_scalef")
    refused(morphology, tissue, reference, *words)


def test_scale_factor_of_the_image_missing(tissue, reference, refused):
    del tissue.uns["spatial"]["S1"]["scalefactors"]["tissue_hires_scalef"]
    refused(morphology, tissue, reference, "'tissue_hires_scalef'", "microns_per_pixel")


def test_coordinates_outside_the_image(tissue, reference, refused):
    tissue.obsm["spatial"][:2] += 1e4
    refused(morphology, tissue, reference, "inside its image", "2 of 64 outside")


def test_swapped_coordinates_of_an_oblong_image(tissue, reference, refused):
    library = tissue.uns["spatial"]["S1"]
    library["images"]["hires"] = library["images"]["hires"][:250]
    spots = contract.sections(tissue)["S1"]
    tissue.obsm["spatial"][spots, 1] /= 2
    morphology(tissue, reference)
    tissue.obsm["spatial"] = tissue.obsm["spatial"][:, ::-1].copy()
    refused(morphology, tissue, reference, "coordinates are x, y")


@pytest.mark.filterwarnings("ignore:.* names are not unique")
@pytest.mark.parametrize("verb", READ_COUNTS)
@pytest.mark.parametrize("axis", ["spot", "gene"])
def test_repeated_names(verb, axis, tissue, reference, refused):
    names = tissue.obs_names if axis == "spot" else tissue.var_names
    repeated = [names[1], *names[1:]]
    setattr(tissue, "obs_names" if axis == "spot" else "var_names", repeated)
    refused(verb, tissue, reference, f"unique {axis} names", "1 repeated", names[1])


@pytest.mark.filterwarnings("ignore:.* names are not unique")
def test_repeated_names_when_predicting(tissue, reference, refused):
    model = hb.train_translation(tissue, "train_mean", genes=5)
    tissue.obs_names = [tissue.obs_names[1], *tissue.obs_names[1:]]

    def verb(adata, reference):
        hb.predict_expression(adata, model)

    refused(verb, tissue, reference, "unique spot names", "S1_2x1")


@pytest.mark.parametrize("verb", [proportions, deconvolution_benchmark])
def test_no_shared_genes(verb, tissue, reference, refused):
    reference.var_names = [name.upper() for name in reference.var_names]
    words = ("genes shared", "0 shared", "gene0001", "reference has GENE0001")
    refused(verb, tissue, reference, *words)


def test_one_class_of_cells(tissue, reference, refused):
    reference.obs["cell_type"] = "neuron"
    refused(proportions, tissue, reference, "two classes", "1 (neuron)")


def test_one_class_of_labels(tissue, reference, refused):
    tissue.obs["domain"] = pd.Categorical([None] + ["a"] * (tissue.n_obs - 1))
    refused(domain_benchmark, tissue, reference, "two classes", "1 (a)")


def test_label_column_absent(tissue, reference, refused):
    del tissue.obs["domain"]
    words = ("obs['domain']", "no such column", "available: sample_id, patient")
    refused(domain_benchmark, tissue, reference, *words)


@pytest.mark.parametrize("verb", READ_COUNTS)
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "finite counts in X; found NaN"),
        (np.inf, "finite counts in X; found NaN or infinite"),
        (-2.0, "non-negative counts in X; found minimum -2"),
    ],
)
def test_impossible_counts(verb, dense, value, words, tissue, reference, refused):
    tissue.X.data[7] = value
    if dense:
        tissue.X = tissue.X.toarray()
    refused(verb, tissue, reference, words)


@pytest.mark.parametrize("verb", [proportions, deconvolution_benchmark])
@pytest.mark.parametrize("where", ["spots", "reference"])
def test_fractional_counts_for_a_count_likelihood(
    verb, where, tissue, reference, refused
):
    (tissue if where == "spots" else reference).X.data[-1] = 2.5
    refused(verb, tissue, reference, "whole-number", "2.5")


def test_fractional_counts_far_into_a_large_matrix(tissue):
    counts = np.ones((tissue.n_obs, 1000))
    counts[-1, -1] = 0.5
    large = type(tissue)(sp.csr_matrix(counts))
    with pytest.raises(ContractError, match="whole-number"):
        contract.integer_counts(large)


@pytest.mark.parametrize("dense", [False, True])
def test_checking_counts_copies_nothing(dense, tissue):
    tissue.X = tissue.X.toarray() if dense else tissue.X
    checked = contract.counts(tissue)
    mine, theirs = (checked, tissue.X) if dense else (checked.data, tissue.X.data)
    assert np.shares_memory(mine, theirs)


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        (lambda a, r: hb.find_domains(a, 1), ("k, a whole number", "found 1")),
        (lambda a, r: hb.find_domains(a, 2.5), ("k, a whole number", "2.5")),
        (lambda a, r: hb.find_domains(a, "banksy"), ("k, a whole", "found banksy")),
        (lambda a, r: hb.find_domains(a, np.nan), ("k, a whole", "found nan")),
        (
            lambda a, r: hb.benchmark_domains(a, "domain", k="banksy"),
            ("k, a whole", "found banksy"),
        ),
        (
            lambda a, r: hb.benchmark_domains(a, "domain", k=np.inf),
            ("k, a whole", "found inf"),
        ),
        (lambda a, r: hb.find_domains(a, a.n_obs), ("spots", "found 192")),
        (
            lambda a, r: hb.train_translation(a, genes=["gene0001", "Nope"]),
            ("absent: ['Nope']", "available: gene0001"),
        ),
        (
            lambda a, r: hb.benchmark_translation(a, protocols="random"),
            ("['random']", "available: patients, sections, blocks"),
        ),
        (
            lambda a, r: hb.add_morphology(a, "resnet", **QUIET),
            ("'resnet'", "available: colour, texture, efficientnet-lite0"),
        ),
        (
            lambda a, r: hb.add_morphology(a, "colour", patch_microns=0, **QUIET),
            ("positive patch sides",),
        ),
        (
            lambda a, r: hb.deconvolve(a, r, graph="ring"),
            ("none, tissue, spatial, image, auto", "'ring'"),
        ),
        (
            lambda a, r: hb.benchmark_deconvolution(a, r, truth="nope"),
            ("obsm['nope']", "true_proportions"),
        ),
    ],
)
def test_impossible_arguments(verb, words, tissue, reference, refused):
    refused(verb, tissue, reference, *words)


def test_logarithms_of_scanpy_are_not_taken_for_counts(tissue, untouched):
    whole = tissue.copy()
    sc.pp.log1p(tissue)
    with untouched(tissue), pytest.raises(ContractError, match="X after logarithms"):
        hb.train_translation(tissue, genes=5)
    tissue.layers["counts"] = whole.X
    assert contract.counts(tissue).max() == whole.X.max()
    whole.uns["log1p"] = tissue.uns["log1p"]  # Counts that were put back.
    assert contract.counts(whole).max() == whole.X.max()
