"""Fixtures shared by all rooms: where real samples and golden outputs lie, when they are there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from typer.testing import CliRunner, Result

from commands import Call

# What makes messages and devices other than they are where nothing is set.
for name in (
    "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE",
    "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY",
):  # fmt: skip
    os.environ.pop(name, None)
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Before torch is imported: threads that wait by spinning make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says more of the machine than of it. With CI in the environment the
# examples are nearly the same each time, which is hypothesis' own doing.
settings.register_profile(
    "avs3d", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("avs3d")

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with `data/`, `golden/` and `reference/` beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the real samples in {SHARED}, which are not part of the repository")
    return SHARED


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder with the outputs of the official code."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"needs the golden outputs in {SHARED}, which are not part of the repository")
    return SHARED / "golden"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """`avs3d ARGS` in an empty folder."""
    from avs3d.cli import app

    monkeypatch.chdir(tmp_path)

    def invoke(*args: object) -> Result:
        result = CliRunner().invoke(app, [str(arg) for arg in args])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with the packaged text encoder, a small random network and no captioner."""
    import torch

    from avs3d.bundle import save_bundle
    from avs3d.bundle_config import BundleConfig
    from avs3d.models.configs import NetworkConfig
    from avs3d.models.minkunet import MinkUNet

    torch.manual_seed(0)
    network = NetworkConfig(
        in_channels=1, out_channels=384, planes=(8,) * 8, layers=(1,) * 8, stem=8, stem_kernel=3
    )
    config = BundleConfig(
        name="tiny",
        text_encoder="minilm",
        prompt="a {word}",
        voxel_size=0.5,
        inputs=("one",),
        network=network,
        low_score=0.9,
    )
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    save_bundle(folder, config, {"network": MinkUNet(**network.model_dump())})
    return folder


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key for servers, and a cache of the test's own."""
    monkeypatch.setenv("AVS3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of tiny random networks that has everything, see `tiny.make_bundle`."""
    from tiny import make_bundle

    return make_bundle(tmp_path_factory.mktemp("complete"))


@pytest.fixture
def listening() -> Iterator[None]:
    """In the background Ctrl-C is ignored, also by what is started there: not by these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
