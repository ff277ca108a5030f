"""The template of CONTRIBUTING.md is a system that works."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from painted import GENES, SPOTS, painted_tissue, repainted

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
