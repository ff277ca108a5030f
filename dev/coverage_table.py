"""Put the line coverage of the Python tests into dev/benchmarks/results/coverage.csv.

Usage: python dev/coverage_table.py REPORT.json (--cov-report=json:REPORT.json)
"""

import datetime
import json
import sys
from pathlib import Path

import pandas as pd

import histobridge as hb

TABLE = Path(__file__).parent / "benchmarks" / "results" / "coverage.csv"


def main() -> None:
    totals = json.loads(Path(sys.argv[1]).read_text())["totals"]
    row = {
        "language": "Python",
        "lines": totals["num_statements"],
        "covered": totals["covered_lines"],
        "percent": f"{100 * totals['covered_lines'] / totals['num_statements']:.1f}",
        "date": datetime.date.today().isoformat(),
        "version": hb.__version__,
    }
    table = pd.DataFrame([row])
    if TABLE.exists():
        others = pd.read_csv(TABLE, dtype=str)
        table = pd.concat([table, others[others["language"] != row["language"]]])
    table.to_csv(TABLE, index=False)


if __name__ == "__main__":
    main()
