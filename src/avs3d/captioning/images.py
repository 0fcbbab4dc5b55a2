"""Image captioners: what a model says of camera images, behind one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from avs3d.captioning.image_config import ImageCaptionerConfig, read_spec
from avs3d.chat import Reply, Usage
from avs3d.chat.reply import one_line, without_thoughts

PROMPT = "List the things that can be seen in this picture, in one plain sentence."
"""What models that take instructions are asked unless a config says otherwise."""
_LONGEST = 2000  # characters of a caption


class ImageCaptioner(Protocol):
    """Describes images."""

    @property
    def name(self) -> str:
        """What summaries call it."""
        ...

    @property
    def usage(self) -> Usage:
        """Of all images so far."""
        ...

    def describe(self, images: Sequence[np.ndarray]) -> list[Reply]:
        """A caption of each image, in their order; one that gets none has the reason.

        Args:
            images: (H, W, 3) uint8, RGB, of any size.
        """
        ...


def fault_of(image: np.ndarray) -> str:
    """Why an array cannot be described, or ""."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        return f"an image must be (H, W, 3) uint8, not {image.shape} {image.dtype}"
    return "" if image.size else "the image has no pixels"


def caption_reply(text: str) -> Reply:
    """What a model said as a caption: one line of at most 2,000 characters, without thoughts."""
    caption = one_line(without_thoughts(text), _LONGEST)
    return Reply(caption) if caption else Reply.failed("said nothing")


def load_image_captioner(spec: str | ImageCaptionerConfig, device: str = "cpu") -> ImageCaptioner:
    """The image captioner of a config or a spec.

    Args:
        spec: a config, or a local folder or a hub id (a model of transformers that runs here),
            ``http://HOST:PORT/v1#MODEL`` (a model of a server), or the path of a ``.yaml``,
            ``.yml`` or ``.json`` file with the keys of `ImageCaptionerConfig`.
        device: where a local model runs, as torch names it.

    Raises:
        UserError: the spec or the file is wrong, or the model is not there or damaged.
    """
    from avs3d.captioning.local import LocalImageCaptioner
    from avs3d.captioning.server import ServerImageCaptioner

    config = read_spec(spec) if isinstance(spec, str) else spec
    if config.server is not None:
        return ServerImageCaptioner(config)
    return LocalImageCaptioner(config, device)


__all__ = [
    "PROMPT",
    "ImageCaptioner",
    "ImageCaptionerConfig",
    "caption_reply",
    "fault_of",
    "load_image_captioner",
    "read_spec",
]
