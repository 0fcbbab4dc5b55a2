"""Captions of camera images, ``captions_SPLIT.json``: {scene: {camera: sentence}}."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.cameras.images import pixels_of
from avs3d.captioning.image_config import ImageCaptionerConfig
from avs3d.environment import torch_device
from avs3d.errors import ReadError, UserError
from avs3d.io.source import show
from avs3d.prepare.models import known_by
from avs3d.prepare.product import Part, Product, reading
from avs3d.published.texts import read_captions, write_captions
from avs3d.scan import Scan

if TYPE_CHECKING:
    from avs3d.captioning import ImageCaptioner

_AT_ONCE = 8  # images in memory


@dataclass(frozen=True)
class Captions(Product):
    """What an image captioner says of every camera image, by the name of the camera: with the
    embeddings of `avs3d.prepare.smap`, whose rows are called ``SCENE_CAMERA``, these are the pairs
    that a captioner is trained on.

    Attributes:
        captioner: which one.
        device: where a local one runs, see `avs3d.load`.
    """

    captioner: ImageCaptionerConfig
    device: str = "auto"
    what = "captions"

    def told(self) -> dict[str, Any]:
        told = self.captioner.model_dump(mode="json")
        if self.captioner.server is None:
            told |= known_by(self.captioner.model, "image captioner")
        return {"captioner": told}

    def load(self) -> None:
        assert self._captioner.name

    @cached_property
    def _captioner(self) -> ImageCaptioner:
        from avs3d.captioning import load_image_captioner

        return load_image_captioner(self.captioner, str(torch_device(self.device)))

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        left_out = list(scan.left_out)
        images: dict[str, np.ndarray] = {}
        told: dict[str, str] = {}
        for last, camera in enumerate(scan.cameras, 1):
            try:
                images[camera.name] = pixels_of(camera)
            except ReadError as error:
                left_out.append(f"camera {show(camera.name)} of {show(scan.name)}: {error}")
            if len(images) == _AT_ONCE or last == len(scan.cameras):
                told |= self._described(scan.name, images)
                images = {}
        if not told:
            why = f" ({left_out[0]})" if left_out else "; give a scan with cameras"
            raise ReadError(f"{show(scan.name)}: has no image to describe{why}")
        path = folder / "captions_parts" / part.name / f"{scan.name}.json"
        path.parent.mkdir(parents=True)
        write_captions(path, {scan.name: told})
        return tuple(left_out)

    def _described(self, scene: str, images: Mapping[str, np.ndarray]) -> dict[str, str]:
        """The caption of each; a scene of which one fails is tried again by the next run."""
        replies = self._captioner.describe(list(images.values()))
        for name, reply in zip(images, replies, strict=True):
            if reply.error:
                raise UserError(
                    f"{show(scene)}: camera {show(name)} got no caption: {reply.error}; run the"
                    " same again"
                )
        return {name: reply.text for name, reply in zip(images, replies, strict=True)}

    def join(self, parts: Mapping[str, list[Path]], part: Part, folder: Path) -> None:
        told = {}
        for scene, (path,) in parts.items():
            with reading(path):
                told[scene] = read_captions(path).of(scene)
        path = folder / f"captions_{part.name}.json"
        write_captions(path, told)
        read_captions(path)  # larger ones than are read are of no use
