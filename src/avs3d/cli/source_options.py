"""Options about cameras, and about where words and features come from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avs3d.errors import UserError, cannot_list
from avs3d.io.source import show
from avs3d.published.features import FeatureSet
from avs3d.sources import CAPTIONERS, FEATURES, Sources

if TYPE_CHECKING:
    from avs3d.captioning import ImageCaptionerConfig

Images = Annotated[
    str | None,
    typer.Option("--images", metavar="DIR", help="Folder with camera images.", show_default="none"),
]
Calibration = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="Of the cameras: .json, KITTI's calib.txt or ROS camera_info .yaml; or a folder "
        "with one a scan.",
        show_default=False,
    ),
]
Captioner = Annotated[
    str | None,
    typer.Option(
        "--captioner",
        metavar="WHO",
        help="Whose sentences give words: points, images or both.",
        show_default="both with an --image-captioner, else points",
    ),
]
ImageCaptioner = Annotated[
    str | None,
    typer.Option(
        "--image-captioner",
        metavar="MODEL",
        help="Describes camera images: a folder or hub id, http://HOST/v1#MODEL of a server, or a "
        ".yaml file with more about it.",
        show_default="none",
    ),
]
Feature = Annotated[
    str | None,
    typer.Option(
        "--feature",
        metavar="WHICH",
        help="What is compared with words: distill (3D network), fusion (images) or ensemble.",
        show_default="fusion with --features, else distill",
    ),
]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="WHERE",
        help="For fusion: fused features (SCENE.pt, SCENE_K.pt) or a folder of them; a folder of "
        "features of images (.npy, .safetensors); or clip:MODEL.",
        show_default="the CLIP model of the bundle",
    ),
]
ZBuffer = Annotated[
    int | None,
    typer.Option(
        "--z-buffer",
        metavar="PIXELS",
        min=1,
        max=1000,
        help="In images nearer points hide what is behind them, in squares of so many pixels.",
        show_default="nothing hides anything, as published",
    ),
]
Fold = Annotated[
    float | None,
    typer.Option(
        "--fold",
        metavar="SIMILARITY",
        min=0.0,
        max=1.0,
        help="Make one of own words that are more alike than this, 0.9 for example.",
        show_default="none",
    ),
]


def camera_config(images: str | None, calibration: str | None) -> dict[str, Any]:
    """The options of `BatchConfig` about cameras.

    Raises:
        UserError: one of both is missing.
    """
    if (images is None) != (calibration is None):
        raise UserError("--images and --calibration: give both, or none")
    return {"images": images, "calibration": calibration}


def source_config(
    has_images: bool,
    captioner: str | None = None,
    image_captioner: str | None = None,
    feature: str | None = None,
    features: str | None = None,
    z_buffer: int | None = None,
    fold: float | None = None,
) -> dict[str, Any]:
    """The options of `BatchConfig` about what scans are labelled by.

    Raises:
        UserError: an option is none that there is, or asks for one that is missing.
    """
    _check("--captioner", captioner, CAPTIONERS)
    _check("--feature", feature, FEATURES)
    if captioner in ("images", "both") and image_captioner is None:
        raise UserError(f"--captioner {captioner}: give the --image-captioner that describes them")
    if image_captioner is not None and not has_images:
        raise UserError("--image-captioner: give the --images to describe, and their --calibration")
    if z_buffer is not None and not has_images:
        raise UserError("--z-buffer: is for what cameras see; give the --images")
    if feature == "distill" and features is not None:
        raise UserError("--features: are for --feature fusion or ensemble, not distill")
    fused, pixels = None, None
    if features is not None and (features.startswith("clip:") or _is_of_images(Path(features))):
        pixels = features
    elif features is not None:
        fused = FeatureSet(Path(features))
    described = None if captioner == "points" else _captioner(image_captioner)
    sources = Sources(captioner, described, feature, pixels, z_buffer, fold)
    if not has_images and fused is None and sources.looks_at_images:
        raise UserError("--feature: give the --images that features are of, or fused --features")
    return {"features": fused, "sources": sources}


def _check(option: str, value: str | None, known: tuple[str, ...]) -> None:
    if value not in (None, *known):
        raise UserError(f"{option} {value}: give {', '.join(known[:-1])} or {known[-1]}")


def _captioner(spec: str | None) -> ImageCaptionerConfig | None:
    if spec is None:
        return None
    from avs3d.captioning.images import read_spec

    return read_spec(spec)


def _is_of_images(path: Path) -> bool:
    """Whether a folder holds features, but no fused ones."""
    try:
        names = os.listdir(path) if path.is_dir() else []
    except OSError as error:
        raise cannot_list(f"--features {show(path)}", error) from None
    return bool(names) and not any(name.endswith(".pt") for name in names)
