"""Reports: one HTML file, a model card, a checklist and metadata."""

from histobridge.report.write import write_report

__all__ = ["write_report"]
