"""Agreement of image features beside the score it should foretell.

Every pair of sections with images: train on one, predict the other. ``agreement`` is
what ``predict_expression`` reports, from the image alone; ``pearson_gene`` is what the
measured counts of the other section say.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/scope.py
"""

from itertools import permutations

import numpy as np
import pandas as pd
from common import data_folder, stamped, write
from sections_with_images import described, load

import histobridge as hb
from histobridge import keys
from histobridge.normalisation import log_normalise, pearson_columns
from histobridge.translation.scope import IN_SCOPE

SETS = {"mob": ("Rep4", "Rep9"), "her2st": ("A1", "A2", "B4", "C2", "C3", "C4")}


def score(train, test) -> dict:
    model = hb.train_translation(train, reliability=False)
    hb.predict_expression(test, model)
    guess = test.obsm[keys.PREDICTED]
    full = np.asarray(test.X.sum(axis=1)).ravel() > 0
    truth = log_normalise(test.X[full])[:, test.var_names.get_indexer(guess.columns)]
    settings = test.uns[keys.SETTINGS][keys.PREDICTED]
    agreement = next(iter(settings["scope"].values()))
    return {
        "agreement": agreement,
        "in_scope": agreement >= IN_SCOPE,
        "pearson_gene": pearson_columns(guess.to_numpy()[full], truth.toarray()).mean(),
    }


def main() -> None:
    rows = []
    for folder, names in SETS.items():
        adata = described(load(data_folder() / folder, names), keys.HANDCRAFTED)
        parts = {n: adata[adata.obs["sample_id"] == n].copy() for n in names}
        for train, test in permutations(names, 2):
            facts = score(parts[train], parts[test].copy())
            rows.append({"dataset": folder, "train": train, "test": test} | facts)
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    write("scope", stamped(table, 0))


if __name__ == "__main__":
    main()
