"""Translation on HER2+ breast sections with full images.

Patients: three sections of C against B4 and back. Sections: siblings stay in
training, which measures how much a patient's own tissue is worth.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/translation.py
"""

import anndata as ad
from common import data_folder, write

import histobridge as hb

SECTIONS = ("C2", "C3", "C4", "B4")


def main() -> None:
    folder = data_folder() / "her2st"
    parts = {}
    for name in SECTIONS:
        part = ad.read_h5ad(folder / f"{name}.h5ad")
        facts = part.uns["image"]
        part.obs["sample_id"] = name
        part.obs_names = [f"{name}_{spot}" for spot in part.obs_names]
        part.uns = {}
        parts[name] = part
        factors = {
            "tissue_hires_scalef": facts["scale_to_fullres"],
            "microns_per_pixel": facts["um_per_px"],
        }
        part.uns["spatial"] = {
            name: {
                "images": {"hires": str(folder / facts["file"])},
                "scalefactors": factors,
            }
        }
    adata = ad.concat(parts.values(), join="inner", uns_merge="unique")
    hb.add_morphology(adata)
    benchmark = hb.benchmark_translation(
        adata, protocols=("patients", "sections", "blocks"), dataset="her2st"
    )
    print(benchmark.summary().to_string(index=False))
    write("translation", benchmark.table)
    write("translation_audit", benchmark.audit)


if __name__ == "__main__":
    main()
