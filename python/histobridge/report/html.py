"""One self-contained HTML page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from histobridge import contract, keys, plotting
from histobridge.evaluation.heldout import HeldOut
from histobridge.evaluation.result import ALL, Benchmark
from histobridge.normalisation import log_normalise, pearson_columns, variable_genes
from histobridge.report import figures
from histobridge.report.results import Results

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.figure import Figure

Chapter = dict[str, Any]
GENES_SHOWN = 3

EXPLAINED = {
    "translation": "Per-gene Pearson within a section, averaged over genes, sections "
    "and patients; bars are 95 % bootstrap intervals. Everything was fitted on "
    "training spots. Grey rungs never saw the right image, or are plain ridges; the "
    "noise ceiling is what counting noise leaves possible.",
    "domains": "Adjusted Rand index against the labels; labels reached no system.",
    "deconvolution": "Root mean squared error of proportions per spot (less is "
    "better) against known proportions; the reference is another section.",
    "resolution": "Per-gene Pearson at points between spots, which no spot measured, "
    "against what the spots were made of; bars resample genes.",
}


def page(results: Results, truth: str | None) -> str:
    """The HTML of all results; every name in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    chapters = [_benchmark(name, b) for name, b in results.benchmarks.items()]
    chapters += [_held_out(name, h) for name, h in results.held_out.items()]
    chapters += [_object(name, a, truth) for name, a in results.objects.items()]
    if results.benchmarks:
        chapters.append(_cost(results))
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(["html"]))
    return environment.get_template("report.html").render(
        title=results.title,
        chapters=chapters,
        version=results.versions["histobridge"],
        date=results.date,
    )


def _benchmark(name: str, benchmark: Benchmark) -> Chapter:
    metric = benchmark.headline[0]
    shown = [
        picture(
            plotting.plot_benchmark(benchmark.table, metric),
            f"{metric} of every system",
        )
    ]
    folds = benchmark.table[
        (benchmark.table["fold"] != ALL)
        & (benchmark.table["metric"] == metric)
        & (benchmark.table["status"] != "baseline")
    ]
    if len(folds) > 1:
        strip = figures.strips(folds, "value", "system", metric)
        shown.append(picture(strip, f"{metric}: one point per fold"))
    tables = [("Scores", benchmark.summary())]
    if len(benchmark.audit):
        tables.append(("Leak audit of every split", benchmark.audit))
    return chapter(f"Benchmark: {name}", EXPLAINED[benchmark.task], shown, tables)


def _held_out(name: str, held: HeldOut) -> Chapter:
    genes = held.genes.assign(part=held.genes["section"] + ", " + held.genes["fold"])
    strip = figures.strips(genes, "pearson", "part", "Pearson of every gene")
    shown = [picture(strip, "One point per gene, held-out spots of one section")]
    curve = figures.distance_curve(held.spots)
    if curve is not None:
        caption = "Skill against the training mean by distance to training spots"
        shown.append(picture(curve, caption))
    for section, part in held.maps.groupby("section", sort=False):
        caption = f"{section}: best, median and worst gene on held-out spots"
        shown.append(picture(figures.maps(part), caption))
    tables = [
        ("By Moran's I, expression and housekeeping", held.strata()),
        ("Leak audit of every fold", held.audit),
    ]
    text = f"Predictions of {held.settings['system']} on spots it was not fitted on."
    return chapter(f"Held out: {name}", text, shown, tables)


def _object(name: str, adata: AnnData, truth: str | None) -> Chapter:
    shown, tables = [], []
    for key, settings in adata.uns.get(keys.SETTINGS, {}).items():
        verb = settings.get("verb") if isinstance(settings, Mapping) else None
        if verb not in DRAWN:
            continue
        shown += DRAWN[verb](adata, key, truth)
        flat = {k: v for k, v in settings.items() if not isinstance(v, dict | list)}
        tables.append((f"Settings of {key}", pd.DataFrame([flat])))
    return chapter(f"Object: {name}", "", shown, tables)


def _cost(results: Results) -> Chapter:
    text = "Seconds of fit and predict over all folds, the largest memory in MB, and "
    text += "energy; the last columns say which are measured and which estimated."
    return chapter("Cost", text, [], [("Cost of every system", results.cost())])


def _predictions(adata: AnnData, key: str, truth: str | None) -> list[dict[str, str]]:
    frame = adata.obsm[key]
    genes = [g for g in frame.columns if g in adata.var_names]
    shown = []
    for section, spots in contract.sections(adata).items():
        normal = log_normalise(contract.counts(adata)[spots])
        measured = normal[:, adata.var_names.get_indexer(genes)].toarray()
        r = pearson_columns(frame[genes].to_numpy()[spots], measured)
        # The best, a middling and the worst gene: a report is not an advertisement.
        order = r.argsort()[::-1]
        places = [0, len(order) // 2, len(order) - 1][:GENES_SHOWN]
        for gene in dict.fromkeys(genes[order[p]] for p in places):
            figure = plotting.plot_expression_pair(adata, gene, section, key=key)
            shown.append(picture(figure, f"{gene} in {section}"))
    return shown


def _domains(adata: AnnData, key: str, truth: str | None) -> list[dict[str, str]]:
    truth = truth if truth in adata.obs else None
    shown = [picture(plotting.plot_domains(adata, key, truth), f"Domains {key}")]
    support = f"{key}_support"
    if support in adata.obs:
        runs = adata.uns[keys.SETTINGS][key]["runs"]
        caption = f"Share of {runs} runs that agree with domains {key}"
        shown.append(picture(plotting.plot_spots(adata, support), caption))
    return shown


def _proportions(adata: AnnData, key: str, truth: str | None) -> list[dict[str, str]]:
    return [picture(plotting.plot_proportions(adata, key), f"Proportions {key}")]


def _finer(adata: AnnData, key: str, truth: str | None) -> list[dict[str, str]]:
    counts = contract.counts(adata)
    genes = adata.var_names[variable_genes(log_normalise(counts), GENES_SHOWN)]
    return [
        picture(plotting.plot_spots(adata, gene), f"{gene}, expected counts by point")
        for gene in genes
    ]


DRAWN = {
    "predict_expression": _predictions,
    "find_domains": _domains,
    "deconvolve": _proportions,
    "enhance_resolution": _finer,
}


def chapter(
    title: str,
    text: str,
    shown: list[dict[str, str]],
    tables: list[tuple[str, pd.DataFrame]],
) -> Chapter:
    """What the template draws as one section."""
    drawn = [(name, table_html(table)) for name, table in tables]
    return {"title": title, "text": text, "figures": shown, "tables": drawn}


def picture(figure: Figure, caption: str) -> dict[str, str]:
    """Figure as a base64 PNG with its caption."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return {
        "caption": caption,
        "png": base64.b64encode(buffer.getvalue()).decode("ascii"),
    }


def table_html(frame: pd.DataFrame) -> str:
    """Small HTML table with three significant digits, names escaped."""
    return frame.to_html(
        index=False, border=0, na_rep="", float_format=lambda v: f"{v:.3g}"
    )
