"""How much memory is left."""

from __future__ import annotations

import re
from pathlib import Path

SYSTEM = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Bytes that this process can still take; ``None`` where no one tells."""
    found = [bytes_free() for bytes_free in (_of_system, _of_group)]
    known = [free for free in found if free is not None]
    return max(0, min(known)) if known else None


def _of_system() -> int | None:
    try:
        return 1024 * int(SYSTEM.read_text().split("MemAvailable:")[1].split()[0])
    except (OSError, IndexError, ValueError):
        return None


def _of_group() -> int | None:
    try:
        most = int((GROUP / "memory.max").read_text())
        used = int((GROUP / "memory.current").read_text())
        stat = (GROUP / "memory.stat").read_text()
    except (OSError, ValueError):
        return None
    # Pages of files that were read count as used until somebody needs the room.
    cached = re.search(r"^inactive_file (\d+)", stat, re.MULTILINE)
    return most - used + (int(cached[1]) if cached else 0)
