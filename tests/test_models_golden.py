"""The published network and pooling, with the same weights: the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avs3d.models.minkunet import VARIANTS, MinkUNet
from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.sparse import Level, voxelize

PLANES = (8, 8, 16, 16, 16, 16, 8, 8)


COPIED = Path(__file__).parent / "data" / "golden"


@pytest.fixture(scope="module")
def slim() -> dict[str, Any]:
    """A slim checkpoint of the official code with the official outputs on made-up voxels."""
    return torch.load(COPIED / "slim.pt", weights_only=True)


@pytest.fixture(scope="module")
def real(golden: Path) -> dict[str, Any]:
    """The same with a case made from a real scan, which is not part of the repository."""
    return torch.load(golden / "golden_slim_share.pt", weights_only=True)


def weights(slim: dict[str, Any], prefix: str) -> dict[str, torch.Tensor]:
    state = slim["checkpoint"]["state_dict"]
    start = f"module.{prefix}."
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}


def slim_network(slim: dict[str, Any]) -> MinkUNet:
    network = MinkUNet(3, 32, PLANES, (2,) * 8, stem=8).eval()
    network.load_state_dict(weights(slim, "net3d"))
    return network


@pytest.mark.parametrize("case", ["small", "smallneg"])
def test_network(slim: dict[str, Any], case: str) -> None:
    check_network(slim, case)


def test_network_on_a_real_scan(real: dict[str, Any]) -> None:
    check_network(real, "nus6k")


def check_network(slim: dict[str, Any], case: str) -> None:
    data = slim["cases"][case]
    coords = data["coords"].long()
    features = torch.ones(len(coords), 3) if isinstance(data["feats"], str) else data["feats"]
    for learning in (False, True):  # layers are computed in another way where they learn
        with torch.set_grad_enabled(learning):
            found = slim_network(slim)(coords, features)
        assert found.requires_grad == learning
        found = found[data["rows"]] if "rows" in data else found
        torch.testing.assert_close(found.detach(), data["output_clip"], atol=1e-5, rtol=1e-5)


OUTPUTS = {"additive": "output_smap", "masked": "output_smap_if_padding_masked"}


@pytest.mark.parametrize("case", ["small", "smallneg"])
@pytest.mark.parametrize("padding", OUTPUTS)
def test_pooling(slim: dict[str, Any], case: str, padding: str) -> None:
    check_pooling(slim, case, padding)


@pytest.mark.parametrize("padding", OUTPUTS)
def test_pooling_on_a_real_scan(real: dict[str, Any], padding: str) -> None:
    check_pooling(real, "nus6k", padding)


def check_pooling(slim: dict[str, Any], case: str, padding: str) -> None:
    data = slim["cases"][case]
    coords = data["coords"].long()
    features = torch.ones(len(coords), 3) if isinstance(data["feats"], str) else data["feats"]
    pooling = SparseMaskedAttentionPooling(32, 16, padding=padding).eval()
    pooling.load_state_dict(weights(slim, "attn_layer"))
    views = torch.zeros(len(coords), data["camera_id_mask"].shape[1], dtype=torch.bool)
    views[data["mask"]] = data["camera_id_mask"].bool()
    with torch.no_grad():
        found = pooling(coords, slim_network(slim)(coords, features), views)
    torch.testing.assert_close(found, data[OUTPUTS[padding]], atol=1e-5, rtol=1e-5)


def test_every_layer(slim: dict[str, Any]) -> None:
    """Sums of each named layer's output, so that a fault is found where it is."""
    data, network, seen = slim["cases"]["smallneg"], slim_network(slim), {}
    for name in slim["cases"]["smallneg_trace"]:
        if hasattr(network, name):
            network.get_submodule(name).register_forward_hook(
                lambda _m, _i, out, name=name: seen.update({name: out})
            )
    with torch.no_grad():
        network(data["coords"].long(), data["feats"])
    for name, out in seen.items():
        expected = slim["cases"]["smallneg_trace"][name]
        assert len(out.level) == expected["n"], name
        assert out.level.stride == expected["tensor_stride"][0], name
        total = float(out.features.double().abs().sum())
        assert total == pytest.approx(expected["abs_sum"], rel=1e-5), name
    assert len(seen) > 25


def test_full_size_names() -> None:
    """Every key of the published checkpoints, with its shape."""
    expected = json.loads((COPIED / "full_keys.json").read_text())
    shapes = {k.removeprefix("module."): v[0] for k, v in expected.items()}
    network = MinkUNet.variant("18A", 3, 768)
    pooling = SparseMaskedAttentionPooling(768, 512)
    ours = {f"net3d.{k}": list(v.shape) for k, v in network.state_dict().items()}
    ours |= {f"attn_layer.{k}": list(v.shape) for k, v in pooling.state_dict().items()}
    assert ours == shapes


def test_kernel_order() -> None:
    offsets = json.loads((COPIED / "me_kernel_offsets.json").read_text())["offsets"]
    for radius, key in ((1, "k3_s1"), (2, "k5_s1")):
        centre = torch.zeros(1, 4, dtype=torch.long)
        for index, offset in enumerate(offsets[key]):
            coords = centre.clone()
            coords[0, 1:] += torch.tensor(offset)
            level, rows = Level.from_coords(torch.cat([centre, coords]).unique(dim=0))
            inputs, outputs = level.neighbours(2 * radius + 1).pairs[index]
            me = int(torch.nonzero((level.coords == centre).all(1)))
            other = int(torch.nonzero((level.coords == coords).all(1)))
            assert other in inputs[outputs == me]


def test_voxelisation(golden: Path) -> None:
    data = np.load(golden / "voxel_nuscenes_005.npz")
    voxels = voxelize(data["points"], float(data["voxel_size"]))
    assert len(voxels.coords) == len(data["coords"])
    assert (voxels.coords[voxels.inverse].numpy() == data["coords"][data["inverse"]]).all()
    assert voxels.origin.tolist() == data["min_coords"].tolist()


def test_order_of_voxels_does_not_matter() -> None:
    torch.manual_seed(0)
    network = MinkUNet(3, 5, PLANES, (1,) * 8, stem=8).eval()
    coords = torch.randint(-20, 20, (500, 4)).unique(dim=0)
    coords[:, 0] %= 2
    coords = coords.unique(dim=0)
    features, order = torch.randn(len(coords), 3), torch.randperm(len(coords))
    with torch.no_grad():
        one, other = network(coords, features), network(coords[order], features[order])
    torch.testing.assert_close(one[order], other)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_in_inference(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    network = MinkUNet(3, 5, PLANES, (1,) * 8, stem=8).eval()
    coords = torch.randint(0, 12, (500, 4)).unique(dim=0)
    with torch.inference_mode():
        exact = network(coords, torch.ones(len(coords), 3))
        with torch.autocast("cpu", dtype=dtype):
            rough = network(coords, torch.ones(len(coords), 3))
    assert rough.dtype == dtype
    torch.testing.assert_close(rough.float(), exact, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_run(name: str) -> None:
    network = MinkUNet.variant(name, 3, 16).eval()
    with torch.no_grad():
        assert network(torch.tensor([[0, 0, 0, 0], [0, 9, 9, 9]]), torch.ones(2, 3)).shape == (
            2,
            16,
        )


@pytest.mark.parametrize("padding", ["masked", "additive"])
def test_a_view_without_points_is_zero(padding: str) -> None:
    pooling = SparseMaskedAttentionPooling(4, 8, out_channels=6, padding=padding)
    coords = torch.tensor([[0, 0, 0, 0], [0, 5, 0, 0]])
    views = torch.tensor([[True, False], [True, False]])
    out = pooling(coords, torch.randn(2, 4), views)
    assert out.shape == (1, 2, 6) and not out[0, 1].any() and out[0, 0].any()
    assert pooling(coords[:0], torch.zeros(0, 4), views[:0]).shape == (0, 2, 6)
