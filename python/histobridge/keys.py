"""Every AnnData key the package reads or writes, once."""

COUNTS = "counts"
"""Layer of raw counts; ``X`` is used where this layer is absent."""

X_NAME = "X_name"
"""``uns`` entry naming the assay that became ``X`` (zellkonverter's convention)."""

SECTION = "sample_id"
"""``obs`` column of the tissue section, as in SpatialExperiment."""

PATIENT = "patient"
"""``obs`` column of the donor, human or animal."""

SITE = "site"
"""``obs`` column of the hospital or laboratory a section comes from."""

SPATIAL = "spatial"
"""``obsm`` matrix of (x, y) in full-resolution pixels, and ``uns`` entry of images."""

IMAGES = "images"
SCALE_FACTORS = "scalefactors"
IMAGE_METADATA = "metadata"
SOURCE_IMAGE = "source_image_path"

MICRONS_PER_PIXEL = "microns_per_pixel"
"""Scale factor: microns per full-resolution pixel (Space Ranger's name)."""

SPOT_DIAMETER = "spot_diameter_fullres"
"""Scale factor: full-resolution pixels across a spot (Space Ranger's name)."""

MORPHOLOGY = "morphology"
NUCLEI = "n_nuclei"
HANDCRAFTED = ("colour", "texture")
"""Encoders of morphology that were not trained on images."""

PREDICTED = "predicted"
DENOISED = "denoised"
PSEUDOTIME = "pseudotime"
DOMAIN = "domain"
INTEGRATION = "integration"
HARMONIZED = "harmonized"
HARMONIZED_STAIN = "harmonized_stain"
PROPORTIONS = "proportions"
TRUE_PROPORTIONS = "true_proportions"
"""``obsm`` data frame of known proportions, where spots were made of cells."""

CELL_TYPE = "cell_type"
"""``obs`` column of a single-cell reference."""

N_CELLS = "n_cells"
"""``obs`` column of how many cells a spot was made of."""

VIRTUAL_STAIN = "virtual_stain"
STATUS = "status"

RECORD = "r_object"
"""``uns`` entry of what only R knows of an object: classes, names, ranges."""

ALT_EXPERIMENTS = "altExps"
"""``uns`` entry with one AnnData per alternative experiment."""

SETTINGS = "histobridge"
"""``uns`` entry where every verb records its settings."""

DEPTH = "histobridge_depth"
"""``obs`` column of total counts, handed only to systems that declare ``depth``."""


def scale_factor(image_id: str) -> str:
    """Name of the scale factor of one image, e.g. ``tissue_hires_scalef``."""
    return f"tissue_{image_id}_scalef"
