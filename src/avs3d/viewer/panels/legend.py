"""The words of the scan: colour, points, and a click that hides or singles out one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from avs3d.viewer.look import by_frequency, colours_of_words

if TYPE_CHECKING:
    from avs3d.viewer.app import App

ROWS = 24
_LONGEST = 40  # characters of a word in a row
_HIDE, _ONLY = "hides or shows it", "shows it alone"
_HIDDEN = (70, 74, 82)


class Legend:
    """A row a word, most points first.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        gui = app.server.gui
        self._app = app
        self._words: list[str] = []
        self._search = gui.add_text("find", "")
        self._act = gui.add_dropdown("a click", (_HIDE, _ONLY))
        self._all = gui.add_button("show all", hint="key A")
        self._rows = [gui.add_button("", visible=False) for _ in range(ROWS)]
        self._more = gui.add_html("")
        self._search.on_update(app.doing(self.refresh))
        self._all.on_click(app.doing(self._show_all))
        gui.add_command("show all words", hotkey="A").on_trigger(app.doing(self._show_all))
        for index, row in enumerate(self._rows):
            row.on_click(app.doing(partial(self._click, index)))

    def _click(self, index: int) -> None:
        if index >= len(self._words):
            return  # it was gone before the click arrived
        word, look = self._words[index], self._app.look
        if self._act.value == _HIDE:
            look.hidden ^= {word}
        else:
            others = set(self._app.subject.result.vocabulary) - {word}
            look.hidden = set() if look.hidden == others else others
            look.unlabelled = not look.hidden
        self._app.refresh()

    def _show_all(self) -> None:
        look = self._app.look
        look.hidden, look.unlabelled, look.only_best = set(), True, False
        self._app.refresh()

    def refresh(self) -> None:
        """Words, counts and colours of now."""
        result, hidden = self._app.subject.result, self._app.look.hidden
        colours = colours_of_words(result, self._app.look)
        count = np.bincount(result.label[result.label >= 0], minlength=len(result.vocabulary))
        wanted = self._search.value.strip().lower()
        found = [
            i for i in by_frequency(result)
            if wanted in result.vocabulary.words[i].lower() and (count[i] or wanted)
        ]  # fmt: skip
        self._words = [result.vocabulary.words[i] for i in found[:ROWS]]
        for row, i in zip(self._rows, found, strict=False):
            word = result.vocabulary.words[i]
            short = word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…"
            row.label = f"{'○' if word in hidden else '●'} {short} · {count[i]:,}"
            red, green, blue = (int(c) for c in colours[i])
            row.color = _HIDDEN if word in hidden else (red, green, blue)
            row.visible = True
        for row in self._rows[len(found) :]:
            row.visible = False
        more = f"and {len(found) - ROWS} more: find them above" if len(found) > ROWS else ""
        unlabelled = int((result.label < 0).sum())
        lines = [more, f"{unlabelled:,} points without a word" if unlabelled else ""]
        self._more.content = f"<div style='padding:0 1em'>{'<br>'.join(filter(None, lines))}</div>"
