"""Which spots make a batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator

from histobridge.nn.batch import Batch, present


def spots(table: Batch, size: int, generator: Generator) -> Iterator[Batch]:
    """Yield random known spots, ``size`` at a time."""
    rows = present(table.known).nonzero().squeeze(1)
    rows = rows[torch.randperm(len(rows), generator=generator)]
    # Equal parts: a last batch of one spot has neither contrast nor correlation.
    for part in rows.tensor_split(max(1, round(len(rows) / size))):
        yield table.take(part)


def sections(table: Batch, size: int, generator: Generator) -> Iterator[Batch]:
    """Yield whole sections in random order, one at a time; the known spots count."""
    codes = table.section[table.known].unique()
    for code in codes[torch.randperm(len(codes), generator=generator)]:
        yield table.take((table.section == code).nonzero().squeeze(1))


def regions(table: Batch, size: int, generator: Generator) -> Iterator[Batch]:
    """Yield ``size`` regions of known spots: the bags of bulk-supervised systems.

    A region is the share of a section nearest a random spot, between a quarter and
    the whole of it, so that a few sections give many different bags.
    """
    codes = table.section[table.known].unique()
    picked, bags = [], []
    for bag in range(size):
        code = codes[torch.randint(len(codes), (), generator=generator)]
        rows = (table.known & (table.section == code)).nonzero().squeeze(1)
        centre = rows[torch.randint(len(rows), (), generator=generator)]
        share = 0.25 + 0.75 * torch.rand((), generator=generator)
        apart = (table.position[rows] - table.position[centre]).norm(dim=1)
        rows = rows[apart.argsort()[: max(1, round(float(share) * len(rows)))]]
        picked.append(rows)
        bags.append(torch.full((len(rows),), bag))
    yield table.take(torch.cat(picked)).but(bag=torch.cat(bags))


SAMPLERS = {"spots": spots, "sections": sections, "regions": regions}
