"""What colours mean, and how large points are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from avs3d.viewer.look import MODES, ramp_css, scale
from avs3d.viewer.panels.numbers import value_of

if TYPE_CHECKING:
    from avs3d.viewer.app import App

_ROW = "<div style='display:flex;align-items:center;gap:.6em;padding:0 1em;font-size:.85em'>"
_LARGEST = 8.0  # times the size that suits the cloud


class Style:
    """Colour, palette and size.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        gui = app.server.gui
        self._app, self._usual = app, app.cloud.size
        self._mode = gui.add_dropdown("colour by", MODES, hint="keys 1 to 5")
        self._scale = gui.add_html("", visible=False)
        self._safe = gui.add_checkbox(
            "colour-blind safe", False, hint="of words: the eight commonest in colours told apart"
        )
        self._size = gui.add_slider("point size", 0.25, _LARGEST, 0.25, 1.0)
        self._mode.on_update(app.doing(lambda: self._choose(self._mode.value)))
        self._safe.on_update(app.doing(self._change))
        self._size.on_update(app.doing(self._resize))
        for key, mode in zip("12345", MODES, strict=True):
            command = gui.add_command(f"colour by {mode}", hotkey=key)
            command.on_trigger(app.doing(partial(self._choose, mode)))

    def _choose(self, mode: str) -> None:
        if mode != self._app.look.mode:
            self._app.look.mode = mode
            self._app.refresh()

    def _resize(self) -> None:
        self._app.cloud.resize(self._usual * value_of(self._size))

    def _change(self) -> None:
        self._app.look.safe = self._safe.value
        self._app.refresh()

    def refresh(self) -> None:
        """The mode, where something else chose it, and what its colours mean."""
        app = self._app
        self._mode.value = app.look.mode
        ends = scale(app.subject.result, app.look, app.similarity)
        self._scale.visible = app.look.mode != "word"
        if ends is None:
            self._scale.content = f"{_ROW}<span>there is none</span></div>"
            return
        low, high = map(_told, ends)
        bar = f"<span style='flex:1;height:.7em;background:{ramp_css()}'></span>"
        unit = " m" if app.look.mode == "height" else ""
        self._scale.content = f"{_ROW}{low}{unit}{bar}{high}{unit}</div>"


def _told(number: float) -> str:
    digits = 2 if abs(number) < 100 else 0
    return f"{round(number, digits) + 0.0:.{digits}f}"  # no -0.00
