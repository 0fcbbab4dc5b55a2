"""What stands before a local image captioner: images to tensors, texts to tokens and back.

All of it through Pillow and without torchvision, which is nowhere needed for images.
"""

from __future__ import annotations

import json
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from avs3d.hub import SAFE

_CONFIGS = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


class ImagesAlone:
    """Of models without a processor class (ViT-GPT2): an image processor and a tokenizer."""

    chat_template = None

    def __init__(self, folder: str) -> None:
        from transformers import AutoImageProcessor, AutoTokenizer

        self._images = AutoImageProcessor.from_pretrained(folder, backend="pil", **SAFE)
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **SAFE)

    def __call__(self, images: list[Any], return_tensors: str) -> Any:
        return self._images(images=images, return_tensors=return_tensors)


def load_processor(folder: str, config: Any) -> Any:
    """The processor of a model, with a `tokenizer` and, where it is made for chat, a
    `chat_template`.

    Args:
        folder: of the model.
        config: of the model, as transformers loads it.
    """
    found = _processor_class(Path(folder), config)
    if found is None:
        return ImagesAlone(folder)
    videos = signature(found.__init__).parameters.get("video_processor")
    if videos is not None and videos.default is Parameter.empty:
        raise ValueError(f"{found.__name__} cannot do without videos, which are not supported")

    class Images(found):  # type: ignore[misc, valid-type]
        """Without videos, whose processors need torchvision."""

        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if "video" not in name]

    return Images.from_pretrained(folder, backend="pil", **SAFE)


def _processor_class(folder: Path, config: Any) -> Any:
    """As transformers' `AutoProcessor` finds it, or None."""
    from transformers.models.auto import processing_auto

    for name in _CONFIGS:
        path = folder / name
        told = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        if isinstance(told, dict) and (named := told.get("processor_class")):
            return processing_auto.processor_class_from_name(named)
    return processing_auto.PROCESSOR_MAPPING.get(type(config), None)
