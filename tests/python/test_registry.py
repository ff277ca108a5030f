"""The registry: one name, one system, found by name or named in the error."""

import subprocess
import sys

import pytest

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.registry import TASKS, find, list_systems, system

COLUMNS = ["name", "task", "status", "needs", "paper", "summary"]
COLUMNS += ["evidence", "deviations"]
NEEDS = {"image", "encoder", "coordinates", "counts", "depth", "reference"}
NEEDS |= {"gradients", "convolutions", "attention", "linear", "captum"}


def test_the_table_has_its_columns_and_house_defaults_first():
    table = hb.list_systems()
    assert list(table.columns) == COLUMNS
    for task, part in table.groupby("task", sort=False):
        assert part["status"].iloc[0] == "house"
        order = part["status"].map({"house": 0, "published": 1, "baseline": 2})
        assert order.is_monotonic_increasing
        assert list(list_systems(task)["name"]) == list(part["name"])
    assert tuple(table["task"].unique()) == TASKS


def test_names_are_unique_within_a_task():
    table = list_systems()
    assert not table.duplicated(["task", "name"]).any()
    assert table["name"].str.fullmatch(r"[a-z0-9_]+").all()


def test_every_system_says_what_it_is_and_what_it_needs():
    table = list_systems()
    assert (table["summary"].str.len() > 15).all()
    assert table["summary"].str.endswith(".").all()
    for row in table.itertuples():
        needs = set(row.needs.split(", ")) - {""}
        assert needs <= NEEDS, row.name
    ours = table[table["status"] != "baseline"]
    assert (ours["paper"] != "").all()
    assert (ours["evidence"] != "").all()
    for row in ours.itertuples():
        story = sys.modules[find(row.name, row.task).module].__doc__
        assert story is not None and len(story) > 100, row.name


def test_the_ladder_of_the_design_is_there():
    names = {
        task: set(part["name"][part["status"] == "baseline"])
        for task, part in list_systems().groupby("task")
    }
    assert names["translation"] >= {
        "train_mean",
        "depth_scalar",
        "section_copy",
        "coordinates_knn",
        "colour_ridge",
        "encoder_ridge",
        "permuted_images",
    }
    assert names["domains"] >= {
        "coordinates_kmeans",
        "pca_mixture",
        "spatial_mean_mixture",
        "image_mixture",
        "shuffled_image_mixture",
    }
    assert names["deconvolution"] >= {"uniform", "dirichlet", "nnls"}


METHOD = {"translation": "fit", "staining": "fit", "explanation": "maps"}


# One name may stand for a method of two tasks, as bayesspace does.
@pytest.mark.parametrize(
    ("task", "name"), list_systems()[["task", "name"]].to_numpy().tolist()
)
def test_every_system_can_be_built_with_a_seed(task, name):
    model = find(name, task).build(seed=3)
    assert hasattr(model, METHOD.get(task, "fit_predict"))


@pytest.mark.parametrize("task", TASKS)
def test_an_unknown_name_lists_those_there_are(task):
    with pytest.raises(ContractError) as caught:
        find("magic", task)
    message = str(caught.value)
    assert message.startswith(f"expected the name of a {task} system; found 'magic'")
    listed = message.split("available: ")[1].split(", ")
    assert listed[:8] == sorted(list_systems(task)["name"])[:8]


def test_the_verbs_refuse_an_unknown_system(tissue, reference, untouched):
    with untouched(tissue):
        for verb in (
            lambda: hb.find_domains(tissue, 3, system="magic"),
            lambda: hb.train_translation(tissue, "magic"),
            lambda: hb.deconvolve(tissue, reference, system="magic"),
            lambda: hb.benchmark_translation(tissue, "magic", progress=False),
            lambda: hb.benchmark_domains(tissue, "domain", systems="magic"),
        ):
            with pytest.raises(ContractError, match="found 'magic'; available: "):
                verb()


@pytest.fixture
def registered():
    """Take back what a test registers."""
    before = dict(registry._SYSTEMS)
    yield
    registry._SYSTEMS.clear()
    registry._SYSTEMS.update(before)


def test_a_new_system_is_one_decorated_function(registered, tissue):
    from histobridge.evaluation.baselines.translation import TrainMean

    @system("mine", task="translation", needs=(), paper="none", evidence="none")
    def mine(*, seed=0):
        """Mean of the training spots, once more."""
        return TrainMean()

    row = list_systems().query("name == 'mine'").iloc[0]
    assert row["summary"] == "Mean of the training spots, once more."
    assert row["status"] == "published"
    assert hb.train_translation(tissue, "mine", genes=5).settings_["system"] == "mine"
    found = hb.benchmark_translation(
        tissue, "mine", protocols="patients", genes=5, n_bootstrap=2, progress=False
    )
    assert {"mine", "train_mean"} <= set(found.table["system"])
    assert "mine" not in names("translation", None, tissue)
    assert {"mine", "ridge_plus"} <= set(names("translation", "all", tissue))


def names(task, wanted, adata):
    return [entry.name for entry in registry.chosen(task, wanted, adata)]


def test_a_name_is_not_taken_twice(registered):
    def other(*, seed=0):
        """Do something else."""

    with pytest.raises(ValueError, match=r"'ridge_plus' .* is registered twice"):
        system("ridge_plus", task="translation", needs=())(other)


def test_a_task_must_exist():
    with pytest.raises(ValueError, match=r"task among .* found 'segmentation'"):
        system("any", task="segmentation", needs=())


def fresh(code):
    """Run in a new interpreter; the output."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.parametrize("code", ["", "dir(histobridge);", "histobridge.__version__;"])
def test_importing_is_light(code):
    loaded = set(fresh(f"import sys, histobridge; {code} print(*sys.modules)").split())
    assert "histobridge" in loaded
    heavy = {"torch", "scanpy", "anndata", "sklearn", "matplotlib", "scipy", "pandas"}
    assert not loaded & heavy


def test_listing_systems_needs_neither_torch_nor_scanpy():
    code = "import sys, histobridge; histobridge.list_systems(); print(*sys.modules)"
    assert not set(fresh(code).split()) & {"torch", "scanpy", "matplotlib"}


def test_every_public_name_resolves():
    for name in hb.__all__:
        assert getattr(hb, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = hb.nothing
