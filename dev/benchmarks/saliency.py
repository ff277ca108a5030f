"""Saliency maps under their own tests, and whether they find planted nuclei.

``simulated``: a marker gene follows the nuclei of one cell type, whose pixels are
known. Systems are trained on two sections and explained on a third; ``planted nuclei``
is the AUROC of a map for the nuclei of that type among all pixels (control ``any
pixel``) and among all nuclei (``other nuclei``), mean over patches, p by Wilcoxon over
patches against 0.5.
``bulb``: genes of layers, trained on one animal and explained on another, with the
evidence in every layer. Image features are those of colour in 112 um. ``verdict``
rows hold whether a method passes (control ``random and centre``) and whether it beats
the edge map as well (``edges``).

One job per data set, system and target; jobs that results/saliency.csv holds are not
run again.

Usage: python dev/benchmarks/saliency.py [--minutes N] [--systems NAME ...]
"""

import argparse
import functools
import time

import numpy as np
import pandas as pd
from common import RESULTS, stamped, write
from scipy.stats import rankdata, wilcoxon

import histobridge as hb
from histobridge.normalisation import log_normalise

SEED, SPOTS, STEPS = 23, 12, 5
LAYER_GENES = ("Penk", "Doc2g", "Fabp7")
VERDICTS = {"passes": "random and centre", "beats_edges": "edges"}
TYPES = ("type1", "type2")
NEURAL = {"scale": 1 / 8, "epochs": 12, "learning_rate": 3e-3, "seed": SEED}
SYSTEMS = {
    "hest_ridge": {"seed": SEED},
    "ridge_plus": {"seed": SEED},
    "st_net": NEURAL | {"backbone": "residual", "pixels": 64},
    "egn": NEURAL | {"pixels": 128, "epochs": 20, "learning_rate": 1e-3},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=np.inf)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    arguments = parser.parse_args()
    stop = time.monotonic() + 60 * arguments.minutes
    for dataset, system, target in jobs():
        if system not in arguments.systems or time.monotonic() > stop:
            continue
        facts = {"dataset": dataset, "system": system, "target": target}
        if any((known()[list(facts)] == pd.Series(facts)).all(axis=1)):
            continue
        rows = job(dataset, system, target).assign(**facts)
        write("saliency", known(), stamped(rows, SEED, "torch", "captum"))


def known() -> pd.DataFrame:
    """Rows there are, read anew: another process may have written."""
    path = RESULTS / "saliency.csv"
    facts = ["dataset", "system", "target"]
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=facts)


def jobs() -> list[tuple[str, str, str]]:
    """The first target of every data set and system, then the second, ..."""
    every = [
        (number, dataset, system, target)
        for dataset in ("simulated", "bulb")
        for number, target in enumerate(targets(dataset))
        for system in SYSTEMS
    ]
    return [entry[1:] for entry in sorted(every, key=lambda entry: entry[0])]


def job(dataset: str, system: str, target: str) -> pd.DataFrame:
    """Tests, planted truth and verdicts of one system and gene."""
    started = time.monotonic()
    model = trained(dataset, system)
    unseen = sections(dataset)[1]
    gene = targets(dataset)[target]
    found = hb.explain_translation(
        model,
        unseen,
        gene,
        spots=SPOTS,
        steps=STEPS,
        regions="layer" if dataset == "bulb" else None,
        seed=SEED,
    )
    print(dataset, system, target, gene, f"{time.monotonic() - started:.0f} s")
    print(found, flush=True)
    parts = [found.tests]
    for column, control in VERDICTS.items():
        verdict = found.verdict[["method", "reason"]]
        effect = found.verdict[column].astype(float)
        parts.append(verdict.assign(test="verdict", control=control, effect=effect))
    if dataset == "simulated":
        parts.append(planted(found, unseen, unseen.var.loc[gene, "marker_of"]))
    table = pd.concat([part.dropna(axis=1, how="all") for part in parts])
    return table.assign(gene=gene, pearson=accuracy(model, unseen, gene))


def planted(found, adata, marked: str) -> pd.DataFrame:
    """AUROC of every map for the nuclei of one type."""
    kind = list(adata.obsm["image_proportions"].columns).index(marked) + 1
    masks = [nuclei_of(found, adata, spot) for spot in found.spots["spot"]]
    rows = []
    for method, maps in found.maps.items():
        for control in ("any pixel", "other nuclei"):
            scores = []
            for values, mask in zip(maps, masks, strict=True):
                among = np.ones_like(mask, dtype=bool)
                if control == "other nuclei":
                    among = mask > 0
                inside = mask[among] == kind
                if 20 <= inside.sum() <= inside.size - 20:
                    scores.append(auroc(inside, values[among]))
            p = wilcoxon(np.subtract(scores, 0.5), alternative="greater").pvalue
            row = {"method": method, "test": "planted nuclei", "control": control}
            rows.append(row | {"effect": np.mean(scores), "p_value": p})
            rows[-1]["n"] = len(scores)
    return pd.DataFrame(rows)


def nuclei_of(found, adata, spot: str) -> np.ndarray:
    """Types of nuclei in the patch of one spot, on the pixels of the map."""
    place = adata.obs_names.get_loc(spot)
    raster = adata.uns["nuclei"][adata.obs["sample_id"].iloc[place]]
    pixels = found.patches.shape[1]
    micron = hb.contract.microns_per_pixel(adata, adata.obs["sample_id"].iloc[place])
    side = round(found.microns / micron)
    left, top = np.floor(adata.obsm["spatial"][place] - side / 2 + 0.5).astype(int)
    at = ((np.arange(pixels) + 0.5) * side / pixels).astype(int)
    padded = np.pad(raster, side)
    return padded[np.ix_(top + side + at, left + side + at)]


def auroc(inside: np.ndarray, values: np.ndarray) -> float:
    ranks = rankdata(values)
    n = inside.sum()
    return (ranks[inside].sum() - n * (n + 1) / 2) / (n * (len(inside) - n))


def accuracy(model, adata, gene: str) -> float:
    """Pearson of the prediction in the section that is explained."""
    truth = log_normalise(hb.contract.counts(adata))
    column = adata.var_names.get_indexer([gene])
    guess = model.predict(adata)[:, list(model.genes_).index(gene)]
    return np.corrcoef(truth[:, column].toarray()[:, 0], guess)[0, 1]


@functools.cache
def trained(dataset: str, system: str):
    genes = sorted(set(targets(dataset).values()))
    return hb.train_translation(
        sections(dataset)[0], system, genes=genes, reliability=False, **SYSTEMS[system]
    )


@functools.cache
def targets(dataset: str) -> dict[str, str]:
    """Target -> gene; of a simulated type the marker with most counts."""
    known = sections(dataset)[0]
    if dataset == "bulb":
        return {gene: gene for gene in LAYER_GENES if gene in known.var_names}
    total = pd.Series(np.asarray(known.X.sum(axis=0)).ravel(), known.var_names)
    marker = known.var["marker_of"].astype(str)
    return {f"marker of {t}": total[marker == t].idxmax() for t in TYPES}


@functools.cache
def sections(dataset: str):
    """Training sections, and the one that is explained."""
    if dataset == "bulb":
        adata, test = hb.data.example_bulb(), "Rep9"
    else:
        adata = hb.data.simulate_tissue(
            3, spots_per_side=12, n_genes=60, n_types=4, nuclei=True, seed=SEED
        )
        test = "S3"
    # Texture would cost ten seconds per spot: its filters see far.
    hb.add_morphology(adata, "colour", patch_microns=112, cache=False, progress=False)
    unseen = (adata.obs["sample_id"] == test).to_numpy()
    return adata[~unseen].copy(), adata[unseen].copy()


if __name__ == "__main__":
    main()
