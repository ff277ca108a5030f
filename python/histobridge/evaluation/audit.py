"""What a split leaks, computed instead of trusted."""

from histobridge.splits.audit import audit_split

__all__ = ["audit_split"]
