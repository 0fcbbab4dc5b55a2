"""Bundles: what is saved loads again, and what is damaged is refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avs3d.bundle import Bundle
from avs3d.bundle_config import CONFIG as CONFIG_FILE
from avs3d.bundle_config import list_bundles, read_config
from avs3d.errors import UserError
from tiny import CONFIG, make_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "tiny")


def change(folder: Path, **entries: object) -> None:
    path = folder / CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_round_trip(folder: Path) -> None:
    bundle = Bundle.load(folder)
    assert bundle.config == CONFIG
    again = Bundle.load(str(folder)).network.state_dict()
    for key, value in bundle.network.state_dict().items():
        assert torch.equal(value, again[key])
    coords = torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1]])
    with torch.no_grad():
        features = bundle.network(coords, torch.ones(2, 5))
        assert bundle.pooling is not None
        views = bundle.pooling(coords, features, torch.ones(2, 3, dtype=torch.bool))
    assert features.shape == (2, 384) and views.shape == (1, 3, 384)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UserError, match="no bundle 'stret-mini'.*did you mean street-mini"):
        Bundle.load("stret-mini")


def test_a_hub_id_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="no bundle 'nobody/nothing'"):
        Bundle.load("nobody/nothing")


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no bundle"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"voxel_size": -1}, "voxel_size"),
        ({"speed": 3}, "speed"),
        ({"inputs": ["colour"]}, "unknown inputs colour"),
        ({"format": 2}, "format"),
    ],
)
def test_a_wrong_config_is_refused(folder: Path, entries: dict[str, object], message: str) -> None:
    change(folder, **entries)
    with pytest.raises(UserError, match=message):
        Bundle.load(folder)


def test_weights_that_do_not_fit(folder: Path) -> None:
    change(folder, network=CONFIG.network.model_dump() | {"stem": 16})
    with pytest.raises(UserError, match="network.safetensors does not fit"):
        Bundle.load(folder)


def test_missing_and_damaged_weights(folder: Path) -> None:
    weights = folder / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        Bundle.load(folder)
    weights.unlink()
    with pytest.raises(UserError, match="lacks network.safetensors"):
        Bundle.load(folder)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_as_a_config(tmp_path: Path, data: bytes) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(data)
    with pytest.raises(UserError):
        read_config(tmp_path)


def test_packaged_bundles_load() -> None:
    for name in list_bundles():
        bundle = Bundle.load(name)
        assert bundle.name == name and bundle.provenance
        assert sum(f.stat().st_size for f in bundle.folder.glob("*")) < 30e6
