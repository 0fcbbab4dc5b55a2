"""The viewer as a person uses it, in a headless Chromium.

Screenshots are kept below pytest's folder of the test (`--basetemp` names it).
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from avs3d import Vocabulary
from avs3d.io import read
from avs3d.jobs import BatchConfig
from browsers import ViewerPage, chromium
from camera_files import make_rig

pytest.importorskip("viser")
HOSTILE = "<img src=x onerror=document.title='ran'>"
WORDS = ("car", "road", "tree", HOSTILE)


def patch(path: Path, seed: int) -> Path:
    """A flat square and a wall behind it, which no click misses."""
    rng = np.random.default_rng(seed)
    ground = np.column_stack([rng.uniform(-6, 6, (9000, 2)), rng.normal(0, 0.02, 9000)])
    wall = np.column_stack([rng.uniform(-6, 6, 3000), np.full(3000, 6.0), rng.uniform(0, 4, 3000)])
    rows = np.concatenate([ground, wall])
    np.column_stack([rows, rng.uniform(0, 1, len(rows))]).astype(np.float32).tofile(path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def app(bundle: Path, tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Any]:
    from avs3d.report.scene import scene_server
    from avs3d.viewer.app import App
    from avs3d.viewer.shows import Scans

    folder = tmp_path_factory.mktemp("sequence")
    scans = tuple(str(patch(folder / f"scan{i}.bin", i)) for i in range(3))
    images, rig = make_rig(folder, ("scan0",))
    config = BatchConfig(
        scans, None, str(bundle), Vocabulary(WORDS), columns="4", images=str(images),
        calibration=str(rig), overlay=True,
    )  # fmt: skip
    with scene_server() as server:
        yield App(server, Scans(config, lambda text: None))


@pytest.fixture(scope="module")
def tab(app: Any, browser: Any) -> Iterator[ViewerPage]:
    yield ViewerPage(browser, f"http://127.0.0.1:{app.server.get_port()}", 760, 420)


@pytest.fixture
def page(tab: ViewerPage, tmp_path: Path, capfd: Any) -> Iterator[ViewerPage]:
    """A tab that complains of nothing, on a server that logs no error."""
    yield tab
    tab.page.screenshot(path=tmp_path / "last.png")
    assert tab.errors == []
    assert tab.page.title() != "ran"
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for what follows an event."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, f"did not happen: {what}"
        time.sleep(0.05)


def coloured(image: np.ndarray) -> int:
    return int((image.astype(int).max(2) > 60).sum())


def test_a_person_looks_turns_and_switches_words(app: Any, page: ViewerPage) -> None:
    until(lambda: coloured(page.drawn()) > 5000, "the cloud is drawn")
    before = page.drawn()
    box = page.canvas().bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 90, y + 10, steps=4)
    page.page.mouse.up()
    until(lambda: (page.drawn() != before).any(2).sum() > 3000, "it turns")
    first = app.subject.result.vocabulary.words[np.bincount(app.subject.result.label).argmax()]
    shown = len(app.cloud.shown)
    page.page.get_by_role("button", name="●").first.click()
    until(lambda: app.look.hidden == {first}, "its commonest word is hidden")
    until(lambda: len(app.cloud.shown) < shown, "its points are gone")
    lit = coloured(page.drawn())
    with app.lock:
        app.look.hidden, app.look.unlabelled = set(WORDS), False
        app.refresh()
        app.look.mode = "height"  # other colours of no point
        app.refresh()
        app.look.mode = "word"
    until(lambda: coloured(page.drawn()) < 0.8 * lit, "none is drawn")
    page.press("show all")
    until(lambda: len(app.cloud.shown) == shown, "all are shown")
    page.type("find", "onerror", enter=False)
    page.see(HOSTILE[:20])
    page.type("find", "", enter=False)


def test_a_query_lights_up_and_its_best_points_are_counted(app: Any, page: ViewerPage) -> None:
    page.tab("Ask")
    page.type("ask for", "a kiosk")
    page.see("points at or above")
    assert app.asked == "a kiosk" and app.look.mode == "similarity"
    page.type("ask for", HOSTILE)
    until(lambda: app.asked == HOSTILE, "a second query")
    page.field("only points").click()
    until(lambda: len(app.cloud.shown) < 1000, "only the best are drawn")
    app_above = int((app.similarity >= app.look.threshold).sum())
    page.see(f"{app_above:,} points at or above")
    page.press("forget it")
    page.press("forget it")
    until(lambda: app.asked is None and app.look.mode == "word", "all is forgotten")


def test_a_click_tells_the_word_and_what_else_it_might_be(app: Any, page: ViewerPage) -> None:
    until(lambda: coloured(page.drawn()) > 5000, "the cloud is drawn")
    box = page.canvas().bounding_box()
    page.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.see("score ")
    told = page.page.locator("table").first.inner_text()
    assert all(word in told for word in WORDS[:3])


def test_edited_words_relabel_the_cloud(app: Any, page: ViewerPage) -> None:
    page.tab("Edit")
    page.type("add", "kiosk, awning")
    until(lambda: "awning" in app.subject.result.vocabulary.words, "words are added")
    page.choose("word", "awning")
    page.press("remove it")
    until(lambda: "awning" not in app.subject.result.vocabulary.words, "one is removed")
    page.choose("word", "car")
    page.choose("merge into", "road")
    page.press("merge it")
    page.see("car → road")
    assert app.subject.result.vocabulary.words == ("road", "tree", HOSTILE, "kiosk")
    page.press("the words as they were found")
    until(lambda: app.subject.result.vocabulary.words == WORDS, "they are as at first")


def test_a_sequence_is_played(app: Any, page: ViewerPage) -> None:
    seen = set()
    page.tab("Words")  # out of the text field
    page.page.keyboard.press("n")
    until(lambda: app.index == 1, "the next scan")
    page.field("play").click()

    def all_seen() -> bool:
        seen.add(app.index)
        return seen == {0, 1, 2}

    until(all_seen, "all scans go by")
    page.field("play").click()
    with app.lock:
        app.go(0)
    page.see("scan0")


def test_numbers_that_are_out_of_bounds_are_the_bounds(app: Any, page: ViewerPage) -> None:
    page.slide("scan", 77)
    until(lambda: app.index == 2, "the last scan")
    page.slide("scan", -5)
    until(lambda: app.index == 0, "the first scan")


def test_play_that_is_switched_quickly_plays_once(app: Any, page: ViewerPage) -> None:
    def players() -> int:
        return sum(thread.name == "player" for thread in threading.enumerate())

    page.slide("scans a second", 0.5)
    for _ in range(5):
        page.field("play").click()
    until(lambda: page.field("play").is_checked() and players() > 0, "it plays")
    # Those who stopped sleep until the next scan would be due.
    until(lambda: players() == 1, "one plays")
    page.field("play").click()
    until(lambda: players() == 0, "it stopped")
    page.slide("scans a second", 5)
    with app.lock:
        app.go(0)


def test_what_is_seen_is_saved(app: Any, page: ViewerPage, tmp_path: Path) -> None:
    result = app.subject.result
    with app.lock:
        app.look.hidden = {result.vocabulary.words[np.bincount(result.label).argmax()]}
        app.refresh()
    page.tab("Save")
    saved = {}
    for name in ("picture", "points that are seen", "labels of all points", "words (.txt)"):
        with page.page.expect_download() as download:
            page.press(name)
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        saved[name] = path
    image = np.asarray(Image.open(io.BytesIO(saved["picture"].read_bytes())).convert("RGB"))
    assert coloured(image) > 5000
    seen = app.seen()
    assert 0 < seen.sum() < 12_000
    # It is marked as a result, so it is read as what it is: points that have labels.
    assert saved["points that are seen"].read_bytes().count(b"avs3d label") == len(WORDS)
    assert len(read(saved["points that are seen"])) == seen.sum()
    with np.load(saved["labels of all points"]) as arrays:
        np.testing.assert_array_equal(arrays["label"], app.subject.result.label)
    assert saved["words (.txt)"].read_text().splitlines() == list(WORDS)
    with app.lock:
        app.look.hidden = set()
        app.refresh()


def test_cameras_stand_in_the_scene(app: Any, page: ViewerPage) -> None:
    (camera,) = app.subject.scan.cameras
    assert app.server.scene.get_handle_by_name("/cameras/0") is not None
    assert (app.cameras.picture(camera.name) != 0).any()
    with app.lock:
        app.go(1)
        assert app.server.scene.get_handle_by_name("/cameras/0") is None
        app.go(0)


def test_two_browsers_see_the_same_and_one_may_leave(app: Any, page: ViewerPage) -> None:
    other = ViewerPage(page.page.context.browser, page.page.url)
    until(lambda: len(app.server.get_clients()) == 2, "two are there")
    other.tab("Ask")
    other.type("ask for", "a bench")
    until(lambda: page.field("colour by").input_value() == "similarity", "both see it")
    other.tab("Save")
    other.press("picture")  # and is closed before it was drawn
    other.page.close()
    until(lambda: len(app.server.get_clients()) == 1, "one is left")
    page.tab("Ask")
    page.press("forget it")
    until(lambda: app.look.mode == "word", "the other still works")
    assert other.errors == []


@pytest.mark.parametrize("width", [375, 1280])
def test_it_fits_the_screen(app: Any, browser: Any, tmp_path: Path, width: int) -> None:
    page = ViewerPage(browser, f"http://127.0.0.1:{app.server.get_port()}", width, 700)
    page.see("colour by")
    until(lambda: coloured(page.drawn()) > 3000, "the cloud is drawn")
    page.page.screenshot(path=tmp_path / "page.png")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.page.close()
