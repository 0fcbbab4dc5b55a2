"""CLIP's vision tower through transformers: features of patches, and embeddings of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.cameras.images import pixels_of
from avs3d.hub import SAFE, model_folder, quiet_loading
from avs3d.scan import Camera
from avs3d.vision.pixels import FeatureMap

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 24
"""Cells that the short side of an image has at least: it is scaled to the smallest whole multiple
of the tower's own size that has so many (ViT-B/32: 4 times 224 pixels, B/16 and L/14: 2 times,
L/14-336: once 336)."""
LONGEST = 8
"""The long side of an image has at most so many times those cells, which bounds the work on a
panorama. Its short side then has fewer."""
_WINDOWS = 4  # at a time
_IMAGES = 8  # at a time


class ClipVision:
    """The vision half of a CLIP model.

    **Features of patches** follow MaskCLIP (Zhou, Loy, Dai: Extract Free Dense Labels from CLIP,
    ECCV 2022): in the last block queries and keys are dropped, and each patch keeps its own value:
    layer norm, value projection, output projection, without attention. What follows is CLIP's own
    way out, layer norm and projection into the common space, without the residual and the MLP of
    that block. MaskCLIP's code has both for ViT; ClearCLIP (Lan et al., ECCV 2024) found that the
    noise of such maps comes from them.

    As there, features are scaled to length 1 before they are compared, hence before those of
    windows are averaged. The average of windows is not scaled again: to compare it with a text is
    to average the windows' scores, which is what sliding windows do in segmentation.

    **Windows.** The tower was trained on squares of one size, and its positions are for those. So
    squares of that size slide over the larger image (see `ROWS`), a third of each or more shared
    with the next, and their features are averaged with a weight that falls smoothly to the edge,
    where a patch has seen least around itself. Only where the image has fewer rows of cells than
    the tower, as a panorama may have, the window is lower, and its positions are interpolated.

    Args:
        place: a local folder or a hub id, for example ``openai/clip-vit-base-patch32``.
        device: where the model runs, as torch names it.
    """

    def __init__(self, place: str, device: str = "cpu") -> None:
        self.name = f"clip:{place}"
        self._place = place
        self._device = device

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Image processor and model."""
        folder = str(model_folder(self._place, "image encoder"))
        with quiet_loading(self._place, "image encoder"):
            from transformers import AutoImageProcessor, CLIPVisionModelWithProjection

            processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **SAFE)
            model, found = CLIPVisionModelWithProjection.from_pretrained(
                folder, output_loading_info=True, **SAFE
            )
            if missing := sorted(found["missing_keys"]):  # they would be made up
                raise ValueError(f"it is no CLIP with a vision tower, {missing[0]} is missing")
            return processor, model.eval().float().to(self._device)

    @property
    def dim(self) -> int:
        return int(self._loaded[1].visual_projection.out_features)

    def of(self, camera: Camera) -> FeatureMap:
        """The features of patches, see the class and `PixelFeatures.of`."""
        image = pixels_of(camera)
        return FeatureMap(self._grid(image), (image.shape[1], image.shape[0]))

    def embeddings(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """CLIP's embeddings of whole images, as they leave the model (SMAP's target).

        Args:
            images: each (H, W, 3) uint8; the middle square is what CLIP looks at.

        Returns:
            (len(images), dim) float32, not normalised.
        """
        import torch

        processor, model = self._loaded
        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(images), _IMAGES):
            batch = processor(
                images=list(images[start : start + _IMAGES]),
                input_data_format="channels_last",
                return_tensors="pt",
            )
            with torch.inference_mode():
                found = model(pixel_values=batch["pixel_values"].to(self._device))
            rows.append(found.image_embeds.cpu().numpy())
        return np.concatenate(rows)

    def _grid(self, image: np.ndarray) -> np.ndarray:
        """(h, w, dim) float32 features of the cells of an (H, W, 3) uint8 image."""
        import torch

        config = self._loaded[1].config
        side, patch = config.image_size // config.patch_size, config.patch_size
        shape = cells(image.shape[:2], side)
        height, width = (min(count, side) for count in shape)
        scaled = self._scaled(image, (shape[0] * patch, shape[1] * patch))
        weight = torch.outer(_bell(height), _bell(width))[..., None].to(self._device)
        sums = torch.zeros(*shape, self.dim, device=self._device)
        total = torch.zeros(*shape, 1, device=self._device)
        places = [(top, left) for top in starts(shape[0], side) for left in starts(shape[1], side)]
        for first in range(0, len(places), _WINDOWS):
            some = places[first : first + _WINDOWS]
            windows = [
                scaled[
                    :, top * patch : (top + height) * patch, left * patch : (left + width) * patch
                ]
                for top, left in some
            ]
            features = self._values(torch.stack(windows).to(self._device))
            for (top, left), found in zip(some, features, strict=True):
                part = slice(top, top + height), slice(left, left + width)
                sums[part] += weight * found.unflatten(0, (height, width))
                total[part] += weight
        grid: np.ndarray = (sums / total).cpu().numpy()
        return grid

    def _scaled(self, image: np.ndarray, shape: tuple[int, int]) -> Tensor:
        """(3, H, W) float32 of that shape, normalised as the model wants it."""
        from PIL import Image

        processor = self._loaded[0]
        resized = Image.fromarray(image).resize(shape[::-1], processor.resample)
        done = processor(images=resized, do_resize=False, do_center_crop=False, return_tensors="pt")
        scaled: Tensor = done["pixel_values"][0]
        return scaled

    def _values(self, windows: Tensor) -> Tensor:
        """(B, cells, dim) unit vectors of the patches of (B, 3, H, W) windows."""
        import torch

        model = self._loaded[1]
        tower, layers = model.vision_model, model.vision_model.encoder.layers
        last = layers[-1]
        with torch.inference_mode():
            try:
                tower.encoder.layers = layers[:-1]
                states = tower(windows, interpolate_pos_encoding=True).last_hidden_state
            finally:
                tower.encoder.layers = layers
            own = last.self_attn.v_proj(last.layer_norm1(states[:, 1:]))
            found = model.visual_projection(tower.post_layernorm(last.self_attn.out_proj(own)))
            return torch.nn.functional.normalize(found, dim=-1)


def cells(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Rows and columns of the cells of an image, see `ROWS` and `LONGEST`.

    Args:
        shape: height and width of the image.
        side: cells along the tower's own square.
    """
    height, width = shape
    short = side * math.ceil(ROWS / side)
    scale = min(short / min(shape), short * LONGEST / max(shape))
    return max(round(height * scale), 1), max(round(width * scale), 1)


def starts(count: int, side: int) -> list[int]:
    """Where windows of `side` cells begin that cover `count` cells, evenly spread."""
    side = min(count, side)
    steps = math.ceil((count - side) / max(side * 2 // 3, 1))
    return [round(i * (count - side) / steps) for i in range(steps + 1)] if steps else [0]


def _bell(count: int) -> Tensor:
    """(count,) the weight along a side: the squared sine, taken at the middles of the cells."""
    import torch

    return torch.sin((torch.arange(count) + 0.5) * (math.pi / count)) ** 2
