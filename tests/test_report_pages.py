"""Pages to send to somebody: opened from disk, without a network, in any width and light."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from avs3d import Camera, Scan, Segmentation, Source, Vocabulary
from avs3d.errors import UserError
from avs3d.palette import palette, steady_palette
from avs3d.report.html import scan_page, write_page
from avs3d.report.overview import write_overview
from avs3d.report.page import Page, hex_colour
from avs3d.report.scene import MOST_POINTS, scene_html
from browsers import chromium
from commands import Call, scan

pytest.importorskip("viser")
HOSTILE = (
    "</iframe><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
)


def made_up(count: int = 3000) -> Segmentation:
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-8, 8, (count, 2)), rng.normal(0, 0.05, count)])
    image = np.full((48, 64, 3), 120, np.uint8)
    K = np.array([[40.0, 0, 32], [0, 40, 24], [0, 0, 1]])
    pose = np.array([[0.0, -1, 0, 0], [0, 0, -1, 1], [1, 0, 0, 0], [0, 0, 0, 1]])
    words = ("road", HOSTILE, "a/b", "car")
    sources = (Source("points", "sector 00", HOSTILE),)
    return Segmentation(
        Scan(
            points, name=f"scan {HOSTILE}", cameras=(Camera(HOSTILE, image, K, pose),),
            left_out=(HOSTILE,),
        ),
        rng.integers(-1, 4, count), rng.uniform(0, 1, count),
        Vocabulary(words, (sources,) * 4), HOSTILE, {HOSTILE: HOSTILE}, {"network": 0.5},
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    return write_page(made_up(), path, warnings=(HOSTILE,), config={HOSTILE: HOSTILE})


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")])
def test_a_page_shows_all_from_disk_without_a_network(
    page: Path, browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 700}, color_scheme=scheme, offline=True
    )
    opened = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(page.as_uri())
    opened.frame_locator("iframe").locator("canvas[data-engine]").wait_for(timeout=30_000)
    lit = 0
    for _ in range(240):  # until the cloud is drawn
        data = opened.locator("iframe").screenshot()
        image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
        lit = int((image.max(2) - image.min(2) > 60).sum())
        if lit > 300:
            break
        opened.wait_for_timeout(250)
    opened.screenshot(path=tmp_path / "page.png", full_page=True)
    assert lit > 300
    assert said == []
    outside = [url for url in asked if not url.startswith(("data:", "blob:"))]
    assert [url for url in outside if url not in (page.as_uri(), "about:srcdoc")] == []
    assert "ran" != opened.title()
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    dark = opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 17, 23)"
    assert dark == (scheme == "dark")
    text = opened.inner_text("body")
    for told in ("road", "What was said", "Cameras", "without a word", "sector 00"):
        assert told in text, told
    assert text.count("onerror") >= 6  # shown, not run
    context.close()


def test_the_same_result_gives_the_same_page() -> None:
    assert scan_page(made_up()) == scan_page(made_up())


def test_a_page_tells_what_was_given_and_how_many_words_have_points() -> None:
    said = (Source("user", "sector 00", "A road."),)
    page = scan_page(replace(made_up(), vocabulary=Vocabulary(("road", *"abcd"), (said,) * 5)))
    assert "given, sector 00: A road." in page and "4 of 5 words" in page


def test_pages_stay_small_and_any_cloud_has_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    count = 2 * MOST_POINTS
    large = Segmentation(
        Scan(rng.uniform(-50, 50, (count, 3))), rng.integers(0, 30, count), np.ones(count),
        Vocabulary(tuple(f"word {i}" for i in range(30))), "b",
    )  # fmt: skip
    assert write_page(large, tmp_path / "a.html").stat().st_size < 15e6
    for points in (np.zeros((0, 3)), np.full((2, 3), np.nan), np.zeros((1, 3))):
        label = np.full(len(points), -1)
        empty = Segmentation(Scan(points), label, np.zeros(len(points)), Vocabulary(()), "b")
        assert "__VISER_EMBED_DATA__" in scene_html(empty)


def test_a_run_leaves_a_page_for_each_scan_and_one_for_all(
    call: Call, bundle: Path, tmp_path: Path, browser: Any
) -> None:
    names = [f"s{i}" for i in range(3)]
    for i, name in enumerate(names):
        scan(tmp_path / "in" / f"{name}.bin", i)
    words = f"car, road, {HOSTILE.replace(',', ' ')}"
    done = call(
        "segment", "in", "--columns", "4", "--bundle", bundle, "-v", words, "--report", "--out", "o"
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.output.rstrip().endswith("avs3d view o")
    out = tmp_path / "o"
    assert {f"{name}.html" for name in names} < {path.name for path in out.iterdir()}
    opened = browser.new_page(viewport={"width": 375, "height": 700})
    opened.goto((out / "run.html").as_uri())
    assert opened.locator(".grid img").count() == 3
    assert opened.evaluate("[...document.images].every(image => image.naturalWidth > 50)")
    told = json.loads((out / "run.json").read_text())["scans"].values()
    cells = opened.locator("svg rect").count()  # for each word that has points in a scan
    assert cells == sum(len(scan["words"]) for scan in told)
    assert opened.title() == "o"
    assert opened.evaluate("document.documentElement.scrollWidth") <= 375
    opened.screenshot(path=tmp_path / "run.png", full_page=True)
    opened.get_by_role("link", name="s2").first.click()
    assert opened.title() == "s2"
    opened.close()
    assert json.loads((out / "run.json").read_text())["scans"]["s0"]["timings"]["report"] > 0
    again = call(
        "segment", "in", "--columns", "4", "--bundle", bundle, "-v", words, "--report", "--out", "o"
    )  # fmt: skip
    assert again.exit_code == 0 and again.output.count("skipped") == 3


def test_page_picture_and_overview_have_the_same_colours_and_name(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headings: list[str] = []
    text = Page.text
    monkeypatch.setattr(
        Page, "text", lambda *given, **style: headings.append(given[3]) or text(*given, **style)
    )
    for i, folder in enumerate(("08", "24")):
        scan(tmp_path / folder / "lidar.bin", i)
    words = ("truck", "lane", "pallet", "kerb", "ramp")
    assert (palette(words) != steady_palette(words)).any()
    done = call(
        "segment", "08", "24", "--columns", "4", "--bundle", bundle, "-v", ",".join(words),
        "--report", "--out", "o",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    swatch = re.compile(r'background:(#\w+)"></span>([^<]+)<')
    pages = {
        name: (tmp_path / "o" / f"{name}.html").read_text() for name in ("08_lidar", "24_lidar")
    }
    of_run = {
        word: colour for colour, word in swatch.findall((tmp_path / "o/run.html").read_text())
    }
    for name, page in pages.items():
        assert f"<title>{name}</title>" in page and f"<h1>{name}</h1>" in page
        assert name in headings
        image = np.asarray(Image.open(tmp_path / "o" / f"{name}.png").convert("RGB"))
        legend = {
            hex_colour(colour) for colour in np.unique(image[:, 1195:].reshape(-1, 3), axis=0)
        }
        colours = {word: colour for colour, word in swatch.findall(page)}
        assert colours and colours.items() <= of_run.items()
        assert set(colours.values()) <= legend


def test_the_overview_of_many_scans_is_a_selection(tmp_path: Path) -> None:
    word = {"word": "car", "points": 5, "share": 0.5, "score": 0.4, "from": []}
    told = {"points": 10, "note": "", "left_out": [], "words": [word], "cameras": []}
    scans = {f"s{i:04d}": {**told, "mean_score": i / 1000} for i in range(900)}
    record = {
        "scans": scans, "words": [{"word": "car", "scans": 900, "points": 4500}], "failures": [],
        "finished": False, "config": {},
    }  # fmt: skip
    text = write_overview(record, tmp_path, tmp_path / "run.html").read_text()
    links = re.findall(r'href="(s\d+)\.html"', text)
    assert links[:6] == [f"s{i:04d}" for i in range(6)]
    assert links[6:12] == [f"s{i:04d}" for i in range(899, 893, -1)]
    assert len(links) == 12 + 240 and "the same command goes on" in text
    assert len(text) < 1e6


def test_reports_are_refused_before_any_work(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(tmp_path / "run.bin"), scan(tmp_path / "b.bin")
    common = ("--columns", "4", "--bundle", bundle, "-v", "car", "--report")
    clash = call("segment", "run.bin", "b.bin", *common)
    assert clash.exit_code == 2 and "rename it" in clash.stderr
    monkeypatch.setattr("avs3d.environment.missing_modules", lambda modules: list(modules))
    absent = call("segment", "b.bin", *common)
    assert absent.exit_code == 2 and 'pip install "avs3d[viewer]"' in absent.stderr
    with pytest.raises(UserError, match="viewer"):
        scan_page(made_up())


class Shell:
    """What IPython is to those who ask it whether they run in a notebook."""

    def __init__(self, notebook: bool) -> None:
        self.kernel = notebook


@pytest.mark.parametrize("notebook", [None, False, True])
def test_a_result_is_shown_in_notebooks_and_from_scripts(
    notebook: bool | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    shown: list[Any] = []
    opened: list[str] = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    shell = None if notebook is None else Shell(notebook)
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    display.HTML, display.display = str, shown.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made_up(200).show()
    if notebook:
        (frame,) = shown
        assert frame.startswith("<iframe srcdoc='&lt;!doctype html&gt;") and not opened
        assert frame.count("'") == 6  # nothing of the page ends the attribute
    else:
        (address,) = opened
        path = Path(capsys.readouterr().out.strip())
        assert path.as_uri() == address and "What was said" in path.read_text("utf-8")


def test_a_result_is_plotted() -> None:
    figure = made_up(200).plot()
    assert isinstance(figure, Figure)
    assert any("road" in text.get_text() for axes in figure.axes for text in axes.texts)
