"""A language model on this machine, through transformers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from avs3d.chat.answers import Answers
from avs3d.chat.generating import Precision, dtype_of, make_greedy, reason_of, room_for
from avs3d.chat.reply import Question, Reply, Usage
from avs3d.errors import UserError
from avs3d.hub import SAFE, folder_fingerprint, model_folder, quiet_loading, quiet_transformers

_WHAT = "language model"


class LocalChat:
    """A model with a chat template, as a `Chat` that sees no images.

    Each question is asked by itself: padding to a longer neighbour would change the numbers, and
    an answer must not depend on what else was asked. Answers are kept on disk, by the model's
    files and how it was asked.

    Args:
        place: a local folder or a hub id.
        device: where the model runs, as torch names it.
        dtype: see `Precision`.
        max_tokens: of an answer.
        answers: those that are known already; default: `Answers` on disk.

    Raises:
        UserError: the model is not there, damaged, or made for no chat.
    """

    def __init__(
        self,
        place: str,
        device: str = "cpu",
        dtype: Precision = "auto",
        max_tokens: int = 100,
        answers: Answers | None = None,
    ) -> None:
        self.name = place
        self.usage = Usage()
        self._device = device
        self._max_tokens = max_tokens
        self._answers = Answers() if answers is None else answers
        folder = model_folder(place, _WHAT)
        self._asked_of = f"{folder_fingerprint(folder)} {device} {dtype}"
        with quiet_loading(place, _WHAT):
            from transformers import AutoModelForCausalLM, AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(folder, **SAFE)
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype_of(dtype, device), **SAFE
            )
            self._model = model.eval().to(device)
            make_greedy(self._model, self._tokenizer)
        if not self._tokenizer.chat_template:
            raise UserError(
                f"{_WHAT} {place!r} has no chat template: give one that was made for chat"
            )

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """See `Chat`."""
        replies = [self._reply(question) for question in questions]
        self.usage.asked += len(replies)
        self.usage.failed += sum(bool(reply.error) for reply in replies)
        self._answers.prune()
        return replies

    def _reply(self, question: Question) -> Reply:
        if question.image is not None:
            return Reply.failed(f"{self.name} sees no images")
        told = {"max_tokens": self._max_tokens, "draw": question.draw}
        key = Answers.key(self._asked_of, self.name, question, told)
        if (known := self._answers.get(key)) is not None:
            self.usage.cached += 1
            return Reply(known)
        started = time.monotonic()
        try:
            text = self._answer(question)
        except Exception as error:  # costs this question alone
            return Reply.failed(f"{self.name}: {reason_of(error, 1)}")
        if not text:
            return Reply.failed(f"{self.name} said nothing")
        self.usage.seconds += time.monotonic() - started
        self._answers.put(key, text)
        return Reply(text)

    def _answer(self, question: Question) -> str:
        import torch

        tokens = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": question.text.encode("utf-8", "replace").decode()}],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self._device)
        length = tokens["input_ids"].shape[1]
        room = room_for(self._model, length, self._max_tokens)
        drawing = {"do_sample": True, "temperature": 1.0, "top_k": 0} if question.draw else {}
        with torch.random.fork_rng(), torch.inference_mode(), quiet_transformers():
            torch.manual_seed(question.draw)
            written = self._model.generate(**tokens, max_new_tokens=room, **drawing)[0, length:]
        self.usage.prompt_tokens += length
        self.usage.completion_tokens += len(written)
        return str(self._tokenizer.decode(written, skip_special_tokens=True)).strip()
