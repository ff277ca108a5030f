"""What translation costs: the house model on whole slides, patches, many bins.

(a) ``ridge_plus`` fitted to and predicting 14,000 spots x 20,000 genes once features
are there, in a process of its own; (b) the share of patch encoding that is arithmetic
of the encoder or decoding of the picture, by hooks within one run; (c) peak memory of
features of a growing number of bins of one picture.

Usage: python dev/benchmarks/translation_speed.py
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import stamped, write

import histobridge as hb
from histobridge import keys
from histobridge.evaluation.cost import peak_mb

SPOTS, GENES, SECTIONS = 14_000, 20_000, 4
WIDTHS = {"colour": 156, "texture": 147, "efficientnet-lite0": 2560}
CORES = 2
BINS = (5_000, 20_000, 80_000)
TARGETS = {"wall_s": 20.0, "peak_gb": 4.0, "share": 0.8, "growth": 1.5}


def peak_gb() -> float:
    return peak_mb() / 2**10


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def slide() -> ad.AnnData:
    """Sparse counts driven by a few factors that the features show."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(SPOTS, 8))
    level = np.exp(rng.normal(-2.8, 1.2, GENES))
    rows = []
    for part in np.array_split(factors, 14):
        rate = level * np.exp(0.3 * part @ rng.normal(size=(8, GENES)))
        rows.append(sp.csr_matrix(rng.poisson(rate).astype(np.float32)))
    adata = ad.AnnData(sp.vstack(rows, format="csr"))
    side = int(np.ceil(np.sqrt(SPOTS / SECTIONS)))
    spot = np.arange(SPOTS) % (SPOTS // SECTIONS)
    adata.obsm["spatial"] = np.column_stack(np.divmod(spot, side)) * 100.0
    section = np.arange(SPOTS) // (SPOTS // SECTIONS)
    adata.obs["sample_id"] = [f"S{s}" for s in section]
    blocks = [
        factors @ rng.normal(size=(8, w)) + rng.normal(size=(SPOTS, w))
        for w in WIDTHS.values()
    ]
    adata.obsm[keys.MORPHOLOGY] = np.concatenate(blocks, axis=1).astype(np.float32)
    encoder = [name for name, w in WIDTHS.items() for _ in range(w)]
    columns = [f"{name}_{i}" for i, name in enumerate(encoder)]
    settings = {"encoder": encoder, "columns": columns}
    adata.uns[keys.SETTINGS] = {keys.MORPHOLOGY: settings}
    return adata


def house_model(path: str) -> dict:
    """Cost of fit and predict; memory includes the counts themselves."""
    # Imports are not what is measured; features have loaded most of them.
    import sklearn.ensemble
    import sklearn.utils.extmath  # noqa: F401

    import histobridge.translation  # noqa: F401

    hb.list_systems("translation")
    adata = ad.read_h5ad(path)
    before, start, cpu = peak_gb(), time.perf_counter(), cpu_s()
    genes = list(adata.var_names)
    model = hb.train_translation(adata, genes=genes, reliability=False)
    fitted = time.perf_counter()
    shape = model.predict(adata).shape
    return {
        "wall_s": time.perf_counter() - start,
        "fit_s": fitted - start,
        "cpu_s": cpu_s() - cpu,
        "peak_gb": peak_gb(),
        "before_gb": before,
        "n": shape[0],
    }


def picture(path: Path, side: int) -> None:
    """A picture with grain, so that its JPEG is as slow to decode as tissue."""
    from PIL import Image

    rng = np.random.default_rng(0)
    coarse = rng.integers(90, 240, (side // 16, side // 16, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    grain = rng.integers(-12, 12, (side, side, 1), dtype=np.int16)
    pixels = np.clip(np.asarray(image, dtype=np.int16) + grain, 0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(path, quality=92)


def bins(path: str, n: int, side: int, microns: float = 1.0) -> ad.AnnData:
    adata = ad.AnnData(sp.csr_matrix((n, 1), dtype=np.float32))
    grid = int(np.ceil(np.sqrt(n)))
    place = np.column_stack(np.divmod(np.arange(n), grid))
    adata.obsm["spatial"] = (place + 0.5) * (side / grid)
    adata.obs["sample_id"] = "S"
    factors = {"tissue_hires_scalef": 1.0, "microns_per_pixel": microns}
    library = {"images": {"hires": path}, "scalefactors": factors}
    adata.uns["spatial"] = {"S": library}
    return adata


def patch_share(path: str, encoder: str, n: int, side: int) -> dict:
    """Time within the encoder and within decoding, over that of the verb."""
    from PIL.ImageFile import ImageFile

    from histobridge.images import morphology

    spent = {"encode": 0.0, "decode": 0.0}

    def timed(name, function):
        def run(*args, **kwargs):
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] += time.perf_counter() - start

        return run

    find = morphology.find_encoder

    def hooked(name):
        import dataclasses

        found = find(name)
        return dataclasses.replace(found, encode=timed("encode", found.encode))

    morphology.find_encoder = hooked
    ImageFile.load, load = timed("decode", ImageFile.load), ImageFile.load
    adata = bins(path, n, side)
    start = time.perf_counter()
    hb.add_morphology(adata, encoder, cache=False, progress=False)
    total = time.perf_counter() - start
    morphology.find_encoder, ImageFile.load = find, load
    facts = {"wall_s": total, "n": n, "share": sum(spent.values()) / total}
    return facts | {f"{name}_s": value for name, value in spent.items()}


def bin_memory(path: str, n: int, side: int) -> dict:
    adata = bins(path, n, side)
    start = time.perf_counter()
    hb.add_morphology(
        adata, "colour", patch_microns=16, cache=tempfile.mkdtemp(), progress=False
    )
    features = adata.obsm[keys.MORPHOLOGY].nbytes / 2**30
    wall = time.perf_counter() - start
    return {"wall_s": wall, "n": n, "peak_gb": peak_gb(), "features_gb": features}


def alone(name: str, *args: object, threads: int = 1) -> dict:
    """One measurement in a process of its own, so that peaks do not mix."""
    command = [sys.executable, __file__, name, json.dumps(args)]
    libraries = ("OMP", "OPENBLAS", "MKL")
    env = os.environ | {f"{library}_NUM_THREADS": str(threads) for library in libraries}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    print(name, args[1:], done.stdout.strip().splitlines()[-1], flush=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def rows(folder: Path) -> Iterator[dict]:
    """What was measured, the cheap parts first."""
    counts, image, side = folder / "slide.h5ad", folder / "slide.jpg", 6000
    picture(image, side)
    patches = {"colour": 1000, "texture": 1000, "efficientnet-lite0": 400}
    for encoder, n in patches.items():
        facts = alone("patch_share", str(image), encoder, n, side)
        yield {"what": f"patches, {encoder}"} | facts
    other = []
    for n in BINS:
        facts = alone("bin_memory", str(image), n, side)
        # What is kept is the features; all else must not grow with the bins.
        other.append(facts["peak_gb"] - 2 * facts["features_gb"])
        yield {"what": "bins"} | facts
    yield {"what": "bins, memory beside features", "growth": max(other) / other[0]}
    slide().write_h5ad(counts)
    house = alone("house_model", str(counts), threads=CORES)
    yield {"what": f"ridge_plus, 20,000 genes, {CORES} cores"} | house


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with their targets."""

    def met(row: pd.Series) -> object:
        if row["what"].startswith("ridge_plus"):
            fast = row["wall_s"] <= TARGETS["wall_s"]
            return fast and row["peak_gb"] <= TARGETS["peak_gb"]
        if row["what"].startswith("patches"):
            return row["share"] >= TARGETS["share"]
        growth = row.get("growth", float("nan"))
        return growth <= TARGETS["growth"] if growth > 0 else None

    return table.assign(met=table.apply(met, axis=1))


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(globals()[sys.argv[1]](*json.loads(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        found: list[dict] = []
        for row in rows(Path(folder)):
            found.append(row)
            # After each, so that a run that is cut keeps what it has.
            table = judged(pd.DataFrame(found))
            write("translation_speed", stamped(table, 0))
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
