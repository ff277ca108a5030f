"""Every metric by the one name it has in tables, with its one definition."""

from __future__ import annotations

import pandas as pd

from histobridge.evaluation.metrics.catalogue_deconvolution import DECONVOLUTION
from histobridge.evaluation.metrics.catalogue_domains import DOMAINS
from histobridge.evaluation.metrics.catalogue_resolution import RESOLUTION
from histobridge.evaluation.metrics.catalogue_translation import TRANSLATION
from histobridge.evaluation.metrics.metric import Metric

METRICS: tuple[Metric, ...] = (*TRANSLATION, *DOMAINS, *DECONVOLUTION, *RESOLUTION)
"""In the order of documentation; the first of a task is its headline."""

LESS_IS_BETTER = frozenset(m.name for m in METRICS if m.better == "less")


def list_metrics(task: str | None = None) -> pd.DataFrame:
    """Name, task, definition, range and direction of every metric.

    Parameters
    ----------
    task
        ``translation``, ``domains`` or ``deconvolution``; default all.

    Examples
    --------
    >>> from histobridge.evaluation import metrics
    >>> metrics.list_metrics("domains")[["name", "better"]].head(3)
            name better
    0        ari   more
    1        nmi   more
    2  v_measure   more
    """
    rows = [
        {
            "name": m.name,
            "task": m.task,
            "definition": m.definition,
            "low": m.low,
            "high": m.high,
            "better": m.better,
        }
        for m in METRICS
        if task is None or m.task == task
    ]
    return pd.DataFrame(rows)
