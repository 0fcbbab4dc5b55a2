"""The point that was clicked: its word, how sure, what else it might be, where it is."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from avs3d.errors import UserError
from avs3d.report.scene import point_cloud
from avs3d.segmentation import UNLABELLED

if TYPE_CHECKING:
    from avs3d.viewer.app import App

_NOTHING = (
    "<div style='padding:.2em 1em .6em;opacity:.6;font-size:.85em'>"
    "click a point to read its word</div>"
)
_HEAD = "<tr><td style='opacity:.7'>most like it</td><td style='opacity:.7'>similarity</td></tr>"
_MOMENT = "<br><i>what else it might be: one moment, the network reads the scan, once</i>"
_MARK, _WHITE, _LARGER = "/point", (255, 255, 255), 3.0


class Point:
    """What is known of one point.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._told = app.server.gui.add_html("")
        self._mark = point_cloud(
            app.server.scene, _MARK, np.zeros((1, 3), np.float32), np.array([_WHITE], np.uint8), 1.0
        )
        self._mark.visible = False
        self._point: int | None = None

    def pick(self, point: int | None) -> None:
        """Tell of a point; None: of none."""
        self._point = point
        self._mark.visible = point is not None
        if point is not None:
            self._mark.position = self._app.subject.scan.points[point]
            self._mark.point_size = _LARGER * self._app.cloud.size
        self.refresh()

    def refresh(self) -> None:
        """The same point with the words of now."""
        if self._point is None:
            self._told.content = _NOTHING
            return
        if not self._app.subject.is_encoded:
            self._told.content = self._described(self._point, _MOMENT)
        rows = "".join(
            f"<tr><td style='padding-right:1em'>{escape(other)}</td><td>{similarity:.3f}</td></tr>"
            for other, similarity in self._ranking()
        )
        table = f"<table style='opacity:.8'>{_HEAD}{rows}</table>" if rows else ""
        self._told.content = self._described(self._point, table)

    def _described(self, point: int, below: str) -> str:
        result = self._app.subject.result
        label = result.label[point]
        word = "no word" if label == UNLABELLED else result.vocabulary.words[label]
        x, y, z = result.scan.points[point] + result.scan.origin
        return (
            "<div style='padding:.2em 1em;margin-bottom:.6em;border-left:3px solid #888;"
            "font-size:.85em;line-height:1.3'>"
            f"<b>{escape(word)}</b> · score {result.score[point]:.2f}"
            f"<br>x {x:.2f} · y {y:.2f} · z {z:.2f} m · point {point:,}{below}</div>"
        )

    def _ranking(self) -> list[tuple[str, float]]:
        """The best words; none where the scan cannot be asked."""
        assert self._point is not None
        try:
            return self._app.subject.best_words(self._point)
        except UserError as error:
            self._app.say("The best words are not known", str(error))
            return []
