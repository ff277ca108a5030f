"""A new system is complete when it says where it comes from and where to read it."""

import inspect
import re
import sys
from pathlib import Path

import pytest

from histobridge import registry

ROOT = Path(__file__).parents[2]
NAMED = sorted(
    registry.list_systems()[["task", "name"]].itertuples(index=False, name=None)
)


def lacks(system: registry.System, readme: str) -> list[str]:
    """What an author still owes the reader, in words."""
    story = sys.modules[system.module].__doc__ or ""
    row = f"| {system.name} | {system.task} | {system.status} | "
    owed = {
        "a name that is a word in R and in Python": re.fullmatch(
            r"[a-z][a-z0-9_]*", system.name
        ),
        "a parameter seed, so that R can hand one over": "seed" in system.parameters,
        "defaults for all parameters": all(
            p.default is not p.empty
            for p in inspect.signature(system.build).parameters.values()
        ),
        "a docstring whose first line is a sentence": system.summary.endswith("."),
        "a row in README.md: run dev/run python dev/readme.py": row in readme,
    }
    if system.status != "baseline":
        source = system.status == "house" or re.search(
            r"\b(19|20)\d\d\b|PyPI|title alone", f"{story} {system.paper}"
        )
        owed |= {
            "paper": system.paper,
            "a module docstring with the source and its year": len(story) > 100
            and source,
            "evidence": system.evidence,
        }
        tables = re.findall(r"dev/benchmarks/results/\S+?\.csv", system.evidence)
        owed["the table that its evidence names"] = all(
            (ROOT / table).exists() for table in tables
        )
    if system.status == "published":
        owed["deviations (or 'none')"] = system.deviations
    return [what for what, found in owed.items() if not found]


@pytest.mark.parametrize(("task", "name"), NAMED)
def test_a_registered_system_is_complete(task, name):
    readme = (ROOT / "README.md").read_text()
    assert lacks(registry.find(name, task), readme) == []


def test_what_is_missing_is_named():
    """A bare one lacks all of it."""

    def build(strength):
        return strength

    registry.system("Bare-1", task="domains", needs=())(build)
    try:
        bare = registry.find("Bare-1", "domains")
        found = lacks(bare, "")
    finally:
        del registry._SYSTEMS["domains", "Bare-1"]
    for word in ("name", "seed", "defaults", "sentence", "README", "paper", "evidence"):
        assert any(word in owed for owed in found), word
    assert "deviations (or 'none')" in found
