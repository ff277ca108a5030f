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
    tables = {
        "systems": systems(),
        "scores": scores(),
        "directions": directions(),
        "coverage": coverage(),
    }
    for name, table in tables.items():
        before, rest = text.split(f"<!-- {name} -->", 1)
        after = rest.split("<!-- end -->", 1)[1]
        block = f"<!-- {name} -->\n{markdown(table)}\n<!-- end -->"
        text = before + block + after
    path.write_text(text)


def systems() -> pd.DataFrame:
    listed = hb.list_systems()
    return listed[["name", "task", "status", "paper", "summary"]]


def scores() -> pd.DataFrame:
    table = pd.read_csv(RESULTS / "demo.csv")
    headline = {"pearson_gene": 1, "ari": 1, "rmse_spot": -1}
    rows = table[(table["fold"] == "all") & table["metric"].isin(headline)].copy()
    rows = rows[rows["protocol"] != "blocks"]
    rows["sign"] = rows["metric"].map(headline) * rows["value"]
    rows = rows.sort_values(["metric", "sign"], ascending=[False, False])
    rows["score"] = [interval(row) for _, row in rows.iterrows()]
    return rows[["dataset", "metric", "system", "status", "score"]]


def directions() -> pd.DataFrame:
    """Translation across animals, both ways: all genes and the 50 most variable."""
    table = pd.read_csv(RESULTS / "demo.csv")
    table = table[(table["protocol"] == "patients") & (table["fold"] != "all")]
    rows = []
    for (fold, system), part in table.groupby(["fold", "system"], sort=False):
        values = part.set_index("metric")
        if system not in ("ridge_plus", "colour_ridge", "noise_ceiling"):
            continue
        all_genes, top = values.loc["pearson_gene"], values.loc["pearson_gene_top50"]
        rows.append(
            {
                "tested on": fold.removeprefix("test "),
                "system": system,
                "250 genes": interval(all_genes),
                "50 most variable": interval(top),
            }
        )
    return pd.DataFrame(rows)


def coverage() -> pd.DataFrame:
    """Lines that the tests run; without a measurement the table stays empty."""
    path = RESULTS / "coverage.csv"
    columns = ["language", "lines", "covered", "percent", "date", "version"]
    if not path.exists():
        return pd.DataFrame(columns=columns)
    return pd.read_csv(path, dtype=str)[columns]


def interval(row: pd.Series) -> str:
    if pd.isna(row["lower"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['lower']:.3f} to {row['upper']:.3f})"


def markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ["---"] * table.shape[1]]
    lines += [[str(v) for v in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
