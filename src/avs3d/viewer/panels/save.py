"""What is seen, as files for the browser that asks for them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from avs3d.io import encode
from avs3d.segmentation import Segmentation

if TYPE_CHECKING:
    from avs3d.viewer.app import App

_WAIT = 30.0  # seconds for a browser to draw a picture


class Save:
    """Downloads: the picture, the points that are seen, the labels of all points, the words.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        gui = app.server.gui
        self._app = app
        self._picture = gui.add_button("picture (.png)")
        self._points = gui.add_button("points that are seen (.ply)")
        self._labels = gui.add_button("labels of all points (.npz)")
        self._words = gui.add_button("words (.txt)", hint="for --vocabulary")
        self._picture.on_click(self._draw)
        self._points.on_click(self._send(".ply", self._seen))
        self._labels.on_click(self._send(".npz", lambda: encode(app.subject.result, ".npz")))
        self._words.on_click(self._send(".words.txt", self._list))

    def refresh(self) -> None:
        """Nothing: what is saved is what is seen then."""

    def _send(self, end: str, content: Callable[[], bytes]) -> Callable[[Any], None]:
        def callback(event: Any) -> None:
            with self._app.lock:
                name, data = f"{self._name}{end}", content()
            event.client.send_file_download(name, data, save_immediately=True)

        return callback

    def _draw(self, event: Any) -> None:
        """The scene as that browser sees it; the lock is free meanwhile."""
        from PIL import Image

        camera = event.client.camera
        try:
            image = event.client.get_render(
                camera.image_height, camera.image_width, transport_format="png", timeout=_WAIT
            )
        except (RuntimeError, TimeoutError) as error:
            self._app.say("No picture", str(error))
            return
        drawn = Image.fromarray(image)
        paper = Image.new("RGB", drawn.size, (14, 17, 23))
        paper.paste(drawn, mask=drawn.getchannel("A") if drawn.mode == "RGBA" else None)
        stream = io.BytesIO()
        paper.save(stream, "PNG")
        event.client.send_file_download(
            f"{self._name}.png", stream.getvalue(), save_immediately=True
        )

    @property
    def _name(self) -> str:
        """Of a file: that of the scan, without what a file system minds."""
        return re.sub(r"[^\w.-]+", "_", self._app.show.names[self._app.index])[:80] or "scan"

    def _seen(self) -> bytes:
        result, rows = self._app.subject.result, self._app.seen()
        return encode(
            Segmentation(
                result.scan.take(rows), result.label[rows], result.score[rows],
                result.vocabulary, result.bundle, steady=result.steady,
            ),
            ".ply",
        )  # fmt: skip

    def _list(self) -> bytes:
        return "\n".join([*self._app.subject.result.vocabulary, ""]).encode("utf-8", "replace")
