"""Fill the tables of README.md from the registry and the benchmark results.

Usage: python dev/readme.py
"""

from pathlib import Path

import pandas as pd

import histobridge as hb

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "dev" / "benchmarks" / "results"


def main() -> None:
    path = ROOT / "README.md"
    text = path.read_text()
    for name, table in {"systems": systems(), "scores": scores()}.items():
        before, rest = text.split(f"<!-- {name} -->", 1)
        after = rest.split("<!-- end -->", 1)[1]
        block = f"<!-- {name} -->\n{markdown(table)}\n<!-- end -->"
        text = before + block + after
    path.write_text(text)


def systems() -> pd.DataFrame:
    listed = hb.systems()
    return listed[["name", "task", "status", "paper", "summary"]]


def scores() -> pd.DataFrame:
    table = pd.read_csv(RESULTS / "demo.csv")
    headline = {"pearson_gene": 1, "ari": 1, "rmse_spot": -1}
    rows = table[(table["fold"] == "all") & table["metric"].isin(headline)].copy()
    rows = rows[rows["protocol"] != "blocks"]
    rows["sign"] = rows["metric"].map(headline) * rows["value"]
    rows = rows.sort_values(["metric", "sign"], ascending=[False, False])
    rows["score"] = [
        f"{r.value:.3f}"
        + ("" if pd.isna(r.lower) else f" ({r.lower:.3f} to {r.upper:.3f})")
        for r in rows.itertuples()
    ]
    return rows[["dataset", "metric", "system", "status", "score"]]


def markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ["---"] * table.shape[1]]
    lines += [[str(v) for v in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
