"""What the vote of ten runs brings to random systems, on labelled sections.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/votes.py [--workers 2]
           [--systems NAME ...] [--sections NAME ...]

Thirty runs of a system on a section, from seeds of their own, are also three disjoint
votes of ten, as ``find_domains`` takes them: adjusted Rand index against the labels,
its mean and its standard deviation over runs and over votes. Rows that are not asked
for stay as they are.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from common import RESULTS, data_folder, stamped, write
from labelled import SECTIONS, section
from sklearn.metrics import adjusted_rand_score

from histobridge import registry
from histobridge.integration.consensus import consensus
from histobridge.integration.runs import RUNS, one_run
from histobridge.parallel import run_each, workers_of

SYSTEMS = ("gpca_consensus", "graphst", "spaingnn", "stagate")
VOTES = 3
SEED = 1_000


def found(dataset: str, system: str, seed: int, folder: Path) -> np.ndarray:
    """Labels of one run; the section is read where the run is made."""
    adata, labels = section(dataset, folder)
    entry = registry.find(system, "domains")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return one_run(entry, adata, labels.nunique(), seed, {}).labels


def row(dataset: str, system: str, folder: Path) -> dict:
    """Runs and votes of one system on one section."""
    seeds = np.random.SeedSequence(SEED).generate_state(VOTES * RUNS)
    calls = [(dataset, system, int(seed), folder) for seed in seeds]
    runs = run_each(found, calls, True, f"{dataset}, {system}")
    votes = [consensus(runs[at : at + RUNS]) for at in range(0, len(runs), RUNS)]
    truth = section(dataset, folder)[1]
    one = [adjusted_rand_score(truth, labels) for labels in runs]
    ten = [adjusted_rand_score(truth, vote.labels) for vote in votes]
    return {
        "dataset": dataset,
        "system": system,
        "runs": len(runs),
        "ari_run": np.mean(one),
        "sd_run": np.std(one, ddof=1),
        "ari_vote": np.mean(ten),
        "sd_vote": np.std(ten, ddof=1),
        "run_agreement": np.mean([vote.agreement for vote in votes]),
    }


def with_others(rows: list[dict]) -> pd.DataFrame:
    """New rows in place of the old ones of the same section and system."""
    table = stamped(pd.DataFrame(rows), SEED, "torch")
    path, key = RESULTS / "votes.csv", ["dataset", "system"]
    if path.exists():
        table = pd.concat([pd.read_csv(path), table])
        table = table.drop_duplicates(key, keep="last")
    order = [(d, s) for d in SECTIONS for s in SYSTEMS]
    table = table.set_index(key)
    return table.loc[[at for at in order if at in table.index]].reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--systems", nargs="*", default=list(SYSTEMS))
    parser.add_argument("--sections", nargs="*", default=list(SECTIONS))
    options = parser.parse_args()
    folder = data_folder()
    rows = []
    with workers_of(options.workers, None):
        for dataset in options.sections:
            for system in options.systems:
                rows.append(row(dataset, system, folder))
                print(rows[-1], flush=True)
                write("votes", with_others(rows))


if __name__ == "__main__":
    main()
