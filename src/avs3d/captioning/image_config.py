"""What an image captioner is made from: its config, a file of it, or a spec of one line."""

from __future__ import annotations

from pydantic import Field

from avs3d.chat import config as chat
from avs3d.chat.config import ChatConfig


class ImageCaptionerConfig(ChatConfig):
    """Which model describes images, where, and how; see `ChatConfig`.

    Attributes:
        prompt: what is said with each image; None: `avs3d.captioning.images.PROMPT`, and nothing
            to models that only continue a text, such as BLIP.
        batch: images that a local model sees at once.
    """

    prompt: str | None = Field(None, min_length=1, max_length=4000)
    batch: int = Field(4, gt=0, le=256)


def read_spec(spec: str) -> ImageCaptionerConfig:
    """The config of a spec, see `avs3d.chat.config.read_spec`.

    Raises:
        UserError: it is none, or names a file that cannot be read.
    """
    return chat.read_spec(spec, ImageCaptionerConfig, "image captioner")
