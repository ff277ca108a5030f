"""What every benchmark script shares: where data are, where results go."""

import datetime
import os
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd

import histobridge as hb

RESULTS = Path(__file__).parent / "results"


def data_folder() -> Path:
    """Folder of the public data sets that do not ship; exits where it is not set."""
    folder = os.environ.get("HISTOBRIDGE_DATA")
    if not folder or not Path(folder).exists():
        print("skipped: set HISTOBRIDGE_DATA to the folder of public data sets")
        sys.exit(0)
    return Path(folder)


def write(topic: str, *tables: pd.DataFrame) -> Path:
    """Write results/<topic>.csv, the one form of every benchmark result."""
    path = RESULTS / f"{topic}.csv"
    RESULTS.mkdir(exist_ok=True)
    filled = [table for table in tables if len(table)]
    pd.concat(filled).to_csv(
        path, index=False, float_format="%.6g", lineterminator="\n"
    )
    print(f"wrote results/{path.name}")
    return path


def stamped(table: pd.DataFrame, seed: int, *libraries: str) -> pd.DataFrame:
    """The table with date, versions and seed in every row."""
    used = ("numpy", "scipy", "scikit-learn", *libraries)
    versions = [f"histobridge {hb.__version__}", *(f"{n} {version(n)}" for n in used)]
    return table.assign(
        seed=table.get("seed", seed),
        versions="; ".join(versions),
        date=datetime.date.today().isoformat(),
    )
