"""Model card in Markdown: what was run, on what, how well, where it ends."""

from __future__ import annotations

import html

import pandas as pd

from histobridge.evaluation.result import ALL
from histobridge.report.results import Results

OPEN = "*Not recorded; to be filled in by the authors.*"


def model_card(results: Results) -> str:
    """Text of the card; what the run does not know is said to be open."""
    parts = [
        f"# Model card: {plain(results.title)}",
        f"HistoBridge {results.versions['histobridge']}, {results.date}.",
        "## Intended use",
        "Research on spatial transcriptomics. Not for diagnosis. " + OPEN,
        "## Systems and settings",
        *_settings(results),
        "## Data and splits",
        *_splits(results),
        "## Scores",
        *_scores(results),
        "## Scores by stratum",
        *_strata(results),
        "## Limitations",
        *_limits(results),
        "## Cost",
        "The last columns say what was measured and what estimated.",
        table(results.cost()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _settings(results: Results) -> list[str]:
    rows = [
        {"result": name, "setting": key, "value": str(value)}
        for name, settings in results.settings().items()
        for key, value in settings.items()
        if not isinstance(value, dict | list) or key == "params"
    ]
    return [table(pd.DataFrame(rows))]


def _splits(results: Results) -> list[str]:
    texts = []
    for name, benchmark in results.benchmarks.items():
        counts = benchmark.table.drop_duplicates(["protocol", "fold"])
        columns = ["dataset", "protocol", "fold", "n"]
        texts += [f"{plain(name)}:", table(counts[columns])]
        if len(benchmark.audit):
            kept = ("protocol", "fold", "n_train", "n_test", "leaks")
            columns = [name for name in kept if name in benchmark.audit]
            texts.append(table(benchmark.audit[columns]))
    texts += [
        f"{plain(name)}: {plain(held.settings['splitter'])}, "
        f"{len(held.settings['folds'])} folds."
        for name, held in results.held_out.items()
    ]
    texts.append("Population, staining and scanners: " + OPEN)
    return texts


def _scores(results: Results) -> list[str]:
    texts = []
    for name, benchmark in results.benchmarks.items():
        texts += [f"{plain(name)} ({benchmark.task}), 95 % bootstrap intervals:"]
        texts.append(table(benchmark.summary()))
    for name, held in results.held_out.items():
        mean = held.genes["pearson"].mean()
        texts.append(f"{plain(name)}: mean Pearson per gene and section {mean:.3f}.")
    return texts


def _strata(results: Results) -> list[str]:
    texts = []
    for name, held in results.held_out.items():
        texts += [f"{plain(name)}:", table(held.strata())]
    for name, benchmark in results.benchmarks.items():
        own = benchmark.table[
            (benchmark.table["fold"] != ALL)
            & (benchmark.table["metric"] == benchmark.headline[0])
            & (benchmark.table["status"] == "house")
        ]
        columns = ["system", "protocol", "fold", "value", "lower", "upper"]
        if len(own):
            texts += [f"{plain(name)}, by fold:", table(own[columns])]
    return texts


def _limits(results: Results) -> list[str]:
    lines = []
    for name, benchmark in results.benchmarks.items():
        protocols = set(benchmark.table["protocol"])
        if benchmark.task == "translation" and "patients" not in protocols:
            lines.append(f"- {plain(name)}: not tested on patients left out.")
    lines += [f"- Leak: {plain(text)}" for text in results.leaky_splits()]
    for row in results.leaks().to_dict("records"):
        if row["status"] == "leak":
            lines.append(
                f"- Leak {row['flag']} in {plain(row['split'])}: {row['leak']}."
            )
    unknown = results.leaks()
    unknown = sorted(set(unknown.loc[unknown["status"] == "unknown", "flag"]))
    if unknown:
        lines.append(f"- Leak flags that could not be computed: {', '.join(unknown)}.")
    lines.append("- Other tissues, stains, scanners and platforms: " + OPEN)
    return ["\n".join(lines)]


def table(frame: pd.DataFrame) -> str:
    """Markdown table with three significant digits; cells are escaped."""
    if frame.empty:
        return ""

    def cell(value: object) -> str:
        if isinstance(value, float):
            return "" if pd.isna(value) else f"{value:.3g}"
        return plain(value)

    rows = [[plain(c) for c in frame.columns], ["---"] * frame.shape[1]]
    rows += [[cell(v) for v in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def plain(value: object) -> str:
    """Text that neither Markdown nor HTML reads as markup."""
    text = html.escape(" ".join(str(value).split()), quote=False)
    for mark in "\\`*_[]|#!":
        text = text.replace(mark, "\\" + mark)
    return text
