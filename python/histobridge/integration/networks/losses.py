"""Losses of the integration systems, in memory linear in spots and edges."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from histobridge.integration.networks.layers import xavier
from histobridge.integration.networks.operators import Batch, Sparse


def tied_error(
    x: torch.Tensor | Sparse,
    hidden: torch.Tensor,
    product: torch.Tensor,
    weight: torch.Tensor,
    square: torch.Tensor,
) -> torch.Tensor:
    """Mean squared error of ``hidden @ weight.T`` against x, without forming it.

    ``|x - H W'|^2 = |x|^2 - 2 <H, x W> + <H'H, W'W>``: with tied weights the encoder
    has made ``product = x W`` already, so the decoder costs (n, width) instead of
    (n, genes), and x may stay sparse. Where x is narrower than H the plain way is
    the cheaper one.

    Parameters
    ----------
    square
        ``|x|^2``.
    """
    if isinstance(x, torch.Tensor) and x.shape[1] <= hidden.shape[1]:
        return functional.mse_loss(hidden @ weight.T, x)
    cross = (hidden * product).sum()
    grams = ((hidden.T @ hidden) * (weight.T @ weight)).sum()
    return (square - 2 * cross + grams).squeeze() / (x.shape[0] * x.shape[1])


def edge_error(
    z: torch.Tensor, graph: Sparse, *, negatives: bool = True, per_spot: int = 6
) -> torch.Tensor:
    """Cross-entropy of inner products on edges against as many sampled non-edges.

    Non-edges are drawn at random and those that are edges dropped, where the
    published losses decode all pairs. Without ``negatives`` only edges count, as
    the mask of DeepST and its relatives has it.
    """
    n = len(z)
    most = min(len(graph.rows), per_spot * n)
    if not most:
        return z.sum() * 0.0
    chosen = torch.randperm(len(graph.rows))[:most].to(z.device)
    rows, columns = graph.rows[chosen], graph.columns[chosen]
    positive = functional.softplus(-(z[rows] * z[columns]).sum(1)).mean()
    if not negatives:
        return positive
    one, other = (torch.randint(n, (most,)).to(z.device) for _ in range(2))
    known = graph.rows * n + graph.columns
    place = torch.searchsorted(known, one * n + other).clamp(max=len(known) - 1)
    keep = (known[place] != one * n + other) & (one != other)
    negative = (z[one[keep]] * z[other[keep]]).sum(1)
    # A handful of spots may all be neighbours.
    if not len(negative):
        return positive
    return positive + functional.softplus(negative).mean()


def kl_normal(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Divergence from the standard normal, mean over spots."""
    term = 1 + log_variance - mean**2 - log_variance.exp()
    return -0.5 * term.sum(dim=1).mean()


def scaled_cosine_error(
    x: torch.Tensor, y: torch.Tensor, power: float = 3.0
) -> torch.Tensor:
    """``(1 - cosine)^power``, mean over spots (GraphMAE; Hou et al. 2022)."""
    return ((1 - functional.cosine_similarity(x, y, dim=1)) ** power).mean()


class Infomax(nn.Module):
    """Deep graph infomax against shuffled spots (Velickovic et al. 2019).

    ``summary`` is what a spot is matched with: the mean of its neighbours in
    GraphST, the mean of all spots in SpaceFlow.
    """

    def __init__(self, width: int):
        super().__init__()
        self.bilinear = xavier(width, width)

    def forward(
        self, real: torch.Tensor, fake: torch.Tensor, summary: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy of telling ``real`` from ``fake`` (n, width) by ``summary``."""
        toward = torch.sigmoid(summary) @ self.bilinear.T
        score = (real * toward).sum(1), (fake * toward).sum(1)
        return (
            functional.softplus(-score[0]).mean() + functional.softplus(score[1]).mean()
        )


def neighbour_contrast(
    one: torch.Tensor,
    other: torch.Tensor,
    graph: Sparse | None,
    temperature: float,
    groups: torch.Tensor | None = None,
    negatives: int = 1024,
) -> torch.Tensor:
    """InfoNCE: a spot's two views, and its neighbours, against sampled spots.

    Parameters
    ----------
    one, other
        Two views (n, d), normalised here.
    graph
        Neighbours that count as positive too; None for the spot alone.
    groups
        Spots of one group (for example image clusters) are no negatives to each
        other.
    negatives
        Spots sampled as negatives, the same for all.
    """
    one, other = functional.normalize(one, dim=1), functional.normalize(other, dim=1)
    n = len(one)
    drawn = torch.randperm(n)[:negatives].to(one.device)
    against = one @ other[drawn].T / temperature
    same = drawn[None, :] == torch.arange(n, device=one.device)[:, None]
    if groups is not None:
        same = same | (groups[drawn][None, :] == groups[:, None])
    rest = torch.logsumexp(against.masked_fill(same, -torch.inf), dim=1)
    rest = torch.where(torch.isfinite(rest), rest, torch.zeros_like(rest))
    own = (one * other).sum(1) / temperature
    loss = functional.softplus(rest - own).mean()
    if graph is None:
        return loss
    near = (one[graph.rows] * other[graph.columns]).sum(1) / temperature
    return (loss + functional.softplus(rest[graph.rows] - near).mean()) / 2


def triplet_error(
    z: torch.Tensor, pairs: Sparse, sections: torch.Tensor, margin: float = 1.0
) -> torch.Tensor:
    """Mutual neighbours across sections nearer than random spots of one's own."""
    if not len(pairs.rows):
        return z.sum() * 0.0
    order = torch.argsort(sections, stable=True)
    count = torch.bincount(sections)
    first = torch.cumsum(count, 0) - count
    home = sections[pairs.rows]
    shift = torch.rand(len(home)).to(z.device) * count[home]
    far = order[first[home] + shift.long()]
    return functional.triplet_margin_loss(
        z[pairs.rows], z[pairs.columns], z[far], margin
    )


class DeepClusters(nn.Module):
    """Self-training on soft assignments (DEC; Xie et al. 2016).

    Centres start at epoch ``start`` from k-means of the embedding (of the first
    tile), ``k`` of them or one per spot; the sharpened target is renewed every
    ``every`` epochs. Memberships fall with the squared distance d as
    ``(1 + d / spread) ** -power``.
    """

    def __init__(
        self,
        k: int,
        width: int,
        *,
        start: int,
        every: int,
        spread: float = 1.0,
        power: float = 1.0,
    ):
        super().__init__()
        self.spread, self.power = spread, power
        self.centres = nn.Parameter(torch.zeros(k, width))
        self.start, self.every = start, every
        self.targets: dict[int, torch.Tensor] = {}

    def assignment(self, z: torch.Tensor) -> torch.Tensor:
        """Student-t memberships (n, k)."""
        square = (z**2).sum(1)[:, None] + (self.centres**2).sum(1)
        distance = (square - 2 * z @ self.centres.T).clamp(min=0)
        q = (1 + distance / self.spread) ** -self.power
        return q / q.sum(dim=1, keepdim=True)

    def forward(self, z: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Divergence of the assignments from their target; 0 before ``start``."""
        epoch, tile = batch.epoch, batch.tile
        if epoch < self.start:
            return z.sum() * 0.0
        if epoch == self.start and tile == 0:
            self._initialise(z.detach())
        q = self.assignment(z)
        if tile not in self.targets or (epoch - self.start) % self.every == 0:
            p = q.detach() ** 2 / q.detach().sum(dim=0)
            self.targets[tile] = p / p.sum(dim=1, keepdim=True)
        target = self.targets[tile]
        ratio = target * (target.clamp(min=1e-12).log() - q.log())
        return ratio.sum(dim=1).mean()

    def _initialise(self, z: torch.Tensor) -> None:
        from sklearn.cluster import KMeans

        seed = int(torch.randint(2**31, (1,)))
        k = min(len(self.centres), len(z))
        model = KMeans(k, n_init=5, random_state=seed)
        centres = model.fit(z.cpu().numpy()).cluster_centers_
        self.centres.data = torch.from_numpy(centres).to(z)
