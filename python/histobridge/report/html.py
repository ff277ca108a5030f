"""Write what verbs and benchmarks left behind as one HTML file."""

from __future__ import annotations

import base64
import datetime
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from histobridge import __version__, contract, keys, plotting
from histobridge.contract import ContractError
from histobridge.evaluation.metrics import pearson_columns
from histobridge.evaluation.result import Benchmark
from histobridge.normalisation import log_normalise

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.figure import Figure

GENES_SHOWN = 3


def write_report(
    path: str | Path,
    objects: Mapping[str, AnnData] | None = None,
    benchmarks: Mapping[str, Benchmark] | None = None,
    *,
    truth: str | None = None,
    title: str = "HistoBridge report",
) -> str:
    """Write one self-contained HTML file.

    Reads the results that verbs recorded in ``uns["histobridge"]`` of each object
    (predictions, domains, proportions) and the tables of the benchmarks.

    Parameters
    ----------
    path
        File to write; folders are made.
    objects, benchmarks
        By the name they get in the report.
    truth
        ``obs`` column of labels drawn beside domains, where an object has it.

    Returns
    -------
    The absolute path.

    Raises
    ------
    ContractError
        When there is nothing to report.
    """
    chapters = [_benchmark(name, b) for name, b in (benchmarks or {}).items()]
    for name, adata in (objects or {}).items():
        chapters += [c for c in (_object(name, adata, truth),) if c["figures"]]
    if not chapters:
        raise ContractError(
            "benchmarks, or objects with results of a verb", "none of either"
        )
    page = _template().render(
        title=title,
        chapters=chapters,
        version=__version__,
        date=datetime.date.today().isoformat(),
    )
    path = Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return str(path)


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(["html"]))
    return environment.get_template("report.html")


def _benchmark(name: str, benchmark: Benchmark) -> dict[str, Any]:
    summary = benchmark.summary()
    figure = plotting.plot_benchmark(benchmark.table, benchmark.headline[0])
    audit = benchmark.audit
    return {
        "title": f"Benchmark: {name}",
        "text": EXPLAINED[benchmark.task],
        "figures": [picture(figure, f"{benchmark.headline[0]} of every system")],
        "tables": [("Scores", table_html(summary))]
        + ([("Leak audit of every split", table_html(audit))] if len(audit) else []),
    }


def _object(name: str, adata: AnnData, truth: str | None) -> dict[str, Any]:
    figures, tables = [], []
    for key, settings in adata.uns.get(keys.SETTINGS, {}).items():
        verb = settings.get("verb") if isinstance(settings, Mapping) else None
        draw = DRAWN.get(verb)
        if draw is None:
            continue
        figures += draw(adata, key, truth)
        shown = {k: v for k, v in settings.items() if not isinstance(v, dict | list)}
        tables.append((f"Settings of {key}", table_html(pd.DataFrame([shown]))))
    return {
        "title": f"Object: {name}",
        "text": "",
        "figures": figures,
        "tables": tables,
    }


def _predictions(adata: AnnData, key: str, truth: str | None) -> list[dict[str, str]]:
    frame = adata.obsm[key]
    genes = [g for g in frame.columns if g in adata.var_names]
    figures = []
    for section, spots in contract.sections(adata).items():
        normal = log_normalise(contract.counts(adata)[spots])
        measured = normal[:, adata.var_names.get_indexer(genes)].toarray()
        r = pearson_columns(frame[genes].to_numpy()[spots], measured)
        # The best, a middling and the worst gene: a report is not an advertisement.
        order = r.argsort()[::-1]
        places = [0, len(order) // 2, len(order) - 1][:GENES_SHOWN]
        for gene in dict.fromkeys(genes[order[p]] for p in places):
            figure = plotting.plot_expression_pair(adata, gene, section, key=key)
            figures.append(picture(figure, f"{gene} in {section}"))
    return figures


def _domains(adata: AnnData, key: str, truth: str | None) -> list[dict[str, str]]:
    truth = truth if truth in adata.obs else None
    return [picture(plotting.plot_domains(adata, key, truth), f"Domains {key}")]


def _proportions(adata: AnnData, key: str, truth: str | None) -> list[dict[str, str]]:
    return [picture(plotting.plot_proportions(adata, key), f"Proportions {key}")]


DRAWN = {
    "predict_expression": _predictions,
    "find_domains": _domains,
    "deconvolve": _proportions,
}

EXPLAINED = {
    "translation": "Per-gene Pearson within a section, averaged over genes, sections "
    "and patients; bars are 95 % bootstrap intervals. Everything was fitted on "
    "training spots. Grey rungs never saw the right image, or are plain ridges; the "
    "noise ceiling is what counting noise leaves possible.",
    "domains": "Adjusted Rand index against the labels; labels reached no system.",
    "deconvolution": "Root mean squared error of proportions per spot (less is "
    "better) against known proportions; the reference is another section.",
}


def picture(figure: Figure, caption: str) -> dict[str, str]:
    """Figure as a base64 PNG with its caption."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return {
        "caption": caption,
        "png": base64.b64encode(buffer.getvalue()).decode("ascii"),
    }


def table_html(frame: pd.DataFrame) -> str:
    """Small HTML table with three significant digits."""
    return frame.to_html(
        index=False, border=0, na_rep="", float_format=lambda v: f"{v:.3g}"
    )
