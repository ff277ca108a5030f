"""Slides, patches cropped in microns, and the features computed on them."""

from histobridge.images.morphology import add_morphology
from histobridge.images.nuclei import count_nuclei
from histobridge.images.patches import PatchGrid, crop_patches
from histobridge.images.registration import check_registration
from histobridge.images.slides import Slide, open_slide

__all__ = [
    "PatchGrid",
    "Slide",
    "add_morphology",
    "check_registration",
    "count_nuclei",
    "crop_patches",
    "open_slide",
]
