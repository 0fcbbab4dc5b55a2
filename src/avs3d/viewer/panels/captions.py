"""What was said of the scan, a sentence a view; hovering one shows its sector or its image."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from avs3d.errors import UserError

if TYPE_CHECKING:
    from avs3d.viewer.app import App

_NONE = "(none)"
_WIDTH = 260  # pixels of an image
_STYLE = """<style>
.said{padding:.25em 1em;border-left:3px solid transparent}
.said:hover{border-color:#ffb454;background:rgba(128,128,128,.2)}
.said .more{display:none}.said:hover .more{display:block}
</style>"""


class Captions:
    """Sentences.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._view = app.server.gui.add_dropdown(
            "point out", (_NONE,), hint="the points of a view; the others become dark"
        )
        self._told = app.server.gui.add_html("")
        self._of: object = None
        self._view.on_update(app.doing(self._choose))

    def _choose(self) -> None:
        view = None if self._view.value == _NONE else self._view.value
        if view == self._app.view:
            return
        if view is not None and self._app.subject.view(view) is None:
            raise UserError(f"{view}: which points it holds is not known")
        self._app.view = view
        self._app.repaint()

    def refresh(self) -> None:
        """The sentences of the scan."""
        captions = self._app.subject.result.captions
        options = (_NONE, *captions)
        if self._view.options != options:
            self._view.options = options
        self._view.value = self._app.view or _NONE
        if self._of is self._app.subject.result:
            return
        self._of = self._app.subject.result
        said = "".join(
            f"<div class='said'><span style='opacity:.6'>{escape(view)}</span> {escape(text)}"
            f"<div class='more'>{self._picture(view)}</div></div>"
            for view, text in captions.items()
        )
        nothing = "<div style='padding:0 1em'>nothing: the words were given</div>"
        self._told.content = _STYLE + (said or nothing)

    def _picture(self, view: str) -> str:
        """The image of a camera, or where the sector lies, seen from above."""
        subject = self._app.subject
        sector = subject.sector(view)
        if sector is not None:
            return _compass(*sector)
        camera = subject.camera(view)
        return "" if camera is None else _thumbnail(self._app.cameras.picture(camera))


def _thumbnail(image: np.ndarray) -> str:
    from PIL import Image

    stream = io.BytesIO()
    small = Image.fromarray(image)
    small.thumbnail((_WIDTH, _WIDTH))
    small.save(stream, "JPEG", quality=70)
    data = base64.b64encode(stream.getvalue()).decode()
    return f"<img alt='' src='data:image/jpeg;base64,{data}'>"


def _compass(start: float, end: float) -> str:
    """A disc seen from above, x to the right and y up, with one sector lit."""
    angles = np.linspace(start, end, 16)
    edge = " ".join(f"{50 + 45 * np.cos(a):.1f},{50 - 45 * np.sin(a):.1f}" for a in angles)
    return (
        "<svg width='110' height='100' viewBox='0 0 110 100'>"
        "<circle cx='50' cy='50' r='45' fill='none' stroke='#888'/>"
        f"<polygon points='50,50 {edge}' fill='#ffb454'/>"
        "<text x='99' y='54' font-size='11' fill='#888'>x</text>"
        "<text x='46' y='14' font-size='11' fill='#888'>y</text></svg>"
    )
