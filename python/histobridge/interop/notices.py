"""Warnings of this package, for R to say as its own."""

from __future__ import annotations

import warnings
from typing import Any

from histobridge.contract import ContractWarning


class Notices:
    """Collects them from now until ``stop``; those of others go their usual way."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._state = warnings.catch_warnings()
        self._state.__enter__()
        self._usual = warnings.showwarning
        warnings.simplefilter("always", ContractWarning)
        # What catch_warnings puts back as it was.
        warnings.showwarning = self._show

    def _show(self, message: Any, category: Any, *place: Any, **more: Any) -> None:
        if issubclass(category, ContractWarning):
            self._said.append(str(message))
        else:
            self._usual(message, category, *place, **more)

    def stop(self) -> list[str]:
        """Put things back; what was said."""
        self._state.__exit__(None, None, None)
        return self._said
