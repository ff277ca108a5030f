"""What a job costs: time, memory, energy, each marked measured or estimated."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Literal

from histobridge.contract import ContractError

Energy = Literal["estimate", "codecarbon"]

COLUMNS = ("wall_s", "cpu_s", "peak_rss", "energy_kwh", "measured", "estimated")
"""Seconds, CPU seconds, MB, kWh, and which of them are measured or estimated."""

WATTS_PER_CORE = 4.0
"""Assumed draw of a busy core, of which energy is estimated from CPU seconds."""

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


class Meter:
    """Context manager that measures what happens inside it; see :attr:`cost`.

    Parameters
    ----------
    energy
        ``estimate``: CPU seconds times ``WATTS_PER_CORE``. ``codecarbon``: its
        offline tracker of this process; measured where the processor's energy
        counter (RAPL) can be read, else codecarbon's own estimate.

    Attributes
    ----------
    cost
        ``COLUMNS`` by name, once the block has ended. CPU seconds are those of all
        threads of this process. The peak of memory is that of the block where the
        system can reset it (Linux), else, marked as estimated, of the process.

    Raises
    ------
    ContractError
        codecarbon asked for and not installed; another ``energy``.
    """

    def __init__(self, energy: Energy = "estimate"):
        check_energy(energy)
        self.energy = energy
        self.cost: dict[str, Any] = {}

    def __enter__(self) -> Meter:
        self._tracker = _tracker() if self.energy == "codecarbon" else None
        self._own_peak = _reset_peak()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        wall = time.perf_counter() - self._wall
        cpu = time.process_time() - self._cpu
        facts = {"wall_s": (wall, True), "cpu_s": (cpu, True)}
        facts["peak_rss"] = (peak_mb(), self._own_peak)
        facts["energy_kwh"] = (cpu * WATTS_PER_CORE / 3.6e6, False)
        if self._tracker is not None:
            self._tracker.stop()
            kwh = self._tracker.final_emissions_data.energy_consumed
            facts["energy_kwh"] = (float(kwh), os.access(_RAPL, os.R_OK))
        self.cost = {name: value for name, (value, _) in facts.items()}
        for word, wanted in (("measured", True), ("estimated", False)):
            self.cost[word] = ", ".join(n for n, (_, m) in facts.items() if m == wanted)


def check_energy(energy: str) -> None:
    """Refuse what :class:`Meter` cannot do, before anything has run."""
    if energy not in ("estimate", "codecarbon"):
        raise ContractError('energy "estimate" or "codecarbon"', repr(energy))
    if energy == "codecarbon":
        import importlib.util

        if importlib.util.find_spec("codecarbon") is None:
            raise ContractError(
                "codecarbon, which is asked for", "not installed", "histobridge[energy]"
            )


def _tracker() -> Any:
    from codecarbon import OfflineEmissionsTracker

    # The country only turns energy into emissions, which are not read.
    tracker = OfflineEmissionsTracker(
        country_iso_code="USA",
        tracking_mode="process",
        save_to_file=False,
        log_level="critical",
        allow_multiple_runs=True,
    )
    tracker.start()
    return tracker


def _reset_peak() -> bool:
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return _STATUS.exists()


def peak_mb() -> float:
    """Largest resident memory since it was last reset, in MB; NaN on Windows."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
