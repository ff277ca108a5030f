"""Reports: one self-contained HTML file with pictures and scores."""

from histobridge.report.html import write_report

__all__ = ["write_report"]
