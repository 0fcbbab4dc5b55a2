"""The engine against dense convolution, gradients, order and coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from avs3d.sparse import (
    Level,
    PointwiseConv,
    SparseBatchNorm,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    TransposedConv,
    conv_norm,
    pool_by_mask,
    pool_by_sample,
    voxelize,
)
from avs3d.sparse import conv as conv_module
from avs3d.sparse import kernel_map as kernel_map_module
from avs3d.sparse.conv import sparse_conv
from avs3d.sparse.threads import for_each


def random_coords(seed: int, count: int = 300, side: int = 9, batches: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    cells = torch.randperm(batches * side**3, generator=generator)[:count]
    xyz = torch.stack([cells // side**2 % side, cells // side % side, cells % side], 1)
    return torch.cat([(cells // side**3)[:, None], xyz - side // 2], 1)


def dense_of(x: SparseTensor, side: int, low: int) -> Tensor:
    """(B, C, z, y, x): with this order a dense kernel's index has x fastest, as ours does."""
    coords = x.level.coords
    grid = x.features.new_zeros(int(coords[:, 0].max()) + 1, side, side, side, x.features.shape[1])
    b, i, j, k = (coords - torch.tensor([0, low, low, low])).unbind(1)
    grid[b, k, j, i] = x.features
    return grid.permute(0, 4, 1, 2, 3)


def dense_weight(kernel: Tensor, size: int) -> Tensor:
    return kernel.view(size, size, size, *kernel.shape[1:]).permute(4, 3, 0, 1, 2)


def at(dense: Tensor, coords: Tensor, low: int) -> Tensor:
    b, i, j, k = (coords - torch.tensor([0, low, low, low])).unbind(1)
    return dense[b, :, k, j, i]


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_submanifold_is_dense_convolution_at_the_voxels(size: int, seed: int) -> None:
    level, _ = Level.from_coords(random_coords(seed))
    conv = SubmanifoldConv(4, 6, size, bias=True).double()
    x = SparseTensor(torch.randn(len(level), 4, dtype=torch.float64), level)
    dense = F.conv3d(dense_of(x, 9, -4), dense_weight(conv.kernel, size), padding=size // 2)
    torch.testing.assert_close(conv(x).features, at(dense, level.coords, -4) + conv.bias)


@pytest.mark.parametrize("seed", range(3))
def test_strided_and_transposed_are_dense_convolution(seed: int) -> None:
    level, _ = Level.from_coords(random_coords(seed, side=8))
    down, up = StridedConv(3, 5).double(), TransposedConv(5, 4).double()
    x = SparseTensor(torch.randn(len(level), 3, dtype=torch.float64), level)
    coarse = down(x)
    dense = F.conv3d(dense_of(x, 8, -4), dense_weight(down.kernel, 2), stride=2)
    torch.testing.assert_close(coarse.features, at(dense, coarse.level.coords, -2))
    fine = up(coarse)
    assert fine.level is level
    weight = dense_weight(up.kernel, 2).transpose(0, 1)
    dense = F.conv_transpose3d(dense_of(coarse, 4, -2), weight, stride=2)
    torch.testing.assert_close(fine.features, at(dense, level.coords, -4))


def test_strided_coordinates_floor_below_zero() -> None:
    level, _ = Level.from_coords(torch.tensor([[0, c, 0, 0] for c in range(-3, 4)]))
    assert level.coarser.coords[:, 1].tolist() == [-2, -1, 0, 1]
    assert level.coarser.stride == 2


def test_narrow_integers_are_coordinates_too() -> None:
    wide = torch.tensor([[0, 0, 0, 0], [0, 0, 131_070, 131_070], [0, 10, 0, 0]])
    one, other = Level(wide), Level(wide.int())
    assert torch.equal(one.coarser.coords, other.coarser.coords) and len(one.coarser) == 3


@pytest.mark.parametrize("kind", ["neighbours", "down", "up"])
def test_gradients(kind: str) -> None:
    level, _ = Level.from_coords(random_coords(1, 40, 4))
    kernel_map = level.neighbours(3) if kind == "neighbours" else getattr(level, kind)
    features = torch.randn(kernel_map.n_in, 2, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(kernel_map.volume, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f, k: sparse_conv(f, k, kernel_map), (features, kernel))


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    coords, features = random_coords(2), torch.randn(300, 4)
    conv = SubmanifoldConv(4, 5)
    whole = conv(SparseTensor(features, Level.from_coords(coords)[0])).features
    monkeypatch.setattr(kernel_map_module, "_PAIRS_PER_WEIGHT", 3)
    monkeypatch.setattr(conv_module, "_GATHERED_BYTES", 64)
    parts = conv(SparseTensor(features, Level.from_coords(coords)[0])).features
    torch.testing.assert_close(whole, parts)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_show(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_map_module, "_PAIRS_PER_WEIGHT", 3)
    coords, features = random_coords(6), torch.randn(300, 4)
    conv, before = SubmanifoldConv(4, 5, 5), torch.get_num_threads()
    whole = conv(SparseTensor(features, Level.from_coords(coords)[0])).features
    try:
        torch.set_num_threads(threads)
        shared = conv(SparseTensor(features, Level.from_coords(coords)[0])).features
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(whole, shared)


def test_a_fault_in_a_thread_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)

    def fail(item: int) -> None:
        if item == 3:
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            for_each(fail, range(8), torch.empty(0))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kind", ["submanifold", "strided", "transposed", "pointwise"])
def test_one_pass_is_convolution_then_norm(kind: str, residual: bool) -> None:
    level, _ = Level.from_coords(random_coords(7))
    convs: dict[str, tuple[SubmanifoldConv | StridedConv | TransposedConv | PointwiseConv, Level]]
    convs = {
        "submanifold": (SubmanifoldConv(4, 6), level),
        "strided": (StridedConv(4, 6), level),
        "transposed": (TransposedConv(4, 6), level.coarser),
        "pointwise": (PointwiseConv(4, 6), level),
    }
    (conv, start), norm = convs[kind], SparseBatchNorm(6)
    torch.nn.init.normal_(norm.bn.weight)
    norm.bn.running_mean.normal_()
    x = SparseTensor(torch.randn(len(start), 4), start)
    norm.eval()
    slow = norm(conv(x))
    added = torch.randn_like(slow.features) if residual else None
    expected = torch.relu(slow.features + (0 if added is None else added))
    with torch.inference_mode():
        fast = conv_norm(conv, norm, x, added)
        place = torch.empty_like(fast.features)
        assert conv_norm(conv, norm, x, added, out=place).features is place
    torch.testing.assert_close(fast.features, expected.detach())
    torch.testing.assert_close(place, expected.detach())


def test_a_bias_before_the_norm_counts_in_inference_too() -> None:
    level, _ = Level.from_coords(random_coords(7))
    conv, norm = SubmanifoldConv(4, 6, bias=True), SparseBatchNorm(6).eval()
    torch.nn.init.normal_(conv.bias)
    x = SparseTensor(torch.randn(len(level), 4), level)
    expected = norm(conv(x)).features.relu().detach()
    with torch.inference_mode():
        torch.testing.assert_close(conv_norm(conv, norm, x).features, expected)


def test_work_memory_serves_inside_and_outside_of_inference_mode() -> None:
    level, _ = Level.from_coords(random_coords(8))
    conv, x = SubmanifoldConv(4, 5), SparseTensor(torch.randn(300, 4), level)
    with torch.inference_mode():
        inside = conv(x).features
    with torch.no_grad():
        outside = conv(x).features
    conv(x).features.sum().backward()
    assert torch.equal(inside, outside) and conv.kernel.grad is not None


def test_the_smaller_kernel_is_found_in_the_larger() -> None:
    coords = random_coords(9)
    alone, after = Level.from_coords(coords)[0], Level.from_coords(coords)[0]
    after.neighbours(5)
    for mine, theirs in zip(alone.neighbours(3).pairs, after.neighbours(3).pairs, strict=True):
        assert torch.equal(mine[0], theirs[0]) and torch.equal(mine[1], theirs[1])


def test_two_runs_give_the_same_bytes() -> None:
    level, _ = Level.from_coords(random_coords(3))
    conv, x = SubmanifoldConv(8, 8), SparseTensor(torch.randn(300, 8), level)
    assert torch.equal(conv(x).features, conv(x).features)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype: torch.dtype) -> None:
    level, _ = Level.from_coords(random_coords(4))
    conv, x = SubmanifoldConv(8, 8), SparseTensor(torch.randn(300, 8), level)
    exact = conv(x).features
    with torch.autocast("cpu", dtype=dtype):
        rough = conv(x).features
        rough.float().sum().backward()
    assert rough.dtype == dtype and conv.kernel.grad is not None
    torch.testing.assert_close(rough.float(), exact, atol=0.05, rtol=0.05)


def test_many_small_gradients_are_summed_in_half_precision_too() -> None:
    level, _ = Level.from_coords(torch.cat([torch.zeros(90_000, 1).long(), grid(300, 300)], 1))
    conv, x = SubmanifoldConv(4, 4), SparseTensor(torch.rand(90_000, 4) + 0.5, level)
    grads = []
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            (grad,) = torch.autograd.grad(conv(x).features.float().sum(), conv.kernel)
        grads.append(grad.float())
    assert ((grads[1] - grads[0]).norm() / grads[0].norm()) < 0.003


def grid(width: int, depth: int) -> torch.Tensor:
    """(width * depth, 3) a level of voxels."""
    x, y = torch.meshgrid(torch.arange(width), torch.arange(depth), indexing="ij")
    return torch.stack([x.flatten(), y.flatten(), torch.zeros_like(x.flatten())], 1)


def test_kilometres_and_several_samples_do_not_touch() -> None:
    far = torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [1, 0, 0, 1]])
    far = torch.cat([far, far + torch.tensor([0, 100_000, -90_000, 2_000])])
    level, _ = Level.from_coords(far)
    pairs = level.neighbours(3).n_pairs
    assert pairs == 8 + 8  # every voxel with itself and its one neighbour


def test_the_same_voxel_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="more than once"):
        Level.from_coords(torch.tensor([[0, 1, 1, 1], [0, 1, 1, 1]]))


@pytest.mark.parametrize("ends", [(0, 2**30), (-(2**62), 2**62), (-(2**63), 2**63 - 1)])
def test_coordinates_too_wide_to_index_are_refused(ends: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="too many to index"):
        Level.from_coords(torch.tensor([[0, end, end, end] for end in ends]))


def test_a_cloud_as_wide_as_voxels_may_be_has_neighbours() -> None:
    level = Level(torch.tensor([[0, 0, 0, 0], [0, *[2**20 - 1] * 3]]))
    assert level.neighbours(5).n_pairs == 2


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
def test_points_of_any_stride_and_that_cannot_be_written_are_voxelized() -> None:
    points = np.arange(12, dtype=np.float64).reshape(4, 3)
    reversed_ = voxelize(points[::-1], 0.5)
    points.flags.writeable = False
    assert torch.equal(voxelize(points, 0.5).coords, reversed_.coords)
    assert len(voxelize(points.astype(np.float32).T[:, :3].T, 0.5).coords) == 3


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_voxels_do_not_depend_on_point_order(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 2, (count, 3)).astype(np.float32)
    order = rng.permutation(count)
    one, other = voxelize(points, 0.5), voxelize(points[order], 0.5)
    assert torch.equal(one.coords, other.coords)
    assert torch.equal(one.inverse[order], other.inverse)
    cells = np.floor(points.astype(np.float64) * 2).astype(int)
    assert (one.coords[one.inverse].numpy() == cells - cells.min(0)).all()
    values = torch.from_numpy(points)
    assert torch.allclose(one.mean(values), other.mean(values[order]), atol=1e-6)


def test_voxelize_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="finite"):
        voxelize(np.array([[np.nan, 0, 0]], np.float32), 0.1)
    with pytest.raises(ValueError, match="N > 0"):
        voxelize(np.zeros((0, 3), np.float32), 0.1)
    for far in (1e7, -1e20, np.finfo(np.float32).max):
        with pytest.raises(ValueError, match="voxels wide"):
            voxelize(np.array([[0, 0, 0], [far, 0, 0], [1, 2, 3]], np.float32), 0.1)


def test_pooling() -> None:
    level, rows = Level.from_coords(torch.tensor([[1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]]))
    x = SparseTensor(torch.tensor([[1.0], [2.0], [4.0]])[rows], level)
    assert pool_by_sample(x).flatten().tolist() == [2.0, 2.5]
    assert pool_by_sample(x, "max").flatten().tolist() == [2.0, 4.0]
    masks = torch.tensor([[True, False], [True, False], [False, False]])
    pooled = pool_by_mask(torch.tensor([[1.0], [3.0], [9.0]]), masks)
    assert pooled.flatten().tolist() == [2.0, 0.0]


def test_the_example_of_the_documentation() -> None:
    page = (Path(__file__).parents[1] / "docs" / "engine.md").read_text("utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python")[1].split("```")[0], names)
    assert names["per_point"].shape == (20_000, 32)
    assert names["y"].level is names["x"].level


def test_a_level_of_another_order_is_refused() -> None:
    coords = random_coords(3)
    level, rows = Level.from_coords(coords)
    assert torch.equal(Level(coords[rows]).coords, level.coords)
    for wrong in (coords[rows].flip(0), coords[rows][[0, 0, 1]]):
        with pytest.raises(ValueError, match="unique and in order; make it with Level.from_coords"):
            Level(wrong)
    assert len(Level(coords[:0])) == 0


@pytest.mark.parametrize("size", [0, -0.5, float("inf"), float("nan")])
def test_voxels_of_no_size(size: float) -> None:
    with pytest.raises(ValueError, match="voxel_size must be a length in metres"):
        voxelize(np.zeros((3, 3)), size)
