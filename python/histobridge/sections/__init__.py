"""Sections laid over one another, and brought to one scale."""

from histobridge.sections.assess import label_agreement, landmark_error
from histobridge.sections.harmonise import harmonize_sections
from histobridge.sections.verbs import align_sections

__all__ = [
    "align_sections",
    "harmonize_sections",
    "label_agreement",
    "landmark_error",
]
