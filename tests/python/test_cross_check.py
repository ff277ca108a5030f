"""Stains that follow a gene, and smooth ones that do not."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy import ndimage, stats

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.staining.cross_check import spot_stain

SIDE, SECTIONS, GENES = 16, 2, 12
SPOTS = SIDE**2


def field(rng, smooth=2.0):
    """A smooth standard normal map of one section (spots,)."""
    found = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), smooth, mode="wrap")
    return ((found - found.mean()) / found.std()).ravel()


def planted(seed=0, smooth=2.0):
    """Genes that are smooth and independent, and two stains of which one follows."""
    rng = np.random.default_rng(seed)
    maps = np.array(
        [[field(rng, smooth) for _ in range(GENES)] for _ in range(SECTIONS)]
    )
    maps = maps.transpose(0, 2, 1).reshape(-1, GENES)
    depth = np.exp(rng.normal(0, 0.3, SPOTS * SECTIONS))
    rate = 8 * np.exp(0.5 * maps) * depth[:, None]
    row, column = np.divmod(np.arange(SPOTS), SIDE)
    names = np.repeat([f"S{i}" for i in range(SECTIONS)], SPOTS)
    noise = rng.normal(size=len(maps))
    adata = ad.AnnData(
        sp.csr_matrix(rng.poisson(rate).astype(float)),
        obs=pd.DataFrame(
            {
                "sample_id": names,
                "follows": maps[:, 0] + noise,
                "alone": np.concatenate([field(rng, smooth) for _ in range(SECTIONS)]),
            },
            index=[f"spot{i}" for i in range(len(maps))],
        ),
        var=pd.DataFrame(index=[f"gene{i}" for i in range(GENES)]),
    )
    adata.obsm["spatial"] = np.tile(np.column_stack([column, row]), (SECTIONS, 1)) * 9.0
    return adata


def test_a_stain_that_follows_a_gene_passes(untouched):
    adata = planted()
    with untouched(adata):
        found = hb.cross_check(adata, "follows", list(adata.var_names), draws=199)
    assert list(found["section"].unique()) == ["S0", "S1", "all"]
    assert len(found) == 3 * GENES
    for _, part in found.groupby("section"):
        first = part.set_index("gene").loc["gene0"]
        assert first["fdr"] < 0.1
        assert first["lower"] > 0.1
        assert first["lower"] < first["correlation"] < first["upper"]
        assert part["fdr"].idxmin() == part.index[0]
        assert first["effective_spots"] < 0.9 * first["n_spots"]


def test_a_correlation_is_numpys_and_scipys():
    adata = planted()
    found = hb.cross_check(adata, "follows", "gene3", draws=19).set_index("section")
    ranks = hb.cross_check(adata, "follows", "gene3", draws=19, method="spearman")
    rows = (adata.obs["sample_id"] == "S1").to_numpy()
    counts = adata.X.toarray()[rows]
    y = np.log1p(1e4 * counts / counts.sum(1, keepdims=True))[:, 3]
    x = adata.obs["follows"].to_numpy()[rows]
    assert found.loc["S1", "correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    # Rounded, since equal values may differ in their last bit.
    expected = stats.spearmanr(x, y.round(9)).statistic
    assert ranks.set_index("section").loc["S1", "correlation"] == pytest.approx(
        expected, abs=1e-5
    )
    mean = found.loc[["S0", "S1"], "correlation"].mean()
    assert found.loc["all", "correlation"] == pytest.approx(mean)
    depth = np.log1p(counts.sum(1))
    slopes = [np.polynomial.Polynomial.fit(depth, v, 1)(depth) for v in (x, y)]
    partial = np.corrcoef(x - slopes[0], y - slopes[1])[0, 1]
    assert found.loc["S1", "without_depth"] == pytest.approx(partial)


def test_an_unrelated_smooth_stain_passes_at_the_nominal_rate():
    """A test that takes spots for independent calls a third of these."""
    p, naive = [], []
    for seed in range(12):
        adata = planted(seed)
        found = hb.cross_check(adata, "alone", list(adata.var_names), draws=99)
        found = found[found["section"] == "all"]
        p += list(found["p_value"])
        z = np.arctanh(found["correlation"]) * np.sqrt(SECTIONS * SPOTS - 3)
        naive += list(stats.norm.sf(z))
    assert np.mean(np.array(naive) <= 0.05) > 0.15
    assert np.mean(np.array(p) <= 0.05) < 0.1
    assert np.mean(np.array(p) <= 0.5) == pytest.approx(0.5, abs=0.12)


def test_intervals_hold_the_truth():
    """Both are what a Gaussian process is around no correlation at all."""
    inside = []
    for seed in range(12):
        adata = planted(100 + seed)
        found = hb.cross_check(adata, "alone", list(adata.var_names), draws=99)
        inside += list((found["lower"] <= 0) & (found["upper"] >= 0))
    assert 0.88 < np.mean(inside) <= 0.99


def test_two_sided_finds_what_falls():
    adata = planted()
    adata.obs["falls"] = -adata.obs["follows"]
    one = hb.cross_check(adata, "falls", "gene0", draws=99)
    two = hb.cross_check(adata, "falls", "gene0", draws=99, alternative="two-sided")
    assert one["p_value"].min() > 0.9
    assert two["p_value"].max() < 0.05


def test_constant_genes_and_small_sections_have_no_value():
    adata = planted()
    counts = adata.X.toarray()
    counts[:SPOTS, 1] = 0
    counts[SPOTS : SPOTS + 5] = 0
    adata.X = sp.csr_matrix(counts)
    found = hb.cross_check(adata, "follows", ["gene0", "gene1"], draws=19)
    found = found.set_index(["section", "gene"])
    assert found.loc[("S0", "gene1"), ["correlation", "p_value", "fdr"]].isna().all()
    assert found.loc[("S1", "gene0"), "n_spots"] == SPOTS - 5
    other = found.loc[("S1", "gene1"), "correlation"]
    assert found.loc[("all", "gene1"), "correlation"] == pytest.approx(other)
    few = adata[np.r_[:SPOTS, SPOTS + 5 : SPOTS + 12]].copy()
    tables = hb.cross_check(few, "follows", "gene0", draws=19)
    assert list(tables["section"]) == ["S0", "all"]


def test_a_stain_is_measured_in_the_disc_of_a_spot(tissue):
    level = spot_stain(tissue, "haematoxylin", "hires")
    library = tissue.uns["spatial"]["S1"]
    scale = library["scalefactors"]["tissue_hires_scalef"]
    picture = library["images"]["hires"].copy()
    x, y = (tissue.obsm["spatial"][0] * scale).astype(int)
    assert level[0] > 0
    picture[y - 2 : y + 3, x - 2 : x + 3] = (10, 0, 40)
    library["images"]["hires"] = picture
    again = spot_stain(tissue, "haematoxylin", "hires")
    assert again[0] > level[0]
    np.testing.assert_array_equal(again[1:], level[1:])
    found = hb.cross_check(
        tissue, "haematoxylin", tissue.var_names[0], image_id="hires", draws=19
    )
    assert np.isfinite(found["correlation"]).all()


def test_a_painted_channel_comes_before_a_column(tissue):
    tissue.obs["both"] = 1.0
    values = np.random.default_rng(0).normal(size=(tissue.n_obs, 1))
    tissue.obsm["virtual_stain"] = pd.DataFrame(
        values, index=tissue.obs_names, columns=["both"]
    )
    found = hb.cross_check(tissue, "both", tissue.var_names[0], draws=19)
    assert found["correlation"].abs().max() > 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("magic", "gene1"), "channel 'magic' .* available: .*haematoxylin"),
        (("layer", "gene1"), "channel 'layer'"),
        (("n", "magic"), r"genes that were measured; found \['magic'\]"),
        (("n", []), "genes that were measured"),
    ],
)
def test_what_cannot_be_checked_is_refused(asked, message):
    adata = planted()
    adata.obs["n"], adata.obs["layer"] = 1.0, "a"
    with pytest.raises(ContractError, match=message):
        hb.cross_check(adata, *asked)
    with pytest.raises(ContractError, match=r"method among .* found 'tau'"):
        hb.cross_check(adata, "n", "gene1", method="tau")
    with pytest.raises(ContractError, match="alternative among"):
        hb.cross_check(adata, "n", "gene1", alternative="less")


def test_a_check_is_drawn_as_it_is():
    adata = planted()
    found = hb.cross_check(adata, "follows", ["gene0", "gene5"], draws=99)
    figure = hb.staining.plot_cross_check(found)
    assert [a.get_title() for a in figure.axes] == [
        f"follows, {section}" for section in ("S0", "S1", "all")
    ]
    points = figure.axes[0].collections[1].get_offsets()
    np.testing.assert_allclose(points[::-1, 0], found["correlation"][:2])
    colours = figure.axes[0].collections[1].get_facecolors()
    assert (colours[1] != colours[0]).any()
    with pytest.raises(ContractError, match="a table of cross_check"):
        hb.staining.plot_cross_check(found.drop(columns="fdr"))
