"""Random numbers that depend on a seed and leave the caller's alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derived_seed(*parts: int) -> int:
    """One 32-bit seed from several numbers, e.g. of a run and of its epoch."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


@contextmanager
def seeded(*parts: int) -> Iterator[torch.Generator]:
    """Seed torch inside the block only; gives a CPU generator of its own.

    Initialisation and dropout read torch's global state, so it is set here and put
    back afterwards, on the CPU and on every GPU.
    """
    number = derived_seed(*parts)
    with torch.random.fork_rng():
        torch.manual_seed(number)
        yield torch.Generator().manual_seed(number)
