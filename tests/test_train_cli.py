"""The three trainings from the command line: from prepared folders to a bundle that segments."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2Model

from avs3d.bundle import Bundle
from avs3d.captioning import load_captioner
from avs3d.cli.train import PRESETS
from avs3d.published.smap import read_image_features
from avs3d.text import load_text_encoder
from avs3d.training.settings import presets
from commands import Call, lines
from training_files import (
    DIM,
    PTV3,
    points,
    sets,
    training,
    write_all,
    write_bundle,
    write_fused,
    write_views,
)


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(row) for row in (folder / "log.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("data"))


def scan(path: Path) -> Path:
    cloud, _ = points(5)
    np.column_stack([cloud, np.zeros(len(cloud))]).astype(np.float32).tofile(path)
    return path


def distill(data: Path, out: Path, *changes: str) -> list[object]:
    return [*training("distill", data, out, *changes)]


def test_from_prepared_folders_to_words(call: Call, data: Path, tmp_path: Path) -> None:
    out, few = tmp_path / "distill", ("schedule.steps=2",)
    told = ("schedule.evaluate_every=2",)
    found = call(
        *distill(data, out, *few, *told), "--features", data / "fused", "--validation",
        data / "scenes",
    )  # fmt: skip
    assert found.exit_code == 0, found.stderr
    assert found.stdout.strip() == str(out / "bundle")
    assert "batch         2 scenes a step: 2 at a time x 1 passes x 1 processes" in lines(found)[1]
    assert "loss" in lines(found)[3] and "left" in lines(found)[3]
    provenance = Bundle.load(out / "bundle").provenance
    assert "miou" in provenance["scores"] and provenance["settings"]["features"]
    assert provenance["data"].startswith("sha256 ")
    again = call(
        *distill(data, out, *few, *told), "--features", data / "fused", "--validation",
        data / "scenes",
    )  # fmt: skip
    assert again.exit_code == 0 and [row["step"] for row in log(out)] == [1, 2, 2]
    assert lines(found)[5].startswith("exam at step 2  miou ")
    assert lines(found)[5].endswith(", the best so far")
    assert lines(again)[3:] == ["goes on after step 2 of 2"]

    images, masks = data / "cached_img_clip_feature_train.pt", data / "mask_train.pkl"
    pooled = tmp_path / "smap"
    found = call(
        "train", "smap", "--bundle", out / "bundle", "--scenes", data / "scenes", "--images",
        images, "--masks", masks, "--validation", data / "scenes", "--out", pooled,
        *sets("channels=16", "heads=2", f"dim={DIM}", "workers=0", "log_every=1", "tune=true",
              "loss=infonce", "classes=[ground, car]", "text_encoder=minilm", "schedule.lr=0.001",
              *few, *told),
    )  # fmt: skip
    assert found.exit_code == 0, found.stderr
    assert 0 < Bundle.load(pooled / "bundle").provenance["scores"]["sector_map"] <= 1

    spoken = tmp_path / "captioner"
    found = call(
        "train", "captioner", "text-only", "--bundle", pooled / "bundle", "--captions",
        data / "captions.json", "--out", spoken, "--quiet",
        *sets("gpt2={n_positions: 80, n_embd: 24, n_layer: 1, n_head: 2}", *few),
    )  # fmt: skip
    assert found.exit_code == 0 and not lines(found), found.stderr
    result = call("segment", scan(tmp_path / "scan.bin"), "--bundle", spoken / "bundle",
                  "-v", "ground, car", "--out", tmp_path / "out", "--columns", 4)  # fmt: skip
    assert result.exit_code == 0, result.stderr
    with np.load(tmp_path / "out" / "scan.npz") as found_labels:
        assert (found_labels["label"] >= 0).all()
    captioner = load_captioner(Bundle.load(spoken / "bundle"))
    assert len(captioner.candidates(np.ones((2, DIM), np.float32))) == 2


def test_two_processes_have_the_loss_of_one(call: Call, data: Path, tmp_path: Path) -> None:
    curves = []
    for processes, batch in ((1, 2), (2, 1)):
        out = tmp_path / str(processes)
        how = ("schedule.steps=4", f"batch={batch}", "schedule.lr=0.003")
        found = call(*distill(data, out, *how), "--processes", processes)
        assert found.exit_code == 0, found.stderr
        curves.append([row["loss"] for row in log(out)])
    assert np.allclose(*curves, atol=2e-3) and curves[0][-1] < curves[0][0]


def test_two_scenes_are_learned_by_heart(call: Call, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "heart"
    found = call(*distill(data, out, "schedule.steps=20", "loss=l1"), "--overfit", 2)
    assert found.exit_code == 0, found.stderr
    losses = [row["loss"] for row in log(out)]
    assert losses[-1] < losses[0] / 2
    other = call(*distill(data, out, "schedule.steps=20", "loss=l1", "workers=1"))
    assert (
        other.exit_code == 2 and "holds a training with another overfit, data;" in lines(other)[-1]
    )
    again = distill(data, out, "schedule.steps=20", "loss=l1", "workers=1", "log_every=7")
    assert call(*again, "--overfit", 2).exit_code == 0  # no result hangs on how many workers
    assert json.loads((out / "settings.json").read_text())["log_every"] == 7


def test_views_and_captions_are_learned_by_heart(call: Call, data: Path, tmp_path: Path) -> None:
    out, how = tmp_path / "smap", ("schedule.steps=25", "schedule.lr=0.01")
    found = call(*training("smap", data, out, *how), "--overfit", 1)
    assert found.exit_code == 0, found.stderr
    assert lines(found)[0].split() == ["scenes", "1,", "50.0", "times", "each"]
    first, *_, last = log(out)
    assert last["loss"] < first["loss"] / 10 and last["cosine"] > 0.2 > first["cosine"]

    out, images = tmp_path / "captioner", data / "cached_img_clip_feature_train.pt"
    how = ("schedule.steps=150", "schedule.lr=0.01", "schedule.warmup=5", "schedule.average=0.9",
           "batch=8", "text_encoder=")  # fmt: skip
    given = training("captioner", data, out, *how)
    found = call(*given, "--images", images, "--overfit", 4)
    assert found.exit_code == 0, found.stderr
    embeddings = read_image_features(images)
    rows = [row for row, name in enumerate(embeddings.names) if name.endswith(("_back", "_front"))]
    seen = np.asarray(embeddings.features[rows[:4]], np.float32)
    said = load_captioner(Bundle.load(out / "bundle")).captions(seen)
    assert said == ["a car on the road."] * 2 + ["a tree on the road."] * 2


def test_a_dry_run_trains_nothing(call: Call, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "dry"
    how = ("schedule.steps=5000", "schedule.accumulate=4", "network.kind=ptv3", "seed=1")
    found = call(*distill(data, out, *how), "--dry-run")
    assert found.exit_code == 0, found.stderr
    for part in ("parameters", "scenes a step: 2 at a time x 4 passes", "inputs (", "GiB",
                 "5,000 steps: about", "0.01 at most"):  # fmt: skip
        assert part in found.stdout, part
    assert not out.exists()
    found = call("train", "captioner", "text-only", "--bundle", data / "tiny", "--captions",
                 data / "captions.json", "--out", out, "--dry-run")  # fmt: skip
    assert found.exit_code == 0 and "1,500 steps: about" in found.stdout, found.stderr
    assert "nan" not in found.stdout and not out.exists()


def test_a_dry_run_of_several_processes_tells_of_all(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "avs3d", *distill(data, tmp_path / "out", "schedule.steps=9")]
    done = subprocess.run(
        [*map(str, command), "--dry-run", "--processes", "2"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("4 scenes a step: 2 at a time x 1 passes x 2 processes") == 1


def test_what_has_the_most_to_say_wins(call: Call, data: Path, tmp_path: Path) -> None:
    found = call(*training("captioner", data, tmp_path / "a", "gpt2.n_layer=2", "gpt2.n_embd=24",
                           "schedule.steps=1", "prefix_length=3"))  # fmt: skip
    assert found.exit_code == 0, found.stderr
    sizes = Bundle.load(tmp_path / "a" / "bundle").config.captioner.gpt2  # type: ignore[union-attr]
    assert (sizes.n_layer, sizes.n_embd, sizes.n_positions, sizes.resid_pdrop) == (2, 24, 80, 0)
    found = call(*distill(data, tmp_path / "b", "scenes=/nowhere", "schedule.steps=1"))
    assert found.exit_code == 2 and "/nowhere: no such folder" in found.stderr


def test_other_data_in_the_same_place_is_refused(call: Call, data: Path, tmp_path: Path) -> None:
    data = write_all(tmp_path / "data")
    run = training("captioner", data, tmp_path / "out", "schedule.steps=2")
    assert call(*run).exit_code == 0
    path = data / "captions.json"
    before = path.read_text()
    path.write_text(before.replace("car", "bus"))  # as many letters
    other = call(*run)
    assert other.exit_code == 2 and "holds a training with another data" in lines(other)[-1]
    path.write_text(before)
    assert call(*run).exit_code == 0
    run = distill(data, tmp_path / "net", "schedule.steps=1")
    assert call(*run).exit_code == 0
    shutil.rmtree(data / "scenes" / "scene_1")
    other = call(*run)
    assert other.exit_code == 2 and "holds a training with another data" in lines(other)[-1]


def test_long_captions_and_such_without_an_end_are_learned(
    call: Call, data: Path, tmp_path: Path
) -> None:
    captions = tmp_path / "captions.json"
    long = "a car beside " + "a very " * 100 + "long road."
    captions.write_text(json.dumps({"scene": {"front": "a car on the road", "back": long}}))
    how = ("schedule.steps=150", "schedule.lr=0.01", "schedule.average=0.5", "noise=0")
    found = call(*training("captioner", data, tmp_path / "out", *how), "--captions", captions)
    assert found.exit_code == 0, found.stderr
    captioner = load_captioner(Bundle.load(tmp_path / "out" / "bundle"))
    (said,) = captioner.captions(load_text_encoder("minilm").encode(["a car on the road."]))
    assert said == "a car on the road."


def test_a_captioner_of_a_language_model_that_can_speak(
    call: Call, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "gpt2"
    config = GPT2Config(vocab_size=260, n_positions=80, n_embd=16, n_layer=1, n_head=2)
    torch.manual_seed(0)
    speaker = GPT2Model(config)
    speaker.save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    out = tmp_path / "out"
    found = call(
        "train", "captioner", "clipcap", "--bundle", data / "tiny", "--captions",
        data / "captions.json", "--images", data / "cached_img_clip_feature_train.pt", "--out", out,
        *sets(f"language_model={folder}", "clip_length=3", "layers=1", "prefix_length=4", "batch=4",
              "schedule.steps=2", "schedule.warmup=1", "schedule.lr=0.01"),
    )  # fmt: skip
    assert found.exit_code == 0, found.stderr
    captioner = load_captioner(Bundle.load(out / "bundle"))
    weights = captioner._model.gpt["transformer"].state_dict()
    kept = speaker.state_dict()["wte.weight"]
    assert torch.allclose(weights["wte.weight"], kept, atol=1e-3)  # stored in half precision
    assert Bundle.load(out / "bundle").config.captioner.transformer is not None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["schedule.stps=3"], "no setting 'schedule.stps': did you mean steps?"),
        (["schedule.lr=fast"], "schedule.lr: Input should be a valid number"),
        (["network.kind=MinkUNet19"], "no network 'MinkUNet19'; there are ptv3, MinkUNet14A"),
        (["network.inputs=[colour]"], "no input 'colour'; there are one, height"),
        (["schedule.evaluate_every=5"], "needs validation scenes and classes"),
        (["nothing"], "give NAME=VALUE"),
        (["classes.first=3"], "classes is one value"),
        (["start=street-mini"], "has another network than the config"),
        (["classes=[road, car"], "--set classes=[road, car: "),
        (["name=../up"], "name: a path with .. is not allowed"),
        (["text_encoder=clip:../models"], "text_encoder: a path with .. is not"),
        (["network.inputs=[one]"], "1 inputs for a network of 2; correct the settings"),
        (["network.dim=64"], "network: kind gives 384 channels, and dim is 64"),
        (
            ["network.kind.plnes=3"],
            "no setting 'network.kind.minkunet.plnes': did you mean planes?",
        ),
        ([PTV3, "network.kind.dec_depths=[1]"], "network.kind: "),
        ([PTV3, "network.kind.enc_deths=[1]"], "did you mean enc_depths?"),
        (["network.kind=MinkUNet14A", "network.dim=96"], "minilm: is 384 wide, network.dim is 96;"),
        (["validation=scenes"], "validation: set schedule.evaluate_every"),
        (["schedule.patience=3"], "patience counts exams; set evaluate_every"),
    ],
)
def test_wrong_settings_are_said_in_one_line(
    call: Call, data: Path, tmp_path: Path, changes: list[str], told: str
) -> None:
    found = call(*distill(data, tmp_path / "out", "schedule.steps=1", *changes))
    assert found.exit_code == 2 and len(lines(found)) == 1, found.stderr
    assert told in lines(found)[0]


def test_wrong_data_is_said_in_one_line(call: Call, data: Path, tmp_path: Path) -> None:
    narrow = write_fused(tmp_path / "narrow", dim=64)
    found = call(*distill(data, tmp_path / "a", "schedule.steps=1"), "--features", narrow)
    assert found.exit_code == 2 and "64 wide, the config's network.out_channels" in found.stderr
    images, masks = write_views(tmp_path, dim=64)
    found = call(
        "train", "smap", "laptop", "--bundle", data / "tiny", "--scenes", data / "scenes",
        "--images", images, "--masks", masks, "--out", tmp_path / "b",
    )  # fmt: skip
    assert found.exit_code == 2 and "64 wide, the config's pooling.out_channels" in found.stderr
    found = call("train", "captioner", "text-only", "--bundle", write_bundle(tmp_path / "c", False),
                 "--captions", data / "captions.json", "--out", tmp_path / "d")  # fmt: skip
    assert found.exit_code == 2 and "has no pooling; give one that has" in found.stderr
    found = call(*distill(data, tmp_path / "g", "schedule.steps=1", "classes=[ground]"))
    assert found.exit_code == 2 and "has the class 1, and only 1 have names" in lines(found)[-1]
    found = call("train", "smap", "publisht")
    assert found.exit_code == 2 and "did you mean published?" in found.stderr
    exam = (f"validation={data / 'scenes'}", "classes=[ground, car]", "schedule.evaluate_every=1")
    found = call(*training("smap", data, tmp_path / "e", "schedule.steps=1", *exam, "dim=64",
                           "text_encoder=minilm"), "--images", images)  # fmt: skip
    assert found.exit_code == 2 and "text_encoder minilm: is 384 wide, dim is 64" in found.stderr
    short = ("prefix_length=80", "schedule.steps=1")
    found = call(*training("captioner", data, tmp_path / "f", *short))
    assert found.exit_code == 2 and "prefix_length 80: leaves no room for words" in found.stderr
    found = call("train", "captioner", "clipcap", "--bundle", data / "tiny", "--captions",
                 data / "captions.json", "--images", data / "cached_img_clip_feature_train.pt",
                 "--out", tmp_path / "h")  # fmt: skip
    assert found.exit_code == 2 and "gpt2: no such folder; give that of a GPT-2" in found.stderr
    found = call("train", "distill")
    assert found.exit_code == 2
    assert "schedule is not set; set it, or take a preset: laptop, openscene" in found.stderr


def test_presets_are_whole(call: Call) -> None:
    assert presets("distill") == ["laptop", "openscene"]
    assert presets("smap") == ["laptop", "published"]
    assert presets("captioner") == ["clipcap", "pairs", "text-only"]
    for kind, named in PRESETS.items():
        assert named == ", ".join(presets(kind))
        for preset in presets(kind):
            found = call("train", kind, preset, "--dry-run", "--set", "nothing_such=1")
            assert f"{preset}: no setting 'nothing_such'" in found.stderr


def test_what_a_bundle_was_taught_goes_on_with_it(call: Call, data: Path, tmp_path: Path) -> None:
    start = ["--bundle", "street-mini", "--set", "schedule.steps=1"]
    out = tmp_path / "smap"
    found = call(*training("smap", data, out, "schedule.steps=1"), "--bundle", "street-mini")
    assert found.exit_code == 0, found.stderr
    assert Bundle.load(out / "bundle").known_words is not None
    assert Bundle.load(out / "bundle").config.saying is not None
    found = call(*training("captioner", data, tmp_path / "captioner"), *start)
    assert found.exit_code == 0, found.stderr
    captioner = Bundle.load(tmp_path / "captioner/bundle")
    assert captioner.known_words is not None
    assert captioner.config.saying is None  # what was sure of another's sentences
    tuned = training("smap", data, tmp_path / "tuned", "schedule.steps=1", "tune=true")
    assert call(*tuned, "--bundle", "street-mini").exit_code == 0
    config = Bundle.load(tmp_path / "tuned/bundle").config
    assert (config.saying, config.score, config.low_score) == (None, None, None)
