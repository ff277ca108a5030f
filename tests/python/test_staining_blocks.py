"""Blocks that paint maps: windows stay apart, patches and maps turn together."""

import pytest
import torch

from histobridge.nn import maps, unet, windows
from histobridge.nn.seeding import seeded

BLOCKS = {
    "convolutions": unet.Convolutions,
    "windows": lambda w: windows.WindowBlock(w, heads=2, window=4),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("side", [16, 13])
def test_u_shaped_networks_keep_the_side_and_learn_in_every_part(name, side):
    with seeded(0):
        network = unet.UNet(8, levels=2, block=BLOCKS[name])
        x = torch.randn(3, 3, side, side)
    out = network(x)
    assert out.shape == (3, 8, side, side)
    torch.testing.assert_close(network(x[1:2]), out[1:2], atol=1e-4, rtol=1e-3)
    out.square().sum().backward()
    for label, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), label


def test_a_pixel_is_painted_by_its_surroundings_and_not_by_its_tile():
    """Statistics of a whole tile would show where tiles meet."""
    with seeded(0):
        network = unet.UNet(8, levels=1)
        x = torch.randn(1, 3, 48, 48)
    x[..., 40:] = 9.0
    whole, part = network(x), network(x[..., :32, :32])
    torch.testing.assert_close(part[..., :16, :16], whole[..., :16, :16])


def test_windows_are_put_back_and_do_not_see_each_other():
    x = torch.randn(2, 8, 8, 12, generator=torch.Generator().manual_seed(0))
    tokens = windows.to_windows(x, 4)
    assert tokens.shape == (2 * 6, 16, 8)
    assert torch.equal(windows.from_windows(tokens, x.shape), x)
    with seeded(0):
        block = windows.WindowAttention(8, heads=2, window=4)
    other = x.clone()
    other[:, :, :4, :4] = 9.0
    before, after = block(x), block(other)
    torch.testing.assert_close(after[:, :, 4:], before[:, :, 4:])
    torch.testing.assert_close(after[:, :, :, 4:], before[:, :, :, 4:])
    assert not torch.allclose(after[:, :, :4, :4], before[:, :, :4, :4])


def test_what_lies_beyond_the_edge_has_no_influence():
    """A map of 6 x 6 in windows of 4: the padding is masked."""
    with seeded(0):
        block = windows.WindowAttention(8, heads=2, window=4)
        x = torch.randn(1, 8, 6, 6)
        torch.nn.init.constant_(block.attention.key_value.bias, 5.0)
    corner = block(x)[..., 4:, 4:]
    alone = block(torch.nn.functional.pad(x[..., 4:, 4:], (0, 2, 0, 2), value=7.0))
    assert not torch.allclose(alone[..., :2, :2], corner)
    small = block(x[..., 4:, 4:])
    torch.testing.assert_close(small, corner)


def test_channels_attend_to_channels_whatever_the_order_of_pixels():
    with seeded(0):
        block = windows.SpectralAttention(8, heads=2)
        x = torch.randn(2, 8, 5, 5)
    order = torch.randperm(25, generator=torch.Generator().manual_seed(1))
    mixed = x.flatten(2)[..., order].reshape(x.shape)
    expected = block(x).flatten(2)[..., order].reshape(x.shape)
    torch.testing.assert_close(block(mixed), expected)


def test_patches_and_maps_turn_together():
    side = 6
    pixels = torch.arange(2 * side * side * 3).reshape(2, side, side, 3)
    table = maps.MapBatch(
        pixels.to(torch.uint8),
        pixels[..., 0] % 7 > 2,
        pixels[..., 0].float().unsqueeze(1),
        torch.zeros(2, 0),
    )
    seen = set()
    for turns in range(4):
        for flip in (False, True):
            turned = table.turned(turns, flip)
            found = turned.pixels[..., 0].float()
            assert torch.equal(found, turned.maps[:, 0].to(torch.uint8).float())
            assert torch.equal(turned.maps[:, 0] % 7 > 2, turned.disc)
            seen.add(turned.maps.numpy().tobytes())
    assert len(seen) == 8


def test_a_marker_is_taught_by_the_mean_of_its_spot_alone():
    disc = torch.zeros(2, 4, 4, dtype=torch.bool)
    disc[:, 1:3, 1:3] = True
    x = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = x[:, :, 1:3, 1:3].mean(dim=(2, 3))
    torch.testing.assert_close(maps.spot_mean(x, disc), expected)
    painter = maps.flat_painter(unet.UNet(8, levels=1), 8, 1)
    batch = maps.MapBatch(
        torch.zeros(2, 4, 4, 3, dtype=torch.uint8),
        disc,
        torch.zeros(2, 0, 4, 4),
        expected,
    )
    outside = x.clone()
    outside[:, :, 0] = 99.0
    for guess in (x, outside):
        assert painter.error(guess, batch) == pytest.approx(0, abs=1e-9)


def test_styles_are_drawn_in_training_and_tell_channels_apart():
    with seeded(0):
        styles = maps.Styles(8, 2)
        x = torch.randn(1, 8, 4, 4)
    first = styles.eval()(x)
    assert torch.equal(styles(x), first)
    assert not torch.allclose(first[:, 0], first[:, 1])
    with seeded(1):
        assert not torch.equal(styles.train()(x), first)
    torch.nn.init.zeros_(styles.mean)
    torch.nn.init.zeros_(styles.log_variance)
    assert styles.divergence() == 0
