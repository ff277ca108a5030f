"""Draw the gallery of README.md from the shipped sample.

Usage: python dev/gallery.py. Needs Chromium on the PATH for the picture of the
viewer, which is left as it is without.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pandas as pd
from anndata import AnnData
from matplotlib.figure import Figure
from PIL import Image

import histobridge as hb

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "man" / "figures"
MOST_BYTES = 150_000
# Tissue has too many colours for a small PNG, and fewer of them make bands.
QUALITIES = (90, 80, 70, 60)
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def main() -> None:
    bulb = hb.data.example_bulb()
    hb.add_morphology(bulb, ("colour", "texture"), progress=False)
    known = bulb[bulb.obs["patient"] == "animal A"].copy()
    unseen = bulb[bulb.obs["patient"] == "animal D"].copy()
    hb.predict_expression(unseen, hb.train_translation(known))
    hb.find_domains(unseen, k=5)
    hb.align_sections(bulb)
    mixture = hb.data.example_mixture()
    hb.deconvolve(mixture, hb.data.example_reference())
    scores = pd.read_csv(ROOT / "dev" / "benchmarks" / "results" / "demo.csv")
    scores = scores[(scores["dataset"] == "bulb") & (scores["protocol"] == "patients")]
    write("spots", hb.plot_spots(bulb, "Penk"))
    write("pair", hb.plot_expression_pair(unseen, "Doc2g"))
    write("domains", hb.plot_domains(unseen, truth="layer"))
    write("proportions", hb.plot_proportions(mixture, kind="pies"), dpi=130)
    write("sections", hb.plot_sections(bulb))
    write("benchmark", hb.plot_benchmark(scores, "pearson_gene"))
    write("leakage", hb.plot_leakage(audit(bulb)))
    write("saliency", saliency(known, unseen))
    viewer(unseen)


def audit(bulb: AnnData) -> pd.DataFrame:
    """Random spots beside spatial blocks, on one section."""
    one = bulb[bulb.obs["sample_id"] == "Rep9"].copy()
    rows = pd.Series(range(one.n_obs)).sample(frac=1, random_state=0).to_numpy()
    half = one.n_obs // 2
    at_random = hb.evaluation.audit(one, [(rows[:half], rows[half:])])
    blocks = hb.evaluation.audit(one, hb.splits.SpatialBlockKFold(n_splits=2))
    return pd.concat([at_random.assign(split="random spots"), blocks])


def saliency(known: AnnData, unseen: AnnData) -> Figure:
    """Where a ridge on colour sees granule cells, with the verdict of its tests."""
    model = hb.train_translation(known, system="hest_ridge")
    found = hb.explain_translation(model, unseen, "Penk", spots=12, steps=5)
    return hb.explain.plot_saliency(found, spots=3)


def write(name: str, figure: Figure, dpi: int = 90) -> None:
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "drawn.png"
        figure.savefig(drawn, dpi=dpi)
        keep(name, Image.open(drawn).convert("RGB"))


def keep(name: str, picture: Image.Image) -> None:
    """Write the picture as PNG where that is small, else as JPEG."""
    png, jpeg = (FIGURES / f"gallery-{name}.{ending}" for ending in ("png", "jpg"))
    picture.save(png, optimize=True)
    if png.stat().st_size <= MOST_BYTES:
        jpeg.unlink(missing_ok=True)
        return
    png.unlink()
    for quality in QUALITIES:
        picture.save(jpeg, optimize=True, quality=quality, subsampling=0)
        if jpeg.stat().st_size <= MOST_BYTES:
            return
    raise SystemExit(f"{jpeg.name} has more than {MOST_BYTES} bytes")


def viewer(adata: AnnData) -> None:
    browser = next((b for b in BROWSERS if shutil.which(b)), None)
    if browser is None:
        print("no Chromium on the PATH: the picture of the viewer stays as it is")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = hb.view_section(adata, Path(folder) / "page.html", genes=100)
        path = Path(folder) / "shot.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += ["--window-size=1000,640", "--virtual-time-budget=3000"]
        options += [f"--user-data-dir={folder}/profile", f"--screenshot={path}"]
        subprocess.run([browser, *options, f"file://{page}"], check=True)
        keep("viewer", Image.open(path).convert("RGB"))


if __name__ == "__main__":
    main()
