"""Random events in headless Chromium on the viewer of the command, which is a process of its own.

Its memory is thus the server's alone, and what it logs is what a user would read.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT = 500, 320  # pixels: small, for there is no graphics card
_REST = 300  # milliseconds until what is under way has ended
_TEXTS = ("car", "<b>", "a parked car, ", "é", " ", "tree, ")
_KEYS = ("1", "2", "3", "4", "5", "a", "n", "b", "Space", "Enter", "Escape")
_WITHOUT_SETTINGS = "*:has(> svg.tabler-icon-adjustments) {display: none !important}"
"""Those of viser itself, with its server's address: a text typed there ends the connection."""
_CONTROLS = """() => {
    const shown = [...document.querySelectorAll('button, input, [role=tab], [role=option]')]
        .filter(e => e.offsetParent && e.getBoundingClientRect().left > 100
                && !e.closest('.mantine-Modal-root') && (e.innerText || e.tagName === 'INPUT'));
    if (!shown.length) return null;
    const one = shown[Math.floor(Math.random() * shown.length)];
    one.scrollIntoView({block: 'center'});
    const box = one.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""


@contextlib.contextmanager
def served(scans: list[Path], words: tuple[str, ...], log: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of `avs3d view`, while used as a context; `log` gets its stderr."""
    command = [
        sys.executable, "-m", "avs3d", "view", *map(str, scans), "--no-open", "--port", "0",
        *(("--vocabulary", ", ".join(words)) if words else ()),
    ]  # fmt: skip
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        found = re.match(r"http://\S+", process.stdout.readline())
        if found is None:
            raise RuntimeError(log.read_text())
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait(30)


def resident_mb(pid: int) -> float:
    """Memory that a process holds."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", told)[0]) / 1000


def use(scans: list[Path], words: tuple[str, ...], log: Path, events: int) -> dict[str, Any] | None:
    """Errors, connections, and memory twenty times; None without playwright and a Chromium."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    try:
        from browsers import ViewerPage, chromium
    except ImportError:
        return None
    rng = np.random.default_rng(0)
    memory: list[tuple[int, int]] = []
    with chromium() as browser, served(scans, words, log) as (address, pid):
        page = ViewerPage(browser, address, WIDTH, HEIGHT)
        page.page.on("dialog", lambda dialog: dialog.dismiss())
        sockets: list[str] = []
        page.page.on("websocket", lambda socket: sockets.append(socket.url))
        page.page.reload()
        page.page.get_by_role("tab", name="Words").wait_for()
        page.page.add_style_tag(content=_WITHOUT_SETTINGS)
        began = time.monotonic()
        for done in range(1, events + 1):
            random_event(page.page, rng)
            if done % max(events // 20, 1) == 0:
                page.page.wait_for_timeout(_REST)
                memory.append((done, round(resident_mb(pid))))
                print(f"{done:,} events, {memory[-1][1]} MB", flush=True)
        seconds = time.monotonic() - began
        told = page.page.get_by_text(re.compile(r"\d+ words")).first.inner_text()
        errors, lost = list(page.errors), len(sockets) - 1
        page.page.screenshot(path=log.with_suffix(".png"))
    return {
        "events": events, "seconds": seconds, "page_errors": errors[:5],
        "lost": lost, "log": log.read_text()[-2000:], "memory_mb": memory, "told": told,
    }  # fmt: skip


def random_event(page: Any, rng: np.random.Generator) -> None:
    """One of the controls, a click anywhere, a drag, the wheel, a key, or text."""
    kind = rng.integers(0, 12)
    x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
    if kind < 3:
        place = page.evaluate(_CONTROLS)
        if place and place[1] > 60:
            page.mouse.click(*place)
    elif kind < 6:
        page.mouse.click(rng.uniform(0, 100) if kind < 4 else rng.uniform(120, 495), max(y, 60))
    elif kind < 8:
        left, right = (0, 100) if kind < 7 else (120, 495)
        page.mouse.move(rng.uniform(left, right), max(y, 60))
        page.mouse.down()
        page.mouse.move(rng.uniform(left, right), rng.uniform(60, HEIGHT))
        page.mouse.up()
    elif kind < 9:
        page.mouse.move(x, y)
        page.mouse.wheel(0, rng.uniform(-400, 400))
    elif kind < 11:
        page.keyboard.press(rng.choice(_KEYS))
    else:
        page.keyboard.type(rng.choice(_TEXTS))
