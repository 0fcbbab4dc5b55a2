"""Bundles: what is saved loads again, and what is damaged is refused with a reason."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from avs3d.bundle import Bundle
from avs3d.bundle_config import CONFIG as CONFIG_FILE
from avs3d.bundle_config import fingerprint, list_bundles, read_config
from avs3d.captioning import load_captioner
from avs3d.cli import app
from avs3d.cli.bundles import _places
from avs3d.errors import UserError
from tiny import CONFIG, make_bundle

assert CONFIG.captioner is not None and CONFIG.pooling is not None
NETWORK, CAPTIONER = CONFIG.network.model_dump(), CONFIG.captioner.model_dump()
POOLING = CONFIG.pooling.model_dump()
POINT_TRANSFORMER = {
    "kind": "ptv3", "in_channels": 5, "out_channels": 384, "stride": [2],
    "enc_depths": [1, 1], "enc_channels": [8, 8], "enc_num_head": [1, 1],
    "enc_patch_size": [16, 16],
    "dec_depths": [1], "dec_channels": [8], "dec_num_head": [1], "dec_patch_size": [16],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "tiny")


def change(folder: Path, **entries: object) -> None:
    path = folder / CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_round_trip(folder: Path) -> None:
    bundle = Bundle.load(folder)
    assert bundle.config.model_copy(update={"files": {}}) == CONFIG
    parts = {"network.safetensors", "pooling.safetensors", "captioner.safetensors"}
    assert bundle.config.files.keys() == parts
    again = Bundle.load(str(folder)).network.state_dict()
    for key, value in bundle.network.state_dict().items():
        assert torch.equal(value, again[key])
    coords = torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1]])
    with torch.no_grad():
        features = bundle.network(coords, torch.ones(2, 5))
        assert bundle.pooling is not None
        views = bundle.pooling(coords, features, torch.ones(2, 3, dtype=torch.bool))
    assert features.shape == (2, 384) and views.shape == (1, 3, 384)


def test_a_network_of_no_kind_is_a_minkunet(folder: Path) -> None:
    text = (folder / CONFIG_FILE).read_text()
    assert "kind" not in json.loads(text)["network"]
    change(folder, files={}, network=NETWORK | {"kind": "minkunet"})
    assert Bundle.load(folder).config == CONFIG


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UserError, match="no bundle 'stret-mini'.*did you mean street-mini"):
        Bundle.load("stret-mini")


def test_a_hub_id_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="no bundle 'nobody/nothing'"):
        Bundle.load("nobody/nothing")


@pytest.fixture
def hub_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two revisions of a bundle, one of them without a name, as downloads leave them; offline."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _cache_manager

    repo = tmp_path / "hub" / "models--someone--tiny"
    for digit in "01":
        shutil.copytree(folder, repo / "snapshots" / (digit * 40))
    (repo / "refs").mkdir()
    for name in ("main", "v1"):
        (repo / "refs" / name).write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for module in (constants, _cache_manager):
        monkeypatch.setattr(module, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("revision", ["", "@main", "@v1", f"@{'0' * 40}", f"@{'1' * 40}"])
def test_a_bundle_of_the_hub_cache(hub_cache: None, revision: str) -> None:
    assert Bundle.load(f"someone/tiny{revision}").name == "tiny"
    told = CliRunner().invoke(app, ["bundles", f"someone/tiny{revision}"])
    assert told.exit_code == 0 and f"snapshots/{int('11' in revision)}" in told.stdout
    with pytest.raises(UserError, match="no bundle 'someone/tiny@v2'"):
        Bundle.load("someone/tiny@v2")


def test_the_names_that_are_listed_are_taken(hub_cache: None) -> None:
    names = [name for (name, *_), where, _ in _places() if where == "hub cache"]
    assert names == ["someone/tiny", f"someone/tiny@{'1' * 40}"]
    for name in names:
        assert Bundle.load(name).name == "tiny"
    assert "someone/tiny@" in CliRunner().invoke(app, ["bundles"]).stdout


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no bundle"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"voxel_size": -1}, "voxel_size"),
        ({"speed": 3}, "speed"),
        ({"inputs": [*CONFIG.inputs[:4], "colour"]}, "unknown inputs colour"),
        ({"format": 2}, "format"),
        ({"name": "a\x1b[2J"}, "name: .*control characters"),
        ({"name": "../../tiny"}, "name: .*a path with .. is not allowed"),
        ({"text_encoder": "clip:../../secret"}, "text_encoder: .*a path with .. is not allowed"),
        ({"low_score": float("nan")}, "low_score"),
        ({"network": NETWORK | {"planes": [10**9] * 8}}, "network.minkunet.planes"),
        ({"network": NETWORK | {"layers": [10**9] * 8}}, "network.minkunet.layers"),
        ({"network": NETWORK | {"stem_kernel": 10**6}}, "network.minkunet.stem_kernel"),
        ({"network": NETWORK | {"stem_kernel": 4}}, "network.minkunet.stem_kernel"),
        ({"network": NETWORK | {"layers": [1] * 7 + [0]}}, "network.minkunet.layers"),
        ({"network": NETWORK | {"kind": "pointnet"}}, "network: .*'minkunet', 'ptv3'"),
        ({"network": POINT_TRANSFORMER | {"order": ["peano"]}}, "network.ptv3.order"),
        ({"network": POINT_TRANSFORMER | {"stride": [3]}}, "network.ptv3.stride"),
        ({"network": POINT_TRANSFORMER | {"enc_depths": [10**9] * 2}}, "ptv3.enc_depths"),
        ({"network": POINT_TRANSFORMER | {"enc_patch_size": [10**9] * 2}}, "enc_patch_size"),
        ({"network": POINT_TRANSFORMER | {"dec_num_head": [10**9]}}, "ptv3.dec_num_head"),
        ({"network": POINT_TRANSFORMER | {"dec_num_head": [3]}}, "8 channels .* 3 heads"),
        ({"network": POINT_TRANSFORMER | {"dec_depths": [1, 1]}}, "S >= 2 entries"),
        ({"network": POINT_TRANSFORMER}, "network.safetensors does not fit"),
        ({"captioner": CAPTIONER | {"gpt2": {"n_layer": 10**9}}}, "gpt2.n_layer"),
        ({"captioner": CAPTIONER | {"gpt2": {"n_positions": 10**9}}}, "gpt2.n_positions"),
        ({"captioner": CAPTIONER | {"gpt2": {"n_embd": 0}}}, "gpt2.n_embd"),
        ({"captioner": CAPTIONER | {"gpt2": {"num_labels": 10**9}}}, "gpt2.num_labels"),
        ({"pooling": POOLING | {"heads": 7}}, "channels do not divide into 7 heads"),
        ({"prompt": "a word"}, "prompt: .*word"),
        ({"inputs": ["one"]}, "its parts: .* 1 inputs for a network of 5"),
        ({"pooling": POOLING | {"in_channels": 9}}, "features 9 wide, and the network gives 384"),
        ({"captioner": CAPTIONER | {"embedding_dim": 9}}, "embeddings 9 wide, and the pooling gi"),
    ],
)
def test_a_wrong_config_is_refused(folder: Path, entries: dict[str, object], message: str) -> None:
    change(folder, **entries)
    with pytest.raises(UserError, match=message) as caught:
        Bundle.load(folder)
    assert "\n" not in str(caught.value) and "bundle.json" in str(caught.value)
    assert "fetch the bundle again" in str(caught.value) or "update avs3d" in str(caught.value)


def test_weights_that_do_not_fit(folder: Path) -> None:
    change(folder, network=CONFIG.network.model_dump() | {"stem": 16})
    with pytest.raises(UserError, match="network.safetensors does not fit"):
        Bundle.load(folder)


def test_a_config_that_asks_for_more_than_the_file_holds(folder: Path) -> None:
    change(folder, network=NETWORK | {"planes": [8192] * 8, "layers": [64] * 8})
    with pytest.raises(UserError, match="network.safetensors does not fit .* bytes or more; fetch"):
        Bundle.load(folder)
    change(folder, network=NETWORK, captioner=CAPTIONER | {"gpt2": {"vocab_size": 1 << 20}})
    with pytest.raises(UserError, match="captioner.safetensors does not fit .* bytes or more"):
        load_captioner(Bundle.load(folder))


def test_a_tokenizer_of_more_tokens_than_the_captioner_has(folder: Path) -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    size = max(tokenizer["model"]["vocab"].values()) + 1
    tokenizer["model"]["vocab"] |= {f"more{i}": size + i for i in range(5000)}
    path.write_text(json.dumps(tokenizer))
    told = json.loads((folder / CONFIG_FILE).read_text())["files"]
    change(folder, files={name: told[name] for name in told if name != path.name})
    with pytest.raises(UserError, match=r"tokenizer.json has \d+ tokens, the captioner \d+; fetch"):
        load_captioner(Bundle.load(folder))


def replace_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize("name", ["network", "pooling", "captioner"])
def test_altered_tensors(folder: Path, name: str) -> None:
    change(folder, files={})  # else the hash tells already
    path = folder / f"{name}.safetensors"
    before = path.read_bytes()
    first = next(key for key, value in load_file(path).items() if value.is_floating_point())

    def not_finite(tensors: dict[str, torch.Tensor]) -> None:
        tensors[first].view(-1)[0] = torch.nan

    def of_another_shape(tensors: dict[str, torch.Tensor]) -> None:
        tensors[first] = torch.zeros(3, 3, 3)

    def one_more(tensors: dict[str, torch.Tensor]) -> None:
        tensors["foreign"] = torch.zeros(2)

    def one_less(tensors: dict[str, torch.Tensor]) -> None:
        del tensors[first]

    for alter, said in {
        not_finite: f"is damaged: {first} has values that are not finite",
        of_another_shape: "does not fit bundle.json: size mismatch",
        one_more: "does not fit bundle.json: Unexpected key",
        one_less: "does not fit bundle.json: Missing key",
    }.items():
        path.write_bytes(before)
        replace_tensors(path, alter)
        with pytest.raises(UserError, match=re.escape(f"{path} {said}")) as caught:
            load_captioner(Bundle.load(folder))
        assert "fetch the bundle again" in str(caught.value) and "\n" not in str(caught.value)


def test_oversized_files_and_folders_in_their_place(folder: Path) -> None:
    change(folder, files={})
    weights, before = folder / "network.safetensors", (folder / "network.safetensors").read_bytes()
    weights.write_bytes(before + b"\0" * 1000)
    with pytest.raises(UserError, match="damaged.*fetch the bundle again"):
        Bundle.load(folder)
    weights.write_bytes((2**62).to_bytes(8, "little") + before[8:])  # the length of the header
    with pytest.raises(UserError, match="damaged"):
        Bundle.load(folder)
    weights.unlink()
    weights.mkdir()
    with pytest.raises(UserError, match="is not a regular file; fetch the bundle again"):
        Bundle.load(folder)
    (folder / CONFIG_FILE).write_text(" " * (1 << 20) + "{}")
    with pytest.raises(UserError, match="larger than 1 MiB"):
        Bundle.load(folder)


@pytest.mark.parametrize("name", ["network.safetensors", "captioner.safetensors", "tokenizer.json"])
def test_a_file_that_is_another_one_is_refused(folder: Path, name: str) -> None:
    bundle = Bundle.load(folder)
    bundle.save(folder)  # with the tokenizer among the files of known content
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with pytest.raises(UserError, match=f"{name} is not the file that bundle.json tells of"):
        load_captioner(Bundle.load(folder))


@pytest.mark.parametrize("name", ["../a.safetensors", "/etc/a.json", "network.bin", ""])
def test_files_elsewhere_are_refused(folder: Path, name: str) -> None:
    change(folder, files={name: "0" * 64})
    with pytest.raises(UserError, match="files"):
        Bundle.load(folder)


def test_saved_and_loaded_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    first = Bundle.load(folder)
    first.save(tmp_path / "again")
    second = Bundle.load(tmp_path / "again")
    for module, other in ((first.network, second.network), (first.pooling, second.pooling)):
        assert module is not None and other is not None
        for (key, value), (again, same) in zip(
            module.state_dict().items(), other.state_dict().items(), strict=True
        ):
            assert key == again and torch.equal(value, same)
    assert load_captioner(second).captions(torch.ones(1, 384).numpy()) == load_captioner(
        first
    ).captions(torch.ones(1, 384).numpy())
    second.save(tmp_path / "third")
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == (tmp_path / "third" / path.name).read_bytes()


def test_a_hash_tells_bundles_apart(folder: Path, tmp_path: Path) -> None:
    first = fingerprint(str(folder))
    assert first is not None and first == fingerprint(str(make_bundle(tmp_path / "again")))
    assert first != fingerprint(str(make_bundle(tmp_path / "other", seed=1)))
    assert fingerprint("nobody/nothing") is None and fingerprint("street-mini") is not None


def test_missing_and_damaged_weights(folder: Path) -> None:
    weights = folder / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        Bundle.load(folder)
    weights.unlink()
    with pytest.raises(UserError, match="lacks network.safetensors"):
        Bundle.load(folder)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
