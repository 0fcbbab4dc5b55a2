"""A result of millions of points, opened in headless Chromium and come near to."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from viewing.use import resident_mb, served

import avs3d
from avs3d import Scan, Segmentation, Vocabulary
from avs3d.io import read, write

SIZE = (1280, 760)
_STEPS, _TURNS, _TURN = 3, 6, -240  # times that it comes near; turns of the wheel; of one
_REST = 5000  # milliseconds until the details are there, without a graphics card
_APART = 150.0  # metres between two streets


def tiled(folder: Path, count: int) -> Path:
    """The shipped street again and again, side by side, with words by height."""
    street = read(Path(avs3d.__file__).parent / "data" / "street.npz")
    rng = np.random.default_rng(0)
    times = -(-count // len(street))
    side = int(np.ceil(np.sqrt(times)))
    places = [np.array([_APART * (i % side), _APART * (i // side), 0]) for i in range(times)]
    points = np.concatenate(
        [street.points + place + rng.normal(0, 0.03, street.points.shape) for place in places]
    )[:count].astype(np.float32)
    label = np.digitize(points[:, 2], (-1.5, 0.0, 2.0))
    words = Vocabulary(("ground", "low", "middle", "high"))
    score = rng.uniform(0, 1, count)
    result = Segmentation(replace(Scan(points), name="city"), label, score, words, "street-mini")
    return write(result, folder / "city.npz")


def zoom(folder: Path, count: int) -> dict[str, Any] | None:
    """Pictures in the folder, memory and connections; None without playwright and a Chromium."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    try:
        from browsers import ViewerPage, chromium
    except ImportError:
        return None
    path, log = tiled(folder, count), folder / "log.txt"
    with chromium() as browser, served([path], (), log) as (address, pid):
        memory = [round(resident_mb(pid))]
        began = time.monotonic()
        page = ViewerPage(browser, address, *SIZE)
        seconds = time.monotonic() - began
        sockets: list[str] = []
        page.page.on("websocket", lambda socket: sockets.append(socket.url))
        box = page.canvas().bounding_box()
        page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        lit = []
        for step in range(_STEPS + 1):
            for _ in range(_TURNS if step else 0):
                page.page.mouse.wheel(0, _TURN)
                page.page.wait_for_timeout(200)
            page.page.wait_for_timeout(_REST)
            drawn = page.drawn()
            lit.append(round(float((drawn.max(2) > 60).mean()), 3))
            page.page.screenshot(path=folder / f"{step}.png")
            memory.append(round(resident_mb(pid)))
        again, errors = len(sockets), list(page.errors)
    return {
        "points": count, "tabs_s": seconds, "memory_mb": memory, "lit": lit,
        "connected_again": again, "page_errors": errors[:5], "log": log.read_text()[-2000:],
    }  # fmt: skip
