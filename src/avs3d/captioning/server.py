"""Images described by a server that speaks OpenAI's API."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from avs3d.captioning.images import PROMPT, ImageCaptionerConfig, caption_reply, fault_of
from avs3d.chat import Question, Reply, Usage
from avs3d.chat.config import server_of

_LONGEST_SIDE = 1344
_QUALITY = 90


class ServerImageCaptioner:
    """A vision model of a server, as an `ImageCaptioner`.

    Images go out as JPEG, at most 1,344 pixels on their longer side; the same pixels are always
    the same bytes, so that their caption is found among the answers that are kept.

    Args:
        config: one with a server.

    Raises:
        UserError: see `ChatServer`.
    """

    def __init__(self, config: ImageCaptionerConfig) -> None:
        self._prompt = config.prompt or PROMPT
        self._chat = server_of(config)

    @property
    def name(self) -> str:
        return self._chat.name

    @property
    def usage(self) -> Usage:
        return self._chat.usage

    def describe(self, images: Sequence[np.ndarray]) -> list[Reply]:
        """See `ImageCaptioner`."""
        faults = [fault_of(image) for image in images]
        questions = [
            Question(self._prompt, jpeg(image))
            for image, fault in zip(images, faults, strict=True)
            if not fault
        ]
        answers = iter(self._chat.ask(questions))
        self.usage.asked += len(images) - len(questions)
        self.usage.failed += len(images) - len(questions)
        return [Reply.failed(fault) if fault else self._caption(next(answers)) for fault in faults]

    def _caption(self, answer: Reply) -> Reply:
        if answer.error:
            return answer
        reply = caption_reply(answer.text)
        self.usage.failed += bool(reply.error)
        return reply


def jpeg(image: np.ndarray) -> bytes:
    """(H, W, 3) uint8 as the bytes of a JPEG file, scaled down to `_LONGEST_SIDE`."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    scale = _LONGEST_SIDE / max(picture.size)
    if scale < 1:
        width, height = (max(round(side * scale), 1) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
