"""Pickles without Python's unpickler: the same data, and one line for everything else."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from avs3d.errors import ReadError
from avs3d.io import pickle_machine
from avs3d.io.pickles import unpickle
from avs3d.io.source import MalformedError
from avs3d.published.unpickling import load_plain, torch_load
from pickle_files import DATA, HOSTILE, LONG, Call, stored, tensor, torch_bytes

GOLDEN = Path(__file__).parent / "data" / "golden"


def same(one: Any, other: Any) -> None:
    """Equal, and of the same types and shapes; an OrderedDict may be a dict."""
    if isinstance(other, torch.Tensor):
        assert isinstance(one, torch.Tensor) and one.dtype == other.dtype
        torch.testing.assert_close(one, other.detach(), rtol=0, atol=0, equal_nan=True)
    elif isinstance(other, np.ndarray):
        assert one.dtype == other.dtype.newbyteorder("=") and one.shape == other.shape
        np.testing.assert_array_equal(one, other)
    elif isinstance(other, dict):
        assert list(one) == list(other)
        for key, value in other.items():
            same(one[key], value)
    elif isinstance(other, list | tuple):
        assert type(one) is type(other) and len(one) == len(other)
        for value, expected in zip(one, other, strict=True):
            same(value, expected)
    else:
        assert one == other


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol(protocol: int) -> None:
    same(unpickle(pickle.dumps(DATA, protocol)), DATA)
    same(unpickle(torch_bytes(DATA, pickle_protocol=protocol)), DATA)


def test_what_torch_saves(tmp_path: Path) -> None:
    """Checkpoints as training leaves them, with an optimizer and a NumPy number."""
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    content = {
        "state_dict": OrderedDict((f"module.{k}", v) for k, v in module.state_dict().items()),
        "own": module.state_dict(),  # with attributes
        "optimizer": optimizer.state_dict(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "best_iou": np.float64(0.3),
        "parts": torch.arange(12.0).reshape(3, 4)[:, 1:3],
        "none": torch.zeros(0, 5),
        "kinds": [torch.ones(2, dtype=d) for d in (torch.half, torch.bool, torch.uint8)],
    }
    (tmp_path / "model_best.pth.tar").write_bytes(torch_bytes(content))
    same(torch_load(tmp_path / "model_best.pth.tar"), content)


@pytest.mark.parametrize("name", ["slim.pt", "clipcap_tiny_coco_layout.pt"])
def test_checkpoints_of_the_official_code(name: str) -> None:
    same(torch_load(GOLDEN / name), torch.load(GOLDEN / name, weights_only=True))


def test_views_share_their_storage() -> None:
    values = torch.zeros(4)
    one, other = unpickle(torch_bytes([values[:3], values[1:]]), torch.from_numpy)
    one[1] = 5.0
    assert other[0] == 5.0


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary()
    | arrays.arrays(
        arrays.boolean_dtypes() | arrays.integer_dtypes() | arrays.unsigned_integer_dtypes()
        | arrays.floating_dtypes(sizes=(16, 32, 64)),
        arrays.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4),
    )
)  # fmt: skip
contents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(contents, st.sampled_from([2, 3, 4, 5]))
def test_plain_data_comes_back(content: Any, protocol: int) -> None:
    same(unpickle(pickle.dumps(content, protocol)), content)


@pytest.mark.parametrize(("content", "message"), HOSTILE)
def test_what_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    for load in (load_plain, torch_load):
        with pytest.raises(ReadError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: {message}"


def test_no_pickle_takes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{pickle_machine.MAX_OPERATIONS:,}" in LONG
    monkeypatch.setattr(pickle_machine, "MAX_OPERATIONS", 100)
    with pytest.raises(MalformedError, match="is a pickle of over 100 steps; save less in a file"):
        unpickle(b"\x80\x02" + b"N" * 101 + b".")


def test_nothing_is_run(tmp_path: Path) -> None:
    proof = tmp_path / "opened"
    for protocol in (2, 3, 4, 5):
        for content in (Call(Path.touch, proof), {"a": [Call(Path.touch, proof)]}):
            with pytest.raises(MalformedError, match="nothing but plain data"):
                unpickle(pickle.dumps(content, protocol))
    assert not proof.exists()


def test_claims_cost_neither_memory_nor_time() -> None:
    lies = [content for content, _ in HOSTILE if len(content) < 1 << 20]
    # A tuple in a tuple in a tuple, each twice: to hash it would take 2**60 steps.
    lies += [b"\x80\x02}(K\x01K\x01\x86" + b"q\x00h\x00\x86" * 60 + b"K\x01u."]
    lies += [stored(tensor(count=-3)), stored(b"(" + b"(" * 1000)]
    for lie in lies:
        tracemalloc.start()
        began = time.perf_counter()
        try:
            with pytest.raises(MalformedError):
                unpickle(lie)
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()
        assert time.perf_counter() - began < 20


def test_truncated_and_damaged_files_are_refused() -> None:
    for content in (pickle.dumps(DATA, 4), torch_bytes({"feat": torch.ones(500)})):
        for end in (10, len(content) // 2, len(content) - 1):
            with pytest.raises(MalformedError):
                unpickle(content[:end])
    content = torch_bytes({"feat": torch.full((500,), 7.5)})
    place = content.index(torch.full((5,), 7.5).numpy().tobytes())
    with pytest.raises(MalformedError, match="Bad CRC-32"):
        unpickle(content[:place] + b"\x01" + content[place + 1 :])


SEEDS = [pickle.dumps(DATA, protocol) for protocol in (2, 4, 5)]
SEEDS += [torch_bytes(DATA), torch_bytes({"feat": torch.ones(3, 2).half(), "names": ["a"]})]


@settings(max_examples=400)
@given(st.data())
def test_mutated_files_are_plain_data_or_refused(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] = data.draw(st.integers(0, 255))
        else:
            content[place : place + data.draw(st.integers(0, 9))] = data.draw(
                st.binary(max_size=9) | st.sampled_from([b"R", b"b", b"c__main__\nX\n", b"h\x00"])
            )
        if not content:
            return
    try:
        found = unpickle(bytes(content))
    except MalformedError as error:
        assert str(error).isprintable() and len(str(error)) < 400
    else:
        assert plain(found)


def plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(plain, value))
    if isinstance(value, dict):
        return all(type(key) in (str, int) and plain(item) for key, item in value.items())
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    return value is None or type(value) in (bool, int, float, str, bytes)
