"""Where Python and R, in one process, leave objects for one another.

Only the key crosses the border, as text, so no object is converted on the way.
"""

from __future__ import annotations

from itertools import count
from typing import Any

_desk: dict[str, Any] = {}
_numbers = count()


def leave(value: Any) -> str:
    """Put an object down and return the key that fetches it."""
    key = str(next(_numbers))
    _desk[key] = value
    return key


def take(key: str) -> Any:
    """Fetch an object; it is on the desk no longer."""
    return _desk.pop(key)
