"""Chromium for tests, and the viewer's page as a person handles it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WAIT = 30_000  # milliseconds


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser of this machine, which draws without a graphics card."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"needs a browser on the path: {', '.join(NAMES)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()


class ViewerPage:
    """The viewer in one tab.

    Attributes:
        page: of playwright.
        errors: what the page complained of so far.
    """

    def __init__(self, browser: Any, address: str, width: int = 800, height: int = 500) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(WAIT)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.errors.append(said.text) if said.type == "error" else None,
        )
        self.page.goto(address)
        self.page.get_by_role("tab", name="Words").wait_for()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def field(self, label: str) -> Any:
        """The input beside a label."""
        row = self.page.locator("label", has_text=label).first.locator("xpath=../../..")
        return row.locator("input:visible").first

    def type(self, label: str, text: str, enter: bool = True) -> None:
        self.field(label).fill(text)
        if enter:
            self.field(label).press("Enter")

    def choose(self, label: str, option: str) -> None:
        self.field(label).click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def slide(self, label: str, value: float) -> None:
        """Type a number into the field beside a slider."""
        row = self.page.locator("label", has_text=label).first.locator("xpath=../../..")
        number = row.locator("input:visible").last
        number.fill(str(value))
        number.press("Enter")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def see(self, text: str) -> None:
        """Wait until a text is on the page."""
        self.page.get_by_text(text).first.wait_for()

    def canvas(self) -> Any:
        return self.page.locator("canvas[data-engine]").first

    def drawn(self) -> Any:
        """(H, W, 3) uint8, the scene as it is drawn now."""
        import io

        import numpy as np
        from PIL import Image

        data = self.canvas().screenshot()
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
