"""Published checkpoints become bundles that give the published numbers; others are refused."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from avs3d.bundle import Bundle
from avs3d.captioning import load_captioner
from avs3d.cli import app
from avs3d.convert.bundle import convert
from avs3d.convert.checkpoint import Checkpoint, read_checkpoint
from avs3d.convert.parts import network_of
from avs3d.errors import UserError
from avs3d.models.configs import NetworkConfig
from avs3d.models.minkunet import VARIANTS, MinkUNet
from avs3d.models.prefix_lm import PrefixLanguageModel
from avs3d.models.prefix_mapping import TransformerMapping
from tiny import make_gpt2_tokenizer

GOLDEN = Path(__file__).parent / "data" / "golden"
CASES: dict[str, Any] = json.loads((GOLDEN / "clipcap_tiny.json").read_text())
STOP = 13  # of the golden captions, and of "." in a tokenizer of bytes alone
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def slim() -> dict[str, Any]:
    """A slim checkpoint of the official code with the official outputs on made-up voxels."""
    return torch.load(GOLDEN / "slim.pt", weights_only=True)


@pytest.fixture(scope="module")
def smap(slim: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("smap") / "smap_model_epoch_20.pth.tar"
    torch.save(slim["checkpoint"], path)
    return path


@pytest.fixture(scope="module")
def bundle(smap: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The whole method from two official files."""
    folder = tmp_path_factory.mktemp("whole")
    tokenizer = make_gpt2_tokenizer(folder / "gpt2", 300)
    files = [smap, GOLDEN / "clipcap_tiny_coco_layout.pt"]
    made = convert(
        files, folder / "3d-avs", text_encoder="minilm", tokenizer=str(tokenizer), heads=2
    )
    assert made.lines == (
        "network: MinkUNet, 32-d, in the space of minilm (smap_model_epoch_20.pth.tar)",
        "pooling: SMAP 32 to 16, additive padding (smap_model_epoch_20.pth.tar)",
        "captioner: ClipCap, MLP mapping to 10 words, GPT-2 of 2 layers, 32 wide "
        "(clipcap_tiny_coco_layout.pt)",
        "left out of clipcap_tiny_coco_layout.pt: gpt.lm_head.weight, "
        "gpt.transformer.h.0.attn.bias, gpt.transformer.h.0.attn.masked_bias and 2 more "
        "(not parameters)",
        "left out of smap_model_epoch_20.pth.tar: epoch, best_iou, best_loss",
    )
    return Bundle.load(made.folder)


def features(case: dict[str, Any]) -> torch.Tensor:
    given = case["feats"]
    return torch.ones(len(case["coords"]), 3) if isinstance(given, str) else given


@pytest.mark.parametrize("case", ["small", "smallneg"])
def test_network_and_pooling_of_a_converted_bundle(
    slim: dict[str, Any], bundle: Bundle, case: str
) -> None:
    check(bundle, slim["cases"][case])


def test_a_converted_bundle_on_a_real_scan(golden: Path, bundle: Bundle) -> None:
    real = torch.load(golden / "golden_slim_share.pt", weights_only=True)
    check(bundle, real["cases"]["nus6k"])


def check(bundle: Bundle, data: dict[str, Any]) -> None:
    coords = data["coords"].long()
    views = torch.zeros(len(coords), data["camera_id_mask"].shape[1], dtype=torch.bool)
    views[data["mask"]] = data["camera_id_mask"].bool()
    assert bundle.pooling is not None and bundle.pooling.padding == "additive"
    with torch.no_grad():
        found = bundle.network(coords, features(data))
        pooled = bundle.pooling(coords, found, views)
    rows = data.get("rows", slice(None))
    torch.testing.assert_close(found[rows], data["output_clip"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(pooled, data["output_smap"], atol=1e-5, rtol=1e-5)


def test_captions_of_a_converted_bundle(bundle: Bundle) -> None:
    captioner = load_captioner(bundle)
    prefixes = torch.tensor(CASES["prefixes"])
    ids = captioner._model.greedy(prefixes, STOP)
    for found, case in zip(ids, CASES["results"], strict=True):
        text = case["greedy"]
        assert found == ([STOP] if text.startswith("EXC") else [int(t) for t in text.split()])
    for prefix, case in zip(prefixes, CASES["results"], strict=True):
        best = captioner._model.beam(prefix, STOP, 5)[0]
        assert " ".join(map(str, best)) == case["beam5_len67"][0]
    assert len(captioner.captions(prefixes.numpy())) == len(prefixes)


def test_what_a_bundle_is_made_of_is_in_it(bundle: Bundle) -> None:
    config = bundle.config
    assert (config.voxel_size, config.inputs, config.views) == (0.05, ("one",) * 3, 12)
    assert config.prompt == "a {word} in a scene" and config.grid == "frame"
    assert set(config.files) == {
        "network.safetensors",
        "pooling.safetensors",
        "captioner.safetensors",
        "tokenizer.json",
    }
    files = config.provenance["files"]
    assert set(files) == {"smap_model_epoch_20.pth.tar", "clipcap_tiny_coco_layout.pt"}


def save(path: Path, state: State, wrapped: bool = True) -> Path:
    torch.save({"epoch": 3, "state_dict": state} if wrapped else state, path)
    return path


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_found_from_its_shapes(variant: str) -> None:
    with torch.device("meta"):
        shapes = MinkUNet.variant(variant, 3, 8).state_dict()
    state = {f"net3d.{k}": torch.zeros(v.shape, dtype=v.dtype) for k, v in shapes.items()}
    config, network, name = network_of(Checkpoint(Path("a.pth.tar"), state, ()))
    assert name == f"MinkUNet{variant}" and isinstance(network, MinkUNet)
    assert isinstance(config, NetworkConfig) and config.stem_kernel == 5


@pytest.mark.parametrize(
    ("dim", "place"),
    [(768, "openai/clip-vit-large-patch14-336"), (512, "openai/clip-vit-base-patch32")],
)
def test_the_width_tells_the_text_encoder(
    slim: dict[str, Any], dim: int, place: str, tmp_path: Path
) -> None:
    state = {k: v for k, v in slim["checkpoint"]["state_dict"].items() if ".net3d." in k}
    state["module.net3d.final.kernel"] = torch.zeros(8, dim)
    made = convert([save(tmp_path / "a.pth.tar", state)], tmp_path / "made")
    assert made.lines[0] == f"network: MinkUNet, {dim}-d, in the space of {place} (a.pth.tar)"
    assert Bundle.load(made.folder).text_encoder == f"clip:{place}"
    state["module.net3d.final.kernel"] = torch.zeros(8, 40)
    told = refused(save(tmp_path / "a.pth.tar", state), tmp_path / "other")
    assert "its features are 40 wide, and no published CLIP" in told and "--text-encoder" in told


def test_a_network_without_openscenes_prefix(slim: dict[str, Any], tmp_path: Path) -> None:
    state = {
        name.removeprefix("module.net3d."): value.half() if value.is_floating_point() else value
        for name, value in slim["checkpoint"]["state_dict"].items()
        if ".net3d." in name
    }
    path = save(tmp_path / "net.pt", state, wrapped=False)
    loaded = Bundle.load(convert([path], tmp_path / "made", text_encoder="minilm").folder)
    assert loaded.network.final.kernel.dtype == torch.float32


def test_batch_norm_counters_of_old_pytorch_may_be_missing(
    slim: dict[str, Any], tmp_path: Path
) -> None:
    state = slim["checkpoint"]["state_dict"]
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    convert([save(tmp_path / "a.pth.tar", old)], tmp_path / "made", text_encoder="minilm")


def plain_mapping(state: State, embedding: torch.Tensor, clip_length: int) -> torch.Tensor:
    """ClipCap's transformer mapping through PyTorch's own attention, one layer at a time."""
    width = state["prefix_const"].shape[1]
    tokens = torch.nn.functional.linear(embedding, state["linear.weight"], state["linear.bias"])
    x = torch.cat([tokens.reshape(clip_length, width), state["prefix_const"]])[:, None]
    for i in range(len([k for k in state if k.endswith("norm1.weight")])):
        at = {k.split(f"layers.{i}.")[1]: v for k, v in state.items() if f"layers.{i}." in k}
        y = torch.nn.functional.layer_norm(x, (width,), at["norm1.weight"], at["norm1.bias"])
        mixed, _ = torch.nn.functional.multi_head_attention_forward(
            y, y, y, width, 8,
            torch.cat([at["attn.to_queries.weight"], at["attn.to_keys_values.weight"]]),
            None, None, None, False, 0.0,
            at["attn.project.weight"], at["attn.project.bias"],
        )  # fmt: skip
        x = x + mixed
        y = torch.nn.functional.layer_norm(x, (width,), at["norm2.weight"], at["norm2.bias"])
        hidden = torch.relu(y @ at["mlp.fc1.weight"].T + at["mlp.fc1.bias"])
        x = x + hidden @ at["mlp.fc2.weight"].T + at["mlp.fc2.bias"]
    return x[clip_length:, 0]


def test_transformer_mapping_against_a_plain_one() -> None:
    torch.manual_seed(1)
    mapping = TransformerMapping(20, 5, 32, clip_length=4, layers=3).double()
    embeddings = torch.randn(2, 20, dtype=torch.double)
    found = mapping(embeddings).unflatten(1, (5, 32))
    for embedding, prefix in zip(embeddings, found, strict=True):
        torch.testing.assert_close(prefix, plain_mapping(mapping.state_dict(), embedding, 4))


def test_clipcap_with_a_transformer_mapping(
    slim: dict[str, Any], smap: Path, tmp_path: Path
) -> None:
    """RN50x4 embeddings (here 16 wide) to 40 words: sizes of the mapping and of GPT-2 are found."""
    gpt2 = {"vocab_size": 300, "n_positions": 64, "n_embd": 64, "n_layer": 3, "n_head": 1}
    mapping = {"clip_length": 40, "layers": 8}
    torch.manual_seed(0)
    model = PrefixLanguageModel(16, 40, gpt2, mapping).eval()
    path = save(tmp_path / "transformer_weights.pt", dict(model.state_dict()), wrapped=False)
    tokenizer = make_gpt2_tokenizer(tmp_path / "gpt2", 300)
    made = convert([smap, path], tmp_path / "made", text_encoder="minilm", tokenizer=str(tokenizer))
    assert (
        "captioner: ClipCap, transformer mapping to 40 words, GPT-2 of 3 layers, 64 wide"
        in (made.lines[2])
    )
    loaded = load_captioner(Bundle.load(made.folder))._model
    embeddings = torch.randn(2, 16)
    assert loaded.greedy(embeddings, STOP, 10) == model.greedy(embeddings, STOP, 10)


def refused(path: Path, out: Path, **options: Any) -> str:
    """The one line of a refusal, after which nothing is there."""
    with pytest.raises(UserError) as caught:
        convert([path], out, **options)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path)) and len(message) < 700
    assert not out.exists() and not list(out.parent.glob(f".{out.name}*"))
    return message


ALTERED: dict[str, tuple[Callable[[State], object], str]] = {
    "renamed": (
        lambda s: s.update({"module.net3d.block9.x": s.pop("module.net3d.block3.0.conv1.kernel")}),
        "1 tensors missing, 1 spare, 0 of another shape (first net3d.block3.0.conv1.kernel)",
    ),
    "missing": (
        lambda s: s.pop("module.attn_layer.c_proj.bias"),
        "is not a checkpoint of SMAP: 1 tensors missing",
    ),
    "spare": (
        lambda s: s.update({"module.attn_layer.extra": torch.zeros(3)}),
        "is not a checkpoint of SMAP: 0 tensors missing, 1 spare",
    ),
    "another shape": (
        lambda s: s.update({"module.net3d.bn0.bn.weight": torch.zeros(9)}),
        "0 tensors missing, 0 spare, 1 of another shape (first net3d.bn0.bn.weight)",
    ),
    "not finite": (
        lambda s: s["module.net3d.final.kernel"].view(-1)[3:4].fill_(torch.nan),
        "net3d.final.kernel has values that are not finite",
    ),
    "whole numbers": (
        lambda s: s.update({"module.net3d.bn0.bn.bias": torch.zeros(8, dtype=torch.int32)}),
        "net3d.bn0.bn.bias is of type torch.int32, not weights",
    ),
    "huge": (
        lambda s: s.update({"module.net3d.conv0p1s1.kernel": torch.zeros(125, 3, 9000)}),
        "its shapes make no sense (stem: Input should be less than or equal to 8192)",
    ),
    "bottlenecks": (
        lambda s: s.update({"module.net3d.block1.0.conv3.kernel": torch.zeros(8, 8)}),
        "a MinkUNet of bottleneck blocks",
    ),
    "foreign": (
        lambda s: [s.clear(), s.update({"encoder.weight": torch.zeros(3)})],
        "is no checkpoint of OpenScene, SMAP or ClipCap (it has encoder.weight)",
    ),
    "empty": (lambda s: s.clear(), "holds no weights"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_altered_checkpoints_are_refused(slim: dict[str, Any], name: str, tmp_path: Path) -> None:
    alter, said = ALTERED[name]
    state = {key: value.clone() for key, value in slim["checkpoint"]["state_dict"].items()}
    alter(state)
    path = save(tmp_path / "a.pth.tar", state)
    assert said in refused(path, tmp_path / "made", text_encoder="minilm")


def test_views_of_a_few_numbers_are_no_network(tmp_path: Path) -> None:
    """Each tensor would get memory of its own, hundreds of times the file."""
    with torch.device("meta"):
        shapes = MinkUNet.variant("14A", 3, 8).state_dict()
    values = torch.zeros(max(shape.numel() for shape in shapes.values()), dtype=torch.half)
    state = {f"net3d.{k}": values[: v.numel()].view(v.shape) for k, v in shapes.items()}
    path = save(tmp_path / "a.pth.tar", state)
    told = refused(path, tmp_path / "made", text_encoder="minilm")
    assert "its tensors claim more than it holds: get the file again" in told
    tied = torch.zeros(1000, 8)
    shared = save(tmp_path / "b.pth.tar", {"net3d.a": tied, "net3d.b": tied[:900]})
    assert read_checkpoint(shared).tensors.keys() == {"net3d.a", "net3d.b"}


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("hostile"),)


def test_hostile_and_damaged_files_are_refused(
    smap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole, out = smap.read_bytes(), tmp_path / "made"
    path = tmp_path / "a.pth.tar"
    for content in (
        whole[: len(whole) // 2],
        b"",
        b"not a checkpoint",
        pickle.dumps({"state_dict": Hostile()}),
        pickle.dumps(np.zeros(3, dtype=object)),
    ):
        path.write_bytes(content)
        refused(path, out)
    torch.save({"state_dict": {"net3d.conv0p1s1.kernel": Hostile()}}, path)
    refused(path, out)
    assert not (tmp_path / "hostile").exists()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("archive/data.pkl", b"\0" * (200 << 20))
    assert "is a packed zip archive, which torch.save does not make" in refused(path, out)
    path.unlink()
    assert "no such file" in refused(path, out)


def test_parts_that_do_not_belong_together(
    slim: dict[str, Any], smap: Path, tmp_path: Path
) -> None:
    clipcap = GOLDEN / "clipcap_tiny_coco_layout.pt"
    assert "a 3D network" in said([clipcap], tmp_path, heads=2)
    assert "both hold a 3D network: give one" in said([smap, smap], tmp_path)
    other = {k: v + 1 for k, v in slim["checkpoint"]["state_dict"].items() if ".net3d." in k}
    network = save(tmp_path / "other.pth.tar", other)
    assert "SMAP was trained on another 3D network" in said([network, smap], tmp_path)
    assert "a captioner needs SMAP before it" in said([network, clipcap], tmp_path, heads=2)
    assert "no shape tells the heads of: pass --heads" in said([smap, clipcap], tmp_path)
    nowhere = {"heads": 2, "tokenizer": str(tmp_path / "nowhere")}
    assert "get tokenizer.json from https://" in said([smap, clipcap], tmp_path, **nowhere)
    assert "--prompt 'a word' has no {word}" in said([smap], tmp_path, prompt="a word")
    small = make_gpt2_tokenizer(tmp_path / "small", 280)
    told = said([smap, clipcap], tmp_path, heads=2, tokenizer=str(small))
    assert "its tokenizer has 280 tokens, the language model 300" in told


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("voxel_size", 0.0, "--voxel-size 0.0: Input should be greater than 0"),
        ("voxel_size", 50.0, "--voxel-size 50.0: Input should be less than or equal to 10"),
        ("name", "a/../b", "--name a/../b: a path with .. is not allowed"),
        ("prompt", "{word}" * 1000, "String should have at most 1000 characters"),
        ("text_encoder", "clip:../models/clip", "--text-encoder clip:../models/clip: a path"),
        ("text_encoder", "nonsense", "text encoder 'nonsense' is not known: use minilm, clip:"),
    ],
)
def test_options_are_looked_at_before_files(
    option: str, value: object, told: str, tmp_path: Path
) -> None:
    assert told in said([tmp_path / "not there"], tmp_path, **{option: value})


def said(files: list[Path], folder: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        convert(files, folder / "made", **{"text_encoder": "minilm", **options})
    assert not (folder / "made").exists()
    return str(caught.value)


def test_the_command(smap: Path, tmp_path: Path) -> None:
    def call(*args: object) -> Any:
        return CliRunner().invoke(app, ["convert", *map(str, args)])

    out = tmp_path / "made"
    done = call(smap, "--out", out, "--text-encoder", "minilm", "--name", "mine")
    assert done.exit_code == 0, done.output
    assert f"wrote {out}: avs3d segment SCAN --bundle {out}" in done.stdout
    assert json.loads((out / "bundle.json").read_text())["name"] == "mine"
    again = call(smap, "--out", out, "--text-encoder", "minilm")
    assert again.exit_code == 2 and f"{out} is there already: --overwrite" in again.stderr
    assert call(smap, "-o", out, "--text-encoder", "minilm", "--overwrite").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_the_command_shows_which_tensors_differ(slim: dict[str, Any], tmp_path: Path) -> None:
    state = dict(slim["checkpoint"]["state_dict"])
    ALTERED["renamed"][0](state)
    path = save(tmp_path / "a.pth.tar", state)
    args = ["convert", str(path), "--out", str(tmp_path / "made"), "--text-encoder", "minilm"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 2 and "Traceback" not in done.output
    rows = [line.split() for line in done.stderr.splitlines()]
    assert ["net3d.block3.0.conv1.kernel", "missing", "(27,", "8,", "16)"] in rows
    assert ["net3d.block9.x", "(27,", "8,", "16)", "no", "such", "tensor"] in rows
