"""The viewer: what is looked at, and how, kept in step with the browsers that show it.

All browsers see the same: what one does, the others see. Callbacks come from threads of viser; each
holds the lock of the app for as long as it works.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.errors import UserError
from avs3d.report.scene import start_of
from avs3d.viewer.cameras import Cameras
from avs3d.viewer.cloud import Cloud
from avs3d.viewer.look import Look, paint, seen
from avs3d.viewer.panels import ask, captions, edit, legend, player, point, save, style
from avs3d.viewer.shows import Show
from avs3d.viewer.subject import Edits, Subject

if TYPE_CHECKING:
    import viser

_KEPT = 8  # scans that are ready when one goes back to them


class App:
    """The viewer on one page of viser.

    Args:
        server: of the page.
        show: the scans.

    Attributes:
        subject: the scan that is seen now.
        look: how.
        edits: what was made of the words; None: they are as they were found.
        queries: what was asked of the scan that is seen, and (N,) similarities.
        asked: the one of `queries` that colours and threshold are about; None before any.
        view: name of the captioned view that is pointed out; None: none is.

    Raises:
        UserError: the first scan cannot be shown.
    """

    def __init__(self, server: viser.ViserServer, show: Show) -> None:
        self.server, self.show = server, show
        self.lock = threading.RLock()
        self.look = Look()
        self.edits: Edits | None = None
        self.queries: dict[str, np.ndarray] = {}
        self.asked: str | None = None
        self.view: str | None = None
        self.index = 0
        self._closed = False
        self._opened: dict[int, Subject] = {}
        self.subject = self._open(0)
        self.cloud = Cloud(server)
        self.cameras = Cameras(self)
        with self.lock:
            self._look_at_it()
            self._panels = self._build()
            self.refresh()
        self._listen()

    def _build(self) -> list[Any]:
        """The control panel, from top to bottom."""
        gui = self.server.gui
        self._player = player.Player(self)
        above = [self._player, style.Style(self)]
        self._point = point.Point(self)
        tabs = gui.add_tab_group()
        kinds: dict[str, Callable[[App], Any]] = {
            "Words": legend.Legend,
            "Ask": ask.Ask,
            "Edit": edit.Edit,
            "Said": captions.Captions,
            "Save": save.Save,
        }
        below = []
        for name, kind in kinds.items():
            with tabs.add_tab(name):
                below.append(kind(self))
        return [*above, self._point, *below]

    def _listen(self) -> None:
        @self.server.scene.on_click()
        def _(event: viser.SceneClickEvent) -> None:
            with self.lock:
                self._point.pick(self.cloud.pick(event.ray_origin, event.ray_direction))

        @self.server.on_client_connect
        def _(client: viser.ClientHandle) -> None:
            self.cloud.follow(client)
            client.camera.on_update(lambda camera: self.cloud.follow(camera.client))

        @self.server.on_client_disconnect
        def _(client: viser.ClientHandle) -> None:
            self.cloud.forget(client.client_id)

    def _look_at_it(self) -> None:
        position, middle, size = start_of(self.subject.scan)
        self.cloud.resize(size, float(np.linalg.norm(position - middle)))
        camera = self.server.initial_camera
        camera.position, camera.look_at = position, middle
        camera.far = max(1000.0, 20 * float(np.linalg.norm(position - middle)))

    def close(self) -> None:
        """The page is about to go: nothing is shown on it any more."""
        with self.lock:
            self._player.stop()
            self._closed = True

    def doing(self, function: Callable[[], None]) -> Callable[[Any], None]:
        """A callback for what a user does: under the lock, a user's mistake becomes a notice."""

        def callback(event: Any) -> None:
            if event.client is None:
                return  # set by ourselves
            with self.lock:
                if self._closed:
                    return
                try:
                    function()
                except UserError as error:
                    self.say("That did not work", str(error))

        return callback

    def say(self, title: str, body: str) -> None:
        """A notice in every browser."""
        for client in self.server.get_clients().values():
            client.add_notification(title, body[:500], auto_close_seconds=12.0)

    def go(self, index: int) -> None:
        """Look at another scan. Raises `UserError` where it cannot be shown; nothing changes."""
        subject = self._open(index)
        queries = {text: subject.query(text) for text in self.queries}
        self.subject, self.index, self.view, self.queries = subject, index, None, queries
        self._point.pick(None)
        self.refresh()

    def _open(self, index: int) -> Subject:
        subject = self._opened.pop(index, None) or self.show.open(index)
        subject.edit(self.edits)
        self._opened[index] = subject
        while len(self._opened) > _KEPT:
            del self._opened[next(iter(self._opened))]
        return subject

    def edit(self, edits: Edits | None) -> None:
        """Choose other words, now and for every scan that is looked at from now on.

        Raises:
            UserError: see `Subject.edit`; nothing changes.
        """
        self.subject.edit(edits)
        self.edits = edits
        self.look.hidden &= set(self.subject.result.vocabulary)
        self.refresh()

    def ask(self, text: str) -> None:
        """Where in the scan is it? Raises `UserError` where it cannot be asked."""
        if text not in self.queries:
            self.queries[text] = self.subject.query(text)
        self.asked = text
        self.look.mode = "similarity"
        known = self.queries[text][np.isfinite(self.queries[text])]
        self.look.threshold = round(float(np.percentile(known, 99)), 3) if len(known) else 0.0
        self.refresh()

    @property
    def similarity(self) -> np.ndarray | None:
        """(N,) with what was asked; None where nothing was."""
        return None if self.asked is None else self.queries[self.asked]

    def seen(self) -> np.ndarray:
        """(N,) bool, the points that are not hidden."""
        return seen(self.subject.result, self.look, self.similarity)

    def colours(self) -> np.ndarray:
        """(N, 3) uint8."""
        inside = None if self.view is None else self.subject.view(self.view)
        return paint(self.subject.result, self.look, self.similarity, inside)

    def repaint(self) -> None:
        """Show the points as they are to be seen now."""
        self.cloud.show(self.subject.scan.points, self.colours(), self.seen())

    def refresh(self) -> None:
        """Show everything as it is now."""
        with self.server.atomic():
            self.repaint()
            self.cameras.refresh()
            for panel in self._panels:
                panel.refresh()
