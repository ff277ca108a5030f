"""A model file: same predictions in another process, no code, no silent damage."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.registry import system
from histobridge.translation import Translator, read_model_facts
from histobridge.translation.state import pack, unpack

SYSTEMS = ("ridge_plus", "train_mean", "depth_scalar", "section_copy")
SYSTEMS += ("coordinates_knn", "permuted_images", "colour_ridge")


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_loaded_model_predicts_the_same_bit_for_bit(name, tissue, tmp_path):
    known = tissue[tissue.obs["sample_id"] != tissue.obs["sample_id"].iloc[-1]].copy()
    model = hb.train_translation(known, name, genes=10, seed=3)
    again = hb.load_model(hb.save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(tissue), model.predict(tissue))
    np.testing.assert_equal(again.settings_, model.settings_)
    assert again.genes_ == model.genes_


def test_another_process_predicts_the_same(tissue, tmp_path):
    model = hb.train_translation(tissue, genes=10)
    hb.save_model(model, tmp_path / "model")
    tissue.write_h5ad(tmp_path / "tissue.h5ad")
    script = (
        "import anndata, numpy, histobridge as hb\n"
        "tissue = anndata.read_h5ad('tissue.h5ad')\n"
        "numpy.save('guess.npy', hb.load_model('model').predict(tissue))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    expected = model.predict(tissue)
    np.testing.assert_array_equal(np.load(tmp_path / "guess.npy"), expected)


def test_the_file_says_what_it_is(tissue, tmp_path):
    tissue.obs["patient"] = tissue.obs["sample_id"].astype(str)
    path = hb.save_model(hb.train_translation(tissue, genes=10), tmp_path / "model")
    facts = read_model_facts(path)
    assert facts["system"] == "ridge_plus"
    assert facts["normalisation"] == "log1p CP10k"
    assert len(facts["genes"]) == 10
    assert len(facts["weights_sha256"]) == 64
    assert {"histobridge", "numpy", "python"} <= set(facts["versions"])
    trained_on = facts["settings"]["trained_on"]
    assert sum(trained_on["sections"].values()) == tissue.n_obs
    assert trained_on["patients"] == list(trained_on["sections"])
    with safe_open(path, framework="numpy") as file:
        assert json.loads(file.metadata()["facts"])["state"]


@pytest.fixture(scope="module")
def written(tmp_path_factory, _tissue):
    path = tmp_path_factory.mktemp("models") / "model"
    hb.save_model(hb.train_translation(_tissue, genes=5), path)
    return path


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_a_changed_byte_is_noticed(written, place, change):
    content = bytearray(written.read_bytes())
    # Half of the draws hit the header, where damage is most varied.
    size = int.from_bytes(content[:8], "little")
    place = place % (size if place % 2 else len(content))
    content[place] ^= change
    other = written.with_name("changed")
    other.write_bytes(content)
    try:
        model = hb.load_model(other)
    except ContractError:
        return
    # The names of the header in another spelling, or its padding: nothing was lost.
    original = hb.load_model(written)
    np.testing.assert_equal(model.settings_, original.settings_)
    np.testing.assert_array_equal(model.coefficients_, original.coefficients_)
    assert place < size + 8


def test_an_edit_is_noticed(written, tmp_path):
    with safe_open(written, framework="numpy") as file:
        header = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header["facts"] = header["facts"].replace('"genes": ["', '"genes": ["x', 1)
    save_file(arrays, tmp_path / "edited", header)
    with pytest.raises(ContractError, match="changed since"):
        hb.load_model(tmp_path / "edited")


class Trap:
    """Leaves a file behind if anybody unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_what_is_no_model_file_is_refused_and_not_executed(tmp_path):
    with pytest.raises(ContractError, match="no file"):
        hb.load_model(tmp_path / "absent")
    sprung = tmp_path / "sprung"
    (tmp_path / "trap").write_bytes(pickle.dumps(Trap(str(sprung))))
    (tmp_path / "empty").write_bytes(b"")
    save_file({"x": np.zeros(3)}, tmp_path / "other", {"format": "pt"})
    for name in ("trap", "empty", "other"):
        with pytest.raises(ContractError, match="written by save_model"):
            hb.load_model(tmp_path / name)
    assert not sprung.exists()


class Linear(Translator):
    """A torch layer on two features, with weights that only torch knows."""

    def _fit(self, adata, spots, target):
        import torch

        self.module_ = torch.nn.Linear(2, target.shape[1])

    def _predict(self, adata, spots):
        import torch

        x = torch.as_tensor(adata.obsm["spatial"][spots], dtype=torch.float32)
        return self.module_(x).detach().numpy()

    def get_state(self):
        return {"module": dict(self.module_.state_dict())}

    def set_state(self, state):
        import torch

        weights = {k: torch.as_tensor(v) for k, v in state["module"].items()}
        outputs, inputs = weights["weight"].shape
        self.module_ = torch.nn.Linear(inputs, outputs)
        self.module_.load_state_dict(weights)


def test_a_torch_module_fits_the_contract(tissue, tmp_path):
    system("linear", task="translation", needs=())(lambda *, seed=0: Linear())
    try:
        model = hb.train_translation(tissue, "linear", genes=4)
        again = hb.load_model(hb.save_model(model, tmp_path / "model"))
        np.testing.assert_array_equal(again.predict(tissue), model.predict(tissue))
    finally:
        del registry._SYSTEMS["translation", "linear"]
    with pytest.raises(ContractError, match="linear"):
        hb.load_model(tmp_path / "model")


def test_what_json_cannot_hold_is_named(tissue, tmp_path):
    model = hb.train_translation(tissue, "train_mean", genes=4)
    model.helper_ = [len]
    with pytest.raises(ContractError, match=r"state.helper_.0"):
        hb.save_model(model, tmp_path / "model")
    model = Linear().fit(tissue, 4)
    with pytest.raises(ContractError, match="made by train_translation"):
        hb.save_model(model, tmp_path / "model")


leaves = st.none() | st.booleans() | st.integers() | st.text() | st.floats()
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.just("$"), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(trees)
def test_a_tree_comes_back_as_it_was(value):
    arrays = {}
    text = json.dumps(pack(value, arrays))
    assert repr(unpack(json.loads(text), arrays)) == repr(value)


def test_names_that_spell_the_same_path_stay_apart():
    arrays = {}
    value = {"a.b": np.zeros(2), "a": {"b": np.ones(2)}}
    found = unpack(pack(value, arrays), arrays)
    assert found["a.b"].sum() == 0
    assert found["a"]["b"].sum() == 2


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.array(["a", "b\0c"], dtype=object),
        np.array([["x", "yy"]]),
        np.zeros((0, 3), np.float32),
        np.array(3.5),
        np.array([True, False]),
    ],
)
def test_arrays_come_back_with_type_shape_and_order(array):
    arrays = {}
    found = unpack(json.loads(json.dumps(pack({"a": array}, arrays))), arrays)["a"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    if array.flags.f_contiguous or array.flags.c_contiguous:
        assert found.flags.f_contiguous == array.flags.f_contiguous
