"""Images described on this machine, by the models of transformers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.captioning.images import PROMPT, ImageCaptionerConfig, caption_reply, fault_of
from avs3d.captioning.processors import ImagesAlone, load_processor
from avs3d.chat import Reply, Usage
from avs3d.chat.generating import dtype_of, make_greedy, reason_of, room_for
from avs3d.errors import UserError
from avs3d.hub import SAFE, model_folder, quiet_loading, quiet_transformers

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

_WHAT = "image captioner"


class LocalImageCaptioner:
    """A model of transformers, as an `ImageCaptioner`.

    Models that only continue a text (BLIP, BLIP-2, GIT, ViT-GPT2) get the image alone unless the
    config has a prompt, and what they say is what follows it. Those with a chat template are asked.

    Args:
        config: one without a server.
        device: where the model runs, as torch names it.

    Raises:
        UserError: the model is not there, damaged, or describes no images.
    """

    def __init__(self, config: ImageCaptionerConfig, device: str = "cpu") -> None:
        self.name = config.model
        self.usage = Usage()
        self._config = config
        self._device = device
        folder = str(model_folder(config.model, _WHAT))
        with quiet_loading(config.model, _WHAT):
            from transformers import AutoConfig, AutoModelForImageTextToText

            kind = AutoConfig.from_pretrained(folder, **SAFE)
            self._processor = load_processor(folder, kind)
            model = AutoModelForImageTextToText.from_pretrained(
                folder, dtype=dtype_of(config.dtype, device), **SAFE
            )
            self._model = model.eval().to(device)
            make_greedy(self._model, self._processor.tokenizer)
        if config.prompt is not None and isinstance(self._processor, ImagesAlone):
            raise UserError(f"{_WHAT} {config.model!r} takes no prompt: leave it out of the config")

    def describe(self, images: Sequence[np.ndarray]) -> list[Reply]:
        """See `ImageCaptioner`. What fails in a batch costs its images their captions."""
        faults = {i: fault_of(image) for i, image in enumerate(images)}
        replies = {i: Reply.failed(fault) for i, fault in faults.items() if fault}
        good = [i for i in range(len(images)) if i not in replies]
        for start in range(0, len(good), self._config.batch):
            numbers = good[start : start + self._config.batch]
            found = self._batch([images[i] for i in numbers])
            replies |= dict(zip(numbers, found, strict=True))
        self.usage.asked += len(images)
        self.usage.failed += sum(bool(reply.error) for reply in replies.values())
        return [replies[i] for i in range(len(images))]

    def _batch(self, images: list[np.ndarray]) -> list[Reply]:
        from PIL.Image import fromarray

        started = time.monotonic()
        try:
            with quiet_transformers():
                texts = self._texts([fromarray(np.ascontiguousarray(image)) for image in images])
        except Exception as error:  # costs this batch alone
            return [Reply.failed(reason_of(error, len(images)))] * len(images)
        self.usage.seconds += time.monotonic() - started
        return [caption_reply(text) for text in texts]

    def _texts(self, pictures: list[Image]) -> list[str]:
        import torch

        inputs = self._inputs(pictures).to(self._device, self._model.dtype)
        given = inputs.get("input_ids")
        # Without a text, models begin with one token, BLIP-2 with those of the image before it.
        alone = getattr(self._model.config, "num_query_tokens", 0) + 1
        before = alone if given is None else given.shape[1]
        room = room_for(self._model, before, self._config.max_tokens)
        with torch.inference_mode():
            written = self._model.generate(**inputs, max_new_tokens=room)
        if given is not None:
            written = written[:, _repeated(written, given) :]
        return list(self._processor.tokenizer.batch_decode(written, skip_special_tokens=True))

    def _inputs(self, pictures: list[Image]) -> Any:
        processor, prompt = self._processor, self._config.prompt
        if processor.chat_template:
            return processor.apply_chat_template(
                [_message(picture, prompt or PROMPT) for picture in pictures],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs={"padding": True},
            )
        if prompt is None:
            return processor(images=pictures, return_tensors="pt")
        more = {}
        if self._model.config.model_type == "git":  # a text that is closed is not continued
            prompt = f"{processor.tokenizer.cls_token} {prompt}"
            more = {"add_special_tokens": False}
        texts = [prompt] * len(pictures)
        return processor(images=pictures, text=texts, return_tensors="pt", **more)


def _message(picture: Image, prompt: str) -> list[dict[str, Any]]:
    content = [{"type": "image", "image": picture}, {"type": "text", "text": prompt}]
    return [{"role": "user", "content": content}]


def _repeated(written: Tensor, given: Tensor) -> int:
    """How many tokens of what was given a model repeats before what it writes.

    Those that continue a text repeat all of it, BLIP all but the last token; others, nothing.
    """
    length = min(given.shape[1], written.shape[1])
    same = (written[:, 1:length] == given[:, 1:length]).all(dim=0)  # BLIP exchanges the first
    count = int(same.long().cumprod(0).sum()) + 1
    return count if count >= max(given.shape[1] - 1, 2) else 0
