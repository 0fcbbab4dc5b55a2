"""The published architectures at full size: does a scan fit into an ordinary machine's memory?

    python benchmarks/published_weights.py [--scan FILE] [--json FILE]

Checkpoints with the names and shapes of the published ones (MinkUNet18A with 768-d features, SMAP,
ClipCap with GPT-2) and random numbers in them are converted by `avs3d convert` and run on a scan at
5 cm: encode, captions of 12 sectors, 40 words. "weights" is what the bundle's parameters take,
"above" the peak beyond them and beyond an idle interpreter with the libraries loaded. Numbers say
nothing about quality: the weights are noise.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

# As the command does, before torch is imported: threads that wait do not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from engine.measure import alone, resident_gb

import avs3d

ROOT = Path(__file__).parents[1]
SHIPPED = Path(avs3d.__file__).parent / "data" / "street.npz"
KEYS = ROOT / "tests" / "data" / "golden" / "full_keys.json"
GPT2 = {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
WORDS = 40
BAR = 1.5  # GB above the weights


def smap_checkpoint(path: Path) -> None:
    """As 3D-AVS saves it: the 3D network and the pooling."""
    state = {}
    for name, (shape, kind) in json.loads(KEYS.read_text("utf-8")).items():
        if kind == "torch.int64":
            state[f"module.{name}"] = torch.tensor(1)
        elif name.endswith(("running_var", "bn.weight")):
            state[f"module.{name}"] = 0.5 + torch.rand(shape)
        else:
            fan_in = max(1, torch.Size(shape[:-1]).numel())
            state[f"module.{name}"] = torch.randn(shape) / fan_in**0.5
    torch.save({"epoch": 20, "state_dict": state, "optimizer": {}}, path)


def clipcap_checkpoint(path: Path) -> None:
    """As ClipCap saves it, the masks of old versions of transformers included."""
    from avs3d.models.prefix_lm import PrefixLanguageModel

    state = dict(PrefixLanguageModel(512, 10, GPT2).state_dict())
    for layer in range(GPT2["n_layer"]):
        state[f"gpt.transformer.h.{layer}.attn.bias"] = torch.ones(1, 1, 1024, 1024).byte()
        state[f"gpt.transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    state["gpt.lm_head.weight"] = state["gpt.transformer.wte.weight"]
    torch.save(state, path)


def make_bundle(folder: Path) -> Path:
    """The checkpoints, converted."""
    sys.path.insert(0, str(ROOT / "tests"))
    from avs3d.convert.bundle import convert
    from tiny import make_clip, make_gpt2_tokenizer

    torch.manual_seed(0)
    files = [folder / "smap.pth.tar", folder / "coco_weights.pt"]
    smap_checkpoint(files[0])
    clipcap_checkpoint(files[1])
    tokenizer = make_gpt2_tokenizer(folder / "gpt2", GPT2["vocab_size"])
    encoder = f"clip:{make_clip(folder / 'clip', 768)}"
    made = convert(files, folder / "bundle", text_encoder=encoder, tokenizer=str(tokenizer))
    print("\n".join(made.lines))
    return made.folder


def run(bundle: Path, scan: Path) -> dict[str, float]:
    """In a process of its own: GB and seconds of the whole job."""
    pipeline = avs3d.load(bundle)
    words = avs3d.Vocabulary.from_words([f"word {i}" for i in range(WORDS)])
    pipeline.words(words.words)  # the libraries of the text encoder
    weights = sum(path.stat().st_size for path in bundle.iterdir() if path.suffix == ".safetensors")
    loaded = sum(
        p.numel() * p.element_size()
        for module in (pipeline.bundle.network, pipeline.bundle.pooling)
        if module is not None
        for p in module.parameters()
    )
    before = resident_gb("VmRSS") - loaded / 1e9
    given = avs3d.read(scan)
    began = time.perf_counter()
    encoded = pipeline.encode(given)
    captions = encoded.captions()
    encoded.segment(words)
    seconds = time.perf_counter() - began
    return {
        "points": len(given),
        "views": len(captions),
        "weights": weights / 1e9,
        "above": resident_gb("VmHWM") - before - weights / 1e9,
        "seconds": seconds,
        **{f"seconds_{name}": value for name, value in encoded.timings.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scan", type=Path, default=SHIPPED)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = alone(run, make_bundle(Path(name)), args.scan)
    for key, value in found.items():
        print(f"{key:20}{value:12,.2f}")
    print(f"{'bar: above':20}{BAR:12.2f}{'' if found['above'] <= BAR else '   missed'}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
