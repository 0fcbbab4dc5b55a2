"""LAVE as in the paper: a language model is asked which class each word means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from avs3d.chat import Chat, Question, Reply
from avs3d.errors import UserError
from avs3d.evaluation.iou import VOID
from avs3d.evaluation.mappers import Mapped, Targets
from avs3d.evaluation.replies import Answer, question, read_reply
from avs3d.io.source import show

_SHOWN = 200  # characters of a reply that are kept
NO_ANSWER = "no answer: "
"""How the reason of a word begins that is void because the model failed."""


class ChatMapper:
    """What a language model says, at temperature 0.

    A word that gets no answer is void, with the reason. Where no word has got one yet, the model
    cannot be asked at all, and that is an error.

    Args:
        chat: the model.
        samples: so many more answers are drawn for each word, at temperature 1, and it is told how
            many of them agree with the one that counts.
        read: how a reply is read.
    """

    def __init__(
        self,
        chat: Chat,
        samples: int = 0,
        read: Callable[[str, Sequence[str], str], Answer] = read_reply,
    ) -> None:
        self.name = chat.name
        self.chat = chat
        self._samples = samples
        self._read = read
        self._answered = False

    def map(self, words: Sequence[str], targets: Targets) -> list[Mapped]:
        """See `Mapper`.

        Raises:
            UserError: the model answers no question.
        """
        each = self._samples + 1
        texts = [question(word, targets.names) for word in words]
        replies = self.chat.ask([Question(t, draw=draw) for t in texts for draw in range(each)])
        firsts = replies[::each]
        self._answered = self._answered or any(not reply.error for reply in firsts)
        if firsts and not self._answered:
            raise UserError(f"--mapper {self.name}: {firsts[0].error}")
        return [
            self._map(word, replies[each * i : each * (i + 1)], targets)
            for i, word in enumerate(words)
        ]

    def _map(self, word: str, replies: Sequence[Reply], targets: Targets) -> Mapped:
        found = [self._class(word, reply, targets) for reply in replies]
        class_id, why = found[0]
        drawn = [other for (other, _), r in zip(found[1:], replies[1:], strict=True) if not r.error]
        same = round(float(np.mean([other == class_id for other in drawn])), 4) if drawn else None
        return Mapped(word, class_id, self.name, why, agreement=same)

    def _class(self, word: str, reply: Reply, targets: Targets) -> tuple[int, str]:
        """The class that a reply names, and the reply, or why it is void."""
        if reply.error:
            return VOID, NO_ANSWER + show(reply.error)
        name, reason = self._read(reply.text, targets.names, word)
        shown = show(reply.text[:_SHOWN])
        if name is None:
            return VOID, f"{reason}: {shown}"
        return targets.ids[targets.names.index(name)], shown
