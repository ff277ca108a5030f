"""A report: one file without links, names escaped, and its metadata in step with it."""

import csv
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.evaluation import hold_out
from histobridge.normalisation import log_normalise, pearson_columns
from histobridge.splits import LeaveOneSectionOut, SpatialBlockKFold

EVIL = "<script>alert('x')</script>$x_{|`"
QUIET = {"progress": False, "n_bootstrap": 20}


class Links(HTMLParser):
    """Collect everything a browser would fetch or run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "iframe", "object", "link"):
            self.found.append(tag)
        for name, value in attributes:
            outside = name in ("src", "href") and not value.startswith("data:")
            if outside or name.startswith("on"):
                self.found.append(f"{tag} {name}={value}")


def linked(html):
    parser = Links()
    parser.feed(html)
    return parser.found


@pytest.fixture(scope="module")
def evil(_tissue):
    """A tissue in which a gene, a section and a patient have a malicious name."""
    adata = _tissue.copy()
    adata.var_names = [EVIL, *adata.var_names[1:]]
    section = adata.obs["sample_id"].astype(str)
    adata.uns["spatial"][EVIL] = adata.uns["spatial"].pop("S1")
    adata.obs["sample_id"] = section.replace("S1", EVIL).to_numpy()
    adata.obs["patient"] = adata.obs["sample_id"].astype(str)
    return adata


@pytest.fixture(scope="module")
def written(evil, tmp_path_factory):
    """All kinds of results of the evil tissue, reported once."""
    adata = evil.copy()
    names = list(adata.var_names[:12])
    held = hold_out(adata, splitter=SpatialBlockKFold(3), genes=names)
    scores = hb.benchmark_translation(
        adata, ["ridge_plus"], protocols=("patients", "blocks"), genes=names,
        dataset=EVIL, **QUIET,
    )  # fmt: skip
    hb.predict_expression(adata, hb.train_translation(adata, genes=names))
    adata.obs["truth"] = pd.Categorical(np.arange(adata.n_obs) % 3)
    hb.find_domains(adata, k=3)
    folder = tmp_path_factory.mktemp("report")
    results = {EVIL: held, "scores": scores, "tissue": adata}
    path = hb.write_report(results, folder / "all.html", truth="truth", title=EVIL)
    return folder, path, results


def test_the_page_fetches_and_runs_nothing(written):
    _, path, _ = written
    html = Path(path).read_text()
    assert linked(html) == []
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("data:image/png;base64,") > 8


def test_the_parser_would_have_seen_it():
    assert linked(f"<p>{EVIL}</p><img src='http://x' onerror='y'>") == [
        "script",
        "img src=http://x",
        "img onerror=y",
    ]


PARTS = ("Leak audit of every fold", "Cost", "Scores", "housekeeping", "by distance")


@pytest.mark.parametrize("part", PARTS)
def test_the_page_holds_every_part(written, part):
    assert part in Path(written[1]).read_text()


def test_the_card_is_markdown_that_no_name_breaks(written):
    folder, _, results = written
    card = (folder / "all-model-card.md").read_text()
    assert "<script>" not in card
    for heading in ("Intended use", "Data and splits", "Scores by stratum", "Cost"):
        assert f"## {heading}" in card
    tables = re.findall(r"(?:^\|.*\|\n)+", card, re.M)
    assert len(tables) > 5
    for table in tables:
        bars = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(bars) == 1, table
    best = results["scores"].summary()["pearson_gene"].iloc[0]
    assert f"{best:.3g}" in card


def test_the_checklist_is_yaml_that_names_what_is_open(written):
    folder, _, results = written
    listed = yaml.safe_load((folder / "all-checklist.yaml").read_text())
    items = {item["id"]: item for item in listed["items"]}
    assert listed["title"] == EVIL
    assert listed["open"] == [k for k, v in items.items() if v["status"] == "open"]
    assert {"intended_use", "data_licence", "preregistration"} <= set(listed["open"])
    assert {"splits", "leak_audit", "seeds", "compute"}.isdisjoint(listed["open"])
    assert items["external_validation"]["evidence"] is True
    assert "ridge_plus" in items["systems"]["evidence"]
    assert "noise_ceiling" not in items["systems"]["evidence"]
    trained = items["training_spots"]["evidence"]["tissue, predicted"]
    assert sum(trained["sections"].values()) == results["tissue"].n_obs
    assert "pearson_gene" in items["metrics"]["evidence"]
    compute, runs = items["compute"]["evidence"], results["scores"].runs
    spent = runs.drop_duplicates("config")["wall_s"].sum()
    assert compute["wall_s"] == pytest.approx(spent, rel=1e-3)
    assert compute["estimated"] == ["energy_kwh"]
    indicator = re.compile(r"(F[1-4]|A1|A2|A1\.[12]|I[1-3]|R1|R1\.[123])-0\d[MD]")
    assert all(indicator.fullmatch(f) for item in items.values() for f in item["fair"])
    for name, digest in items["output"]["evidence"].items():
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest


def test_the_crate_describes_every_file(written):
    folder, _, _ = written
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())
    nodes = {node["@id"]: node for node in crate["@graph"]}
    assert len(nodes) == len(crate["@graph"])
    descriptor = nodes["ro-crate-metadata.json"]
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.1"
    files = {p.name for p in folder.iterdir()} - {"ro-crate-metadata.json"}
    assert {part["@id"] for part in nodes["./"]["hasPart"]} == files
    assert len(files) == 5
    for name in files:
        content = (folder / name).read_bytes()
        assert nodes[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert int(nodes[name]["contentSize"]) == len(content)

    def references(value):
        if isinstance(value, dict):
            if set(value) == {"@id"}:
                yield value["@id"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    outside = set(references(crate["@graph"])) - set(nodes)
    assert outside == {"https://w3id.org/ro/crate/1.1"}


def test_croissant_describes_the_scores_column_by_column(written):
    folder, _, results = written
    described = json.loads((folder / "all-croissant.json").read_text())
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    (file,) = described["distribution"]
    with open(folder / file["contentUrl"], newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(results["scores"].table)
    (records,) = described["recordSet"]
    columns = [field["source"]["extract"]["column"] for field in records["field"]]
    assert columns == list(rows[0])
    kinds = {field["name"]: field["dataType"] for field in records["field"]}
    assert kinds["value"] == "sc:Float"
    assert kinds["n"] == "sc:Integer"
    assert "license" not in described


def test_a_finer_grid_is_drawn(tissue, tmp_path):
    fine = hb.enhance_resolution(tissue, system="nearest", genes=4)
    html = Path(hb.write_report(fine, tmp_path / "r.html")).read_text()
    assert html.count("expected counts by point") >= 3
    assert linked(html) == []


def test_deconvolution_and_one_result_alone(tmp_path):
    mixture = hb.data.example_mixture()[:30].copy()
    reference = hb.data.example_reference()
    scores = hb.benchmark_deconvolution(mixture, reference, **QUIET)
    hb.deconvolve(mixture, reference)
    licence = "https://www.apache.org/licenses/LICENSE-2.0"
    path = hb.write_report([scores, mixture], tmp_path / "r.html", licence=licence)
    html = Path(path).read_text()
    assert "rmse_spot" in html
    assert "Proportions" in html
    crate = json.loads((tmp_path / "ro-crate-metadata.json").read_text())
    assert {"@id": licence} in [n.get("license") for n in crate["@graph"]]
    alone = hb.write_report(mixture, tmp_path / "alone" / "r.html")
    names = {p.name for p in (tmp_path / "alone").iterdir()}
    assert names == {
        "r.html", "r-model-card.md", "r-checklist.yaml", "ro-crate-metadata.json"
    }  # fmt: skip
    assert linked(Path(alone).read_text()) == []


@pytest.mark.parametrize("nothing", [{}, [], "text", 3, {"x": 1}])
def test_what_is_no_result_is_refused(nothing, tmp_path):
    with pytest.raises(ContractError, match="benchmarks, held-out predictions"):
        hb.write_report(nothing, tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_an_object_without_results_is_refused(tissue, tmp_path):
    with pytest.raises(ContractError, match="none of either"):
        hb.write_report(tissue, tmp_path / "r.html")


# Held-out predictions ---------------------------------------------------------------


def test_held_out_scores_are_those_of_the_fold_by_hand(tissue, untouched):
    names = list(tissue.var_names[:8])
    with untouched(tissue):
        found = hold_out(tissue, splitter=LeaveOneSectionOut(), genes=names)
    train, test = next(LeaveOneSectionOut().split(tissue))
    model = hb.registry.find("ridge_plus", "translation").create(seed=0)
    guess = model.fit(tissue, names, train).predict(tissue, test)
    truth = log_normalise(tissue.X)[test][:, :8].toarray()
    section = tissue.obs["sample_id"].iloc[test[0]]
    mine = found.genes[found.genes["section"] == section].set_index("gene")
    np.testing.assert_allclose(
        mine.loc[names, "pearson"], pearson_columns(guess, truth)
    )
    spots = found.spots[found.spots["section"] == section].set_index("spot")
    error = ((guess - truth) ** 2).sum(axis=1)
    np.testing.assert_allclose(spots.loc[tissue.obs_names[test], "error"], error)
    assert np.isinf(found.spots["distance_microns"]).all()
    assert set(found.spots["spot"]) == set(tissue.obs_names)


def test_distances_respect_the_buffer_and_the_audit_is_clean(tissue):
    found = hold_out(tissue, splitter=SpatialBlockKFold(3), genes=8)
    assert found.spots["distance_microns"].between(400, 1e4).all()
    flags = found.audit.groupby("flag")["status"].agg(set)
    assert all(flags[f] == {"clean"} for f in "bdefkn")
    assert found.audit["split"].nunique() == 3


def test_maps_are_of_genes_that_every_fold_predicts(tissue):
    found = hold_out(tissue, splitter=LeaveOneSectionOut(), genes=9)
    common = found.genes.groupby("gene")["fold"].nunique() == 3
    assert set(found.maps["gene"]) <= set(common.index[common])
    assert found.maps.groupby(["section", "rank"]).size().eq(64).all()


def test_best_median_and_worst_are_what_they_say(tissue):
    names = list(tissue.var_names[:9])
    found = hold_out(tissue, splitter=LeaveOneSectionOut(), genes=names)
    for section, part in found.maps.groupby("section"):
        rows = found.genes["section"] == section
        r = found.genes[rows].set_index("gene")["pearson"]
        shown = part.groupby("rank")["gene"].first()
        assert r[shown["best"]] == r.max()
        assert r[shown["worst"]] == r.min()
        assert r[shown["median"]] == pytest.approx(np.median(r))
