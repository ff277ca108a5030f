"""The one call that writes a report and all that goes with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from histobridge.report.card import model_card
from histobridge.report.checklist import checklist, to_yaml
from histobridge.report.html import page
from histobridge.report.metadata import croissant, digest, ro_crate
from histobridge.report.results import Results, gather

CRATE = "ro-crate-metadata.json"


def write_report(
    results: Any,
    path: str | Path,
    *,
    truth: str | None = None,
    title: str = "HistoBridge report",
    licence: str | None = None,
) -> str:
    """Write a self-contained HTML report, and its description for machines.

    Beside ``report.html`` lie ``report-model-card.md``, ``report-checklist.yaml``
    (CONSORT-AI items crossed with FAIR indicators; what the run does not know is
    listed as open), and where there are scores ``report-scores.csv`` with
    ``report-croissant.json``; ``ro-crate-metadata.json`` describes all of them.

    Parameters
    ----------
    results
        A benchmark, held-out predictions (``hb.evaluation.hold_out``), an object
        with results of a verb, a list of them, or a mapping name -> any of them.
    path
        The HTML file; folders are made.
    truth
        ``obs`` column of labels drawn beside domains, where an object has it.
    title
        Heading of the report.
    licence
        Address of the licence of the report, for its metadata.

    Returns
    -------
    The absolute path of the HTML file.

    Raises
    ------
    ContractError
        When there is nothing to report, or something that is no result.

    Examples
    --------
    >>> import histobridge as hb, os, tempfile
    >>> mixture, reference = hb.data.example_mixture(), hb.data.example_reference()
    >>> hb.deconvolve(mixture, reference)
    >>> folder = tempfile.mkdtemp()
    >>> _ = hb.write_report(mixture, os.path.join(folder, "report.html"))
    >>> sorted(os.listdir(folder))[:2]
    ['report-checklist.yaml', 'report-model-card.md']
    """
    found = gather(results, title)
    html = page(found, truth)
    path = Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")
    files = {path: "Report"} | _scores(found, path, licence)
    card = path.with_name(f"{path.stem}-model-card.md")
    card.write_text(model_card(found), encoding="utf-8")
    files[card] = "Model card"
    listed = path.with_name(f"{path.stem}-checklist.yaml")
    hashes = {file.name: digest(file) for file in files}
    listed.write_text(to_yaml(found, checklist(found, hashes)), encoding="utf-8")
    files[listed] = "Reporting checklist, CONSORT-AI x FAIR"
    _write_json(path.with_name(CRATE), ro_crate(found, files, licence))
    return str(path)


def _scores(found: Results, path: Path, licence: str | None) -> dict[Path, str]:
    table = found.scores()
    if table.empty:
        return {}
    csv = path.with_name(f"{path.stem}-scores.csv")
    table.to_csv(csv, index=False, float_format="%.6g", lineterminator="\n")
    described = path.with_name(f"{path.stem}-croissant.json")
    _write_json(described, croissant(found, csv, table, licence))
    return {csv: "Scores", described: "Croissant description of the scores"}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
