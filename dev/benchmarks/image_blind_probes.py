"""The predictors of image_blind.py: each probe returns row -> section -> score."""

from collections.abc import Callable, Iterable

import her2st
import numpy as np
from her2st import Sections
from scipy.ndimage import gaussian_filter

from histobridge import graphs
from histobridge.evaluation import metrics
from histobridge.normalisation import log_normalise

SEED = 0
NEAREST = 6
Values = dict[str, float]
Arrays = dict[str, np.ndarray]


class Suite:
    """Genes, targets and the probes on them; rows are per section where they can."""

    def __init__(self, data: Sections):
        self.data = data
        self.spots = data.spots()
        self.names = list(self.spots)
        self.grid = {s: data.grid[i] for s, i in self.spots.items()}
        self.depth = np.log(np.maximum(data.counts.sum(axis=1).A1, 1))
        self.normal = log_normalise(data.counts)
        self.mean = np.asarray(data.counts.mean(axis=0)).ravel()
        self.top = np.argsort(-self.mean, kind="stable")
        logs = data.counts.copy()
        logs.data = np.log1p(logs.data)
        variance = np.asarray(logs.multiply(logs).mean(axis=0)).ravel()
        variance -= np.asarray(logs.mean(axis=0)).ravel() ** 2
        self.variable = np.argsort(-variance, kind="stable")[:50]
        detected = np.flatnonzero((data.counts > 0).mean(axis=0).A1 >= 0.1)
        order = np.argsort(-self.mean[detected], kind="stable")
        self.triplex = detected[order][:250]

    def target(self, kind: her2st.Target, genes: np.ndarray) -> Arrays:
        """(n, genes) of every section."""
        counts = self.data.counts
        return {s: kind(counts[i], genes) for s, i in self.spots.items()}

    def smooth(self, values: Arrays) -> Arrays:
        """Mean over the 3 x 3 array positions around every spot."""
        return {s: her2st.smoothed(v, self.grid[s]) for s, v in values.items()}

    def scalar(self) -> Arrays:
        """Depth as the prediction of every gene."""
        return {s: self.depth[i][:, None] for s, i in self.spots.items()}

    def copy(self, truth: Arrays, section: str, of: Iterable[str]) -> np.ndarray:
        """Mean over sections of their nearest spots, centre on centre."""
        here = self.grid[section] - self.grid[section].mean(axis=0)
        copies = []
        for other in of:
            there = self.grid[other] - self.grid[other].mean(axis=0)
            near = graphs.nearest(there, NEAREST, here)[1]
            copies.append(truth[other][near].mean(axis=1))
        return np.mean(copies, axis=0)

    def siblings(self, truth: Arrays, same: bool = True) -> Arrays:
        """Copies of the other sections of the same patient, or of all others."""
        return {
            s: self.copy(
                truth, s, [o for o in truth if o != s and (o[0] == s[0]) == same]
            )
            for s in truth
        }


def correlations(guess: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Per gene; genes that the section does not express are left out, as published."""
    found = metrics.pearson_columns(np.broadcast_to(guess, truth.shape), truth)
    return found[truth.std(axis=0) > 0]


def per_gene(guess: Arrays, truth: Arrays) -> Values:
    return {s: correlations(guess[s], truth[s]).mean() for s in truth}


def test_mean_top(guess: Arrays, truth: Arrays) -> Values:
    """Over the 50 genes of largest mean in the test section."""
    tops = {s: np.argsort(-t.mean(axis=0))[:50] for s, t in truth.items()}
    wide = {s: np.broadcast_to(guess[s], t.shape) for s, t in truth.items()}
    return {
        s: correlations(wide[s][:, g], truth[s][:, g]).mean() for s, g in tops.items()
    }


def best(guess: Arrays, truth: Arrays, k: int) -> Values:
    return {s: np.sort(correlations(guess[s], truth[s]))[-k:].mean() for s in truth}


def pooled(suite: Suite, truth: Arrays, within: str = "") -> float:
    names = [s for s in suite.names if s.startswith(within)]
    values = np.concatenate([truth[s] for s in names])
    means = [np.broadcast_to(truth[s].mean(axis=0), truth[s].shape) for s in names]
    return float(correlations(np.concatenate(means), values).mean())


def means_and_pools(suite: Suite) -> dict[str, Values]:
    rows: dict[str, Values] = {}
    for n in (250, 785):
        truth = suite.target(her2st.log_cp10k, suite.top[:n])
        rows[f"training mean, per spot over {n} genes"] = {
            s: metrics.spot_pearson(np.broadcast_to(mean, truth[s].shape), truth[s])
            for s in suite.names
            for mean in [other_patients(suite, suite.top[:n], s).mean(axis=0)]
        }
    cp10k = suite.target(her2st.log_cp10k, suite.top[:250])
    raw = suite.target(her2st.log_raw, suite.top[:250])
    variable = suite.target(her2st.log_raw, suite.variable)
    rows["section mean, pooled: CP10k 250"] = {"": pooled(suite, cp10k)}
    rows["section mean, pooled: raw 250"] = {"": pooled(suite, raw)}
    rows["section mean, pooled: raw 50 variable"] = {"": pooled(suite, variable)}
    rows["section mean, pooled within a patient: CP10k 250"] = {
        p: pooled(suite, cp10k, p) for p in "ABCD"
    }
    depth = suite.scalar()
    rows["depth: raw 50 variable"] = per_gene(depth, variable)
    rows["depth: raw 250"] = per_gene(depth, raw)
    rows["depth: CP10k 250"] = per_gene(depth, cp10k)
    return rows


def other_patients(suite: Suite, genes: np.ndarray, section: str) -> np.ndarray:
    return suite.normal[suite.data.patient != section[0]][:, genes].toarray()


def noise(suite: Suite) -> dict[str, Values]:
    """Gaussian noise smoothed over one pitch, one map per gene."""
    rng = np.random.default_rng(SEED)
    truth = suite.target(her2st.log_cp10k, suite.top[:785])
    guess = {}
    for s, grid in suite.grid.items():
        cells = np.round(grid - grid.min(axis=0)).astype(int)
        field = rng.normal(size=(*cells.max(axis=0) + 1, 785))
        guess[s] = gaussian_filter(field, (1, 1, 0))[cells[:, 0], cells[:, 1]]
    return {
        "smooth noise, 785 genes": per_gene(guess, truth),
        "smooth noise, best 50 of 785": best(guess, truth, 50),
        "smooth noise, best 10 of 785": best(guess, truth, 10),
    }


def coordinates(suite: Suite) -> dict[str, Values]:
    """Mean of the eight nearest training spots of the same section."""
    rng = np.random.default_rng(SEED)
    truth = suite.target(her2st.log_cp10k, suite.top[:250])
    rows: dict[str, Values] = {}
    folds = {
        "random 10-fold": lambda g: rng.permutation(len(g)) % 10,
        "blocks": quadrants,
    }
    for name, cut in folds.items():
        rows[f"coordinates, {name}"] = per_gene(
            {s: neighbours(suite.grid[s], t, cut(suite.grid[s]), 8)
             for s, t in truth.items()},
            truth,
        )  # fmt: skip
    held: Values = {}
    for s, t in truth.items():
        fold = rng.permutation(len(t)) % 5
        guess = neighbours(suite.grid[s], t, fold, 8)
        held[s] = correlations(guess[fold == 0], t[fold == 0]).mean()
    return rows | {"coordinates, random 80/20": held}


def quadrants(grid: np.ndarray) -> np.ndarray:
    return (grid > np.median(grid, axis=0)) @ [1, 2]


def neighbours(
    grid: np.ndarray, truth: np.ndarray, fold: np.ndarray, k: int
) -> np.ndarray:
    out = np.empty_like(truth)
    for f in np.unique(fold):
        train, test = fold != f, fold == f
        near = graphs.nearest(grid[train], k, grid[test])[1]
        out[test] = truth[train][near].mean(axis=1)
    return out


def copies(suite: Suite) -> dict[str, Values]:
    rows = {}
    for n in (250, 785):
        truth = suite.target(her2st.log_cp10k, suite.top[:n])
        copied = suite.siblings(truth)
        rows[f"siblings: CP10k {n}"] = per_gene(copied, truth)
        if n == 250:
            smooth = suite.smooth(truth)
            rows["siblings: CP10k 250, smoothed truth"] = per_gene(copied, smooth)
            others = suite.siblings(truth, same=False)
            rows["other patients: CP10k 250"] = per_gene(others, truth)
    return rows


def papers(suite: Suite) -> dict[str, Values]:
    """The targets of three families of papers."""
    rows = {}
    depth = suite.scalar()
    for name, kind in (
        ("Hist2ST", her2st.panel_log10),
        ("mclSTExp", her2st.gene_log10),
    ):
        truth = suite.target(kind, suite.data.panel)
        truth = {s: v for s, v in truth.items() if s != "A1"}  # Its names[1:33].
        copied, here = suite.siblings(truth), f"{name} target (32 sections)"
        rows[f"{here}: siblings"] = per_gene(copied, truth)
        rows[f"{here}: siblings, top 50 test mean"] = test_mean_top(copied, truth)
        rows[f"{here}: depth"] = per_gene(depth, truth)
        if name == "mclSTExp":
            rows[f"{here}: depth, top 50 test mean"] = test_mean_top(depth, truth)
            continue
        rows[f"{here}: siblings, top 50 test r"] = best(copied, truth, 50)
        others = suite.siblings(truth, same=False)
        rows[f"{here}: other patients"] = per_gene(others, truth)
        for patient in "ABCD":
            rows[f"{here}: siblings, patient {patient}"] = {
                s: v for s, v in rows[f"{here}: siblings"].items() if s[0] == patient
            }
    truth = suite.target(her2st.panel_log1p, suite.triplex)
    smooth, copied = suite.smooth(truth), suite.siblings(truth)
    rows["TRIPLEX target: depth"] = per_gene(depth, truth)
    rows["TRIPLEX target: depth, both smoothed"] = per_gene(suite.smooth(depth), smooth)
    rows["TRIPLEX target: siblings"] = per_gene(copied, truth)
    rows["TRIPLEX target: siblings, smoothed truth"] = per_gene(copied, smooth)
    return rows


def regions(suite: Suite) -> dict[str, Values]:
    """Mean of each pathologist's label, in other patients or in the section itself."""
    label = {s: suite.data.label[i] for s, i in suite.spots.items()}
    labelled = [s for s in suite.names if (label[s] != "").all()]
    cp10k = suite.target(her2st.log_cp10k, suite.top[:250])
    raw = suite.target(her2st.log_raw, suite.variable)
    targets = {
        "CP10k 250": (cp10k, cp10k),
        "smoothed truth": (cp10k, suite.smooth(cp10k)),
        "raw 50 variable": (raw, raw),
    }
    rows = {}
    for name, (known, truth) in targets.items():
        for where, same in (("other patients", False), ("same section", True)):
            guess = {}
            for s in labelled:
                pool = [o for o in labelled if (o == s) == same]
                fitted = truth if same else known
                values = np.concatenate([fitted[o] for o in pool])
                labels = np.concatenate([label[o] for o in pool])
                guess[s] = label_means(labels, values, label[s])
            rows[f"region label, {where}: {name}"] = per_gene(
                guess, {s: truth[s] for s in labelled}
            )
    return rows


def label_means(
    labels: np.ndarray, values: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Mean of the spots with that label; of all where nobody has it."""
    out = np.tile(values.mean(axis=0), (len(asked), 1))
    for name in np.intersect1d(labels, asked):
        out[asked == name] = values[labels == name].mean(axis=0)
    return out


def ceilings(suite: Suite) -> dict[str, Values]:
    def logs(counts):
        return counts.log1p()

    rows = {}
    for name, genes, transform in (
        ("CP10k 250", suite.top[:250], log_normalise),
        ("CP10k 785", suite.top[:785], log_normalise),
        ("raw 50 variable", suite.variable, logs),
    ):
        rows[f"noise ceiling: {name}"] = {
            s: metrics.noise_ceiling(
                suite.data.counts[i], genes, SEED, 2, transform
            ).mean()
            for s, i in suite.spots.items()
        }
    return rows


def genes(suite: Suite) -> dict[str, Values]:
    counts, patient = suite.data.counts, suite.data.patient
    whole = set(suite.top[:250])
    kept = {}
    for p in np.unique(patient):
        mean = np.asarray(counts[patient != p].mean(axis=0)).ravel()
        kept[p] = len(whole & set(np.argsort(-mean, kind="stable")[:250])) / 250
    share = counts[:, suite.top[:785]].sum() / counts.sum()
    return {
        "share of counts in the top 785 genes": {"": float(share)},
        "top 250 of training patients among those of all": kept,
    }


PROBES: tuple[Callable[[Suite], dict[str, Values]], ...] = (
    means_and_pools,
    noise,
    coordinates,
    copies,
    papers,
    regions,
    ceilings,
    genes,
)
