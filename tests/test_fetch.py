"""Published weights by name: fetched once, converted once; and what is said where that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from avs3d.bundle import Bundle
from avs3d.bundle_config import fingerprint
from avs3d.cli import app
from avs3d.convert import fetch as fetching
from avs3d.convert.known import KNOWN, Known, Source
from avs3d.errors import UserError

NAME = "tiny-openscene"
SLIM = Path(__file__).parent / "data" / "golden" / "slim.pt"


class Server(ThreadingHTTPServer):
    """Gives `body` as `kind` to everyone; after half of it where it is `broken`."""

    body, kind, broken, asked = b"", "application/octet-stream", False, 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        size = len(self.server.body) // 2 if self.server.broken else len(self.server.body)
        self.wfile.write(self.server.body[:size])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A slim network of the published layout with features as wide as OpenSeg's."""
    state = torch.load(SLIM, weights_only=True)["checkpoint"]["state_dict"]
    state = {name: value for name, value in state.items() if ".net3d." in name}
    state["module.net3d.final.kernel"] = torch.randn(8, 768)
    path = tmp_path_factory.mktemp("checkpoint") / "a.pth.tar"
    torch.save({"state_dict": state}, path)
    return path.read_bytes()


@pytest.fixture
def server(checkpoint: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.body = checkpoint
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/a.pth.tar"
    monkeypatch.setitem(KNOWN, NAME, Known("tiny", (Source("a.pth.tar", url),), 0.02, 768))
    monkeypatch.setenv("AVS3D_CACHE", str(tmp_path / "cache"))
    for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(switch, raising=False)
    yield server
    server.shutdown()
    server.server_close()


def test_a_name_is_fetched_and_converted_once(server: Server, tmp_path: Path) -> None:
    bundle = Bundle.load(NAME)
    assert (bundle.name, bundle.config.voxel_size) == (NAME, 0.02)
    assert "127.0.0.1" in bundle.provenance["source"]
    Bundle.load(NAME)
    assert server.asked == 1
    listed = CliRunner().invoke(app, ["bundles"])
    rows = {line.split()[0]: line for line in listed.stdout.splitlines() if line[:1].strip()}
    assert "converted" in rows[NAME] and "packaged" in rows["street-mini"]
    assert "to be fetched" in rows["openscene-nuscenes"]
    (tmp_path / "cache" / "bundles" / NAME / "bundle.json").unlink()
    Bundle.load(NAME)  # from the file that lies there
    assert server.asked == 1


def test_of_many_at_once_one_makes_the_bundle(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(fetching.fetch, [NAME] * 4))
    assert folders == {tmp_path / "cache" / "bundles" / NAME} and server.asked == 1
    assert Bundle.load(NAME).name == NAME


def test_a_cache_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    refused(tmp_path, "cannot be made (Not a directory); make room, or name another folder")


def test_published_weights_have_a_hash(server: Server, tmp_path: Path) -> None:
    """From the first run on, which else could not be taken up again."""
    first = fingerprint(NAME)
    folder = tmp_path / "cache" / "bundles" / NAME
    assert first is not None and first == fingerprint(NAME) == fingerprint(str(folder))
    assert server.asked == 1
    tensors = load_file(folder / "network.safetensors")
    tensors["final.kernel"] += 1
    save_file(tensors, folder / "network.safetensors")
    assert fingerprint(NAME) not in (None, first)


def refused(tmp_path: Path, reason: str) -> str:
    with pytest.raises(UserError) as caught:
        Bundle.load(NAME)
    message = str(caught.value)
    assert reason in message and "\n" not in message
    assert not (tmp_path / "cache" / "bundles" / NAME).exists()
    return message


def test_what_is_said_without_a_network(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: bytes
) -> None:
    with monkeypatch.context() as offline:
        offline.setenv("HF_HUB_OFFLINE", "1")
        told = refused(tmp_path, "a.pth.tar could not be fetched (this machine is told to stay off")
    assert server.asked == 0
    downloads = tmp_path / "cache" / "downloads"
    assert f"download a.pth.tar from {KNOWN[NAME].sources[0].url}" in told
    assert f"put what you get into {downloads}" in told
    server.shutdown()
    server.server_close()
    refused(tmp_path, "could not be fetched (")
    downloads.mkdir(parents=True)  # and now as it was told
    (downloads / "a.pth.tar").write_bytes(checkpoint)
    assert Bundle.load(NAME).network.final.kernel.shape == (8, 768)


def test_what_comes_may_not_be_the_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.kind = "text/html"
    refused(tmp_path, "could not be fetched (a web page came instead of the file)")
    server.kind, server.broken = "application/octet-stream", True
    refused(tmp_path, "could not be fetched (")
    with monkeypatch.context() as small:
        small.setattr(fetching, "_MAX_BYTES", 1000)
        server.broken = False
        refused(tmp_path, "could not be fetched (it is larger than")
    assert not any((tmp_path / "cache" / "downloads").iterdir())
    server.body = b"something else"
    refused(tmp_path, "a.pth.tar: ")


def test_bundles_are_told_of_by_name(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bundles", "street-mini", "3d-avs-nuscenes"])
    assert done.exit_code == 0 and "text encoder: minilm, asked for 'a {word}'" in done.stdout
    assert "smap_model_epoch_20.pth.tar: https://drive.google.com/" in done.stdout
    unknown = CliRunner().invoke(app, ["bundles", str(tmp_path / "nowhere")])
    assert (
        unknown.exit_code == 2 and "on this machine; `avs3d bundles` lists them" in unknown.stderr
    )
