"""Where in the scan is it? Words or sentences, several of them, a threshold, the best places."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from avs3d.report.places import Place, best_places
from avs3d.scan import Scan
from avs3d.viewer.panels.numbers import value_of

if TYPE_CHECKING:
    from avs3d.viewer.app import App

_NONE = "(nothing asked yet)"
_MOST, _LONGEST = 20, 300  # queries; characters of one
_STEP = 0.001


class Ask:
    """Queries.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        gui = app.server.gui
        self._app = app
        with gui.add_form(None) as form:
            self._text = gui.add_text("ask for", "", hint="a word or a sentence, then Enter")
            go = gui.add_button("ask")
        self._asked = gui.add_dropdown("asked", (_NONE,))
        self._threshold = gui.add_slider("threshold", -1.0, 1.0, _STEP, 0.0)
        self._only = gui.add_checkbox("only points above it", False)
        self._forget = gui.add_button("forget it")
        self._told = gui.add_html("")
        form.on_submit(app.doing(self._ask))
        go.on_click(app.doing(self._ask))
        self._asked.on_update(app.doing(self._choose))
        self._threshold.on_update(app.doing(self._change))
        self._only.on_update(app.doing(self._change))
        self._forget.on_click(app.doing(self._drop))

    def _ask(self) -> None:
        text = " ".join(self._text.value.split())[:_LONGEST]
        if not text:
            return
        if not self._app.subject.is_encoded:
            self._app.say("One moment", "the scan is being read by the network, once")
        self._app.ask(text)
        while len(self._app.queries) > _MOST:
            del self._app.queries[next(iter(self._app.queries))]
        self._app.refresh()

    def _choose(self) -> None:
        if self._asked.value in self._app.queries and self._asked.value != self._app.asked:
            self._app.ask(self._asked.value)

    def _change(self) -> None:
        look = self._app.look
        look.threshold, look.only_best = value_of(self._threshold), self._only.value
        self._app.repaint()
        self._tell()

    def _drop(self) -> None:
        app = self._app
        if app.asked is None:
            return
        del app.queries[app.asked]
        app.asked = next(reversed(app.queries), None)
        if app.asked is None:
            app.look.mode, app.look.only_best = "word", False
        app.refresh()

    def refresh(self) -> None:
        """The queries, and the answer to the one that is chosen."""
        options = tuple(self._app.queries) or (_NONE,)
        if self._asked.options != options:
            self._asked.options = options
        self._asked.value = self._app.asked or _NONE
        self._threshold.value = self._app.look.threshold
        self._only.value = self._app.look.only_best
        self._tell()

    def _tell(self) -> None:
        similarity = self._app.similarity
        if similarity is None:
            self._told.content = ""
            return
        above = int((np.nan_to_num(similarity, nan=-2) >= self._app.look.threshold).sum())
        scan = self._app.subject.scan
        places = best_places(scan.points, similarity)
        rows = "".join(
            f"<tr><td>{place.similarity:.3f}</td><td>"
            f"{' '.join(f'{v:.1f}' for v in place.position + scan.origin)}"
            f"</td><td>{_away(place, scan)}</td></tr>"
            for place in places
        )
        self._told.content = (
            f"<div style='padding:0 1em'><b>{escape(self._app.asked or '')}</b><br>"
            f"{above:,} points at or above {self._app.look.threshold:.3f}<br>"
            f"<table style='border-spacing:1em 0'><tr><th>similarity</th><th>x y z [m]</th>"
            f"<th>away</th></tr>{rows}</table></div>"
        )


def _away(place: Place, scan: Scan) -> str:
    distance = place.distance(scan)
    return "" if distance is None else f"{distance:.0f} m"
