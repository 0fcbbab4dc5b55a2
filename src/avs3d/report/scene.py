"""A scene of viser: on a page that is served, or within a file that needs no server.

viser prints its own address when it starts; that is kept off the screen here.
"""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from avs3d.environment import require
from avs3d.errors import UserError
from avs3d.palette import UNLABELLED_COLOR
from avs3d.report.origins import strangers_refused
from avs3d.report.page import on_dark
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation

if TYPE_CHECKING:
    import viser

LOCAL = "127.0.0.1"
MOST_POINTS = 250_000
"""In a file: of a larger cloud an even sample; so a page stays below 8 MB."""
_NO_COLOUR = np.zeros(3, np.uint8)


def check_free(host: str, port: int) -> None:
    """Raises `UserError` where nothing can listen at an address; port 0 is any that is free."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--host {host} --port {port}: cannot listen there ({reason}); choose another port"
        ) from None


@contextlib.contextmanager
def scene_server(port: int = 0) -> Iterator[viser.ViserServer]:
    """A page of viser on this machine only, while used as a context; pages of other sites cannot
    reach it.

    Args:
        port: 0: any that is free.

    Raises:
        UserError: viser is not installed, or the port is taken.
    """
    require("viewer")
    check_free(LOCAL, port)
    import viser

    # viser prints its own address
    with contextlib.redirect_stdout(io.StringIO()), strangers_refused():
        server = viser.ViserServer(LOCAL, port, label="avs3d", verbose=False)
    try:
        server.gui.configure_theme(
            dark_mode=True, show_logo=False, show_share_button=False, control_width="large"
        )
        server.gui.main_panel.dock_right()
        yield server
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            server.stop()


def scene_html(segmentation: Segmentation) -> str:
    """A page with the labelled cloud, to turn and to come near, that needs neither server nor
    network; the same input gives the same bytes.

    Raises:
        UserError: viser is not installed.
    """
    scan = segmentation.scan
    words = segmentation.vocabulary.words
    colours = np.vstack([on_dark(segmentation.colors), UNLABELLED_COLOR]).astype(np.uint8)
    rows = spread_over(np.flatnonzero(scan.finite), MOST_POINTS)
    label = segmentation.label[rows]
    position, middle, size = start_of(scan)
    with scene_server() as server:
        for index in np.unique(label):  # one by one, so that the page can hide them
            name = "/without a word" if index < 0 else f"/{_node(words[index])} ({index})"
            points = scan.points[rows[label == index]]
            point_cloud(server.scene, name, points, colours[index], size)
        server.initial_camera.position = position
        server.initial_camera.look_at = middle
        return server.get_scene_serializer().as_html(dark_mode=True)


def _node(word: str) -> str:
    """A word as a name in the tree of a scene, in which ``/`` would begin a branch."""
    return word.replace("/", "\N{DIVISION SLASH}")


def point_cloud(
    scene: viser.SceneApi, name: str, points: np.ndarray, colours: np.ndarray, size: float
) -> viser.PointCloudHandle:
    """Points as they are drawn everywhere: (N, 3) metres, (N, 3) or (3,) uint8, `size` metres
    wide."""
    if not len(points):
        colours = _NO_COLOUR  # the page of viser complains of a list of none
    return scene.add_point_cloud(
        name,
        points,
        colours,
        point_size=size,
        point_shape="circle",
        point_shading="flat",
        precision="float32",
    )


def start_of(scan: Scan) -> tuple[np.ndarray, np.ndarray, float]:
    """Where to look from and at, (3,) each, and the size of a point, metres."""
    points = scan.points[scan.finite]
    if not len(points):
        return np.array([-5.0, -5.0, 4.0]), np.zeros(3), 0.05
    middle = np.median(points, 0).astype(np.float64)
    reach = float(np.percentile(np.linalg.norm(points - middle, axis=1), 80))
    reach = max(reach, 0.1)
    size = float(np.clip(reach / 300, 0.005, 1.0))
    return middle + np.array([-0.55, -0.95, 0.75]) * reach, middle, size


def spread_over(rows: np.ndarray, count: int) -> np.ndarray:
    """At most so many of the rows, drawn evenly, in their order; always the same ones."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, count, replace=False))
