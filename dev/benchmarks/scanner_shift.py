"""A section as another scanner sees it, and how far harmonising its stain undoes it.

The shipped bulb: Rep9 is scanned again through a colour matrix and a gamma. Compared
with the scan as it was are image features (in units of their spread over spots), and
the expression that a ridge trained on Rep4 predicts: its distance from what the
original scan gives, and its Pearson with the measured counts. The ridge does not
standardise within the section, which would hide a part of the shift.

Usage: python dev/benchmarks/scanner_shift.py (prints; sections.py writes)
"""

import anndata as ad
import numpy as np

import histobridge as hb
from histobridge.evaluation.result import tidy
from histobridge.images import open_slide
from histobridge.images.stains import NORMALISERS
from histobridge.normalisation import log_normalise, pearson_columns, variable_genes
from histobridge.resolution.kriging import ridge_trend

# Rows sum to 1, so that glass stays white.
MILD = [[0.96, 0.03, 0.01], [0.03, 0.93, 0.04], [0.01, 0.04, 0.95]]
STRONG = [[0.90, 0.08, 0.02], [0.10, 0.80, 0.10], [0.02, 0.10, 0.88]]
SCANNERS = {"mild": (np.array(MILD), 1.15), "strong": (np.array(STRONG), 1.4)}
GENES = 250


def scanned(adata: ad.AnnData, colours: np.ndarray, gamma: float) -> ad.AnnData:
    """The section with its image seen by another scanner."""
    made, (section, library) = adata.copy(), next(iter(adata.uns["spatial"].items()))
    slide = open_slide(adata, section)
    light = slide.read(0, 0, slide.width, slide.height) / 255.0
    image = np.clip(light @ colours.T, 0, 1) ** gamma
    factors = dict(library["scalefactors"])
    factors["tissue_hires_scalef"] = slide.pixel_scale
    library = {
        "images": {"hires": np.round(255 * image).astype(np.uint8)},
        "scalefactors": factors,
    }
    made.uns = {"spatial": {section: library}}
    return made


def features(adata: ad.AnnData, stain: str | None = None) -> np.ndarray:
    hb.add_morphology(adata, "colour", stain=stain, cache=False, progress=False)
    return np.asarray(adata.obsm["morphology"], dtype=float)


def rows() -> list[dict]:
    """Scores of the shifted scan as it is, and after every normaliser."""
    train, test = (hb.data.example_bulb((name,)) for name in ("Rep4", "Rep9"))
    logged = [log_normalise(a.X) for a in (train, test)]
    genes = np.sort(variable_genes(logged[0], GENES))
    known, truth = (values[:, genes].toarray() for values in logged)
    found = []
    for name, scanner in SCANNERS.items():
        shifted = scanned(test, *scanner)
        for way in ("as scanned", *NORMALISERS):
            stain = None if way == "as scanned" else "harmonized_stain"
            still, own, other = train.copy(), test.copy(), shifted.copy()
            if stain:
                # Rep4 is what all others are made alike to, the original scan too.
                for one in (own, other):
                    hb.harmonize_sections([still, one], method=way, reference="Rep4")
            learned, before, after = (features(a, stain) for a in (still, own, other))
            model = ridge_trend(learned, known)
            guesses = [model.predict(values) for values in (before, after)]
            spread = np.maximum(before.std(axis=0), 1e-6)
            away = np.sqrt(np.mean(((after - before) / spread) ** 2, axis=0))
            change = np.sqrt(np.mean((guesses[1] - guesses[0]) ** 2))
            scores = {
                "feature_shift": float(np.median(away)),
                "prediction_shift": float(change / guesses[0].std(axis=0).mean()),
                "pearson_original_scan": float(
                    pearson_columns(guesses[0], truth).mean()
                ),
                "pearson_other_scanner": float(
                    pearson_columns(guesses[1], truth).mean()
                ),
            }
            found += [row(name, way, *score) for score in scores.items()]
    return found


def pearson(guess: np.ndarray, truth: np.ndarray) -> float:
    """Mean over genes."""
    return float(pearson_columns(guess, truth).mean())


def row(scanner: str, way: str, metric: str, value: float) -> dict:
    return {
        "dataset": f"bulb Rep9, {scanner} scanner shift",
        "system": way,
        "status": "baseline" if way == "as scanned" else "house",
        "protocol": "scanner shift",
        "fold": "Rep4 to Rep9",
        "metric": metric,
        "value": value,
        "n": GENES,
    }


if __name__ == "__main__":
    table = tidy(rows())
    print(table.pivot(index=["dataset", "system"], columns="metric", values="value"))
