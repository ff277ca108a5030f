"""The template of CONTRIBUTING.md works; the pictures of README.md are there."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from painted import GENES, SPOTS, painted_tissue, repainted
from PIL import Image

import histobridge as hb
from histobridge import registry
from histobridge.normalisation import pearson_columns
from histobridge.translation import LogCP10k


@pytest.fixture
def template():
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
    code = re.search(r"<!-- template.*?```python\n(.*?)```", text, re.DOTALL)[1]
    module = types.ModuleType("template")
    sys.modules["template"] = module
    hb.list_systems()
    before = dict(registry._SYSTEMS)
    exec(code, module.__dict__)
    (new,) = set(registry._SYSTEMS) - set(before)
    yield new[1]
    del registry._SYSTEMS[new], sys.modules["template"]


def test_the_template_finds_a_planted_map_and_no_other(template):
    tissue = painted_tissue()
    train, test = np.arange(2 * SPOTS), np.arange(2 * SPOTS, 3 * SPOTS)
    model = hb.train_translation(tissue[train].copy(), template, genes=GENES)
    truth = LogCP10k().fit(tissue, GENES, train).transform(tissue, test)
    assert pearson_columns(model.predict(tissue, test), truth).mean() > 0.4
    other = repainted(tissue, test)
    assert abs(pearson_columns(model.predict(other, test), truth).mean()) < 0.25


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def test_the_gallery_shows_every_plot_and_has_its_pictures():
    root = Path(__file__).parents[2]
    text = (root / "README.md").read_text()
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(pictures) == len(set(pictures)) >= 10
    for picture in pictures:
        with Image.open(root / picture) as image:
            assert min(image.size) > 200, picture
    gallery = text.split("## Gallery")[1].split("\n## ")[0]
    names = [n for n in hb.plotting.__all__ if n.startswith(("plot_", "view_"))]
    for name in [*names, "plot_saliency"]:
        assert f"`{camel(name)}(" in gallery, name
