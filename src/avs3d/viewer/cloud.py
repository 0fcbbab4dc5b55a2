"""The cloud in the browser: all points of a small one, a level of detail of a large one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from avs3d.report.scene import point_cloud, spread_over
from avs3d.viewer.look import nearest_to_ray

if TYPE_CHECKING:
    import viser

BUDGET = 400_000
"""Points that a browser is sent at once: 6 MB. Of a larger cloud each browser has an even sample
of all, and beside it the points nearest to what it looks at, both smaller as it comes near."""
_PAUSE = 0.4  # seconds that a camera rests before its details follow
_NAME, _SAMPLE, _DETAILS = "/cloud", "/sample", "/details"
_SMALLEST = 0.02  # metres


@dataclass
class _Part:
    """What one browser has of a large cloud."""

    sample: viser.PointCloudHandle
    details: viser.PointCloudHandle
    rows: np.ndarray  # of the details


class Cloud:
    """Points that are drawn for every browser.

    Args:
        server: of the page.
    """

    def __init__(self, server: viser.ViserServer) -> None:
        self._server = server
        self._lock = threading.RLock()
        self._points = np.zeros((0, 3), np.float32)
        self._colours = np.zeros((0, 3), np.uint8)
        self._shown = np.zeros(0, np.int64)
        self._sample = np.zeros(0, np.int64)
        self._handle: viser.PointCloudHandle | None = None
        self._parts: dict[int, _Part] = {}
        self._waiting: set[int] = set()
        self.size = 0.05
        self._far = 1.0

    @property
    def is_sampled(self) -> bool:
        """Whether there are more points than are drawn everywhere."""
        return len(self._shown) > len(self._sample)

    @property
    def shown(self) -> np.ndarray:
        """(M,) int64, the points that are not hidden."""
        return self._shown

    def show(self, points: np.ndarray, colours: np.ndarray, seen: np.ndarray) -> None:
        """Draw points.

        Args:
            points: (N, 3) float32.
            colours: (N, 3) uint8.
            seen: (N,) bool, those that are drawn; each has a position.
        """
        with self._lock:
            shown = np.flatnonzero(seen)
            same = points is self._points and np.array_equal(shown, self._shown)
            self._points, self._colours, self._shown = points, colours, shown
            if same and len(shown):
                self._recolour()
                return
            self._sample = spread_over(shown, BUDGET)
            if not self.is_sampled:
                self._handle = self._add(self._server.scene, _NAME, self._sample, self.size)
            elif self._handle is not None:
                self._handle.remove()
                self._handle = None
            for part in self._parts.values():
                part.sample.remove(), part.details.remove()
            self._parts.clear()
            for client in self._server.get_clients().values():
                self._detail(client)

    def _recolour(self) -> None:
        if self._handle is not None:
            self._handle.colors = self._colours[self._sample]
        for part in self._parts.values():
            part.sample.colors = self._colours[self._sample]
            part.details.colors = self._colours[part.rows]

    def resize(self, size: float, far: float | None = None) -> None:
        """Draw points of another size.

        Args:
            size: metres.
            far: from how far away they are to be that large, metres; nearer ones of a large cloud
                are drawn smaller. None: as before.
        """
        with self._lock:
            self.size = size
            self._far = self._far if far is None else far
            if self._handle is not None:
                self._handle.point_size = size
            for client in self._server.get_clients().values():
                if client.client_id in self._parts:
                    self._shrink(client)

    def _shrink(self, client: viser.ClientHandle) -> None:
        part, size = self._parts[client.client_id], self._size_for(client)
        part.sample.point_size = part.details.point_size = size

    def _size_for(self, client: viser.ClientHandle) -> float:
        """Of a point of a large cloud, for a browser."""
        away = np.linalg.norm(np.subtract(client.camera.position, client.camera.look_at))
        return max(self.size * min(float(away) / self._far, 1.0), min(_SMALLEST, self.size))

    def pick(self, origin: tuple[float, ...], direction: tuple[float, ...]) -> int | None:
        """Which point a click means; None: none."""
        with self._lock:
            found = nearest_to_ray(self._points[self._shown], origin, direction)
            return None if found is None else int(self._shown[found])

    def follow(self, client: viser.ClientHandle) -> None:
        """Send a browser the details of what it looks at, as soon as its camera rests."""
        with self._lock:
            if not self.is_sampled or client.client_id in self._waiting:
                return
            self._waiting.add(client.client_id)
        timer = threading.Timer(_PAUSE, self._rested, [client])
        timer.daemon = True
        timer.start()

    def forget(self, client_id: int) -> None:
        """A browser is gone."""
        with self._lock:
            self._parts.pop(client_id, None)
            self._waiting.discard(client_id)

    def _rested(self, client: viser.ClientHandle) -> None:
        with self._lock:
            self._waiting.discard(client.client_id)
            if client.client_id in self._server.get_clients():
                self._detail(client)

    def _detail(self, client: viser.ClientHandle) -> None:
        if not self.is_sampled:
            return
        away = self._points[self._shown] - np.asarray(client.camera.look_at, np.float32)
        near = np.argpartition(np.einsum("ij,ij->i", away, away), BUDGET)[:BUDGET]
        rows = self._shown[np.sort(near)]
        size, before = self._size_for(client), self._parts.get(client.client_id)
        if before is None:
            sample = self._add(client.scene, _SAMPLE, self._sample, size)
        else:
            sample = before.sample
            sample.point_size = size
        details = self._add(client.scene, _DETAILS, rows, size)
        self._parts[client.client_id] = _Part(sample, details, rows)

    def _add(
        self, scene: viser.SceneApi, name: str, rows: np.ndarray, size: float
    ) -> viser.PointCloudHandle:
        return point_cloud(scene, name, self._points[rows], self._colours[rows], size)
