"""The whole camera branch on one scan: what it needs of memory, and what darkness does to it.

    python benchmarks/cameras.py [--sample FOLDER] [--dark] [--json FILE]

The scan and six images of 1600 x 900 of `--sample` (a folder with a `sample.json`, by default the
one in ../shared/data where that is), or made-up ones. Two runs, in a process each: words of images
and points with the packaged bundle and a captioner of BLIP's size (ViT-B/16 and GPT-2, 240 million
parameters); words that are given, by the ensemble of a CLIP tower (ViT-B/32) and a 3D network in
its space. Their weights are noise: nothing is said of quality. "GB" is the peak above what the
process holds with everything loaded.

`--dark`, which `make bench` leaves out: the same images all black. The words of the points must
be the same, and the run succeed (3D-AVS, section 4: at night cameras fail, points do not).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

# As the command does, before torch is imported: threads that wait do not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from engine.measure import alone, peak_above
from fusion import CAMERAS, HEIGHT, WIDTH, make_scan, make_tower

import avs3d
from avs3d import Scan, Vocabulary
from avs3d.bundle import Bundle, save_bundle
from avs3d.cameras import pixels, read_cameras
from avs3d.captioning import ImageCaptionerConfig
from avs3d.models.minkunet import MinkUNet
from avs3d.sources import Sources
from avs3d.text import CachedEncoder

BAR = 1.0  # GB above the models
SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "nuscenes_sample"
SHIPPED = Path(avs3d.__file__).parent / "data" / "street.npz"
NOUNS = (
    "car", "tree", "road", "bus", "dog", "man", "sign", "lamp", "wall", "door", "roof", "bin",
    "cone", "van", "bike", "pole", "kerb", "sky",
)  # fmt: skip
WORDS = Vocabulary.from_words(NOUNS)


def make_captioner(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        GPT2Config,
        PreTrainedTokenizerFast,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(0)
    tokens = ["<pad>", "<s>", "</s>", *NOUNS]
    text = GPT2Config(bos_token_id=1, eos_token_id=2, is_decoder=True, add_cross_attention=True)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), text)
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 1, 2, 0
    model = VisionEncoderDecoderModel(config)
    with torch.no_grad():  # of GPT-2's many tokens it only says those that are nouns
        model.decoder.lm_head.weight[len(tokens) :] = 0
    model.save_pretrained(folder)
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(tokens)}, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    ViTImageProcessorPil().save_pretrained(folder)


def make_clip_bundle(folder: Path, tower: Path) -> None:
    """The packaged network with a last layer of CLIP's width."""
    torch.manual_seed(0)
    packaged = Bundle.load("street-mini")
    network = packaged.config.network.model_copy(update={"out_channels": 512})
    told = {"text_encoder": f"clip:{tower}", "network": network, "pooling": None}
    told |= {"captioner": None, "score": None, "low_score": None, "files": {}}
    config = packaged.config.model_copy(update=told)
    save_bundle(folder, config, {"network": MinkUNet(**network.model_dump())})


def load_scan(sample: Path | None, folder: Path, dark: bool) -> Scan:
    if sample is not None:
        (cloud,) = sample.glob("*.bin")
        scan = read_cameras(avs3d.read(cloud), sample, sample / "sample.json")
    else:
        scan = replace(avs3d.read(SHIPPED), cameras=make_scan(folder, 1).cameras)
    if not dark:
        return scan
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return replace(scan, cameras=tuple(replace(c, image=black) for c in scan.cameras))


def read_all_weights() -> None:
    """What is mapped from files is in memory now."""
    for module in [found for found in gc.get_objects() if issubclass(type(found), torch.nn.Module)]:
        for weight in module.parameters(recurse=False):
            float(weight.detach().sum())


def measure(kind: str, place: str, sample: Path | None, dark: bool) -> dict[str, Any]:
    """In a process of its own."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if kind == "captions":
        described = ImageCaptionerConfig(model=place, max_tokens=12)
        model = avs3d.load(sources=Sources(image_captioner=described))
        model.load_parts()
    else:
        model = avs3d.load(place, sources=Sources(feature="ensemble"))
        words = torch.nn.functional.normalize(torch.randn(len(WORDS), 512), dim=1)
        CachedEncoder.encode = lambda self, texts: words.numpy()[: len(texts)]  # type: ignore
        model.load_parts(own_words=False)
    read_all_weights()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        scan = load_scan(sample, Path(folder), dark)
        images = [pixels(camera.image).shape[:2] for camera in scan.cameras]

        def run() -> None:
            torch.manual_seed(0)
            results.append(model.encode(scan).segment(WORDS if kind != "captions" else None))

        peak = peak_above(run)
    (result,) = results
    words: dict[str, set[str]] = {"points": set(), "images": set(), "user": set()}
    for word, sources in zip(result.vocabulary, result.vocabulary.sources, strict=True):
        for source in sources:
            words[source.captioner].add(word)
    return {
        "gb": peak,
        "points": len(scan),
        "images": images,
        "seconds": {step: round(s, 2) for step, s in result.timings.items()},
        "left_out": list(result.scan.left_out),
        "words": {captioner: sorted(some) for captioner, some in words.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sample", type=Path)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    sample = args.sample or (SAMPLE if SAMPLE.is_dir() else None)
    found: dict[str, Any] = {}
    print(f"{CAMERAS} images, {'the scan of ' + sample.name if sample else 'made up'}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone(make_captioner, folder / "captioner")
        alone(make_tower, folder / "tower", "B/32")
        alone(make_clip_bundle, folder / "bundle", folder / "tower")
        places = {"captions": str(folder / "captioner"), "ensemble": str(folder / "bundle")}
        for kind, place in places.items():
            row = found[kind] = alone(measure, kind, place, sample, False)
            gb = "-" if row["gb"] is None else f"{row['gb']:.2f} GB"
            missed = "   missed" if (row["gb"] or 0) > BAR else ""
            print(f"{kind:10}{gb:>9} above the models, bar {BAR} GB{missed}   {row['seconds']}")
        if args.dark:
            dark = found["dark"] = alone(measure, "captions", places["captions"], sample, True)
            day, night = found["captions"]["words"], dark["words"]
            same = "the same" if day["points"] == night["points"] else "NOT the same"
            print(f"dark      {len(night['points'])} words of points {same}")
            print(f"          words of images {day['images']} -> {night['images']}")
            print(f"          left out {dark['left_out'] or 'nothing'}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1, default=str), "utf-8")


if __name__ == "__main__":
    main()
