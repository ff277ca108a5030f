"""Level and power of domain genes under shifts, and what thinning removes.

``smooth``: Gaussian fields of known width on sections of 24 x 24 spots, domains from
fields of their own; a tenth of the genes gains ``EFFECT`` standard deviations in one
domain. ``level`` is the share of other genes with p <= .05, ``power`` of these, and
``false`` the share of other genes among those at an FDR of 5 %.
``structureless``: Poisson counts of one rate, domains found on the same counts or on
the other half; every call is false.

Usage: python dev/benchmarks/domain_genes.py
"""

import itertools

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import stamped, write

import histobridge as hb
from histobridge import statistics
from histobridge.data.simulate_fields import smooth_fields

SIDE, GENES, PLANTED, EFFECT, DRAWS = 24, 200, 20, 1.0, 199
WIDTHS, SECTIONS, REPEATS, SEED = (1.5, 3.0, 5.0), (1, 2, 4), 8, 300
SYSTEMS = (
    ("nichepca", {"components": 5, "neighbours": 6}),
    ("nichepca", {}),
    ("graphpca", {}),
)
PANELS = (20, 200)


def lattice(sections: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.divmod(np.arange(SIDE**2), SIDE)
    points = np.column_stack([x, y]) * 100.0
    return np.tile(points, (sections, 1)), np.repeat(np.arange(sections), SIDE**2)


def fields(rng: np.random.Generator, count: int, width: float, sections: int):
    parts = [
        smooth_fields(rng, count, SIDE, width).reshape(count, -1)
        for _ in range(sections)
    ]
    return np.hstack(parts).T


def smooth(width: float, sections: int, seed: int) -> list[dict]:
    rng = np.random.default_rng(seed)
    points, section = lattice(sections)
    inside = fields(rng, 3, 3.0, sections).argmax(axis=1) == 0
    values = fields(rng, GENES, width, sections)
    values += rng.standard_normal(values.shape)
    values[:, :PLANTED] += EFFECT * inside[:, None] * np.sqrt(2)
    shifts = statistics.section_shifts(points, section, DRAWS, seed)
    _, shifted = statistics.shifted_p(lambda d: values.T @ d, inside, section, shifts)
    ranked = statistics.wilcoxon_p(sp.csr_matrix(values), inside[:, None])[:, 0]
    return [
        {"test": name, **rates(p)} for name, p in (("shift", shifted), ("rank", ranked))
    ]


def rates(p: np.ndarray) -> dict[str, float]:
    called = statistics.benjamini_hochberg(p) <= 0.05
    return {
        "level": (p[PLANTED:] <= 0.05).mean(),
        "power": (p[:PLANTED] <= 0.05).mean(),
        "false": called[PLANTED:].sum() / max(called.sum(), 1),
    }


def structureless(genes: int, system: str, params: dict, seed: int) -> list[dict]:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(3.0, (SIDE**2, genes)).astype(float)
    adata = ad.AnnData(sp.csr_matrix(counts))
    adata.obsm["spatial"] = lattice(1)[0]
    hb.find_domains(adata, 3, system=system, seeds=1, **params)
    rows = []
    for thinned in (False, True):
        table = hb.find_domain_genes(adata, thinned=thinned, draws=DRAWS, seed=seed)
        for test, column in (("shift", "p_value"), ("rank", "wilcoxon_p_value")):
            level = (table[column] <= 0.05).mean()
            rows.append({"test": test, "thinned": thinned, "level": level})
    return rows


def main() -> None:
    rows = []
    for width, sections in itertools.product(WIDTHS, SECTIONS):
        for seed in range(SEED, SEED + REPEATS):
            setting = {"setting": "smooth", "width": width, "sections": sections}
            rows += [setting | row for row in smooth(width, sections, seed)]
    for genes, (system, params) in itertools.product(PANELS, SYSTEMS):
        chosen = {"setting": "structureless", "genes": genes, "system": system}
        chosen["params"] = "; ".join(f"{k} = {v}" for k, v in params.items())
        for seed in range(SEED, SEED + REPEATS // 4):
            rows += [chosen | row for row in structureless(genes, system, params, seed)]
    table = pd.DataFrame(rows)
    keys = [c for c in table if c not in ("level", "power", "false")]
    means = table.groupby(keys, dropna=False, sort=False).mean().reset_index()
    write("domain_genes", stamped(means, SEED))


if __name__ == "__main__":
    main()
