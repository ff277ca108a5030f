"""Small objects that every test may change, and the proof that a verb did not."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from histobridge.data import example_bulb, simulate_reference, simulate_tissue
from histobridge.images import add_morphology

SIZE = {"spots_per_side": 8, "n_genes": 60}


@pytest.fixture(scope="session")
def _tissue():
    adata = simulate_tissue(3, microns_per_pixel=4, **SIZE)
    add_morphology(adata, "colour", patch_microns=200, cache=False, progress=False)
    return adata


@pytest.fixture(scope="session")
def _reference():
    return simulate_reference(20, n_genes=SIZE["n_genes"])


@pytest.fixture(scope="session")
def _bulb():
    adata = example_bulb()
    sections = adata.obs["sample_id"].to_numpy()
    spots = [np.flatnonzero(sections == name)[:80] for name in ("Rep4", "Rep9")]
    return adata[np.concatenate(spots), :150].copy()


@pytest.fixture
def tissue(_tissue):
    """Three simulated sections of 8 x 8 spots and 60 genes, colour features."""
    return _tissue.copy()


@pytest.fixture
def reference(_reference):
    """Cells of the types in ``tissue``."""
    return _reference.copy()


@pytest.fixture
def bulb(_bulb):
    """80 real spots of each of two bulbs, 150 genes, no features."""
    return _bulb.copy()


def assert_same(found, expected, where="object"):
    """Deep equality of whatever an AnnData holds."""
    assert type(found) is type(expected), where
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, obj=where)
    elif sp.issparse(expected):
        assert found.dtype == expected.dtype, where
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(
                getattr(found, part), getattr(expected, part), where
            )
    else:
        np.testing.assert_array_equal(found, expected, where)


def parts(adata):
    """What ``assert_same`` compares of an AnnData."""
    return {
        "X": adata.X,
        "obs": adata.obs,
        "var": adata.var,
        "uns": dict(adata.uns),
        "layers": dict(adata.layers),
        "obsm": dict(adata.obsm),
    }


@pytest.fixture
def untouched():
    """Context manager: the objects are afterwards what they were before."""

    @contextmanager
    def watch(*objects):
        copies = [adata.copy() for adata in objects]
        yield
        for adata, copy in zip(objects, copies, strict=True):
            assert_same(parts(adata), parts(copy))

    return watch
