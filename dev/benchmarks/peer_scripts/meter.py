"""What every script of a peer measures: processor seconds and peak memory."""

import json
import re
import sys
import time
from pathlib import Path


class Meter:
    """Seconds from one mark to the next."""

    def __init__(self):
        self.wall = time.perf_counter()
        self.cpu = time.process_time()

    def since(self) -> float:
        """Processor seconds since the last call."""
        before, self.cpu = self.cpu, time.process_time()
        return self.cpu - before

    def report(self, setup: float, train: float, epochs: int) -> None:
        """Print what was measured as the last line."""
        found = {"setup_cpu": setup, "train_cpu": train, "epochs": epochs}
        found |= {"wall": time.perf_counter() - self.wall, "peak_gb": peak_gb()}
        print(json.dumps(found))


def peak_gb() -> float:
    """Largest resident memory of this process.

    Not of ``getrusage``: a child starts from the peak of the process that started it.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 2**20


def arguments() -> tuple[str, str, int, int, int]:
    """File, system, number of domains, seed, epochs (0 for all)."""
    path, name, *numbers = sys.argv[1:]
    return path, name, *map(int, numbers)
