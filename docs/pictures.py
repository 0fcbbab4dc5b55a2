"""The pictures of the viewer and of a report in README and docs: `make pictures`.

    python docs/pictures.py [--out docs/images]

The shipped scan is segmented by the packaged bundle, opened in a headless Chromium of this machine
(playwright) and photographed. The notice that there is no graphics card is closed before.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import avs3d
from avs3d.jobs import BatchConfig
from avs3d.report.html import write_page
from avs3d.report.picture import draw
from avs3d.report.scene import scene_server
from avs3d.viewer.app import App
from avs3d.viewer.shows import Scans

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from browsers import ViewerPage, chromium  # noqa: E402

SHIPPED = Path(avs3d.__file__).parent / "data" / "street.npz"
SIZE = (1280, 760)
DRAWN = 3000  # milliseconds until a scene is drawn without a graphics card


def close_notices(page: Any) -> None:
    while page.locator(".mantine-Notification-closeButton").count():
        page.locator(".mantine-Notification-closeButton").first.click()
        page.wait_for_timeout(400)


def picture_of_viewer(browser: Any, app: App, out: Path) -> None:
    """Words, and a query."""
    page = ViewerPage(browser, f"http://127.0.0.1:{app.server.get_port()}", *SIZE)
    page.page.wait_for_timeout(DRAWN)
    close_notices(page.page)
    page.page.screenshot(path=out / "viewer-words.png")
    page.tab("Ask")
    page.type("ask for", "a parked car")
    page.see("points at or above")
    page.page.wait_for_timeout(DRAWN)
    close_notices(page.page)
    page.page.screenshot(path=out / "viewer-query.png")
    page.page.close()


def picture_of_report(browser: Any, app: App, folder: Path, out: Path) -> None:
    result = app.subject.original
    drawn = draw(result, folder / "street.png")
    path = write_page(result, folder / "street.html", picture=drawn)
    page = browser.new_page(viewport={"width": SIZE[0], "height": 900})
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("canvas[data-engine]").wait_for()
    page.wait_for_timeout(DRAWN)
    frame.locator(".mantine-Notification-closeButton").first.click()
    page.wait_for_timeout(1000)
    page.screenshot(path=out / "report.png")
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    show = Scans(BatchConfig((str(SHIPPED),), None), print)
    with tempfile.TemporaryDirectory() as name, scene_server() as server, chromium() as browser:
        app = App(server, show)
        folder = Path(name)
        draw(app.subject.original, folder / "demo.png")
        shutil.copyfile(folder / "demo.png", out / "demo.png")
        picture_of_viewer(browser, app, out)
        picture_of_report(browser, app, folder, out)


if __name__ == "__main__":
    main()
