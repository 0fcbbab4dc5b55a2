"""Point Transformer V3 against a plain one, on weights as Pointcept lays them out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from avs3d.bundle import Bundle, make_network, save_bundle
from avs3d.bundle_config import BundleConfig
from avs3d.convert.bundle import convert
from avs3d.convert.checkpoint import Checkpoint, MismatchError
from avs3d.convert.parts import network_of
from avs3d.convert.ptv3 import from_pointcept
from avs3d.errors import UserError
from avs3d.models.configs import PointTransformerV3Config
from avs3d.models.point_transformer_v3 import PointTransformerV3
from avs3d.models.serialization import CURVES, Lines
from avs3d.sparse import Level
from commands import Call, lines, scan, segment
from plain_ptv3 import PUBLISHED, PlainPointTransformerV3, Sizes, code, shapes

TINY = Sizes(
    in_channels=3,
    enc_depths=(1, 4, 1),
    enc_channels=(8, 16, 16),
    enc_heads=(2, 4, 4),
    dec_depths=(2, 1),
    dec_channels=(8, 8),
    dec_heads=(2, 2),
    patch=16,
)


def pointcept_state(sizes: Sizes, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes(sizes).items():
        value = torch.randn(shape, generator=generator, dtype=torch.float64)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith(("running_var", "norm.weight", "norm1.0.weight", "norm2.0.weight")):
            state[name] = value.abs() + 0.5
        elif value.ndim > 1:
            state[name] = value / value[0].numel() ** 0.5
        else:
            state[name] = value
    return state


def loaded(state: dict[str, Tensor], sizes: Sizes) -> PointTransformerV3:
    config, ours = from_pointcept(
        state, head_width=4, patch_size=sizes.patch, order=sizes.order, stride=sizes.stride
    )
    network = make_network(config).double().eval()
    network.load_state_dict(ours)
    assert isinstance(network, PointTransformerV3)
    return network


def voxels(seed: int, counts: tuple[int, ...] = (230, 70, 9, 1)) -> Tensor:
    """Samples of so many voxels, one after the other, in no order and around different places."""
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for batch, count in enumerate(counts):
        cells = torch.randperm(8 * 8 * 7, generator=generator)[:count]
        cells = torch.stack([cells // 56, cells // 7 % 8, cells % 7], 1)
        low = torch.randint(-50, 50, (3,), generator=generator)
        samples.append(torch.cat([torch.full((count, 1), batch), cells + low], 1))
    return torch.cat(samples)


@settings(max_examples=100)
@given(st.integers(1, 21), st.data())
def test_curves_are_the_textbooks(depth: int, data: Any) -> None:
    axis = st.integers(0, 2**depth - 1)
    cells = data.draw(st.lists(st.tuples(axis, axis, axis), min_size=1, max_size=5))
    for name, curve in CURVES.items():
        assert curve(torch.tensor(cells), depth).tolist() == [code(c, depth, name) for c in cells]


@pytest.mark.parametrize("depth", [1, 3])
def test_the_hilbert_curve_goes_from_neighbour_to_neighbour(depth: int) -> None:
    side = torch.arange(2**depth)
    cells = torch.cartesian_prod(side, side, side)
    place = CURVES["hilbert"](cells, depth)
    assert place.sort().values.tolist() == list(range(len(cells)))
    assert (cells[place.argsort()].diff(dim=0).abs().sum(1) == 1).all()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rpe": True},
        {"stride": 4},
        {"order": ("hilbert", "z-trans"), "dec_depths": (0, 2), "enc_depths": (0, 2, 0)},
    ],
)
def test_the_network_is_the_plain_one(changes: dict[str, Any]) -> None:
    sizes = dataclasses.replace(TINY, **changes)
    state, coords = pointcept_state(sizes), voxels(1)
    features = torch.randn(len(coords), 3, dtype=torch.float64)
    with torch.no_grad():
        found = loaded(state, sizes)(coords, features)
        expected = PlainPointTransformerV3(state, sizes)(coords, features)
    assert expected.abs().max() > 1
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-9)


def test_memory_of_attention_is_bounded_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    from avs3d.models import point_transformer_v3

    network, coords = loaded(pointcept_state(TINY), TINY), voxels(2)
    features = torch.randn(len(coords), 3, dtype=torch.float64)
    with torch.no_grad():
        whole = network(coords, features)
        monkeypatch.setattr(point_transformer_v3, "_ATTENTION_BYTES", 1)
        torch.testing.assert_close(network(coords, features), whole)


def test_order_of_voxels_does_not_matter() -> None:
    network, coords = loaded(pointcept_state(TINY), TINY).float(), voxels(3)
    features, order = torch.randn(len(coords), 3), torch.randperm(len(coords))
    with torch.no_grad():
        one, other = network(coords, features), network(coords[order], features[order])
    assert torch.equal(one[order], other)


def test_a_sample_is_the_same_alone_and_wherever_it_lies() -> None:
    network, coords = loaded(pointcept_state(TINY), TINY), voxels(4)
    features = torch.randn(len(coords), 3, dtype=torch.float64)
    first = coords[:, 0] == 0
    with torch.no_grad():
        whole = network(coords, features)[first]
        alone = network(coords[first] + torch.tensor([5, 3, -1, 1000]), features[first])
    torch.testing.assert_close(alone, whole)


@pytest.mark.parametrize("count", [0, 1])
def test_no_voxel_and_one(count: int) -> None:
    network = loaded(pointcept_state(TINY), TINY)
    with torch.no_grad():
        found = network(torch.full((count, 4), 3), torch.ones(count, 3, dtype=torch.float64))
    assert found.shape == (count, 8) and found.isfinite().all()


def test_every_parameter_learns() -> None:
    network, coords = loaded(pointcept_state(TINY), TINY).train(), voxels(5)
    network(coords, torch.randn(len(coords), 3, dtype=torch.float64)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_curves_are_shuffled_in_training_only() -> None:
    network, coords = loaded(pointcept_state(TINY), TINY), voxels(6)
    features = torch.randn(len(coords), 3, dtype=torch.float64)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d)]

    @torch.no_grad()
    def runs(train: bool, seeds: list[int]) -> list[Tensor]:
        network.train(train)
        for norm in norms:
            norm.eval()
        return [(torch.manual_seed(seed), network(coords, features))[1] for seed in seeds]

    first, again = runs(False, [0, 1])
    assert torch.equal(first, again)
    first, *others, again = runs(True, [0, 1, 2, 0])
    assert torch.equal(first, again) and not any(torch.equal(first, other) for other in others)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 20))
def test_every_voxel_has_a_place_of_its_own_in_the_patches(counts: list[int], size: int) -> None:
    level, _ = Level.from_coords(voxels(7, tuple(counts)))
    patches = Lines.at_zero(level, ["hilbert"]).patches(0, size)
    line = torch.cat([rows.flatten() for rows in patches.rows])
    assert line[patches.own].tolist() == list(range(len(level)))
    for count, rows in zip(counts, patches.rows, strict=True):
        assert rows.shape == (-(-count // size), min(size, count))
        assert all(len(set(patch)) == len(patch) for patch in rows.tolist())


def test_a_sample_too_wide_to_line_up_is_refused() -> None:
    level, _ = Level.from_coords(torch.tensor([[0, 0, 0, 0], [0, 2**21 - 1, 0, 0]]))
    with pytest.raises(ValueError, match="too many to line up"):
        Lines.at_zero(level, ["z"])


@pytest.mark.parametrize("changes", [{"order": ()}, {"stride": (2, 3, 2, 2)}, {"dec_depths": (1,)}])
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    with torch.device("meta"), pytest.raises(ValueError, match="order|powers of two|entries"):
        PointTransformerV3(4, 8, **changes)


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.backbone."])
def test_published_names_and_shapes(prefix: str) -> None:
    state = {prefix + k: torch.empty(v, device="meta") for k, v in shapes(PUBLISHED).items()}
    outside = prefix.removesuffix("backbone.")
    state[outside + "seg_head.weight"] = torch.empty(16, 64, device="meta")
    state[outside + "seg_head.bias"] = torch.empty(16, device="meta")
    config, ours = from_pointcept(state)
    with torch.device("meta"):
        network = PointTransformerV3(4, 64)
    assert config == PointTransformerV3Config(
        in_channels=4,
        out_channels=64,
        order=("z", "z-trans", "hilbert", "hilbert-trans"),
        stride=(2,) * 4,
        enc_depths=PUBLISHED.enc_depths,
        enc_channels=PUBLISHED.enc_channels,
        enc_num_head=PUBLISHED.enc_heads,
        enc_patch_size=(1024,) * 5,
        dec_depths=PUBLISHED.dec_depths,
        dec_channels=PUBLISHED.dec_channels,
        dec_num_head=PUBLISHED.dec_heads,
        dec_patch_size=(1024,) * 4,
        mlp_ratio=4,
        qkv_bias=True,
        enable_rpe=False,
    )
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert {name: tuple(value.shape) for name, value in ours.items()} == expected
    assert len(shapes(PUBLISHED)) + 1 == len(expected)
    assert torch.equal(ours["final.kernel"], torch.eye(64))


def test_a_head_without_bias_leads_to_the_text_space() -> None:
    state = pointcept_state(TINY) | {"seg_head.weight": torch.randn(5, 8)}
    config, ours = from_pointcept(state, head_width=4)
    assert config.out_channels == 5
    assert torch.equal(ours["final.kernel"], state["seg_head.weight"].T)


def conditioned(state: dict[str, Tensor]) -> None:
    for name in [name for name in state if ".norm2.0." in name]:
        state[name.replace("norm2.0.", "norm2.0.norm.1.")] = state.pop(name)


def of_an_older_spconv(state: dict[str, Tensor]) -> None:
    name = "enc.enc0.block0.cpe.0.weight"
    state[name] = state[name].permute(1, 2, 3, 0, 4)


def other_stem(state: dict[str, Tensor]) -> None:
    state["embedding.stem.linear.weight"] = state.pop("embedding.stem.conv.weight")


def wide(state: dict[str, Tensor]) -> None:
    state["embedding.stem.conv.weight"] = torch.empty(10_000, 5, 5, 5, 3, device="meta")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict.clear, "no Point Transformer V3"),
        (other_stem, "no Point Transformer V3"),
        (conditioned, "PDNorm"),
        (of_an_older_spconv, "spconv before 2.2"),
        (wide, "unusual sizes: enc_channels.0"),
    ],
)
def test_other_checkpoints_are_refused(change: Any, message: str) -> None:
    state = pointcept_state(TINY)
    change(state)
    with pytest.raises(UserError, match=message) as caught:
        from_pointcept(state, head_width=4, patch_size=16)
    assert "\n" not in str(caught.value)


NEEDED = [name for name in sorted(shapes(TINY)) if not name.endswith("num_batches_tracked")]
WRONG = [None, (), (0,), (3, 2), (3, 0), (2, 3, 3, 3, 0)]


@settings(max_examples=40)
@given(st.sampled_from(NEEDED), st.sampled_from(WRONG))
@example("enc.enc0.block0.mlp.0.fc1.weight", (3, 0))
@example("embedding.stem.conv.weight", ())
def test_a_checkpoint_with_a_damaged_tensor_is_refused(
    name: str, shape: tuple[int, ...] | None
) -> None:
    state = {k: torch.empty(v, device="meta") for k, v in shapes(TINY).items()}
    if shape is None:
        del state[name]
    else:
        state[name] = torch.empty(shape, device="meta")
    with pytest.raises(UserError, match="a.pth"):
        network_of(Checkpoint(Path("a.pth"), state, ()))


def test_tensors_that_differ_are_told_as_of_any_network() -> None:
    state = pointcept_state(TINY)
    state["enc.enc3.down.proj.weight"] = torch.zeros(16, 16)
    del state["dec.dec0.block0.mlp.0.fc2.bias"]
    with pytest.raises(MismatchError, match="a.pth .*Point Trans.*: 1 tensors missing, 1 spare"):
        network_of(Checkpoint(Path("a.pth"), state, ()))


@pytest.mark.parametrize("bias", [False, True])
def test_what_is_left_out_of_a_checkpoint_is_listed(bias: bool, tmp_path: Path) -> None:
    """A head with a bias tells classes apart: the features are those before it."""
    state = pointcept_state(dataclasses.replace(TINY, in_channels=4))
    state = {f"module.backbone.{name}": value for name, value in state.items()}
    state["module.seg_head.weight"] = torch.randn(5, 8)
    state["module.loss.weight"] = torch.zeros(5)
    if bias:
        state["module.seg_head.bias"] = torch.zeros(5)
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "a.pth")
    made = convert([tmp_path / "a.pth"], tmp_path / "made", text_encoder="minilm")
    head = "seg_head.weight, loss.weight and 1 more" if bias else "loss.weight"
    assert made.lines[1:] == (f"left out of a.pth: epoch, {head}",)
    assert f"Point Transformer V3, {8 if bias else 5}-d" in made.lines[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a tiny network and the published inputs."""
    sizes = dataclasses.replace(TINY, in_channels=4)
    state = pointcept_state(sizes) | {"seg_head.weight": torch.randn(384, 8)}
    network, ours = from_pointcept(state, head_width=4, patch_size=16)
    config = BundleConfig(
        name="tiny",
        text_encoder="minilm",
        prompt="a {word}",
        voxel_size=0.5,
        inputs=("x", "y", "z", "strength"),
        network=network,
    )
    made = make_network(network)
    made.load_state_dict(ours)
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    save_bundle(folder, config, {"network": made})
    return folder


def test_a_bundle_is_saved_and_loaded(folder: Path) -> None:
    bundle = Bundle.load(folder)
    assert isinstance(bundle.network, PointTransformerV3)
    assert isinstance(bundle.config.network, PointTransformerV3Config)
    state = pointcept_state(dataclasses.replace(TINY, in_channels=4))
    _, ours = from_pointcept(state, head_width=4, patch_size=16)
    saved = bundle.network.state_dict()
    assert all(torch.equal(saved[k], v.to(saved[k])) for k, v in ours.items() if k[:5] != "final")


def test_segment_with_a_bundle(call: Call, folder: Path, tmp_path: Path) -> None:
    result = segment(call, folder, scan(tmp_path / "a.bin"))
    assert result.exit_code == 0, lines(result)
    assert (tmp_path / "avs3d-results" / "a.ply").exists()


def test_convert_takes_a_checkpoint_of_pointcept(tmp_path: Path) -> None:
    sizes = dataclasses.replace(
        TINY,
        in_channels=4,
        enc_channels=(16, 16, 32),
        enc_heads=(1, 1, 2),
        dec_channels=(16, 16),
        dec_heads=(1, 1),
    )
    state = {f"module.backbone.{k}": v.float() for k, v in pointcept_state(sizes).items()}
    state["module.seg_head.weight"] = torch.randn(384, 16)
    path = tmp_path / "model_best.pth"
    torch.save({"epoch": 1, "state_dict": state}, path)
    made = convert([path], tmp_path / "made", text_encoder="minilm")
    assert made.lines[0].startswith("network: Point Transformer V3, 384-d, in the space of minilm")
    bundle = Bundle.load(made.folder)
    assert bundle.config.inputs == ("x", "y", "z", "strength")
    _, ours = from_pointcept(state)
    assert all(torch.equal(v, ours[k]) for k, v in bundle.network.state_dict().items())
    conditioned(state)
    torch.save({"state_dict": state}, path)
    with pytest.raises(UserError, match="model_best.pth: the checkpoint .*PDNorm"):
        convert([path], tmp_path / "other", text_encoder="minilm")
