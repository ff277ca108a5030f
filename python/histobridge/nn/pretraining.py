"""Networks whose encoder first learns from patches alone."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from histobridge.nn.batch import Batch, present
from histobridge.nn.encoders import ConvNet, Pixels, ResidualNet
from histobridge.nn.heads import Projection
from histobridge.nn.losses import contrastive, soft_contrastive
from histobridge.nn.network import Network
from histobridge.nn.pixels import normalised
from histobridge.nn.retrieval import ExpressionTower


class Autoencoding(Network):
    """The encoder's maps are drawn back to the patch by a mirror of it (HistoSPACE)."""

    encoder: Pixels

    def __init__(self, encoder: Pixels, head: nn.Module, channels: tuple, **rest):
        super().__init__(encoder, head, **rest)
        layers: list[nn.Module] = []
        for before, after in zip(channels[::-1], (*channels[-2::-1], 3), strict=True):
            layers += [nn.Upsample(scale_factor=2), nn.ReLU()]
            layers += [nn.Conv2d(before, after, 3, padding=1)]
        self.decoder = nn.Sequential(*layers)

    def reconstruction(self, batch: Batch) -> Tensor:
        """Squared error of the patches drawn again."""
        varied = present(self.augmentation)(present(batch.pixels))
        patches = normalised(varied)
        network = cast("ConvNet | ResidualNet", self.encoder.network)
        drawn = self.decoder(network.maps(patches))
        return mse_loss(interpolate(drawn, patches.shape[-2:]), patches)


class TwoViews(Network):
    """Two changed views of a patch agree with each other and with no other (SimCLR)."""

    def __init__(self, encoder: nn.Module, head: nn.Module, width: int, **rest):
        super().__init__(encoder, head, **rest)
        self.project = Projection(width, width)

    def agreement(self, batch: Batch) -> Tensor:
        """Contrast of two views over the patches of the batch."""
        vary, pixels = present(self.augmentation), present(batch.pixels)
        one, other = (
            self.project(self.encoder(batch.but(pixels=vary(pixels)))) for _ in range(2)
        )
        return contrastive(one, other, temperature=0.1)


class Matched(Network):
    """The encoder first learns to match the expression of its spot (crossmodal)."""

    def __init__(
        self, encoder: nn.Module, head: nn.Module, width: int, genes: int, **rest
    ):
        super().__init__(encoder, head, **rest)
        self.project = Projection(width, width)
        self.tower = ExpressionTower(genes, width)

    def match(self, batch: Batch) -> Tensor:
        """Contrast of images and expression over the known spots of the batch."""
        known = batch.known
        images = self.project(self.encoder(batch))[known]
        return soft_contrastive(images, self.tower(batch)[known], temperature=1.0)
