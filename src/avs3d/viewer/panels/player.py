"""Which scan is seen; going through a sequence."""

from __future__ import annotations

import threading
import time
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from avs3d.errors import UserError
from avs3d.viewer.panels.numbers import value_of

if TYPE_CHECKING:
    from avs3d.viewer.app import App


class Player:
    """Name of the scan; with several ones a slider, and play.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        gui = app.server.gui
        self._app = app
        self._title = gui.add_html("")
        self._playing: object | None = None  # of the thread that plays now
        self._shown = self._wanted = 0  # what we put on the slider, and what was asked for by it
        if len(app.show.names) < 2:
            return
        self._slider = gui.add_slider("scan", 0, len(app.show.names) - 1, 1, 0)
        self._play = gui.add_checkbox("play", False, hint="space")
        self._rate = gui.add_slider(
            "scans a second", 0.5, 20.0, 0.5, 5.0, hint="at most: it waits for scans to be ready"
        )
        self._slider.on_update(app.doing(self._slide))
        self._play.on_update(app.doing(self._toggle))
        keys = {"N": ("next scan", 1), "B": ("scan before", -1)}
        for key, (label, step) in keys.items():
            command = gui.add_command(label, hotkey=key)
            command.on_trigger(app.doing(partial(self._step, step)))
        gui.add_command("play", hotkey="space").on_trigger(app.doing(self._space))

    def _slide(self) -> None:
        index = int(value_of(self._slider))
        if index != self._app.index:
            self._wanted = index
            self._app.go(index)

    def _step(self, by: int) -> None:
        index = self._app.index + by
        if 0 <= index < len(self._app.show.names):
            self._app.go(index)

    def _space(self) -> None:
        self._play.value = not self._play.value
        self._toggle()

    def _toggle(self) -> None:
        if not self._play.value:
            self.stop()
        elif self._playing is None:
            self._playing = object()
            threading.Thread(
                target=self._run, args=[self._playing], name="player", daemon=True
            ).start()

    def stop(self) -> None:
        """Play no further; called under the lock of the app."""
        self._playing = None

    def _run(self, playing: object) -> None:
        while True:
            began = time.monotonic()
            with self._app.lock:
                if self._playing is not playing:
                    return
                try:
                    self._app.go((self._app.index + 1) % len(self._app.show.names))
                except UserError as error:
                    self._app.say("The sequence stops here", str(error))
                    self.stop()
                    self._play.value = False
                pause = 1 / value_of(self._rate)
            time.sleep(max(pause - (time.monotonic() - began), 0.01))

    def _place(self) -> str:
        count = len(self._app.show.names)
        return f" · {self._app.index + 1:,} of {count:,}" if count > 1 else ""

    def refresh(self) -> None:
        """The name and what is worth a warning."""
        app = self._app
        result = app.subject.result
        lines = [
            f"<b>{escape(app.show.names[app.index])}</b>{self._place()}",
            f"{len(result.scan):,} points · {len(result.vocabulary)} words · "
            f"{escape(result.bundle)}",
            *(
                f"<span style='color:#ffb454'>{escape(line)}</span>"
                for line in result.scan.left_out
            ),
        ]
        if app.cloud.is_sampled:
            lines.append("a sample is drawn, and all points near what you look at")
        self._title.content = f"<div style='padding:0 1em .5em'>{'<br>'.join(lines)}</div>"
        if len(app.show.names) > 1:
            # Another value is a user's who has dragged on meanwhile, and whose turn comes next.
            if int(value_of(self._slider)) in (self._shown, self._wanted):
                self._slider.value = app.index
            self._shown = app.index
