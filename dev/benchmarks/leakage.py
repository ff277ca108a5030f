"""What leaks are worth, and whether the audit sees them.

First the coordinates-only nearest neighbours under splits that leak less and less,
as in the published survey of 36 sections; then one pipeline that does everything
wrong beside one that does not, flag by flag.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/leakage.py
"""

import anndata as ad
import her2st
import numpy as np
import pandas as pd
from common import data_folder, stamped, write
from her2st import Sections

import histobridge as hb
from histobridge import graphs
from histobridge.evaluation import metrics
from histobridge.normalisation import log_normalise, pearson_columns

SEED = 0
GENES = 1000
NEIGHBOURS = 4

# Split -> median gene-wise r, share of genes above .3, median spot-wise r, pooled r.
PUBLISHED = {
    "random 5-fold": (0.119, 0.123, 0.609, 0.600),
    "blocks 3x3": (0.078, 0.058, 0.593, 0.579),
    "blocks 3x3, buffer 2 pitches": (0.048, 0.023, 0.582, 0.565),
    "blocks 2x2, buffer 2 pitches": (0.043, 0.024, 0.583, 0.564),
    "other patients' mean": (0.000, 0.000, 0.461, 0.445),
}
METRICS = ("median gene r", "genes r > .3", "median spot r", "pooled r")


def blocks(grid: np.ndarray, side: int) -> np.ndarray:
    """Rectangles of equal numbers of spots along each axis, (n,)."""
    cuts = np.arange(1, side) / side
    code = [np.searchsorted(np.quantile(g, cuts), g, side="right") for g in grid.T]
    return code[0] * side + code[1]


def folds(grid: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """Fold of every spot, and the buffer in pitches."""
    if name.startswith("random"):
        rng = np.random.default_rng(SEED)
        return rng.permutation(len(grid)) % 5, 0.0
    side = int(name[len("blocks ")])
    return blocks(grid, side) % 5, 2.0 if "buffer" in name else 0.0


def nearest_mean(grid: np.ndarray, truth: np.ndarray, name: str) -> np.ndarray:
    fold, buffer = folds(grid, name)
    out = np.empty_like(truth)
    for f in np.unique(fold):
        test = fold == f
        train = np.flatnonzero(~test)
        distance = graphs.nearest(grid[test], 1, grid[train])[0][:, 0]
        train = train[distance > buffer]
        away, near = graphs.nearest(grid[train], NEIGHBOURS, grid[test])
        weight = 1 / np.maximum(away, 1e-9)
        weight /= weight.sum(axis=1, keepdims=True)
        out[test] = np.einsum("nk,nkg->ng", weight, truth[train][near])
    return out


def scores(guess: np.ndarray, truth: np.ndarray) -> tuple[float, ...]:
    genes = pearson_columns(guess, truth)
    spots = pearson_columns(guess.T, truth.T)
    return (
        float(np.median(genes)),
        float((genes > 0.3).mean()),
        float(np.median(spots)),
        metrics.pooled_pearson(guess, truth),
    )


def falls(data: Sections) -> pd.DataFrame:
    """Scores of positions alone, split by split."""
    normal, total = log_normalise(data.counts), data.counts.sum(axis=0).A1
    columns = np.argsort(-total, kind="stable")[:GENES]
    rows = []
    for name, published in PUBLISHED.items():
        found = []
        for section, spots in data.spots().items():
            truth = normal[spots][:, columns].toarray()
            if name.startswith("other"):
                others = normal[data.patient != section[0]][:, columns]
                guess = np.tile(np.asarray(others.mean(axis=0)), (len(spots), 1))
            else:
                guess = nearest_mean(data.grid[spots], truth, name)
            found.append(scores(guess, truth))
        ours = np.mean(found, axis=0)
        rows += [
            {"part": "fall", "name": name, "metric": m, "published": p, "ours": o}
            for m, p, o in zip(METRICS, published, ours, strict=True)
        ]
    return pd.DataFrame(rows)


def lost(fall: pd.DataFrame) -> pd.DataFrame:
    """What positions alone lose from random spots to blocks with a buffer."""
    values = fall.set_index(["name", "metric"])[["published", "ours"]]
    kinds = ("random 5-fold", "blocks 3x3, buffer 2 pitches")
    difference = values.loc[kinds[0]] - values.loc[kinds[1]]
    rows = difference.rename_axis("metric").reset_index()
    return rows.assign(part="fall", name="random minus buffered blocks")


def objects(data: Sections) -> ad.AnnData:
    obs = pd.DataFrame({"sample_id": data.section, "patient": data.patient})
    obs.index = [f"spot{i}" for i in range(len(obs))]
    adata = ad.AnnData(data.counts, obs=obs, var=pd.DataFrame(index=data.genes))
    adata.obsm["spatial"] = data.grid
    return adata


def pipelines(data: Sections) -> pd.DataFrame:
    """A clean and a leaky way to copy other sections, audited flag by flag."""
    adata = objects(data)
    spots = data.spots()
    test = spots["B4"]
    columns = np.argsort(-data.counts.sum(axis=0).A1, kind="stable")[:100]
    raw = log_normalise(data.counts)[:, columns].toarray()
    names = adata.var_names[columns]

    def frame(values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, index=adata.obs_names[test], columns=names)

    others = np.flatnonzero(data.patient != "B")
    siblings = np.flatnonzero((data.section != "B4") & (data.patient == "B"))
    smooth = her2st.smoothed(raw[test], data.grid[test])
    near = graphs.nearest(data.grid[others], 6, data.grid[test])[1]
    clean = hb.evaluation.audit(
        adata,
        [(others, test)],
        [frame(raw[others][near].mean(axis=1))],
        truth=frame(raw[test]),
        fitted_on={"training": others, "validation": [], "normalisation": others,
                   "checkpoint": others},
    )  # fmt: skip
    near = graphs.nearest(data.grid[siblings], 6, data.grid[test])[1]
    leaky = hb.evaluation.audit(
        adata,
        [(siblings, test)],
        [frame(raw[siblings][near].mean(axis=1))],
        truth=frame(smooth),
        fitted_on={"training": siblings, "validation": test,
                   "normalisation": np.r_[siblings, test], "checkpoint": test},
    )  # fmt: skip
    rows = flags(clean, "clean", "") + flags(leaky, "leaky", "adef")
    return pd.DataFrame(rows)


def flags(table: pd.DataFrame, pipeline: str, planted: str) -> list[dict[str, object]]:
    """Rows of an audit, beside the flags that were planted."""
    return [
        {
            "part": f"audit of the {pipeline} pipeline",
            "name": f"{found['flag']}: {found['leak']}",
            "metric": "status",
            "found": found["status"],
            "planted": found["flag"] in planted,
            "note": found["detail"],
        }
        for found in table.to_dict("records")
    ]


def main() -> None:
    data = her2st.load(data_folder() / "her2st")
    fall = falls(data)
    fall = pd.concat([fall, lost(fall)])
    fall["difference"] = fall["ours"] - fall["published"]
    fall["within"] = fall["difference"].abs() <= 0.02
    fall["note"] = "published: 36 sections of 8 patients; here 22 of 4"
    table = pd.concat([fall, pipelines(data)])
    print(table.to_string(index=False))
    write("leakage", stamped(table, SEED))


if __name__ == "__main__":
    main()
