"""Resolution: expression between and within spots, on a finer grid."""

from histobridge.resolution.verbs import enhance_resolution

__all__ = ["enhance_resolution"]
