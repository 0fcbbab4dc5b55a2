"""The vocabulary: add words, remove them, let one stand for another; the cloud follows at once."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import TYPE_CHECKING

from avs3d.errors import UserError
from avs3d.viewer.subject import Edits

if TYPE_CHECKING:
    from avs3d.viewer.app import App

_LONGEST, _MOST = 200, 1000  # characters of a word; words


class Edit:
    """Words that points can have.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        gui = app.server.gui
        self._app = app
        with gui.add_form(None) as form:
            self._text = gui.add_text("add", "", hint="words with commas between them, then Enter")
            add = gui.add_button("add words")
        self._word = gui.add_dropdown("word", ("",))
        self._remove = gui.add_button("remove it")
        self._into = gui.add_dropdown("merge into", ("",), hint="its points appear as this word")
        self._merge = gui.add_button("merge it")
        self._reset = gui.add_button("the words as they were found")
        self._told = gui.add_html("")
        form.on_submit(app.doing(self._add))
        add.on_click(app.doing(self._add))
        self._remove.on_click(app.doing(self._take))
        self._merge.on_click(app.doing(self._join))
        self._reset.on_click(app.doing(lambda: app.edit(None)))

    @property
    def _edits(self) -> Edits:
        return self._app.edits or Edits(self._app.subject.original.vocabulary.words)

    def _add(self) -> None:
        plain = unicodedata.normalize("NFC", self._text.value)
        words = tuple(filter(None, (" ".join(word.split()) for word in plain.split(","))))
        if not words:
            return
        if max(map(len, words)) > _LONGEST or len(self._edits.words) + len(words) > _MOST:
            raise UserError(f"give at most {_MOST:,} words of at most {_LONGEST} characters")
        self._app.edit(self._edits.add(words))
        self._text.value = ""

    def _take(self) -> None:
        edits = self._edits.remove(self._word.value)
        if not edits.shown:
            raise UserError("the last word stays: add others first")
        self._app.edit(edits)

    def _join(self) -> None:
        if self._word.value in self._edits.shown and self._into.value in self._edits.shown:
            self._app.edit(self._edits.merge(self._word.value, self._into.value))

    def refresh(self) -> None:
        """The words of now, and what was merged."""
        shown = tuple(sorted(self._edits.shown))
        for choice in (self._word, self._into):
            if choice.options != shown:
                choice.options = shown
        lines = [f"{escape(a)} → {escape(b)}" for a, b in self._edits.merged.items()]
        self._told.content = f"<div style='padding:0 1em'>{'<br>'.join(lines)}</div>"
